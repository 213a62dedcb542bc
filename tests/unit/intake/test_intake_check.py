"""Rows against shop, calendar and each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced import errors
from einvoiced.intake import TrackRow, check_typing, last_period
from einvoiced.intake.check import check_rows
from einvoiced.rules.by_hand import Typing
from einvoiced.rules.numbers import NumberRange
from einvoiced.rules.period import Period

OWN, TODAY = "24634102", date(2021, 11, 10)
Numbers = Callable[..., NumberRange]


def lines(*ranges: NumberRange) -> list[TrackRow]:
    """The ranges as the rows of a file with a header."""
    return [TrackRow(line, each) for line, each in enumerate(ranges, start=2)]


@pytest.mark.parametrize(
    ("today", "furthest"),
    [
        ("2021-01-01", "11012"),  # the rest of the year, for shops that get it at once
        ("2021-10-31", "11012"),
        ("2021-11-01", "11102"),  # the next period
        ("2021-12-14", "11102"),
        ("2021-12-15", "11112"),  # from mid December on the whole next year
        ("2021-12-31", "11112"),
        ("2022-01-01", "11112"),
    ],
)
def test_how_far_ahead_numbers_may_be_taken(today: str, furthest: str) -> None:
    """The end of this year or the next period, and from 15 December on the end of the next year."""
    assert last_period(date.fromisoformat(today)).year_month == furthest


@pytest.mark.parametrize(
    ("year_month", "today", "name"),
    [
        ("11012", "2021-12-31", None),
        ("11012", "2021-11-01", None),
        ("11012", "2022-01-01", "period_past"),
        ("11010", "2021-11-01", "period_past"),
        ("11102", "2021-11-01", None),
        ("11104", "2021-11-01", "period_too_far"),
        ("11104", "2021-12-15", None),
        ("11202", "2022-10-31", "period_too_far"),
    ],
)
def test_a_period_is_neither_past_nor_too_far(numbers: Numbers, year_month: str, today: str, name: str | None) -> None:
    """The day decides, to the very day."""
    reasons = check_rows(lines(numbers(0, 49, year_month=year_month)), seller=OWN, today=date.fromisoformat(today))
    assert [reason.name for reason in reasons] == ([name] if name else [])


def test_a_past_period_says_when_it_ended(numbers: Numbers) -> None:
    """The last day is named, also of a February in a leap year."""
    (reason,) = check_rows(lines(numbers(0, 49, year_month="11302")), seller=OWN, today=date(2024, 3, 1))
    assert isinstance(reason, errors.PeriodPast)
    assert (reason.line, reason.column, reason.value) == (2, 4, "113/01 ~ 113/02")
    assert str(reason.facts["ended"]) == "2024-02-29"


def test_numbers_of_others_are_refused(numbers: Numbers) -> None:
    """A valid 統編 that is not the shop's is another shop; an invalid one is a damaged file."""
    unknown, bad = check_rows(
        lines(numbers(0, 49), numbers(50, 99, seller="04595257"), numbers(100, 149, seller="12345678")),
        seller=OWN,
        today=TODAY,
    )
    assert isinstance(unknown, errors.SellerUnknown)
    assert (unknown.line, unknown.value, unknown.facts["own"]) == (3, "04595257", OWN)
    assert isinstance(bad, errors.BadSeller)
    assert bad.line == 4


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        ([(0, 49), (50, 99)], []),
        ([(50, 99), (0, 49)], []),
        ([(0, 49), (0, 49)], [(3, 2)]),
        ([(0, 49), (50, 99), (50, 99)], [(4, 3)]),
        ([(0, 99), (50, 149)], [(3, 2)]),
        ([(50, 149), (0, 99)], [(3, 2)]),
        ([(0, 499), (100, 149), (200, 249)], [(3, 2), (4, 2)]),
        ([(100, 149), (200, 249), (0, 499)], [(4, 2)]),
        ([(0, 499), (100, 149), (450, 549), (550, 599)], [(3, 2), (4, 2)]),
    ],
)
def test_rows_that_share_a_number_are_refused(
    numbers: Numbers, ranges: list[tuple[int, int]], told: list[tuple[int, int]]
) -> None:
    """Each later row that repeats numbers names one earlier row, however they are ordered."""
    reasons = check_rows(lines(*(numbers(*each) for each in ranges)), seller=OWN, today=TODAY)
    assert all(isinstance(reason, errors.RangeRepeated) for reason in reasons)
    assert [(reason.line, reason.facts["other"]) for reason in reasons] == told


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.sampled_from(["NQ", "TN"])), max_size=12))
def test_no_overlap_is_missed_and_none_invented(booklets: list[tuple[int, int, str]]) -> None:
    """Rows are refused exactly when comparing all pairs finds a shared number, and each row named shares one."""
    period = Period.from_year_month("11012")
    rows = lines(*(NumberRange(OWN, "07", period, t, b * 50, (b + more) * 50 + 49) for b, more, t in booklets))
    pairs = {(two.line, one.line) for one, two in combinations(rows, 2) if one.range.overlaps(two.range)}
    told = {(each.line, each.facts["other"]) for each in check_rows(rows, seller=OWN, today=TODAY)}
    assert told <= pairs
    assert bool(told) == bool(pairs)


def test_other_tracks_and_periods_share_no_numbers(numbers: Numbers) -> None:
    """The same digits on another track or in another period are other numbers."""
    rows = lines(numbers(0, 49), numbers(0, 49, track="NR"), numbers(0, 49, year_month="11102"))
    assert check_rows(rows, seller=OWN, today=TODAY) == []


BRANCHES = frozenset({"04595257", "10458575"})


def test_rows_of_known_branches_are_none_of_the_checks_business(numbers: Numbers) -> None:
    """Whose period is past and whose category is another: only the shop's own rows matter, and overlaps of any."""
    own, branch = numbers(0, 49), NumberRange("04595257", "08", Period.from_year_month("11008"), "NQ", 0, 49)
    assert check_rows(lines(own, branch), seller=OWN, today=TODAY, branches=BRANCHES) == []
    (reason,) = check_rows(lines(own, branch), seller=OWN, today=TODAY, branches=BRANCHES - {"04595257"})[:1]
    assert isinstance(reason, errors.SellerUnknown)


def test_one_number_belongs_to_one_seller(numbers: Numbers) -> None:
    """The same numbers for the shop and its branch: somebody has edited the file."""
    rows = lines(numbers(0, 99), numbers(50, 149, seller="04595257"))
    (reason,) = check_rows(rows, seller=OWN, today=TODAY, branches=BRANCHES)
    assert isinstance(reason, errors.RangeRepeated)
    assert (reason.line, reason.facts["other"]) == (3, 2)


def test_what_is_typed_gets_the_checks_of_a_file() -> None:
    """A good typing is a row; a past period is refused with its date, a bad value with its form."""
    good = Typing("wang", "11011", "NQ", "42519550", "42522049")
    assert check_typing(good, seller=OWN, today=TODAY).range.booklets == 50
    with pytest.raises(errors.PeriodPast) as past:
        check_typing(replace(good, period="11009"), seller=OWN, today=TODAY)
    assert str(past.value.facts["ended"]) == "2021-10-31"
    with pytest.raises(errors.PeriodTooFar):
        check_typing(replace(good, period="11103"), seller=OWN, today=TODAY)
    with pytest.raises(errors.TypedBadly):
        check_typing(replace(good, end="42522050"), seller=OWN, today=TODAY)
