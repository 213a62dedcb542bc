"""What people do with number ranges and periods: each thing an entry, each limit kept."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from einvoiced import errors
from einvoiced.actions.close_period import close_period, close_what_is_over, reopen_period, report_period
from einvoiced.actions.correct_clock import correct_clock
from einvoiced.actions.export_tracks import HEADER, export_due, export_tracks
from einvoiced.actions.hold_tracks import hold_tracks, unhold_tracks
from einvoiced.actions.import_tracks import import_tracks
from einvoiced.actions.plan_stock import plan_stock
from einvoiced.actions.release_tracks import release_tracks
from einvoiced.actions.track_history import track_history
from einvoiced.actions.type_tracks import Typed, type_tracks
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.rules.by_hand import MOST_TRIES, Typing
from einvoiced.rules.period import Period
from tests.boxes import SELLER, Desk
from tests.unit.actions.lives import at
from tools.virtualbox import track_file

PEER = Peer("admin", 1000, 1000, 4711)
THIS, NEXT = "11502", "11504"
TABLES = ("ranges", "set_aside", "facts", "track_events")

pytestmark = pytest.mark.usefixtures("same_after_a_replay")


def last(desk: Desk) -> Any:
    """The data of the last entry."""
    return entries.read_data(desk.entries()[-1])


def states(desk: Desk) -> list[tuple[str, str]]:
    """Track and state of all ranges."""
    return desk.call(lambda tx: tx.all("SELECT track, state FROM ranges ORDER BY track, begin"))


# -- typing by hand ----------------------------------------------------------------------------------------------------


def typed(desk: Desk, person: str, end: str = "00000199", confirms: int | None = None, preview: bool = False) -> Any:
    """One person's typing."""
    typing = Typing(person, "11503", "NQ", "00000100", end)
    return desk.call(type_tracks(desk.box, typing, confirms, preview, PEER))


def test_two_persons_type_one_range(desk: Desk) -> None:
    """The first changes nothing; the second, who may name the other month of the period, takes it with both names."""
    first = typed(desk, "王店長")
    assert (first.state, first.range.period, first.verdict, states(desk)) == ("first", "115年03-04月", None, [])
    second = desk.call(
        type_tracks(desk.box, Typing("李小姐", "11504", "NQ", "00000100", "00000199"), first.typing, False, PEER)
    )
    assert isinstance(second, Typed)
    assert (second.state, second.verdict.taken[0].numbers if second.verdict else 0) == ("taken", 100)
    data = last(desk)
    assert (data.source, data.typing, data.typed_by, data.peer) == ("typed", first.typing, ["王店長", "李小姐"], PEER)
    with pytest.raises(errors.TypingUnknown):
        typed(desk, "陳先生", confirms=first.typing)


def test_nobody_can_read_the_first_typing_back(desk: Desk) -> None:
    """Its entry holds no value, and not the hash of one that could be tried out without the journal's secret."""
    typed(desk, "王店長")
    body = bytes(desk.entries()[-1].data)
    marks = json.loads(body)["marks"]
    assert sorted(marks) == ["begin", "end", "period", "track"]
    for value in (b'"NQ', b"00000100", b"00000199", b'"1150'):
        assert value not in body
    history = desk.call(track_history(None, 10)).events[0]
    assert (history.what, history.who, history.tracks, history.detail) == ("tracks_typed", ["王店長"], [], "")
    again = typed(desk, "王店長")
    other = json.loads(bytes(desk.entries()[-1].data))["marks"]
    assert again.typing and all(marks[name] != other[name] for name in marks)


def test_a_second_typing_that_differs_is_counted(desk: Desk) -> None:
    """It learns which fields differ; after three the first counts no more, a right one is then too late."""
    first = typed(desk, "王店長")
    for tried in range(MOST_TRIES):
        error = typed(desk, "李小姐", end="00000249", confirms=first.typing, preview=tried == 1)
        assert isinstance(error, errors.TypedDiffers)
        assert (error.facts["fields"], last(desk).fields) == ("end", ["end"])
    with pytest.raises(errors.TypedTooOften):
        typed(desk, "李小姐", confirms=first.typing)
    assert states(desk) == []


def test_one_person_is_not_two(desk: Desk) -> None:
    """However the name is written."""
    first = typed(desk, "Wang Ming")
    with pytest.raises(errors.TypedBySamePerson):
        typed(desk, "ＷＡＮＧ　ming", confirms=first.typing)
    with pytest.raises(errors.TypingUnknown):
        typed(desk, "李小姐", confirms=first.typing + 1)


def test_a_preview_takes_nothing(desk: Desk) -> None:
    """Of the first typing and of the second; then it shows exactly what is taken."""
    count = len(desk.entries())
    assert (typed(desk, "王店長", preview=True).range.numbers, len(desk.entries())) == (100, count)
    first = typed(desk, "王店長")
    shown = typed(desk, "李小姐", confirms=first.typing, preview=True)
    assert (shown.state, states(desk)) == ("preview", [])
    assert typed(desk, "李小姐", confirms=first.typing).verdict.taken == shown.verdict.taken


