"""Bytes of a track file to checked number ranges. No I/O and no clock: `today` and `seller` are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from einvoiced.intake import csv_file, e0501
from einvoiced.intake.check import check_rows, last_period
from einvoiced.intake.columns import TrackRow
from einvoiced.intake.compare import Verdict, new_ranges
from einvoiced.intake.refusals import refuse
from einvoiced.intake.text import MAX_BYTES, to_text
from einvoiced.rules.by_hand import Typing, read_typing

__all__ = [
    "MAX_BYTES",
    "ParsedFile",
    "TrackRow",
    "Verdict",
    "check_typing",
    "last_period",
    "new_ranges",
    "read_track_file",
]


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A track file whose every row was found good, in the file's order.

    `rows` may be taken. `branch_rows` belong to branches of the shop: to be told, never taken. One of the two may be
    empty, not both.
    """

    rows: tuple[TrackRow, ...]
    branch_rows: tuple[TrackRow, ...] = ()


def read_track_file(data: bytes, *, seller: str, today: date, branches: frozenset[str] = frozenset()) -> ParsedFile:
    """The rows of the platform's CSV or E0501 XML, all of them good for this shop on this day.

    `seller`: the shop's own 統一編號; `today`: the day in Taipei; `branches`: 統一編號 whose rows may stand beside the
    shop's own. Raises a TrackFileError, the first by line and column, with up to 20 others in its `also`: one bad row
    refuses the file, and nothing of it may be used.
    """
    text = to_text(data)
    rows, reasons = (e0501 if e0501.looks_like_xml(text) else csv_file).read_rows(text)
    reasons += check_rows(rows, seller=seller, today=today, branches=branches)
    if reasons:
        refuse(reasons)
    own = tuple(row for row in rows if row.range.seller == seller)
    return ParsedFile(own, tuple(row for row in rows if row.range.seller != seller))


def check_typing(typing: Typing, *, seller: str, today: date) -> TrackRow:
    """The range that one person typed, after all the checks of a file; its line is 1. Raises a TrackFileError."""
    row = TrackRow(1, read_typing(typing, seller=seller))
    if reasons := check_rows([row], seller=seller, today=today):
        refuse(reasons)
    return row
