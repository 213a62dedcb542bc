"""Originals and copies on the box's own printer, as entries: what waits, what leaves, what became of it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from einvoiced.actions.standing import issued_entry, paper_of, read_invoice
from einvoiced.journal import entries, schema
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.invoice import Invoice


class Waiting(Struct, frozen=True):
    """An original that waits for the printer (by its invoice's entry), or a copy (by its own order's entry)."""

    sequence: int
    invoice: Invoice
    copy: int | None = None


_QUEUED = f"SELECT sequence FROM invoices WHERE {schema.WAITING_PAPER} AND paper = ? ORDER BY sequence"
_COPIES = (
    "SELECT entry, invoice FROM copies WHERE state IN ('queued', 'sending') AND state = 'queued' ORDER BY entry LIMIT 1"
)

Became = (
    entries.ProofPrinted
    | entries.ProofRequeued
    | entries.ProofUnconfirmed
    | entries.ProofFailed
    | entries.CopyPrinted
    | entries.CopyRequeued
    | entries.CopyUnconfirmed
    | entries.SlipPrinted
    | entries.SlipUnconfirmed
    | entries.ProofSending
)

Outcome = Literal["out", "not_begun", "unknown"]
"""What became of a strip: on paper as far as the printer tells, surely not a byte of it, or nobody knows."""


def next_waiting(tx: Transaction) -> Waiting | None:
    """The oldest original that waits; the oldest copy when no original does."""
    row = tx.one(_QUEUED + " LIMIT 1", "queued")
    if row is not None:
        return Waiting(row[0], read_invoice(tx, row[0]))
    row = tx.one(_COPIES)
    return None if row is None else Waiting(row[1], read_invoice(tx, row[1]), row[0])


def begin(waiting: Waiting, sha256: str) -> Action[bool]:
    """Commit that the first byte is about to leave; False when the strip was taken out of the queue meanwhile."""

    def action(tx: Transaction) -> bool:
        if waiting.copy is not None:
            if tx.one("SELECT state FROM copies WHERE entry = ?", waiting.copy)[0] != "queued":
                return False
            tx.append(entries.CopySending(waiting.copy, sha256))
            return True
        if paper_of(tx, issued_entry(tx, waiting.sequence)) != "queued":
            return False
        tx.append(entries.ProofSending(waiting.sequence, sha256))
        return True

    return action


def became(waiting: Waiting, outcome: Outcome, reason: str, confirmation: entries.Confirmation) -> Became:
    """The entry about a strip that was begun; `confirmation` counts where it is out, `reason` where it is not."""
    if waiting.copy is not None:
        if outcome == "out":
            return entries.CopyPrinted(waiting.copy, confirmation)
        if outcome == "not_begun":
            return entries.CopyRequeued(waiting.copy, reason)
        return entries.CopyUnconfirmed(waiting.copy, reason)
    if outcome == "out":
        return entries.ProofPrinted(waiting.sequence, confirmation)
    if outcome == "not_begun":
        return entries.ProofRequeued(waiting.sequence, reason)
    return entries.ProofUnconfirmed(waiting.sequence, reason)


def failed(waiting: Waiting, reason: str) -> Became:
    """The entry about a strip that cannot be drawn."""
    if waiting.copy is not None:
        return entries.CopyUnconfirmed(waiting.copy, reason)
    return entries.ProofFailed(waiting.sequence, reason)


def note(data: Became) -> Action[int]:
    """Append what became of a strip."""
    return lambda tx: tx.append(data)


def doubt_interrupted(tx: Transaction) -> int:
    """At a start: every strip that was leaving when the box stopped is unconfirmed; returns how many.

    A till's slip that waited is too: its content was never kept.
    """
    why = "the box stopped while it was leaving"
    proofs = tx.all(_QUEUED, "sending")
    copies = tx.all("SELECT entry FROM copies WHERE state IN ('queued', 'sending') AND state = 'sending'")
    slips = tx.all("SELECT entry FROM slips WHERE state = 'queued' ORDER BY entry")
    for (sequence,) in proofs:
        tx.append(entries.ProofUnconfirmed(sequence, why))
    for (sequence,) in copies:
        tx.append(entries.CopyUnconfirmed(sequence, why))
    for (sequence,) in slips:
        tx.append(entries.SlipUnconfirmed(sequence, "the box stopped before it was known to be printed"))
    return len(proofs) + len(copies) + len(slips)


def slips_waiting(tx: Transaction) -> set[int]:
    """The tills' slips that wait, by their entries."""
    return {entry for (entry,) in tx.all("SELECT entry FROM slips WHERE state = 'queued'")}
