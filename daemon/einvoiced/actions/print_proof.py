"""The state of an invoice's original on paper, as entries: what waits, what is leaving, what became of it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from einvoiced.actions.ask import issued_entry
from einvoiced.actions.issue_invoice import Issued
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.invoice import Invoice


class Waiting(Struct, frozen=True):
    """A proof that waits for the printer: the sequence of its invoice's entry, and the invoice."""

    sequence: int
    invoice: Invoice


_read_result = msgspec.json.Decoder(Issued).decode
_QUEUED = (
    "SELECT sequence FROM invoices WHERE paper IN ('queued', 'sending', 'unconfirmed') AND paper = ? ORDER BY sequence"
)


def next_waiting(tx: Transaction) -> Waiting | None:
    """The oldest proof that waits."""
    row = tx.one(_QUEUED + " LIMIT 1", "queued")
    if row is None:
        return None
    return Waiting(row[0], _read_result(issued_entry(tx, row[0]).result).invoice)


def note(
    data: entries.ProofSending | entries.ProofPrinted | entries.ProofRequeued | entries.ProofUnconfirmed,
) -> Action[int]:
    """Append what became of a proof."""
    return lambda tx: tx.append(data)


def doubt_interrupted(tx: Transaction) -> int:
    """At a start: every proof that was leaving when the box stopped is unconfirmed; returns how many."""
    rows = tx.all(_QUEUED, "sending")
    for (sequence,) in rows:
        tx.append(entries.ProofUnconfirmed(sequence, "the box stopped while the proof was leaving"))
    return len(rows)
