"""Tables as CSV for a spreadsheet, which takes a text that begins like a formula for one and works it out.

What a till, a clerk or a stick's file name wrote is text: where it begins like a formula, an apostrophe goes before it
(OWASP, CSV Injection); spreadsheets show the text behind. Our own numbers are numbers and stay.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

BYTE_ORDER_MARK = "\ufeff"
"""What a file of CSV begins with: Excel in Taiwan takes one without it for CP950 and garbles it."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """The table, its lines ended by CRLF, without the mark; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
