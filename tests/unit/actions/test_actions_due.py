"""What is due and overdue: uploads by their oldest message, unused numbers, the last day to cancel."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from einvoiced.actions.ask import count
from einvoiced.actions.close_period import close_period, report_period
from einvoiced.actions.due import READ_AT_ONCE, Due, Known, look
from einvoiced.actions.paper_notices import PaperState
from einvoiced.actions.status import Status, make_status
from einvoiced.followers.slips import daily_slip, has_duties
from einvoiced.journal import entries
from einvoiced.journal.entries import Answer, Upload
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.period import TAIPEI
from einvoiced.rules.share import Share
from tests.boxes import RANGE, Desk


def dues(desk: Desk) -> dict[str, Due]:
    """By name."""
    return {due.name: due for due in desk.call(look(desk.box))}


def status(desk: Desk) -> Status:
    """The status with a ready printer."""
    return make_status(desk.box, desk.call(count(desk.box)), PaperState("ready"), desk.call(look(desk.box)))


def on(desk: Desk, year: int, month: int, day: int) -> None:
    """Move the clock to noon of a day."""
    desk.clock.set(datetime(year, month, day, 12, tzinfo=TAIPEI))


def accept(desk: Desk, entry: int, accepted: bool = True) -> None:
    """The platform answers to an invoice."""
    answer = Answer(Upload(entry, "F0401"), accepted, "" if accepted else "E0103")
    desk.call(lambda tx: tx.append(entries.UploadsAnswered([answer], "x", None)))


BUYER: dict[str, Any] = {"buyer": {"identifier": "04595257"}}


def test_nothing_is_due_at_first(desk: Desk) -> None:
    """Numbers alone are no duty."""
    desk.take(RANGE)
    assert dues(desk) == {}


@pytest.mark.parametrize(("sale", "days"), [({}, 2), (BUYER, 7)])
def test_an_invoice_is_due_by_the_law_and_then_overdue(desk: Desk, sale: dict[str, Any], days: int) -> None:
    """Two days for consumers, seven for businesses; overdue from the day after, on the lamps too."""
    desk.take(RANGE)
    desk.issue(**sale)
    (due,) = dues(desk).values()
    day = desk.clock.now().date()
    assert (due.name, due.by, due.count, due.late) == ("uploads_due", str(day + timedelta(days=days)), 1, 0)
    desk.clock.set(desk.clock.now() + timedelta(days=days))
    assert dues(desk)["uploads_due"] == due
    assert "uploads_overdue" not in [reason.name for reason in status(desk).warnings]
    desk.clock.set(desk.clock.now() + timedelta(days=1))
    assert dues(desk)["uploads_overdue"].late == 1
    assert status(desk).lamps == "attention"
    assert "uploads_overdue" in [reason.name for reason in status(desk).warnings]


def test_a_later_consumer_is_due_before_an_earlier_business(desk: Desk) -> None:
    """The least of the days decides, not the order; what was accepted no longer counts."""
    desk.take(RANGE)
    desk.issue(**BUYER)
    desk.clock.set(desk.clock.now() + timedelta(days=1))
    desk.issue()
    assert dues(desk)["uploads_due"].by == str(desk.clock.now().date() + timedelta(days=2))
    last = desk.call(lambda tx: tx.one("SELECT max(sequence) FROM invoices"))[0]
    accept(desk, last)
    assert dues(desk)["uploads_due"].by == str(desk.clock.now().date() + timedelta(days=6))


def test_refused_and_unknown_ones_wait_for_a_person(desk: Desk) -> None:
    """On the lamps at once, with the command that says what to do."""
    desk.take(RANGE)
    desk.issue()
    entry = desk.call(lambda tx: tx.one("SELECT max(sequence) FROM invoices"))[0]
    accept(desk, entry, accepted=False)
    refused = dues(desk)["uploads_refused"]
    assert (refused.by, refused.count) == ("", 1)
    assert "einvoicectl upload list --state refused" in refused.zh
    assert status(desk).lamps == "attention"
    desk.call(lambda tx: tx.append(entries.JournalRestored("backup", "陳技師", 1)))
    assert dues(desk)["uploads_unknown"].count == 1


@pytest.mark.parametrize(
    ("lead", "words"),
    [
        ("A1", ("A1", "unused export 11502", "period reported 11502")),
        ("", ("the office", "公司", "period reported 11502")),
        ("A2", ()),
    ],
)
def test_a_box_that_does_not_report_is_told_whom_to_give_its_unused_numbers(
    desk: Desk, lead: str, words: tuple[str, ...]
) -> None:
    """It cannot know that they were reported: a person says so. The lead box, and one alone, report by themselves."""
    desk.box.id = "A2"
    desk.box.shop = dataclasses.replace(desk.shop, share=Share(2, 2), lead=lead)
    desk.take(RANGE)
    on(desk, 2026, 3, 3)
    due = dues(desk)["unused_due"]
    assert due.by == "2026-03-05"
    assert all(word in due.en + due.zh for word in words)
    assert ("period reported" in due.en and "period reported" in due.zh) is bool(words)


def test_unused_numbers_are_due_until_they_are_reported(desk: Desk) -> None:
    """From the new period's first day; by the fifth, at the latest the tenth."""
    desk.take(RANGE)
    desk.issue()
    accept(desk, desk.call(lambda tx: tx.one("SELECT max(sequence) FROM invoices"))[0])
    on(desk, 2026, 3, 3)
    assert (dues(desk)["unused_due"].by, dues(desk)["unused_due"].overdue) == ("2026-03-05", False)
    assert dues(desk)["cancel_until"].by == "2026-03-15"
    on(desk, 2026, 3, 8)
    assert dues(desk)["unused_due"].by == "2026-03-10"
    on(desk, 2026, 3, 16)
    assert dues(desk)["unused_overdue"].overdue
    assert "cancel_until" not in dues(desk)
    desk.call(close_period(desk.box, "11502", "王店長", None))
    assert "unused_overdue" in dues(desk)
    desk.call(report_period(desk.box, "11502", "王店長", None))
    assert dues(desk) == {}


