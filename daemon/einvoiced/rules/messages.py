"""What the tax platform must be told, as values: one struct a message of MIG 4.1 (domain: messages).

Names are MIG's. Dates are YYYYMMDD, times HH:MM:SS, both in Taipei; amounts are whole NT$ or plain decimal texts.
"""

from __future__ import annotations

from msgspec import Struct

from einvoiced.rules.invoice import Invoice, InvoiceBuyer, Seller
from einvoiced.rules.numbers import GENERAL_TAX

NO_BUYER = "0000000000"
"""The buyer's identifier of a sale to a consumer."""

ALLOWANCE_BY_SELLER = "2"
"""MIG's AllowanceType: the seller issues it."""


class IssuedInvoice(Struct, frozen=True, omit_defaults=True, tag="F0401", tag_field="message"):
    """開立發票. `relate_number` is the till's own order number."""

    invoice: Invoice
    relate_number: str | None = None


class CancelledInvoice(Struct, frozen=True, omit_defaults=True, tag="F0501", tag_field="message"):
    """作廢發票: the number stays used."""

    invoice_number: str
    invoice_date: str
    buyer_id: str
    seller_id: str
    cancel_date: str
    cancel_time: str
    cancel_reason: str
    return_tax_document_number: str | None = None
    remark: str | None = None


class VoidedInvoice(Struct, frozen=True, omit_defaults=True, tag="F0701", tag_field="message"):
    """註銷發票: the platform forgets its copy, so that the same number can be sent again, corrected."""

    invoice_number: str
    invoice_date: str
    buyer_id: str
    seller_id: str
    void_date: str
    void_time: str
    void_reason: str
    remark: str | None = None


class AllowanceLine(Struct, frozen=True, omit_defaults=True):
    """One line of an allowance: `amount` is net, `tax` beside it in whole NT$; texts are plain decimals."""

    original_invoice_date: str
    original_invoice_number: str
    original_sequence_number: int | None
    original_description: str
    quantity: str
    unit_price: str
    amount: str
    tax: int
    tax_type: str
    unit: str | None = None


class IssuedAllowance(Struct, frozen=True, omit_defaults=True, tag="G0401", tag_field="message"):
    """開立折讓證明單. `total_amount` is net, as MIG's TotalAmount."""

    allowance_number: str
    allowance_date: str
    seller: Seller
    buyer: InvoiceBuyer | None
    lines: list[AllowanceLine]
    tax_amount: int
    total_amount: int


class CancelledAllowance(Struct, frozen=True, omit_defaults=True, tag="G0501", tag_field="message"):
    """作廢折讓證明單."""

    allowance_number: str
    allowance_date: str
    buyer_id: str
    seller_id: str
    cancel_date: str
    cancel_time: str
    cancel_reason: str
    remark: str | None = None


class Run(Struct, frozen=True):
    """A run of numbers, both ends included."""

    first: int
    last: int


class UnusedNumbers(Struct, frozen=True, omit_defaults=True, tag="E0402", tag_field="message"):
    """空白未使用字軌: the numbers of one track and period that nobody ever issued. A shop without branches is both."""

    head_ban: str
    branch_ban: str
    year_month: str
    track: str
    runs: list[Run]
    invoice_type: str = GENERAL_TAX


Message = IssuedInvoice | CancelledInvoice | VoidedInvoice | IssuedAllowance | CancelledAllowance | UnusedNumbers


def kind_of(message: Message) -> str:
    """MIG's name of a message, such as `F0401`."""
    return str(message.__struct_config__.tag)


def buyer_id(buyer: InvoiceBuyer | None) -> str:
    """The buyer's identifier as the platform wants it."""
    return NO_BUYER if buyer is None else buyer.identifier
