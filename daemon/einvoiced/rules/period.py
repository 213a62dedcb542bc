"""Taipei time, ROC dates and the two-month period (發票期別) that every number belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

TAIPEI = timezone(timedelta(hours=8), "Asia/Taipei")
"""Taiwan has kept UTC+8 without daylight saving since 1980; the machine's own zone never matters."""

ROC_EPOCH = 1911
_CSV_FORM = re.compile(r"([0-9]{2,3})/([0-9]{1,2})\s*[~～]\s*([0-9]{2,3})/([0-9]{1,2})")


@dataclass(frozen=True, order=True, slots=True)
class Period:
    """Two calendar months, the first of them odd. `index` counts periods since the year 0 and orders them."""

    index: int

    @classmethod
    def of(cls, day: date) -> Period:
        """The period of a day (an aware datetime must already be in Taipei time)."""
        return _period(day.year * 6 + (day.month - 1) // 2)

    @classmethod
    def from_roc(cls, year: int, month: int) -> Period:
        """The period holding `month` of the ROC `year`; ValueError when there is no such month."""
        return cls.of(date(year + ROC_EPOCH, month, 1))

    @classmethod
    def from_year_month(cls, text: str) -> Period:
        """From MIG's YearMonth `YYYMM`, whose month is even; ValueError otherwise."""
        if not re.fullmatch(r"\d{5}", text, re.ASCII) or int(text) % 2:
            raise ValueError(f"not a YearMonth with an even month: {text!r}")
        return cls.from_roc(int(text[:3]), int(text[3:]))

    @classmethod
    def from_csv(cls, text: str) -> Period:
        """From the platform's `110/11 ~ 110/12`; ValueError unless it names one odd and the following even month."""
        found = _CSV_FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"not a period: {text!r}")
        year, first, other_year, last = (int(group) for group in found.groups())
        if year != other_year or first % 2 == 0 or last != first + 1:
            raise ValueError(f"not an odd and the following even month: {text!r}")
        return cls.from_roc(year, first)

    @property
    def roc_year(self) -> int:
        return self.index // 6 - ROC_EPOCH

    @property
    def first_month(self) -> int:
        return self.index % 6 * 2 + 1

    @property
    def year_month(self) -> str:
        """MIG's YearMonth and the barcode's: ROC year and even month, `11512`."""
        return _year_month(self.index)

    @property
    def label(self) -> str:
        """As printed on the proof: `108年01-02月`."""
        return f"{self.roc_year}年{self.first_month:02d}-{self.first_month + 1:02d}月"

    @property
    def csv_form(self) -> str:
        """As the platform's CSV writes it: `110/11 ~ 110/12`."""
        return f"{self.roc_year:03d}/{self.first_month:02d} ~ {self.roc_year:03d}/{self.first_month + 1:02d}"

    @property
    def begins(self) -> datetime:
        """Its first instant."""
        return datetime(self.index // 6, self.first_month, 1, tzinfo=TAIPEI)

    @property
    def ends(self) -> datetime:
        """The first instant that no longer belongs to it."""
        return self.next().begins

    def next(self) -> Period:
        return Period(self.index + 1)

    def previous(self) -> Period:
        return Period(self.index - 1)


_period = lru_cache(maxsize=16)(Period)
"""The very period of an index: one is asked for several times an invoice."""


@lru_cache(maxsize=16)
def _year_month(index: int) -> str:
    return f"{index // 6 - ROC_EPOCH:03d}{index % 6 * 2 + 2:02d}"


@lru_cache(maxsize=16)
def roc_date(day: date) -> str:
    """A date as the QR code writes it, `yyyMMdd`: 2015-02-05 is `1040205`."""
    return f"{day.year - ROC_EPOCH:03d}{day.month:02d}{day.day:02d}"
