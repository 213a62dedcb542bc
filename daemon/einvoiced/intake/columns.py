"""One row of the platform's CSV: seven values, each in its strict form, and the damage that Excel does to them.

| # | column | form |
|---|---|---|
| 1 | 營業人統編 | 8 digits |
| 2 | 發票類別代號 | `7`, `07`, `8` or `08` |
| 3 | 發票類別 | never looked at: it often arrives garbled |
| 4 | 發票期別 | `110/11 ~ 110/12` |
| 5 | 發票字軌名稱 | two letters A-Z |
| 6 | 發票起號 | 8 digits, ends in 00 or 50 |
| 7 | 發票迄號 | 8 digits, ends in 49 or 99 |

Nothing is mended: only blanks around a value are dropped. Digits and letters are ASCII, full-width ones are refused.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from einvoiced import errors
from einvoiced.errors import TrackFileError
from einvoiced.intake.refusals import shown
from einvoiced.rules.numbers import BOOKLET, NumberRange, track_valid
from einvoiced.rules.period import Period

SELLER, CATEGORY, CATEGORY_NAME, PERIOD, TRACK, BEGIN, END = range(1, 8)
COLUMNS = 7

_BLANKS = " \t\u00a0\u3000"
_EIGHT_DIGITS = re.compile(r"[0-9]{8}")
_FEWER_DIGITS = re.compile(r"[0-9]{1,7}")
_CATEGORY = re.compile(r"0?[78]")
_GOOD_ROW = re.compile(r"[0-9]{8}\n0?[78]\n.*\n.*\n[A-Z]{2}\n[0-9]{8}\n[0-9]{8}")
"""The good cells of a row all at once, but for the period: a file has up to 25,000 rows."""

_EXCEL = re.compile(
    r"[+-]?[0-9]+(?:\.[0-9]*)?[eE][+-]?[0-9]+"  # 4.25E+07
    r"|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?"  # 42,519,550
    r"|[0-9]+\.[0-9]*"  # 42519550.00
    r"|[='#].*",  # ="42519550", '42519550, ########
    re.DOTALL,
)
_EXCEL_DATE = re.compile(
    r"[A-Za-z]{3}[- ][0-9]{1,4}|[0-9]{1,4}[- ][A-Za-z]{3}"  # Nov-10, 10-Nov
    r"|[0-9]{1,4}([/-])[0-9]{1,2}\1[0-9]{1,4}(?: [0-9:]+)?"  # 110/11/1, 2021-11-01 00:00
    r"|(?:[0-9]{1,4}年)?[0-9]{1,2}月(?:[0-9]{1,2}日)?"
)


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A range and the line of the file, counted from 1, that gives it."""

    line: int
    range: NumberRange


def stripped(cell: str) -> str:
    """The value without the blanks around it, full-width and no-break ones included."""
    return cell.strip(_BLANKS)


def read_row(line: int, cells: Sequence[str]) -> TrackRow | list[TrackFileError]:
    """The range that seven stripped cells give, or every reason against them, in the order of the columns."""
    reasons: list[TrackFileError] = []
    if not (_GOOD_ROW.fullmatch("\n".join(cells)) and _is_period(cells[PERIOD - 1])):
        reasons = [reason for column in range(1, COLUMNS + 1) if (reason := _reason(line, column, cells[column - 1]))]
    if reasons or (reasons := bound_reasons(line, cells[BEGIN - 1], cells[END - 1])):
        return reasons
    seller, category, _, period, track, begin, end = cells
    numbers = NumberRange(
        sys.intern(seller), sys.intern(category.zfill(2)), _period(period), sys.intern(track), int(begin), int(end)
    )  # a large file says the same three twenty thousand times
    return TrackRow(line, numbers)


def _reason(line: int, column: int, value: str) -> TrackFileError | None:
    if _well_formed(column, value):
        return None
    if _EXCEL.fullmatch(value) or (column == PERIOD and _EXCEL_DATE.fullmatch(value)):
        return errors.ExcelReformatted(line, column, shown(value))
    if column in (SELLER, BEGIN, END) and _FEWER_DIGITS.fullmatch(value):
        return errors.NumberShortened(line, column, value)
    kinds: dict[int, type[TrackFileError]] = {
        SELLER: errors.BadSeller,
        CATEGORY: errors.BadCategory,
        PERIOD: errors.BadPeriod,
        TRACK: errors.BadTrack,
    }
    return kinds.get(column, errors.BadRangeNumber)(line, column, shown(value))


def _well_formed(column: int, value: str) -> bool:
    if column == CATEGORY_NAME:
        return True
    if column == CATEGORY:
        return _CATEGORY.fullmatch(value) is not None
    if column == TRACK:
        return track_valid(value)
    if column == PERIOD:
        return _is_period(value)
    return _EIGHT_DIGITS.fullmatch(value) is not None


def _is_period(value: str) -> bool:
    try:
        _period(value)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=64)
def _period(value: str) -> Period:
    return Period.from_csv(value)


def bound_reasons(line: int, begin: str, end: str) -> list[TrackFileError]:
    """Why two numbers of eight digits do not bound whole booklets."""
    first, last = int(begin), int(end)
    reasons: list[TrackFileError] = []
    if first % BOOKLET:
        reasons.append(errors.NotABookletBegin(line, BEGIN, begin))
    if last % BOOKLET != BOOKLET - 1:
        reasons.append(errors.NotABookletEnd(line, END, end))
    if last < first:
        reasons.append(errors.RangeReversed(line, END, end, begin=begin))
    return reasons
