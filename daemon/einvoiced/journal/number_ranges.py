"""What entries about tracks do to the ranges: taken, shared, reserved, held, closed (called by `projections` only).

A row of `ranges` is one range with one share of it: `last` is this box's last number, and `next` always points at one
of its own, or beyond `last`. `part` and `boxes` are the share (`part` counts from 0); `taken` counts issued invoices.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from einvoiced.journal import entries
from einvoiced.rules.numbers import BOOKLET
from einvoiced.rules.share import Share

Db = sqlite3.Connection
Key = tuple[str, str, str]
"""Seller, period, track."""

LEFT = f"""
iif(next > last, 0, (last / {BOOKLET} - next / {BOOKLET}) / boxes * {BOOKLET} + {BOOKLET} - next % {BOOKLET})
"""
"""SQL: how many numbers a range still has for this box, as `Share.left` counts them."""

NEXT = f"?1 + 1 + iif(?1 % {BOOKLET} = {BOOKLET - 1}, (boxes - 1) * {BOOKLET}, 0)"
"""SQL: the number after ?1, as `Share.after` gives it."""

_WHERE = "WHERE seller = ? AND year_month = ? AND track = ?"
_HOLDING = f'SELECT begin, "end", next, ceiling, state, part, boxes FROM ranges {_WHERE} AND begin <= ? AND "end" >= ?'
_INSERT = "INSERT INTO ranges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SET_NEXT = f"UPDATE ranges SET next = ?, ceiling = ?, state = ? {_WHERE} AND begin = ?"
_LAST_ASIDE = f"SELECT max(last) FROM set_aside {_WHERE} AND first <= ? AND last >= ? AND state <> 'unused'"
_OF_PERIOD = """
SELECT track, begin, "end", state, entry, ceiling FROM ranges WHERE seller = ? AND year_month = ? ORDER BY track, begin
"""


def put_aside(db: Db, sequence: int, state: str, runs: Iterable[entries.Run]) -> None:
    """Keep runs that this box never issues; empty ones are passed over."""
    rows = [(r.seller, r.year_month, r.track, r.first, r.last, state, sequence) for r in runs if r.first <= r.last]
    db.executemany("INSERT INTO set_aside VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def imported(db: Db, sequence: int, data: entries.TracksImported) -> None:
    """New ranges."""
    db.executemany(_INSERT, (_row(r, sequence) for r in data.ranges))
    aside = {row[0] for row in db.execute("SELECT DISTINCT year_month FROM set_aside")}
    for r in data.ranges:
        if r.year_month not in aside:
            continue
        (last,) = db.execute(_LAST_ASIDE, (r.seller, r.year_month, r.track, r.end, r.begin)).fetchone()
        if last is not None:  # a lost import taken again: its numbers were set aside while the range was unknown
            pass_over(db, entries.Run(r.seller, r.year_month, r.track, r.begin, min(last, r.end)))
    if data.typing is not None:
        db.execute("DELETE FROM facts WHERE name = ?", (f"typing {data.typing}",))


def _row(r: entries.Range, sequence: int) -> tuple[object, ...]:
    share = Share.parse(r.share)
    first, last = share.first_between(r.begin, r.end), share.last_between(r.begin, r.end)
    state = "fresh" if r.released else "unreleased"
    if first is None or last is None:
        first, last, state = r.end + 1, r.begin - 1, "not_ours"
    key = (r.seller, r.year_month, r.track, r.begin, r.end, r.invoice_type)
    return (*key, first, first - 1, state, sequence, last, share.of, share.index - 1, 0)


def pass_over(db: Db, run: entries.Run) -> None:
    """The range that holds a run's end goes on behind it."""
    key = (run.seller, run.year_month, run.track)
    row = db.execute(_HOLDING, (*key, run.last, run.last)).fetchone()
    if row is None:
        return
    begin, end, next_, ceiling, state, part, boxes = row
    first = Share(part + 1, boxes).first_between(begin, end, max(next_, run.last + 1))
    if state != "not_ours":
        in_use = "current" if state in ("fresh", "unreleased") else state
        state = "spent" if first is None else in_use
    db.execute(_SET_NEXT, (end + 1 if first is None else first, max(ceiling, run.last), state, *key, begin))


