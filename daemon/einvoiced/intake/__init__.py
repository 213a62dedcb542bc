"""Bytes of a track file to checked number ranges. No I/O and no clock: `today` and `seller` are given."""

from __future__ import annotations

from datetime import date

from einvoiced.intake.check import check_rows, last_period
from einvoiced.intake.columns import TrackRow
from einvoiced.intake.compare import Verdict, new_ranges
from einvoiced.intake.csv_file import ParsedFile, read_rows
from einvoiced.intake.refusals import refuse
from einvoiced.intake.text import MAX_BYTES, to_text

__all__ = ["MAX_BYTES", "ParsedFile", "TrackRow", "Verdict", "last_period", "new_ranges", "read_track_file"]


def read_track_file(data: bytes, *, seller: str, today: date) -> ParsedFile:
    """The rows of the platform's CSV, all of them good for this shop on this day.

    `seller`: the shop's own 統一編號; `today`: the day in Taipei. Raises a TrackFileError, the first by line and
    column, with up to 20 others in its `also`: one bad row refuses the file, and nothing of it may be used.
    """
    rows, reasons = read_rows(to_text(data))
    reasons += check_rows(rows, seller=seller, today=today)
    if reasons:
        refuse(reasons)
    return ParsedFile(tuple(rows))
