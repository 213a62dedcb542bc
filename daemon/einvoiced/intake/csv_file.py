"""The platform's CSV (`invnoapply….csv`) to rows.

Lines end in CRLF, LF or CR; blank lines, trailing commas, quotes and blanks around values are all met in the field; the
header may be absent or garbled. A value never holds a line break, so each line is read on its own: a stray quote spoils
its own line and cannot swallow the rows after it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from einvoiced.errors import ExcelReformatted, FileDamaged, FileEmpty, NotATrackFile, TrackFileError
from einvoiced.intake.columns import BEGIN, COLUMNS, END, PERIOD, SELLER, TrackRow, read_row, stripped
from einvoiced.intake.refusals import ENOUGH, shown

_LINE = re.compile(r"[^\r\n]+")
_OTHER_SEPARATORS = ";\t"
_HUGE = 1 << 16
_MOST_COMMAS = 1000
_UNQUOTED_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){1,2},[0-9]{1,3}(?:,[0-9]{3}){1,2}[, ]*")
_HEADER_NAMES = (SELLER, PERIOD, BEGIN, END)


def read_rows(text: str) -> tuple[list[TrackRow], list[TrackFileError]]:
    """The rows that could be read and the reasons against the others; it stops after 21 reasons.

    A file whose first row has not seven columns is no track file and gets that one reason.
    """
    rows: list[TrackRow] = []
    reasons: list[TrackFileError] = []
    first = True
    for line, raw in _lines(text):
        cells = _split(line, raw, first)
        if isinstance(cells, TrackFileError):
            reasons.append(cells)
        elif not (first and _is_header(cells)):
            row = read_row(line, cells)
            if isinstance(row, TrackRow):
                rows.append(row)
            else:
                reasons.extend(row)
        if len(reasons) >= ENOUGH or isinstance(cells, NotATrackFile):
            break
        first = False
    if not rows and not reasons:
        reasons.append(FileEmpty())
    return rows, reasons


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that hold more than blanks and commas, counted from 1 as an editor counts them."""
    line, end = 1, 0
    for found in _LINE.finditer(text):
        ends = text[end : found.start()]
        line += ends.count("\n") + ends.count("\r") - ends.count("\r\n")
        end = found.end()
        if stripped(found[0].replace(",", " ")):
            yield line, found[0]


def _split(line: int, raw: str, first: bool) -> list[str] | TrackFileError:
    """The seven stripped cells of a line; otherwise what is wrong with it as a line."""
    if len(raw) >= _HUGE and (commas := raw.count(",")) > _MOST_COMMAS:  # half a million cells cost 20 MiB
        return NotATrackFile(line, 0, str(commas + 1)) if first else FileDamaged(line, 0, shown(raw))
    try:
        cells = _plain_cells(raw) or next(csv.reader([raw], strict=True, skipinitialspace=True))
    except csv.Error:
        commas = raw.count(",")
        if first and commas < COLUMNS - 1:
            return _other_separator(line, raw) or NotATrackFile(line, 0, str(commas + 1))
        return _other_separator(line, raw) or FileDamaged(line, 0, shown(raw))
    cells = [stripped(cell) for cell in cells]
    if len(cells) >= COLUMNS and not any(cells[COLUMNS:]):
        return cells[:COLUMNS]
    if reason := _other_separator(line, raw) or _thousands(line, cells):
        return reason
    return NotATrackFile(line, 0, str(len(cells))) if first else FileDamaged(line, 0, shown(raw))


def _plain_cells(raw: str) -> list[str] | None:
    """What csv.reader would give for a line without quotes, as nearly all are; None for any other, or a huge one."""
    return raw.split(",") if '"' not in raw and len(raw) < _HUGE else None


def _other_separator(line: int, raw: str) -> ExcelReformatted | None:
    """A semicolon or a tab between the columns is what Excel writes under other regional settings."""
    if any(raw.count(separator) >= COLUMNS - 1 for separator in _OTHER_SEPARATORS):
        return ExcelReformatted(line, 1, shown(raw))
    return None


def _thousands(line: int, cells: list[str]) -> ExcelReformatted | None:
    """Begin and end as `42,519,550` without quotes fall apart into more columns."""
    tail = ",".join(cells[BEGIN - 1 :])
    return ExcelReformatted(line, BEGIN, shown(tail)) if _UNQUOTED_THOUSANDS.fullmatch(tail) else None


def _is_header(cells: list[str]) -> bool:
    """Names where numbers belong, in whatever encoding they arrived: neither empty nor with a digit of any script."""
    names = [cells[column - 1] for column in _HEADER_NAMES]
    return all(names) and not any(char.isdecimal() for name in names for char in name)
