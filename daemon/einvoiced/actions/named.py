"""Which invoice a request about paper means, and how its paper stands."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from einvoiced.actions.ask import count_copies, find_invoice, issued_entry, paper_of
from einvoiced.actions.box import Box
from einvoiced.actions.print_proof import read_invoice
from einvoiced.errors import NoProofWanted
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
    """An invoice, the sequence of its entry, where its original stands, and how many copies were ordered of it."""

    sequence: int
    invoice: Invoice
    paper: entries.Paper
    copies: int

    def need_proof(self) -> None:
        """NoProofWanted where the law wants no paper."""
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

    def action(tx: Transaction) -> Found:
        sequence = locate(tx)
        issued = issued_entry(tx, sequence)
        return Found(sequence, read_invoice(tx, sequence), paper_of(tx, issued), count_copies(tx, sequence))

    return action


def stands(tx: Transaction, found: Found) -> ProofState:
    """How its paper stands after this transaction's entries."""
    paper = paper_of(tx, issued_entry(tx, found.sequence))
    return ProofState(found.invoice.invoice_number, paper, count_copies(tx, found.sequence))
