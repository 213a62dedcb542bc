"""`tracks.hold` and `tracks.unhold`: a range out of use, and back."""

from __future__ import annotations

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import check_open
from einvoiced.errors import NotConfigured, RangeUnknown
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.sale import check_text

_STATE = "SELECT state FROM ranges WHERE seller = ? AND year_month = ? AND track = ? AND begin = ?"


def hold_tracks(
    box: Box, year_month: str, track: str, begin: str, reason: str, person: str, peer: Peer | None
) -> Action[int]:
    """Take a range, named by its first number, out of use; the entry's sequence. RangeUnknown unless it is in use."""
    place, by = _place(box, year_month, track, begin), check_text(person, 40, "person", "person")
    why = check_text(reason, 80, "reason", "reason")

    def action(tx: Transaction) -> int:
        _check_state(tx, place, ("fresh", "current"))
        return tx.append(entries.TracksHeld(*place, why, by, peer))

    return action


def unhold_tracks(box: Box, year_month: str, track: str, begin: str, person: str, peer: Peer | None) -> Action[int]:
    """Bring a range back; the entry's sequence. RangeUnknown unless it is held, PeriodIsClosed when it is too late."""
    place, by = _place(box, year_month, track, begin), check_text(person, 40, "person", "person")

    def action(tx: Transaction) -> int:
        _check_state(tx, place, ("held",))
        check_open(tx, place[0], year_month)
        sequence = tx.append(entries.TracksUnheld(*place, by, peer))
        if box.ceilings is not None:
            box.ceilings.wanted = True
        return sequence

    return action


def _place(box: Box, year_month: str, track: str, begin: str) -> tuple[str, str, str, int]:
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    if not (begin.isascii() and begin.isdecimal() and len(begin) == 8):
        raise RangeUnknown("begin", asked=f"{year_month} {track} {begin}"[:40])
    return box.shop.seller.identifier, year_month, track, int(begin)


def _check_state(tx: Transaction, place: tuple[str, str, str, int], states: tuple[str, ...]) -> None:
    row = tx.one(_STATE, *place)
    if row is None or row[0] not in states:
        raise RangeUnknown("begin", asked=f"{place[1]} {place[2]} {place[3]:08d}"[:40])
