"""The deadlines of an invoice's life."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from einvoiced.rules import deadlines
from einvoiced.rules.period import TAIPEI, Period

NOV_DEC = Period.from_year_month("11512")
"""November and December of 2026."""


@pytest.mark.parametrize(
    ("happened", "business", "due"),
    [
        (date(2026, 11, 26), False, date(2026, 11, 28)),
        (date(2026, 11, 26), True, date(2026, 12, 3)),
        (date(2026, 12, 31), False, date(2027, 1, 2)),
        (date(2028, 2, 28), False, date(2028, 3, 1)),
        (datetime(2026, 11, 26, 23, 59, 59, tzinfo=TAIPEI), False, date(2026, 11, 28)),
    ],
)
def test_an_upload_is_due_days_after_the_day_after(happened: date, business: bool, due: date) -> None:
    """Two days for consumers, seven for businesses, counted from the day after; the last day itself is still good."""
    assert deadlines.upload_due(happened, business) == due
    assert not deadlines.upload_overdue(happened, business, due)
    assert deadlines.upload_overdue(happened, business, date.fromordinal(due.toordinal() + 1))


def test_an_invoice_may_be_cancelled_until_the_filing_day() -> None:
    """The 15th of the next odd month is the last day, across a year's end too."""
    assert deadlines.cancel_until(NOV_DEC) == date(2027, 1, 15)
    assert deadlines.may_cancel(NOV_DEC, date(2027, 1, 15))
    assert deadlines.may_cancel(NOV_DEC, datetime(2027, 1, 15, 23, 59, tzinfo=TAIPEI))
    assert not deadlines.may_cancel(NOV_DEC, date(2027, 1, 16))
    assert deadlines.cancel_until(Period.from_year_month("11602")) == date(2027, 3, 15)


def test_unused_numbers_go_from_the_first_to_the_fifth_and_are_due_on_the_tenth() -> None:
    """From the first day after the period; the box's own day leaves five days to the law's."""
    assert deadlines.unused_from(NOV_DEC) == date(2027, 1, 1)
    assert deadlines.unused_send_by(NOV_DEC) == date(2027, 1, 5)
    assert deadlines.unused_due(NOV_DEC) == date(2027, 1, 10)


def test_records_are_kept_five_years_after_their_year() -> None:
    """The last period of a year and the first have the same day."""
    assert deadlines.keep_until(NOV_DEC) == deadlines.keep_until(Period.from_year_month("11502")) == date(2031, 12, 31)
