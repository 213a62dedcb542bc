"""`tracks.export` (字軌上傳): what this box was given of a period, as CSV or JSON, for the office."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import BY_ITSELF
from einvoiced.actions.start_checks import fact
from einvoiced.errors import NotConfigured, RangeUnknown
from einvoiced.journal import entries, number_ranges
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.numbers import BOOKLET
from einvoiced.rules.period import Period
from einvoiced.rules.sale import check_text
from einvoiced.rules.share import Share
from einvoiced.spreadsheet import to_csv

MOST_BY_ITSELF = 2000
"""Ranges of a list that the box makes by itself: no shop has so many, and a till waits while a list is made."""

Form = Literal["csv", "json"]
HEADER = (
    *("營業人統編", "發票類別代號", "發票期別", "發票字軌名稱", "發票起號", "發票迄號", "本數"),
    *("主機", "份額", "本機號碼數", "剩餘", "狀態", "匯入時間", "來源"),
)
_RANGES = f"""
SELECT invoice_type, track, begin, "end", part, boxes, {number_ranges.LEFT}, state, entry FROM ranges
WHERE seller = ? AND year_month = ? ORDER BY track, begin
"""
_RESERVED = """
SELECT '07', track, first, last, 0, 1, 0, 'reserved', entry FROM set_aside
WHERE seller = ? AND year_month = ? AND state = 'reserved' ORDER BY track, first
"""


class Line(Struct, frozen=True):
    """A range in the list, in the order of the CSV's columns."""

    seller: str
    invoice_type: str
    year_month: str
    track: str
    begin: str
    end: str
    booklets: int
    box: str
    share: str
    numbers: int
    left: int
    state: str
    time: str
    source: str


class Exported(Struct, frozen=True):
    """The list as a file: `content` is its text."""

    file_name: str
    form: str
    sha256: str
    ranges: int
    content: str


def export_tracks(box: Box, year_month: str, form: Form, person: str, peer: Peer | None) -> Action[Exported]:
    """The list of a period, and the entry that it was given away. RangeUnknown when nothing was taken of it."""
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    seller, by = box.shop.seller.identifier, check_text(person, 40, "person", "person")

    def action(tx: Transaction) -> Exported:
        lines = _lines(tx, box, seller, year_month)
        if not lines:
            raise RangeUnknown("year_month", asked=year_month[:20])
        content = (
            to_csv(HEADER, map(msgspec.structs.astuple, lines))
            if form == "csv"
            else msgspec.json.format(msgspec.json.encode(lines)).decode() + "\n"
        )
        digest = hashlib.sha256(content.encode()).hexdigest()
        tx.append(entries.TracksExported(seller, year_month, form, digest, len(lines), by, peer))
        return Exported(f"tracks-{year_month}-{box.id}.{form}", form, digest, len(lines), content)

    return action


def export_due(box: Box) -> Action[list[Exported]]:
    """This period's list in both forms, if it has not been given away by the box itself yet."""

    def action(tx: Transaction) -> list[Exported]:
        if box.shop is None or box.frozen:
            return []
        seller, this = box.shop.seller.identifier, Period.of(tx.now()).year_month
        if fact(tx, f"exported {seller} {this}") is not None:
            return []
        if not 0 < len(tx.all(_RANGES + f" LIMIT {MOST_BY_ITSELF + 1}", seller, this)) <= MOST_BY_ITSELF:
            return []
        forms: tuple[Form, ...] = ("csv", "json")
        return [export_tracks(box, this, form, BY_ITSELF, None)(tx) for form in forms]

    return action


def _lines(tx: Transaction, box: Box, seller: str, year_month: str) -> list[Line]:
    origins: dict[int, tuple[str, str]] = {}
    lines = []
    for kind, track, begin, end, part, boxes, left, state, entry in [
        *tx.all(_RANGES, seller, year_month),
        *tx.all(_RESERVED, seller, year_month),
    ]:
        if entry not in origins:
            origins[entry] = _origin(tx, entry)
        share = Share(part + 1, boxes)
        mine = 0 if state == "reserved" else share.count_between(begin, end)
        booklets = (end - begin + 1) // BOOKLET
        bounds = (f"{begin:08d}", f"{end:08d}")
        lines.append(
            Line(
                seller,
                kind,
                year_month,
                track,
                *bounds,
                booklets,
                box.id,
                str(share),
                mine,
                left,
                state,
                *origins[entry],
            )
        )
    return lines


def _origin(tx: Transaction, sequence: int) -> tuple[str, str]:
    """When and from where a range came."""
    envelope = entries.read(tx.one("SELECT body FROM entries WHERE sequence = ?", sequence)[0])
    return envelope.time[:19], getattr(entries.read_data(envelope), "source", "socket")
