"""Questions: an invoice as it stands, the ranges, the one screen of status. None of them changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from einvoiced import errors
from einvoiced.actions.ask import count, list_tracks
from einvoiced.actions.print_proof import doubt_interrupted, next_waiting, note
from einvoiced.actions.show_invoice import InvoiceShown, get_invoice
from einvoiced.actions.status import LOW_STOCK, PaperState, Reason, Status, make_status
from einvoiced.journal import entries
from einvoiced.rules.period import Period
from tests.boxes import Desk

KEY = "9f0c1c2e-7c1f-4b7e-8d0e-2b6f0f6a1c11"


@pytest.fixture
def stocked(desk: Desk) -> Iterator[Desk]:
    """A desk with two booklets; asking must leave its journal as it is from the mark on."""
    desk.take(("NQ", 0, 99))
    yield desk


def get(desk: Desk, key: str | None = None, number: str | None = None, period: str | None = None) -> InvoiceShown:
    """`invoice.get`."""
    return desk.call(get_invoice(desk.box, key=key, invoice_number=number, year_month=period))


def status(desk: Desk, paper: PaperState | None = None) -> Status:
    """`box.status`, as if nothing were due."""
    return make_status(desk.box, desk.call(count(desk.box)), paper or PaperState("ready"), [])


def reasons(found: list[Reason]) -> list[str]:
    """Their names, but for the plan of an even month; each has a sentence in both languages."""
    assert all(r.en and r.zh for r in found)
    return [r.name for r in found if r.name != "plan_next"]


# -- one invoice -------------------------------------------------------------------------------------------------------


def test_an_invoice_is_found_by_key_and_by_number(stocked: Desk) -> None:
    """In every spelling; `result` are the very bytes that issuing answered."""
    answer = stocked.issue(key=KEY, labels={"order_no": "A-1"})
    asked: list[dict[str, Any]] = [
        {"key": KEY},
        {"key": KEY.upper()},
        {"number": "NQ00000000"},
        {"number": "NQ-00000000"},
        {"number": "NQ00000000", "period": "11502"},
    ]
    for question in asked:
        shown = get(stocked, **question)
        assert bytes(shown.result) == answer
        assert (shown.state, shown.paper, shown.labels.order_no) == ("issued", "queued", "A-1")
        assert shown.key == KEY or shown.key == question["key"]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ({}, errors.InvalidParams),
        ({"key": KEY, "number": "NQ00000000"}, errors.InvalidParams),
        ({"key": "7"}, errors.BadKey),
        ({"number": "NQ1"}, errors.InvalidParams),
        ({"number": "nq00000000"}, errors.InvalidParams),
        ({"number": ""}, errors.InvalidParams),
        ({"key": KEY}, errors.InvoiceNotFound),
        ({"number": "NQ00000001"}, errors.InvoiceNotFound),
        ({"number": "ZZ00000000"}, errors.InvoiceNotFound),
        ({"number": "NQ00000000", "period": "11504"}, errors.InvoiceNotFound),
        ({"number": "NQ00000000", "period": "x"}, errors.InvoiceNotFound),
    ],
    ids=str,
)
def test_what_is_not_there_is_said_to_be_so(
    stocked: Desk, question: dict[str, str], kind: type[errors.EinvoicedError]
) -> None:
    """A wrong question is told from a right one without an answer; neither changes anything."""
    stocked.issue()
    before = stocked.entries()
    with pytest.raises(kind):
        get(stocked, **question)
    assert stocked.entries() == before


def test_two_periods_may_share_a_number(stocked: Desk) -> None:
    """The newest is shown unless the period is named."""
    old = stocked.issue()
    stocked.clock.move(40 * 86_400)
    stocked.take(("NQ", 0, 49))
    new = stocked.issue()
    assert old != new
    assert bytes(get(stocked, number="NQ00000000").result) == new
    assert bytes(get(stocked, number="NQ00000000", period="11502").result) == old


def test_without_a_shop_nothing_is_found(stocked: Desk) -> None:
    """NotConfigured for each question that is about this shop."""
    stocked.box.shop = None
    with pytest.raises(errors.NotConfigured):
        get(stocked, key=KEY)
    with pytest.raises(errors.NotConfigured):
        list_tracks(stocked.box)


# -- the ranges --------------------------------------------------------------------------------------------------------


def test_ranges_tell_how_far_they_are(desk: Desk) -> None:
    """Fresh, current with its next number, spent without one; by period and track."""
    desk.take(("NQ", 0, 49), ("NQ", 100, 199))
    desk.take(("AB", 0, 49), period=Period.of(desk.clock.now()).next())
    for _ in range(51):
        desk.issue()
    shown = desk.call(list_tracks(desk.box))
    assert [(r.year_month, r.track, r.begin, r.end, r.next, r.left, r.state) for r in shown] == [
        ("11502", "NQ", "00000000", "00000049", None, 0, "spent"),
        ("11502", "NQ", "00000100", "00000199", "00000101", 99, "current"),
        ("11504", "AB", "00000000", "00000049", "00000000", 50, "fresh"),
    ]


# -- paper -------------------------------------------------------------------------------------------------------------


def test_paper_is_asked_for_oldest_first(stocked: Desk) -> None:
    """What waits, what is leaving, what is doubtful are counted apart; a start doubts what was leaving."""
    for sale in ({}, {"npoban": "919"}, {}):
        stocked.issue(**sale)
    first = stocked.call(next_waiting)
    assert first is not None
    assert first.invoice.invoice_number == "NQ00000000"
    stocked.call(note(entries.ProofSending(first.sequence, "0" * 64)))
    counts = stocked.call(count(stocked.box))
    assert (counts.proofs_waiting, counts.proofs_unconfirmed) == (2, 0)
    second = stocked.call(next_waiting)
    assert second is not None
    assert second.invoice.invoice_number == "NQ00000002"
    assert stocked.call(doubt_interrupted) == 1
    assert stocked.call(doubt_interrupted) == 0
    counts = stocked.call(count(stocked.box))
    assert (counts.proofs_waiting, counts.proofs_unconfirmed) == (1, 1)
    assert get(stocked, number="NQ00000000").paper == "unconfirmed"


# -- status ------------------------------------------------------------------------------------------------------------


def test_a_box_that_is_well_says_so(desk: Desk) -> None:
    """Ready, in both languages, with its numbers."""
    desk.take(("NQ", 0, 499))
    desk.take(("NQ", 0, 499), period=Period.from_year_month("11504"))
    desk.issue()
    told = status(desk)
    assert (told.can_issue, told.can_print, told.lamps, told.locks, told.warnings) == (True, True, "ready", [], [])
    assert (told.sentence, told.sentence_zh) == ("Ready.", "可以開立發票。")
    assert told.counts is not None
    assert (told.counts.numbers_left_this_period, told.counts.last_number) == (499, "NQ00000000")
    assert told.period == "115年01-02月"


def test_the_last_number_is_that_of_the_range_in_use(desk: Desk) -> None:
    """None at first; after a range is spent, that of the next."""
    assert desk.call(count(desk.box)).last_number is None
    desk.take(("NQ", 0, 49), ("AB", 0, 49))
    assert desk.call(count(desk.box)).last_number is None
    for _ in range(51):
        desk.issue()
    assert desk.call(count(desk.box)).last_number == "NQ00000000"


@pytest.mark.parametrize(
    ("left", "lamps", "warnings"),
    [(LOW_STOCK + 1, "ready", []), (LOW_STOCK, "attention", ["numbers_low"]), (0, "stop", ["no_numbers_left"])],
)
def test_few_numbers_ask_for_attention(desk: Desk, left: int, lamps: str, warnings: list[str]) -> None:
    """At the limit, not before; without any the box stops, and says so first."""
    desk.take(("NQ", 0, 149))
    desk.take(("NQ", 0, 1999), period=Period.from_year_month("11504"))
    for _ in range(150 - left):
        desk.issue()
    desk.clock.move(18 * 86_400)  # nobody expects the rest to be used in one day
    told = status(desk)
    assert (told.lamps, reasons(told.warnings), told.can_issue) == (lamps, warnings, left > 0)
    if warnings:
        assert told.sentence_zh == told.warnings[0].zh


def test_numbers_of_the_next_period_do_not_count_for_this(desk: Desk) -> None:
    """They are shown, and the box still cannot issue; when their time comes, it can."""
    desk.take(("NQ", 0, 499), period=Period.of(desk.clock.now()).next())
    told = status(desk)
    assert told.counts is not None
    assert (told.counts.numbers_left_this_period, told.counts.numbers_left_next_period) == (0, 500)
    assert not told.can_issue
    desk.clock.move(40 * 86_400)
    assert status(desk).can_issue


def test_locks_come_first(stocked: Desk) -> None:
    """A lock stops the lamps, hides the talk about stock, and its sentence is the first to be read."""
    stocked.box.lock("test", "It is locked.", "已鎖定。")
    told = status(stocked)
    assert (told.can_issue, told.lamps, reasons(told.locks)) == (False, "stop", ["test"])
    assert (told.sentence, told.sentence_zh) == ("It is locked.", "已鎖定。")
    assert "numbers_low" not in reasons(told.warnings)


def test_trouble_with_paper_asks_for_attention(desk: Desk) -> None:
    """The printer's trouble and doubtful proofs; issuing goes on."""
    desk.take(("NQ", 0, 499))
    told = status(desk, PaperState("paper_out", Reason("printer_paper_out", "Out of paper.", "缺紙。")))
    assert (told.can_issue, told.can_print, told.lamps) == (True, False, "attention")
    assert (reasons(told.warnings), told.printer) == (["printer_paper_out"], "paper_out")
    sequence = json.loads(desk.issue())["sequence"]
    desk.call(note(entries.ProofUnconfirmed(sequence, "stalled")))
    assert reasons(status(desk).warnings) == ["proofs_unconfirmed"]


def test_an_unconfirmed_clock_asks_for_attention(desk: Desk) -> None:
    """Issuing is possible for tills that send their time."""
    desk.take(("NQ", 0, 499))
    desk.clock.say_synchronised(False)
    told = status(desk)
    assert (told.clock_trusted, told.can_issue, reasons(told.warnings)) == (False, True, ["clock_untrusted"])


def test_without_a_journal_there_is_still_a_status(desk: Desk) -> None:
    """Counts are absent, and the box cannot issue."""
    told = make_status(desk.box, None, PaperState(), [])
    assert (told.counts, told.can_issue, told.can_print, told.lamps) == (None, False, False, "stop")