def released(db: Db, sequence: int, data: entries.TracksReleased) -> None:
    """What was used elsewhere is set aside, with the rest of its booklet."""
    key = (data.seller, data.year_month, data.track)
    row = db.execute(_HOLDING, (*key, data.begin, data.begin)).fetchone()
    if row is None:
        return
    begin, end, _, _, _, part, boxes = row
    first = Share(part + 1, boxes).first_between(begin, end, data.next)
    state = "spent" if first is None else "fresh"
    next_ = end + 1 if first is None else first
    db.execute(_SET_NEXT, (next_, next_ - 1, state, *key, begin))
    if data.last_used is not None:
        booklet_end = data.last_used // BOOKLET * BOOKLET + BOOKLET - 1
        put_aside(db, sequence, "elsewhere", [entries.Run(*key, data.begin, data.last_used)])
        put_aside(db, sequence, "skipped", [entries.Run(*key, data.last_used + 1, booklet_end)])


def reserved(db: Db, sequence: int, data: entries.TracksReserved) -> None:
    """Cut a run of whole booklets out of the range that holds it: what is left is one range, two, or none."""
    run = data.run
    key = (run.seller, run.year_month, run.track)
    row = db.execute(
        f'SELECT begin, "end", invoice_type, next, ceiling, state, entry, last, boxes, part, taken FROM ranges '
        f'{_WHERE} AND begin <= ? AND "end" >= ?',
        (*key, run.first, run.last),
    ).fetchone()
    if row is None:
        raise sqlite3.IntegrityError(f"{run.track} {run.first:08d}-{run.last:08d} is of no range")
    begin, end, *rest = row
    db.execute(f"DELETE FROM ranges {_WHERE} AND begin = ?", (*key, begin))
    taken = rest[-1]
    for first, last in ((begin, run.first - 1), (run.last + 1, end)):
        if first <= last:
            db.execute(_INSERT, (*key, first, last, *_piece(first, last, rest, taken)))
            taken = 0
    put_aside(db, sequence, "reserved", [run])


def _piece(first: int, last: int, rest: list[Any], taken: int) -> tuple[object, ...]:
    """The columns after `end` of a range's piece; `rest` are those of the whole."""
    kind, next_, ceiling, state, entry, _, boxes, part, _ = rest
    share = Share(part + 1, boxes)
    own_first, own_last = share.first_between(first, last, next_), share.last_between(first, last)
    if own_last is None:
        return kind, last + 1, last, "not_ours", entry, first - 1, boxes, part, taken
    if own_first is None:
        return kind, last + 1, last, "spent", entry, own_last, boxes, part, taken
    now = "fresh" if state == "current" and own_first != next_ else state
    return kind, own_first, max(min(ceiling, last), own_first - 1), now, entry, own_last, boxes, part, taken


def held(db: Db, _sequence: int, data: entries.TracksHeld) -> None:
    """Out of use."""
    where = (data.seller, data.year_month, data.track, data.begin)
    db.execute(f"UPDATE ranges SET state = 'held' {_WHERE} AND begin = ? AND state IN ('fresh', 'current')", where)


def unheld(db: Db, _sequence: int, data: entries.TracksUnheld) -> None:
    """In use again: it goes on at once where no other range of the period is in use, else it waits for its turn."""
    where = (data.seller, data.year_month, data.track, data.begin)
    db.execute(
        f"""UPDATE ranges SET state = iif(taken > 0 AND NOT EXISTS (
            SELECT 1 FROM ranges AS other WHERE other.seller = ranges.seller
            AND other.year_month = ranges.year_month AND other.state = 'current'), 'current', 'fresh')
        {_WHERE} AND begin = ? AND state = 'held'""",
        where,
    )


