"""`proof.list`: every original that waits or that a person must do something about."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.standing import read_invoice
from einvoiced.journal import entries, schema
from einvoiced.journal.transaction import Transaction

LIMIT = 200


class ProofShown(Struct, frozen=True):
    """One of them. `default_verdict`: when nothing usable is found. A consumer's copy alone wins no prize."""

    invoice_number: str
    year_month: str
    time: str
    total_amount: int
    buyer: str | None
    paper: entries.Paper
    default_verdict: entries.Verdict


_LISTED = f"SELECT sequence, paper FROM invoices WHERE {schema.WAITING_PAPER} ORDER BY sequence LIMIT {LIMIT}"


def list_proofs(tx: Transaction) -> list[ProofShown]:
    """The oldest first, at most LIMIT."""
    return [_shown(tx, sequence, paper) for sequence, paper in tx.all(_LISTED)]


def _shown(tx: Transaction, sequence: int, paper: entries.Paper) -> ProofShown:
    invoice = read_invoice(tx, sequence)
    day = invoice.invoice_date
    return ProofShown(
        invoice.invoice_number,
        invoice.year_month,
        f"{day[:4]}-{day[4:6]}-{day[6:]} {invoice.invoice_time}",
        invoice.total_amount,
        invoice.buyer.identifier if invoice.buyer else None,
        paper,
        "nothing_usable" if invoice.buyer is None else "damaged",
    )
