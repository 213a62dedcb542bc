"""Which invoice a request about paper means, and how its paper stands."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from einvoiced.actions.ask import find_invoice
from einvoiced.actions.box import Box
from einvoiced.actions.standing import content_now, count_copies, first_content, issued_entry, standing_of
from einvoiced.errors import InvalidParams, InvoiceIsCancelled, NoProofWanted
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.invoice import Invoice


class Named(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Either the till's key, or the number with its period where two periods may share it."""

    key: str | None = None
    invoice_number: str | None = None
    year_month: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An invoice as it is now, the sequence of its entry, where its original stands, its copies, its state."""

    sequence: int
    invoice: Invoice
    paper: entries.Paper
    copies: int
    state: str

    def need_standing(self) -> None:
        """InvoiceIsCancelled when it is."""
        if self.state == "cancelled":
            raise InvoiceIsCancelled(invoice_number=self.invoice.invoice_number)

    def need_proof(self) -> None:
        """NoProofWanted where the law wants no paper, InvoiceIsCancelled where nobody may have any more of it."""
        self.need_standing()
        if self.paper == "none":
            raise NoProofWanted(invoice_number=self.invoice.invoice_number)


class ProofState(Struct, frozen=True):
    """The answer of most verbs about paper: how it stands now."""

    invoice_number: str
    paper: entries.Paper
    copies: int


def find(box: Box, named: Named) -> Action[Found]:
    """The invoice; InvalidParams or InvoiceNotFound."""
    locate = find_invoice(box, key=named.key, invoice_number=named.invoice_number, year_month=named.year_month)
    return lambda tx: found_at(tx, locate(tx))


def found_at(tx: Transaction, sequence: int) -> Found:
    """The invoice of an entry; InvoiceNotFound when it holds none."""
    first = first_content(issued_entry(tx, sequence))
    row = standing_of(tx, first)
    invoice = content_now(tx, sequence, first, row)
    return Found(sequence, invoice, row.paper, count_copies(tx, sequence), row.state)


def stands(tx: Transaction, found: Found) -> ProofState:
    """How its paper stands after this transaction's entries."""
    now = found_at(tx, found.sequence)
    return ProofState(now.invoice.invoice_number, now.paper, now.copies)


class Subject(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key of a verb about an invoice, and which one: by its number, or by the key of its sale."""

    key: str
    invoice_number: str | None = None
    year_month: str | None = None
    invoice_key: str | None = None


def find_subject(box: Box, subject: Subject) -> Action[Found]:
    """The invoice; InvalidParams or InvoiceNotFound."""
    if (subject.invoice_key is None) == (subject.invoice_number is None):
        raise InvalidParams(detail="give either invoice_number or invoice_key")
    named = Named(key=subject.invoice_key, invoice_number=subject.invoice_number, year_month=subject.year_month)
    return find(box, named)
