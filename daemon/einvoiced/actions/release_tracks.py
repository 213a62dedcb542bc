"""`tracks.release`: a box that is new in a running period learns which numbers were used elsewhere.

It goes on at its next booklet: numbers between are skipped, and both are set aside in the journal.
"""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import check_open
from einvoiced.errors import BadLastUsed, NotConfigured, RangeUnknown
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.numbers import BOOKLET
from einvoiced.rules.sale import check_text
from einvoiced.rules.share import Share

_UNRELEASED = """
SELECT "end", part, boxes FROM ranges
WHERE seller = ? AND year_month = ? AND track = ? AND begin = ? AND state = 'unreleased'
"""


class Released(Struct, frozen=True):
    """The first number that the range will issue, and how many before it were set aside."""

    next: str
    set_aside: int


def release_tracks(
    box: Box, year_month: str, track: str, begin: str, last_used: str, technician: str, peer: Peer | None
) -> Action[Released]:
    """Release a range; `last_used` is `none` or the last number used elsewhere.

    RangeUnknown when no such range waits; BadLastUsed for a number outside it; PeriodIsClosed when its numbers would
    never be reported.
    """
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    seller, by = box.shop.seller.identifier, check_text(technician, 40, "technician", "technician")
    asked = f"{year_month} {track} {begin}"

    def action(tx: Transaction) -> Released:
        eight = len(begin) == 8 and begin.isascii() and begin.isdecimal()
        row = tx.one(_UNRELEASED, seller, year_month, track, int(begin)) if eight else None
        if row is None:
            raise RangeUnknown("begin", asked=asked[:40])
        check_open(tx, seller, year_month)
        last = _last_used(last_used, int(begin), row[0], asked)
        booklet = int(begin) if last is None else last // BOOKLET * BOOKLET + BOOKLET
        next_ = Share(row[1] + 1, row[2]).first_between(int(begin), row[0], booklet)
        after = row[0] + 1 if next_ is None else next_
        tx.append(entries.TracksReleased(seller, year_month, track, int(begin), last, after, by, peer))
        return Released(f"{after:08d}", booklet - int(begin))

    return action


def _last_used(text: str, begin: int, end: int, asked: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdecimal() and len(text) == 8 and begin <= int(text) <= end):
        raise BadLastUsed("last_used", value=text, asked=asked)
    return int(text)
