"""Rows against the shop and the calendar: whose numbers they are, for when, and against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice

from einvoiced import errors
from einvoiced.errors import TrackFileError
from einvoiced.intake.columns import BEGIN, CATEGORY, PERIOD, SELLER, TrackRow
from einvoiced.intake.refusals import ENOUGH
from einvoiced.rules.identifiers import tax_id_valid
from einvoiced.rules.numbers import GENERAL_TAX
from einvoiced.rules.period import Period

_NEXT_YEAR_FROM = (12, 15)
"""From mid December on shops with a yearly allotment (年配) fetch the whole of the next year."""


def last_period(today: date) -> Period:
    """The furthest period whose numbers may be taken on `today`.

    The rest of this year, as 年配 shops get it; the next period, as 期配 shops get it; from 15 December on all of the
    following year.
    """
    year = today.year + (1 if (today.month, today.day) >= _NEXT_YEAR_FROM else 0)
    return max(Period.of(date(year, 12, 1)), Period.of(today).next())


def check_rows(
    rows: Sequence[TrackRow], *, seller: str, today: date, branches: frozenset[str] = frozenset()
) -> list[TrackFileError]:
    """Every reason (up to 21 of a kind) why this box may not have these rows; empty when it may.

    `seller` is the shop's own 統一編號, `today` the day in Taipei. A row of another seller refuses the whole file:
    another shop's or branch's track may not be used (self-check form 9(3)). Only rows of `branches` may stand in it;
    since the box takes none of them, their category and period do not matter.
    """
    current, furthest = Period.of(today), last_period(today)
    of_rows = (
        reason
        for row in rows
        if row.range.seller == seller or row.range.seller not in branches
        for reason in (_owner(row, seller), _category(row), _calendar(row, current, furthest, today))
        if reason
    )
    return [*islice(of_rows, ENOUGH), *islice(_repeats(rows), ENOUGH)]


def _owner(row: TrackRow, own: str) -> TrackFileError | None:
    seller = row.range.seller
    if seller == own:
        return None
    if tax_id_valid(seller):
        return errors.SellerUnknown(row.line, SELLER, seller, own=own)
    return errors.BadSeller(row.line, SELLER, seller)


def _category(row: TrackRow) -> TrackFileError | None:
    category = row.range.invoice_type
    return None if category == GENERAL_TAX else errors.CategorySpecial(row.line, CATEGORY, category)


def _calendar(row: TrackRow, current: Period, furthest: Period, today: date) -> TrackFileError | None:
    period = row.range.period
    if period < current:
        ended = period.ends.date() - timedelta(days=1)
        return errors.PeriodPast(row.line, PERIOD, period.csv_form, ended=ended)
    if period > furthest:
        return errors.PeriodTooFar(row.line, PERIOD, period.csv_form, today=today)
    return None


def _repeats(rows: Sequence[TrackRow]) -> Iterator[TrackFileError]:
    """Rows that share a number with another row of the same period and track; the later line names the other.

    The platform gives a number of a track to one seller only, so rows of different sellers may not share one either.
    Sorted by their begins, a row can only overlap the one before it that reaches furthest.
    """
    ordered = sorted(rows, key=lambda row: (row.range.period, row.range.track, row.range.begin))
    named: set[int] = set()
    furthest: TrackRow | None = None
    for row in ordered:
        same_track = furthest is not None and _track(row) == _track(furthest)
        if furthest is not None and same_track and row.range.begin <= furthest.range.end:
            earlier, later = sorted((row, furthest), key=lambda each: each.line)
            if later.line not in named:
                named.add(later.line)
                yield errors.RangeRepeated(later.line, BEGIN, str(later.range), other=earlier.line)
        if furthest is None or not same_track or row.range.end > furthest.range.end:
            furthest = row


def _track(row: TrackRow) -> tuple[Period, str]:
    return row.range.period, row.range.track
