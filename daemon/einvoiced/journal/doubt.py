"""Which numbers nobody knows of: what was allowed (ceilings) and is neither issued nor set aside.

Read from a journal that nobody else writes; nothing is changed here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from einvoiced.journal import entries
from einvoiced.journal.entries import Ceiling, Run
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share

Place = tuple[str, str, str, int]
"""Seller, period, track, number."""

_RANGES = 'SELECT seller, year_month, track, begin, "end", next, ceiling, part, boxes FROM ranges'
_INVOICE = "SELECT sequence FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"
_ASIDE = """
SELECT state FROM set_aside WHERE seller = ? AND year_month = ? AND track = ? AND first <= ? AND last >= ?
"""
_RANGE_OF = """
SELECT begin, next FROM ranges WHERE seller = ? AND year_month = ? AND track = ? AND begin <= ? AND "end" >= ?
"""


def unknown_numbers(db: sqlite3.Connection, allowed: Iterable[Ceiling], since: str) -> set[Place]:
    """Every number that may have been used and is not known, of periods that had not ended at `since`, an entry's time.

    `allowed` is what others knew of ceilings; the journal's own are added. A ceiling of a range that the journal does
    not know counts from the range's first number.
    """
    uppers: dict[Place, int] = {}
    for c in allowed:
        key = (c.seller, c.year_month, c.track, c.begin)
        uppers[key] = max(uppers.get(key, c.ceiling), c.ceiling)
    found: set[Place] = set()
    for seller, period, track, begin, end, next_, ceiling, part, boxes in db.execute(_RANGES).fetchall():
        upper = max(uppers.pop((seller, period, track, begin), ceiling), ceiling)
        if entries.stamp(Period.from_year_month(period).ends) > since:
            for first, last in Share(part + 1, boxes).runs(next_, min(upper, end)):
                found.update((seller, period, track, n) for n in range(first, last + 1))
    for (seller, period, track, begin), upper in uppers.items():
        candidates = ((seller, period, track, n) for n in range(begin, upper + 1))
        found.update(place for place in candidates if not is_known(db, place))
    return found


def remembered(db: sqlite3.Connection, period: Period) -> list[Ceiling]:
    """What the file beside must know of ceilings, of `period` and the two before it and all later ones.

    Every range that may have been used, spent or not, and what was set aside of ranges that the journal does not know.
    """
    from_ = period.previous().previous().year_month
    ranges = db.execute(_ALLOWED, (from_,)).fetchall()
    runs = db.execute(_RUNS, (from_,)).fetchall()
    strays = [row for row in runs if not has_range(db, (*row[:3], row[4]))]
    return [Ceiling(*row) for row in ranges + strays]


_ALLOWED = """
SELECT seller, year_month, track, begin, ceiling FROM ranges WHERE year_month >= ? AND ceiling >= begin
"""
_RUNS = """
SELECT seller, year_month, track, first, last FROM set_aside
WHERE year_month >= ? AND state IN ('in_doubt', 'elsewhere')
"""


def allows(db: sqlite3.Connection, ceiling: Ceiling) -> bool:
    """Whether the journal knows that a range was used up to a ceiling: each number is below its own, or set aside."""
    number = ceiling.begin
    while number <= ceiling.ceiling:
        place = (ceiling.seller, ceiling.year_month, ceiling.track, number, number)
        ends = [row[0] for row in (*db.execute(_CEILING_OF, place), *db.execute(_ASIDE_END, place))]
        if max(ends, default=-1) < number:
            return False
        number = max(ends) + 1
    return True


_CEILING_OF = """
SELECT ceiling FROM ranges WHERE seller = ? AND year_month = ? AND track = ? AND begin <= ? AND "end" >= ?
"""
_ASIDE_END = "SELECT last FROM set_aside WHERE seller = ? AND year_month = ? AND track = ? AND first <= ? AND last >= ?"


def is_known(db: sqlite3.Connection, place: Place) -> bool:
    """Whether a number is issued or set aside."""
    return invoice_entry(db, place) is not None or aside_state(db, place) is not None


def invoice_entry(db: sqlite3.Connection, place: Place) -> int | None:
    """The entry of a number's invoice."""
    row = db.execute(_INVOICE, place).fetchone()
    return None if row is None else int(row[0])


def aside_state(db: sqlite3.Connection, place: Place) -> str | None:
    """The state of the set-aside run that holds a number."""
    row = db.execute(_ASIDE, (*place, place[3])).fetchone()
    return None if row is None else str(row[0])


def has_range(db: sqlite3.Connection, place: Place) -> bool:
    """Whether a number is of a range that the journal knows."""
    return db.execute(_RANGE_OF, (*place, place[3])).fetchone() is not None


def runs_of(db: sqlite3.Connection, places: Iterable[Place]) -> list[Run]:
    """Numbers as runs, none of which leaves its range."""
    runs: list[Run] = []
    begins: list[object] = []
    for place in sorted(places):
        *key, number = place
        row = db.execute(_RANGE_OF, (*place, number)).fetchone()
        begin = row[0] if row is not None else None
        last = runs[-1] if runs else None
        follows = last is not None and [last.seller, last.year_month, last.track, last.last + 1] == [*key, number]
        if last is not None and follows and begins[-1] == begin:
            runs[-1] = Run(last.seller, last.year_month, last.track, last.first, number)
        else:
            runs.append(Run(place[0], place[1], place[2], number, number))
            begins.append(begin)
    return runs


def ceiling_of_run(db: sqlite3.Connection, run: Run) -> Ceiling:
    """A run that somebody used, as a ceiling: of the range that holds it, or of itself where there is none."""
    place = (run.seller, run.year_month, run.track, run.last)
    row = db.execute(_RANGE_OF, (*place, run.last)).fetchone()
    return Ceiling(*place[:3], run.first if row is None else row[0], run.last)
