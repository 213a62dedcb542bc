"""Periods, ROC dates and Taipei time: every spelling in the law and at its edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.rules.period import TAIPEI, Period, roc_date

days = st.dates(date(1912, 1, 1), date(2909, 12, 31))


def test_the_four_spellings() -> None:
    """XML and barcode, paper, CSV: one period, as the law writes it."""
    period = Period.of(date(2019, 1, 23))
    assert period.year_month == "10802"
    assert period.label == "108年01-02月"
    assert period.csv_form == "108/01 ~ 108/02"
    assert (period.roc_year, period.first_month) == (108, 1)


@pytest.mark.parametrize(
    "text", ["110/11 ~ 110/12", "110/11~110/12", "110/11～110/12", "110/11 ～110/12", " 110/11\u3000~\u3000110/12 "]
)
def test_the_csv_form_in_its_variants(text: str) -> None:
    """Blanks around the tilde are optional and the tilde may be full-width."""
    assert Period.from_csv(text).year_month == "11012"


@pytest.mark.parametrize("text", ["99/1 ~ 99/2", "099/01 ~ 099/02"])
def test_years_before_100(text: str) -> None:
    """The ROC year may have two digits, and is written with three."""
    assert Period.from_csv(text).csv_form == "099/01 ~ 099/02"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "110/11",
        "110/10 ~ 110/11",
        "110/11 ~ 110/11",
        "110/12 ~ 111/01",
        "110/09 ~ 110/12",
        "110/11 ~ 111/12",
        "110/13 ~ 110/14",
        "110/00 ~ 110/01",
        "2021/11 ~ 2021/12",
        "110-11 ~ 110-12",
        "110/11 - 110/12",
        "110/11 ~ 110/12x",
        "１１０/１１ ~ １１０/１２",
        "١١٠/١١ ~ ١١٠/١٢",
    ],
)
def test_what_is_no_csv_period(text: str) -> None:
    """Only an odd and the following even month of one ROC year, in ASCII digits."""
    with pytest.raises(ValueError):
        Period.from_csv(text)


@pytest.mark.parametrize("text", ["", "11011", "11000", "11014", "1102", "110012", "１１０１２", "110/2", "-1102"])
def test_what_is_no_year_month(text: str) -> None:
    """MIG's YearMonth has a three-digit year and an even month."""
    with pytest.raises(ValueError):
        Period.from_year_month(text)


@given(days)
def test_every_spelling_reads_back(day: date) -> None:
    """A period read from its own spellings is itself."""
    period = Period.of(day)
    assert Period.from_year_month(period.year_month) == period
    assert Period.from_csv(period.csv_form) == period
    assert Period.from_roc(day.year - 1911, day.month) == period


@given(days)
def test_periods_tile_time(day: date) -> None:
    """Each ends where the next begins; a day lies in exactly its own."""
    period = Period.of(day)
    assert period.begins.date() <= day < period.ends.date()
    assert period.ends == period.next().begins
    assert period.next().previous() == period
    assert period.previous() < period < period.next()


def test_the_boundary_is_midnight_in_taipei() -> None:
    """The new year begins at 16:00 UTC, whatever the machine's zone."""
    last, first = datetime(2021, 12, 31, 15, 59, 59, tzinfo=UTC), datetime(2021, 12, 31, 16, tzinfo=UTC)
    assert Period.of(last.astimezone(TAIPEI)).year_month == "11012"
    assert Period.of(first.astimezone(TAIPEI)).year_month == "11102"
    assert Period.from_year_month("11102").begins == first


@pytest.mark.parametrize("day", [date(1960, 7, 1), date(1979, 7, 1), date(2030, 7, 1)])
def test_taipei_keeps_no_summer_time(day: date) -> None:
    """The offset is eight hours all year."""
    assert datetime(day.year, day.month, day.day, tzinfo=TAIPEI).utcoffset() == timedelta(hours=8)


@pytest.mark.parametrize(
    ("day", "text"), [(date(2015, 2, 5), "1040205"), (date(2010, 12, 31), "0991231"), (date(2013, 5, 23), "1020523")]
)
def test_roc_dates(day: date, text: str) -> None:
    """A date as the QR code writes it."""
    assert roc_date(day) == text
