"""How long numbers last, and every day on which people are told something."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.rules.period import TAIPEI, Period
from einvoiced.rules.stock import Notice, Stock, notices, plan, runs_out, working_days_before


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TAIPEI)


def told(stock: Stock) -> list[tuple[str, str]]:
    return [(notice.name, str(notice.by)) for notice in notices(stock)]


PLENTY = 1_000_000


@pytest.mark.parametrize(
    ("day", "count", "first"),
    [
        ("2026-11-23", 0, "2026-11-23"),
        ("2026-11-23", 1, "2026-11-20"),  # before a Monday comes a Friday
        ("2026-11-23", 5, "2026-11-16"),
        ("2026-11-23", 6, "2026-11-13"),
        ("2026-11-22", 1, "2026-11-20"),  # a Sunday
        ("2026-11-21", 1, "2026-11-20"),  # a Saturday
        ("2026-11-27", 5, "2026-11-20"),
        ("2027-01-01", 5, "2026-12-25"),  # over the end of a year
    ],
)
def test_working_days_are_counted_backwards(day: str, count: int, first: str) -> None:
    """Saturdays and Sundays do not count, the first of the days does, the last does not."""
    assert working_days_before(date.fromisoformat(day), count) == date.fromisoformat(first)


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(1, 30))
def test_exactly_so_many_working_days_lie_between(day: date, count: int) -> None:
    """Counting forward from the day found gives the number again."""
    first = working_days_before(day, count)
    between = [first + timedelta(days=n) for n in range((day - first).days)]
    assert sum(each.weekday() < 5 for each in between) == count
    assert first.weekday() < 5


@pytest.mark.parametrize(
    ("stock", "moment"),
    [
        # 1000 in ten days, 500 left: five more days
        (Stock(at("2026-11-11"), 1000, 500, 0), at("2026-11-16")),
        # the end of the period is not running out
        (Stock(at("2026-11-11"), 1000, 5100, 0), None),
        (Stock(at("2026-11-11"), 1000, 5099, 0), at("2026-12-31 23:45:36")),
        # a box that came on the 6th has used its numbers in five days
        (Stock(at("2026-11-11"), 1000, 500, 0, since=at("2026-11-06")), at("2026-11-13 12:00")),
        # what came before this period does not count
        (Stock(at("2026-11-11"), 1000, 500, 0, since=at("2026-09-06")), at("2026-11-16")),
        # a busy first hour counts as a day
        (Stock(at("2026-11-01 01:00"), 100, 200, 0), at("2026-11-03 01:00")),
        # nothing used: no pace
        (Stock(at("2026-11-11"), 0, 50, 0), None),
        # nothing left: now
        (Stock(at("2026-11-11"), 0, 0, 0), at("2026-11-11")),
        (Stock(at("2026-11-11"), 1000, 0, 0), at("2026-11-11")),
        # a stock beyond any calendar
        (Stock(at("2026-11-11"), 1, 99_999_999, 0), None),
    ],
)
def test_when_numbers_run_out(stock: Stock, moment: datetime | None) -> None:
    """At the pace of this period, to the second; never beyond its end."""
    assert runs_out(stock) == moment


@pytest.mark.parametrize(
    ("now", "left", "notice"),
    [
        # 100 a day from 1 November on, out on Monday the 23rd: apply by Monday the 16th, told from Friday the 13th on.
        ("2026-11-12", 1100, []),
        ("2026-11-13", 1000, [("running_out", "2026-11-16")]),
        ("2026-11-14", 900, [("running_out", "2026-11-16")]),
        ("2026-11-16", 700, [("running_out", "2026-11-16")]),
        ("2026-11-17", 600, [("running_out", "2026-11-17")]),  # late: today
        ("2026-11-22", 100, [("running_out", "2026-11-22")]),
        ("2026-11-23", 0, [("out", "2026-11-23")]),
    ],
)
def test_a_shortage_is_told_early_enough(now: str, left: int, notice: list[tuple[str, str]]) -> None:
    """From six working days before the last number on; five remain when it is applied for by the day told."""
    moment = at(now)
    used = 100 * (moment - at("2026-11-01")).days
    assert told(Stock(moment, used, left, PLENTY)) == notice


@pytest.mark.parametrize(
    ("now", "notice"),
    [
        ("2026-11-10", []),
        ("2026-11-17", []),
        ("2026-11-18", []),
        ("2026-11-30 23:59:59", []),
        ("2026-12-01", [("plan_next", "2026-12-10")]),
        ("2026-12-10 23:59:59", [("plan_next", "2026-12-10")]),
        ("2026-12-11", [("plan_next", "2026-12-17")]),
        ("2026-12-16 23:59:59", [("plan_next", "2026-12-17")]),
        ("2026-12-17", [("last_call", "2026-12-17")]),
        ("2026-12-17 23:59:59", [("last_call", "2026-12-17")]),
        ("2026-12-18", [("next_missing", "2026-12-25")]),
        ("2026-12-25", [("next_missing", "2026-12-25")]),
        ("2026-12-26", [("next_missing", "2026-12-26")]),
        ("2026-12-31 23:59:59", [("next_missing", "2026-12-31")]),
        ("2027-01-01", []),
        ("2028-02-29 12:00", [("next_missing", "2028-02-29")]),
        ("2027-02-17", [("last_call", "2027-02-17")]),
    ],
)
def test_the_calendar_of_an_even_month(now: str, notice: list[tuple[str, str]]) -> None:
    """Plan by the 10th, change until the 17th, fetch from the 18th on; silence in odd months."""
    assert told(Stock(at(now), 1000, PLENTY, 0)) == notice


@pytest.mark.parametrize(
    ("now", "name"),
    [("2026-12-05", "next_short"), ("2026-12-17", "next_short"), ("2026-12-18", "next_short"), ("2026-11-20", "")],
)
def test_a_next_period_with_too_few_numbers_is_told(now: str, name: str) -> None:
    """A file that is in but will not do is another notice than one that is not in."""
    assert [each.name for each in notices(Stock(at(now), 10_000, PLENTY, 50))] == ([name] if name else [])


def test_a_yearly_allotment_is_left_in_peace() -> None:
    """Who already holds enough for the next period hears nothing, on any day."""
    start = at("2026-11-02")
    for day in range(60):
        now = start + timedelta(days=day)
        assert notices(Stock(now, 100 * (day + 1), PLENTY, PLENTY)) == ()
        assert plan(Stock(now, 100 * (day + 1), PLENTY, PLENTY)) == ()


def test_the_plan_is_what_the_clerk_types() -> None:
    """Period, category, booklets of all boxes, and by when."""
    # 3,050 in 30.5 days: 6,100 in a period; with a tenth above it 6,710 numbers are 135 booklets.
    now = at("2026-12-01 12:00")
    (next_one,) = plan(Stock(now, 3050, PLENTY, 0))
    assert (next_one.period.csv_form, next_one.booklets, next_one.by) == ("116/01 ~ 116/02", 135, date(2026, 12, 10))
    assert (next_one.category, next_one.category_zh) == ("07", "一般稅額")
    (of_three,) = plan(Stock(now, 3050, PLENTY, 0, boxes=3))
    assert of_three.booklets == 405


def test_the_plan_asks_for_what_is_missing() -> None:
    """More of this period when it runs out, and of the next only what is not held."""
    # 100 a day: 2,000 more until the end; with a tenth above, less 500: 1,700 numbers are 34 booklets.
    this, following = plan(Stock(at("2026-12-12"), 4100, 500, 6000))
    assert (this.period.year_month, this.booklets, this.by) == ("11512", 34, date(2026, 12, 12))
    assert (following.period.year_month, following.booklets) == ("11602", 15)


@given(
    st.integers(0, 60),
    st.integers(0, 10**6),
    st.integers(0, 10**8),
    st.integers(0, 10**8),
    st.integers(1, 99),
)
def test_every_state_gives_a_sane_plan(days: int, used: int, left: int, following: int, boxes: int) -> None:
    """Whatever is held: whole booklets, days that are not past, sentences in both languages, and enough numbers."""
    now = at("2026-11-01 09:30") + timedelta(days=days)
    stock = Stock(now, used, left, following, boxes=boxes)
    for wanted in plan(stock):
        assert wanted.booklets >= boxes
        assert now.date() <= wanted.by < wanted.period.ends.date()
        if wanted.period == Period.of(now):
            enough = left + wanted.booklets // boxes * 50
            more = runs_out(Stock(now, used, enough, following))
            assert more is None
    for notice in notices(stock):
        assert isinstance(notice, Notice)
        assert notice.by >= now.date()
        assert notice.en.endswith(".") and notice.zh.endswith("。")
