"""What entries about paper do: originals, copies, slips (called by `projections` only)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from einvoiced.journal import entries
from einvoiced.journal.places import place_at
from einvoiced.rules.identifiers import key_bytes

Db = sqlite3.Connection

OUT = "('printed', 'sent', 'sending', 'handed_out')"
KNOWN_OUT = f"iif(paper IN {OUT}, paper, 'none')"
"""What is said of a cancelled invoice's original: only what came out, or may be coming out, is still known."""

PAPER_IS = f"UPDATE invoices SET paper = iif(state = 'cancelled' AND ?1 NOT IN {OUT}, 'none', ?1) WHERE"
"""Says where an original is now, with the same exception."""

REPORTED: dict[entries.Outcome, entries.Paper] = {"printed": "printed", "unknown": "unconfirmed", "not_begun": "till"}
"""Where an original is after what a till reported of it."""

RESOLVED: dict[entries.Verdict, entries.Paper] = {
    "there": "printed",
    "damaged": "printed",
    "nothing_usable": "to_replace",
}
"""Where an original is after what a person found."""


def is_now(db: Db, invoice: int, state: entries.Paper) -> None:
    """Where an original is now."""
    place = place_at(db, invoice)
    db.execute(f"{PAPER_IS} seller = ?2 AND year_month = ?3 AND track = ?4 AND number = ?5", (state, *place))


def proof(state: entries.Paper) -> Callable[[Db, int, Any], None]:
    """An entry that says so of an original."""
    return lambda db, _sequence, data: is_now(db, data.invoice, state)


def proof_printed(db: Db, _sequence: int, data: entries.ProofPrinted) -> None:
    """It came out, as far as the printer tells."""
    is_now(db, data.invoice, "sent" if data.confirmation == "none" else "printed")


def proof_reported(db: Db, _sequence: int, data: entries.ProofReported) -> None:
    """A till printed it, or not."""
    is_now(db, data.invoice, REPORTED[data.outcome])


def proof_resolved(db: Db, _sequence: int, data: entries.ProofResolved) -> None:
    """A person looked."""
    is_now(db, data.invoice, RESOLVED[data.verdict])


def copy_ordered(db: Db, sequence: int, data: entries.CopyOrdered) -> None:
    """One more copy."""
    state = "queued" if data.printer == "box" else "handed_out"
    db.execute("INSERT INTO copies VALUES (?, ?, ?, ?)", (sequence, data.invoice, data.number, state))


def copy_requeued(db: Db, _sequence: int, data: entries.CopyRequeued) -> None:
    """It waits again, unless its invoice was cancelled while it was begun."""
    (invoice,) = db.execute("SELECT invoice FROM copies WHERE entry = ?", (data.copy,)).fetchone()
    (state,) = db.execute(
        "SELECT state FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?",
        place_at(db, invoice),
    ).fetchone()
    waits = "dropped" if state == "cancelled" else "queued"
    db.execute("UPDATE copies SET state = ? WHERE entry = ?", (waits, data.copy))


def copy(state: str) -> Callable[[Db, int, Any], None]:
    """An entry that says so of a copy."""
    return lambda db, _sequence, data: _run(db, "UPDATE copies SET state = ? WHERE entry = ?", state, data.copy)


def slip_queued(db: Db, sequence: int, data: entries.SlipQueued) -> None:
    """A till's slip waits."""
    db.execute("INSERT INTO slips VALUES (?, ?, 'queued')", (key_bytes(data.key), sequence))


def slip(state: str) -> Callable[[Db, int, Any], None]:
    """An entry that says so of a slip."""
    return lambda db, _sequence, data: _run(db, "UPDATE slips SET state = ? WHERE entry = ?", state, data.slip)


def _run(db: Db, statement: str, *values: object) -> None:
    db.execute(statement, values)