def test_a_typed_range_is_checked_as_a_files(desk: Desk) -> None:
    """Past periods, half booklets, a cut of what is known: refused at the first typing."""
    desk.take(("NQ", 150, 249), period=Period.from_year_month(NEXT))
    with pytest.raises(errors.RangeOverlaps):
        typed(desk, "王店長")
    for values, kind in (
        (("11411", "NQ", "00000100", "00000199"), errors.PeriodPast),
        (("11503", "NQ", "00000110", "00000199"), errors.TypedBadly),
    ):
        with pytest.raises(kind):
            desk.call(type_tracks(desk.box, Typing("王店長", *values), None, False, PEER))


# -- hold, export, history, plan ---------------------------------------------------------------------------------------


def test_a_held_range_is_out_of_use_until_it_comes_back(desk: Desk) -> None:
    """Issuing goes on with the next one; the one that comes back waits for its turn."""
    desk.take(("AB", 0, 49), ("NQ", 0, 49))
    assert desk.number() == "AB00000000"
    desk.call(hold_tracks(desk.box, THIS, "AB", "00000000", "印錯", "王店長", PEER))
    assert (last(desk).reason, last(desk).person, last(desk).peer) == ("印錯", "王店長", PEER)
    assert desk.number() == "NQ00000000"
    with pytest.raises(errors.RangeUnknown):
        desk.call(hold_tracks(desk.box, THIS, "AB", "00000000", "印錯", "王店長", PEER))
    desk.call(unhold_tracks(desk.box, THIS, "AB", "00000000", "王店長", PEER))
    assert desk.number() == "NQ00000001"
    desk.call(hold_tracks(desk.box, THIS, "NQ", "00000000", "試", "王店長", PEER))
    assert desk.number() == "AB00000001"


def test_the_list_of_a_period_is_given_away(desk: Desk) -> None:
    """In both forms, with its hash in the journal; by itself once a period."""
    desk.take(("AB", 0, 49), ("NQ", 100, 199))
    desk.issue()
    made = desk.call(export_tracks(desk.box, THIS, "csv", "王店長", PEER))
    table = list(csv.reader(io.StringIO(made.content)))
    assert table[0] == list(HEADER)
    assert [row[:11] for row in table[1:]] == [
        [SELLER, "07", THIS, "AB", "00000000", "00000049", "1", "A1", "1/1", "50", "49"],
        [SELLER, "07", THIS, "NQ", "00000100", "00000199", "2", "A1", "1/1", "100", "100"],
    ]
    assert (last(desk).sha256, last(desk).ranges, last(desk).person) == (made.sha256, 2, "王店長")
    assert len(json.loads(desk.call(export_tracks(desk.box, THIS, "json", "王店長", PEER)).content)) == 2
    with pytest.raises(errors.RangeUnknown):
        desk.call(export_tracks(desk.box, NEXT, "csv", "王店長", PEER))
    assert [e.form for e in desk.call(export_due(desk.box))] == ["csv", "json"]
    assert desk.call(export_due(desk.box)) == []


def test_the_history_is_read_in_pages(desk: Desk) -> None:
    """Newest first, nothing twice, nothing left out; other entries are not in it."""
    for track in ("AA", "BB", "CC"):
        desk.take((track, 0, 49))
        desk.issue()
        desk.call(hold_tracks(desk.box, THIS, track, "00000000", "測試", "王店長", PEER))
    events = []
    before = None
    while True:
        page = desk.call(track_history(before, 2))
        events += page.events
        before = page.before
        if before is None:
            break
    wanted = [e for e in desk.entries() if e.type.startswith("tracks_")]
    assert [e.sequence for e in events] == [e.sequence for e in reversed(wanted)]
    assert (events[0].what, events[0].who, events[0].uid, events[0].tracks) == (
        "tracks_held",
        ["王店長"],
        1000,
        ["11502 CC 00000000"],
    )
    with pytest.raises(errors.InvalidParams):
        track_history(None, 201)


def test_the_plan_tells_what_to_ask_for(desk: Desk) -> None:
    """Used and left of this box; what the next period needs, and by the tenth of the even month."""
    desk.take(("NQ", 0, 199))
    for _ in range(60):
        desk.issue(print="till")
    plan = desk.call(plan_stock(desk.box))
    assert (plan.period, plan.used, plan.left, plan.left_next) == ("115年01-02月", 60, 140, 0)
    assert [(w.year_month, w.by) for w in plan.wanted] == [(THIS, "2026-02-10"), (NEXT, "2026-02-10")]
    assert {n.name for n in plan.notices} >= {"plan_next"}


# -- the turn of the period --------------------------------------------------------------------------------------------


def test_the_range_changes_at_the_second(desk: Desk) -> None:
    """The last second of February takes from one file, the first of March from the other, by itself."""
    desk.take(("AB", 0, 49))
    desk.take(("NQ", 0, 49), period=Period.from_year_month(NEXT))
    at(desk, 2, 28, 23, 59, 59)
    assert desk.number() == "AB00000000"
    at(desk, 3, 1, 0, 0, 0)
    assert desk.number() == "NQ00000000"
    at(desk, 4, 30, 23, 59, 59)
    assert desk.number() == "NQ00000001"
    at(desk, 5, 1, 0, 0, 0)
    with pytest.raises(errors.NoNumbersLeft):
        desk.issue()


