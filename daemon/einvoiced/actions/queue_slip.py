"""`slip.print`: a till's slip waits for the printer; the same key never prints twice."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from einvoiced.errors import KeyConflict
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.identifiers import key_bytes

_FIND = "SELECT entry, state FROM slips WHERE key = ?"


class SlipState(Struct, frozen=True):
    """A slip by the sequence of its entry: `queued`, `printed` or `unconfirmed`."""

    slip: int
    state: str


class Queued(Struct, frozen=True):
    """What became of the request: the slip, and whether it was new (else the printer has had it)."""

    slip: SlipState
    new: bool


def find_slip(key: str, sha256: str) -> Action[SlipState | None]:
    """The slip that a key stands for; KeyConflict when it stands for another content."""
    bits = key_bytes(key)

    def action(tx: Transaction) -> SlipState | None:
        row = tx.one(_FIND, bits)
        if row is None:
            return None
        data = entries.read_data(entries.read(tx.one("SELECT body FROM entries WHERE sequence = ?", row[0])[0]))
        if isinstance(data, entries.SlipQueued) and data.sha256 != sha256:
            raise KeyConflict(
                "lines", invoice_number=f"slip {row[0]}", differs="content", stored=data.sha256, sent=sha256
            )
        return SlipState(*row)

    return action


def queue_slip(key: str, kind: Literal["lines", "raw"], sha256: str, size: int, peer: Peer | None) -> Action[Queued]:
    """Append that it waits, unless its key is known. KeyConflict."""
    find = find_slip(key, sha256)

    def action(tx: Transaction) -> Queued:
        known = find(tx)
        if known is not None:
            return Queued(known, False)
        return Queued(SlipState(tx.append(entries.SlipQueued(key, kind, sha256, size, peer)), "queued"), True)

    return action


def note_drawer(peer: Peer | None) -> Action[int]:
    """Append that the drawer was told to open."""
    return lambda tx: tx.append(entries.DrawerOpened(peer))
