"""Entries about invoices and allowances."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Raw, Struct

from einvoiced.journal.entries.envelope import EntryData, Peer
from einvoiced.journal.entries.paper import Paper


class Labels(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The till's own labels for reports; `order_no` becomes MIG's RelateNumber."""

    order_no: str | None = None
    business_day: str | None = None
    till: str | None = None
    cashier: str | None = None


class InvoiceIssued(EntryData, frozen=True):
    """A number was taken. `result` holds the very bytes that every answer to this key carries."""

    TYPE: ClassVar[str] = "invoice_issued"
    key: str
    range_begin: int
    paper: Paper
    peer: Peer | None
    labels: Labels
    result: Raw
    replaces: int = 0


class InvoiceAdopted(EntryData, frozen=True):
    """An invoice of this box that this journal had lost, taken back from the till that still holds its answer."""

    TYPE: ClassVar[str] = "invoice_adopted"
    key: str
    technician: str
    peer: Peer | None
    mac_valid: bool
    result: Raw


class InvoiceCancelled(EntryData, frozen=True):
    """An invoice was cancelled (作廢); its number stays used. `result`: the bytes that every answer to the key has.

    `invoice` is the entry that issued it. `consent`: how the buyer agreed. `document`: the tax office's number where
    the law asks for one (MIG: ReturnTaxDocumentNumber).
    """

    TYPE: ClassVar[str] = "invoice_cancelled"
    key: str
    invoice: int
    reason: str
    by: str
    consent: str
    peer: Peer | None
    result: Raw
    document: str = ""
    remark: str = ""


class CancellationDocumented(EntryData, frozen=True):
    """The tax office's document number for a cancellation (專案作廢核准文號), which leaves anew with it."""

    TYPE: ClassVar[str] = "cancellation_documented"
    key: str
    invoice: int
    document: str
    by: str
    peer: Peer | None
    result: Raw


class InvoiceCorrected(EntryData, frozen=True):
    """Carrier, donation or print mark of an invoice were corrected; `result` holds the invoice as it is from here on.

    `paper`: where its original stands now. `void`: the platform may have the old one, which is erased first (F0701).
    """

    TYPE: ClassVar[str] = "invoice_corrected"
    key: str
    invoice: int
    reason: str
    by: str
    paper: Paper
    void: bool
    peer: Peer | None
    result: Raw


class AllowanceIssued(EntryData, frozen=True):
    """Part of an invoice was taken back (折讓). `invoice` is the entry that issued it, 0 when this journal has none.

    `result` holds the allowance.
    """

    TYPE: ClassVar[str] = "allowance_issued"
    seller: str
    key: str
    number: str
    invoice: int
    by: str
    peer: Peer | None
    labels: Labels
    result: Raw


class AllowanceCancelled(EntryData, frozen=True):
    """An allowance, by its entry, was cancelled: what it took back is as before."""

    TYPE: ClassVar[str] = "allowance_cancelled"
    seller: str
    key: str
    allowance: int
    reason: str
    by: str
    peer: Peer | None
    result: Raw