def share_changed(db: Db, _sequence: int, data: entries.ShareChanged) -> None:
    """Split all ranges of a period anew. Nothing of them was taken, but something may be set aside."""
    share = Share.parse(data.share)
    of_period = (data.seller, data.year_month)
    for track, begin, end, state, entry, ceiling in db.execute(_OF_PERIOD, of_period).fetchall():
        key = (*of_period, track)
        (aside,) = db.execute(_LAST_ASIDE, (*key, end, begin)).fetchone()
        at_least = begin if aside is None else aside + 1
        first, last = share.first_between(begin, end, at_least), share.last_between(begin, end)
        was = _released(db, entry, track, begin) if state == "not_ours" else state
        was = "fresh" if was in ("spent", "current") else was
        now = "not_ours" if last is None else "spent" if first is None else was
        next_ = end + 1 if first is None else first
        db.execute(
            f"UPDATE ranges SET next = ?, ceiling = ?, state = ?, last = ?, boxes = ?, part = ? {_WHERE} AND begin = ?",
            (
                next_,
                max(ceiling, next_ - 1),
                now,
                begin - 1 if last is None else last,
                share.of,
                share.index - 1,
                *key,
                begin,
            ),
        )


def _released(db: Db, entry: int, track: str, begin: int) -> str:
    """The state that a range was taken with, of which no number was this box's until now."""
    (body,) = db.execute("SELECT body FROM entries WHERE sequence = ?", (entry,)).fetchone()
    data = entries.read_data(entries.read(body))
    assert isinstance(data, entries.TracksImported)
    whole = next(r for r in data.ranges if r.track == track and r.begin <= begin <= r.end)
    return "fresh" if whole.released else "unreleased"


def closed(db: Db, sequence: int, data: entries.PeriodClosed) -> None:
    """What was never issued is unused."""
    put_aside(db, sequence, "unused", data.unused)
    db.execute(
        "UPDATE ranges SET state = 'closed' WHERE seller = ? AND year_month = ? AND state IN ('fresh', 'current')",
        (data.seller, data.year_month),
    )
    _set_period(db, sequence, data.seller, data.year_month, "closed")


def reopened(db: Db, sequence: int, data: entries.PeriodReopened) -> None:
    """As before it was closed; only a person closes it again."""
    place = (data.seller, data.year_month)
    db.execute("DELETE FROM set_aside WHERE seller = ? AND year_month = ? AND state = 'unused'", place)
    db.execute(
        "UPDATE ranges SET state = iif(taken > 0, 'current', 'fresh') "
        "WHERE seller = ? AND year_month = ? AND state = 'closed'",
        place,
    )
    _set_period(db, sequence, *place, "reopened")


def queued(db: Db, sequence: int, data: entries.UnusedQueued) -> None:
    """They wait for the platform: the closing cannot be undone any more."""
    _set_period(db, sequence, data.seller, data.year_month, "queued")


def leftovers_taken(db: Db, sequence: int, data: entries.UnusedTaken) -> None:
    """What another box left of a period is here."""
    name = f"leftovers {data.seller} {data.year_month} {data.share}"
    db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (name, data.box, sequence))


def reported(db: Db, sequence: int, data: entries.UnusedReported) -> None:
    """For good."""
    _set_period(db, sequence, data.seller, data.year_month, "reported")


def _set_period(db: Db, sequence: int, seller: str, year_month: str, state: str) -> None:
    db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (f"period {seller} {year_month}", state, sequence))


def typed(db: Db, sequence: int, _data: entries.TracksTyped) -> None:
    """A first typing waits for the second; its fact's value counts how often a second one differed."""
    db.execute("INSERT INTO facts VALUES (?, ?, ?)", (f"typing {sequence}", "0", sequence))


def typing_differed(db: Db, sequence: int, data: entries.TypingDiffered) -> None:
    """One try less."""
    db.execute(
        "UPDATE facts SET value = CAST(value AS INTEGER) + 1, entry = ? WHERE name = ?",
        (sequence, f"typing {data.typing}"),
    )


def exported(db: Db, sequence: int, data: entries.TracksExported) -> None:
    """That the period's list was given away by the box itself: once is enough."""
    if data.person == "einvoiced":
        name = f"exported {data.seller} {data.year_month}"
        db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (name, data.sha256, sequence))
