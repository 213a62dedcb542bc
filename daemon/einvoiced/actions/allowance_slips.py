"""Slips of allowances on the box's own printer, as entries: asked for, waiting, on paper.

Their content is in the journal, so nobody's memory is needed while they wait. One that waited or was leaving when the
box stopped is `unconfirmed`, like a till's slip: no law limits how often it comes, so whoever lacks it asks again.
"""

from __future__ import annotations

from einvoiced.actions.standing import read_entry
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.lives import allowance_slip_key
from einvoiced.journal.transaction import Transaction

_STATE = "SELECT state FROM slips WHERE key = ?"
_WAITING = "SELECT entry FROM slips WHERE state = 'queued' ORDER BY entry"


def slip_state(tx: Transaction, allowance: int) -> str:
    """Of an allowance's newest slip: `queued`, `printed`, `unconfirmed`, `dropped`; `none` when none was asked for."""
    row = tx.one(_STATE, allowance_slip_key(allowance))
    return "none" if row is None else str(row[0])


def queue_allowance_slip(tx: Transaction, allowance: int, peer: Peer | None) -> None:
    """Let the printer have it, unless it waits already."""
    if slip_state(tx, allowance) != "queued":
        tx.append(entries.AllowanceSlipQueued(allowance, peer))


def next_allowance_slip(tx: Transaction) -> tuple[int, int] | None:
    """The entry of the oldest that waits, and that of its allowance; None when none does."""
    for (sequence,) in tx.all(_WAITING):
        _, data = read_entry(tx, sequence)
        if isinstance(data, entries.AllowanceSlipQueued):
            return sequence, data.allowance
    return None
