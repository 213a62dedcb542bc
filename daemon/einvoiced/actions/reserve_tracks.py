"""`tracks.reserve`: whole booklets that another system of the shop uses; this box never takes them."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.errors import BookletsNotFree, NotConfigured
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.numbers import BOOKLET
from einvoiced.rules.sale import check_text
from einvoiced.rules.share import Share

_HOLDING = """
SELECT next, state, part, boxes FROM ranges
WHERE seller = ? AND year_month = ? AND track = ? AND begin <= ? AND "end" >= ?
"""
_ASIDE = """
SELECT 1 FROM set_aside WHERE seller = ? AND year_month = ? AND track = ? AND first <= ? AND last >= ?
"""
_STATES = ("fresh", "current", "unreleased", "held", "not_ours")


class Reserved(Struct, frozen=True):
    """What was set aside."""

    year_month: str
    track: str
    begin: str
    end: str
    booklets: int


def reserve_tracks(
    box: Box, year_month: str, track: str, begin: str, end: str, reason: str, person: str, peer: Peer | None
) -> Action[Reserved]:
    """Set whole booklets of one range aside. BookletsNotFree when they are none, of no range, or used."""
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    seller = box.shop.seller.identifier
    why, by = check_text(reason, 80, "reason", "reason"), check_text(person, 40, "person", "person")
    asked = f"{year_month} {track} {begin}-{end}"[:60]
    first, last = _booklets(asked, begin, end)

    def action(tx: Transaction) -> Reserved:
        row = tx.one(_HOLDING, seller, year_month, track, first, last)
        if row is None:
            raise _not_free(asked, "no single range holds it", "不在任何一段字軌內")
        next_, state, part, boxes = row
        used = Share(part + 1, boxes).count_between(first, min(last, next_ - 1)) if state != "not_ours" else 0
        if used or state not in _STATES or tx.one(_ASIDE, seller, year_month, track, last, first):
            raise _not_free(asked, "some of it was used, or its range is closed", "部分號碼已使用，或該段已結束")
        tx.append(entries.TracksReserved(entries.Run(seller, year_month, track, first, last), why, by, peer))
        return Reserved(year_month, track, begin, end, (last - first + 1) // BOOKLET)

    return action


def _booklets(asked: str, begin: str, end: str) -> tuple[int, int]:
    digits = all(len(text) == 8 and text.isascii() and text.isdecimal() for text in (begin, end))
    if not digits or int(begin) % BOOKLET or int(end) % BOOKLET != BOOKLET - 1 or int(end) < int(begin):
        raise _not_free(asked, "it is not whole booklets (…00 or …50 to …49 or …99)", "起迄號不是完整的本")
    return int(begin), int(end)


def _not_free(asked: str, detail: str, detail_zh: str) -> BookletsNotFree:
    return BookletsNotFree("begin", asked=asked, detail=detail, detail_zh=detail_zh)