def test_looking_costs_the_same_with_many_messages(desk: Desk) -> None:
    """So many are read in one go, and none twice; the count says "at least" then."""
    desk.take(RANGE)
    for _ in range(READ_AT_ONCE + 20):
        desk.issue()
    desk.clock.set(desk.clock.now() + timedelta(days=3))
    known: Known = {}
    for late, most in ((READ_AT_ONCE, READ_AT_ONCE + 20), (READ_AT_ONCE + 20, 40), (READ_AT_ONCE + 20, 20)):
        asked: list[str] = []

        def watched(tx: Transaction, asked: list[str] = asked) -> list[Due]:
            tx.db.set_trace_callback(asked.append)
            try:
                return look(desk.box, known)(tx)
            finally:
                tx.db.set_trace_callback(None)

        (due,) = desk.call(watched)
        assert (due.count, due.late) == (READ_AT_ONCE + 20, late)
        assert (f"{late}+" in due.zh) is (late == READ_AT_ONCE)
        assert len(asked) <= most


def test_a_consumer_behind_many_businesses_is_seen(desk: Desk) -> None:
    """After three days it is overdue, though everything before it has four more days."""
    desk.take(RANGE)
    for _ in range(READ_AT_ONCE + 5):
        desk.issue(**BUYER)
    desk.issue()
    desk.clock.set(desk.clock.now() + timedelta(days=3))
    known: Known = {}
    assert [due.name for due in desk.call(look(desk.box, known))] == ["uploads_due"]
    (due,) = desk.call(look(desk.box, known))
    assert (due.name, due.late) == ("uploads_overdue", 1)


def test_the_daily_slip_says_what_is_overdue(desk: Desk) -> None:
    """Late ones first, then what is due by when, and the stock."""
    desk.take(RANGE)
    desk.issue()
    on(desk, 2026, 3, 3)
    now = status(desk)
    assert has_duties(now)
    text = str(daily_slip(now, "示範商店", desk.clock.now()))
    assert text.index("已逾期") < text.index("有 1 筆資料逾期未上傳") < text.index("空白發票號碼尚未申報")
    assert "2026-03-15 前作廢" in text