def close(desk: Desk) -> Any:
    """Close the period by hand."""
    return desk.call(close_period(desk.box, THIS, "王店長", PEER))


def test_closing_waits_for_a_day_and_a_synchronised_clock(desk: Desk) -> None:
    """Neither a minute before nor by a clock that nobody confirms; by itself it is the same."""
    desk.take(("AB", 0, 49))
    for moment in ((2, 20), (3, 1, 12), (3, 1, 23, 59, 59)):
        at(desk, *moment)
        with pytest.raises(errors.PeriodCloseTooEarly):
            close(desk)
        assert desk.call(close_what_is_over(desk.box)) == []
    at(desk, 3, 2)
    desk.clock.say_synchronised(False)
    with pytest.raises(errors.PeriodCloseTooEarly):
        close(desk)
    assert desk.call(close_what_is_over(desk.box)) == []
    desk.clock.say_synchronised(True)
    (closed,) = desk.call(close_what_is_over(desk.box))
    assert (closed.state, closed.numbers, last(desk).person, last(desk).peer) == ("closed", 50, "einvoiced", None)


def test_left_over_numbers_are_unused_exactly_once(desk: Desk) -> None:
    """Those of ranges in use, untouched and held; issued, reserved and unreleased ones are not among them."""
    desk.take(("AB", 0, 99), ("NQ", 0, 49), ("ZZ", 0, 49))
    for _ in range(51):
        desk.issue(print="till")
    desk.call(hold_tracks(desk.box, THIS, "ZZ", "00000000", "測試", "王店長", PEER))
    at(desk, 3, 5)
    closed = close(desk)
    assert [(r.track, r.first, r.last) for r in closed.unused] == [("AB", 51, 99), ("NQ", 0, 49), ("ZZ", 0, 49)]
    assert (closed.state, closed.numbers) == ("closed", 149)
    count = len(desk.entries())
    assert close(desk) == closed
    assert desk.call(close_what_is_over(desk.box)) == []
    assert len(desk.entries()) == count
    with pytest.raises(errors.PeriodIsClosed):
        desk.call(unhold_tracks(desk.box, THIS, "ZZ", "00000000", "王店長", PEER))


def test_no_range_is_released_behind_a_closing(desk: Desk) -> None:
    """Released after the unused numbers were counted, nobody would report its own: first the closing is undone."""
    rows = track_file(("AB", 0, 49), ("NQ", 0, 49), period=Period.of(desk.clock.now())).encode()
    desk.call(import_tracks(desk.box, "f.csv", rows, source="socket", peer=None))
    desk.call(release_tracks(desk.box, THIS, "AB", "00000000", "none", "陳技師", PEER))
    late = release_tracks(desk.box, THIS, "NQ", "00000000", "none", "陳技師", PEER)
    at(desk, 3, 5)
    assert (close(desk).numbers, close(desk).unreleased) == (50, 1)
    with pytest.raises(errors.PeriodIsClosed):
        desk.call(late)
    desk.call(reopen_period(desk.box, THIS, "王店長", PEER))
    desk.call(late)
    assert (close(desk).numbers, close(desk).unreleased) == (100, 0)


def test_a_closing_can_be_undone_until_it_is_reported(desk: Desk) -> None:
    """Undone, the period is as before and stays open until a person closes it; reported, it is for good."""
    desk.take(("AB", 0, 49), ("NQ", 0, 49))
    desk.issue()
    with pytest.raises(errors.PeriodNotClosed):
        desk.call(reopen_period(desk.box, THIS, "王店長", PEER))
    before = states(desk)
    at(desk, 3, 5)
    first = close(desk)
    reopened = desk.call(reopen_period(desk.box, THIS, "王店長", PEER))
    assert (reopened.state, reopened.numbers, states(desk)) == ("reopened", 0, before)
    assert desk.call(close_what_is_over(desk.box)) == []
    assert close(desk).unused == first.unused
    assert desk.call(report_period(desk.box, THIS, "王店長", PEER)).state == "reported"
    for action in (reopen_period, report_period):
        with pytest.raises(errors.PeriodReported):
            desk.call(action(desk.box, THIS, "王店長", PEER))
    assert close(desk).unused == first.unused


def test_a_clock_that_was_wrong_finds_its_numbers_again(desk: Desk) -> None:
    """A closing by a clock that ran ahead is undone, and the period goes on where it was."""
    desk.take(("AB", 0, 49))
    assert desk.number() == "AB00000000"
    at(desk, 3, 5)
    close(desk)
    desk.call(reopen_period(desk.box, THIS, "王店長", PEER))
    at(desk, 2, 11)
    with pytest.raises(errors.ClockWasAhead):
        desk.issue()
    desk.call(correct_clock("陳技師", PEER))
    desk.call(unhold_tracks(desk.box, THIS, "AB", "00000000", "陳技師", PEER))
    assert desk.number() == "AB00000001"
