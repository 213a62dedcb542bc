"""`invoice.cancel` (作廢): when the law lets it, what a repeat gets, and that nothing of it is printed any more."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from einvoiced import errors
from einvoiced.actions import print_proof
from einvoiced.actions.named import Named
from einvoiced.actions.order_copy import order_copy
from einvoiced.actions.order_proof import order_proof
from einvoiced.actions.report_proof import report_proof
from einvoiced.actions.resolve_proof import resolve_proof
from einvoiced.client import new_key
from einvoiced.journal import entries
from einvoiced.journal.verify import verify_journal
from einvoiced.rules.period import TAIPEI
from tests.boxes import Desk
from tests.unit.actions.lives import (
    append,
    cancel,
    cancel_bytes,
    entry_of,
    outbox,
    put_on_paper,
    refusal_of,
    shown,
)


def refusal(desk: Desk, kind: type[errors.EinvoicedError], number: str, **params: Any) -> errors.EinvoicedError:
    """The refusal of a cancellation; nothing was appended by it."""
    return refusal_of(desk, kind, lambda: cancel(desk, number, **params))


def at(text: str) -> datetime:
    """A moment in Taipei."""
    return datetime.fromisoformat(text).replace(tzinfo=TAIPEI)


def test_a_cancelled_invoice_says_all_that_the_platform_asks_for(stocked: Desk) -> None:
    """MIG's F0501: number, date, both parties, when, why; and it is told by itself, after the invoice."""
    number = stocked.number(buyer={"identifier": "04595257"})
    got = cancel(stocked, number, remark="整筆退回")["cancellation"]
    stated = {name: got.pop(name) for name in ("cancel_date", "cancel_time")}
    assert got == {
        "message": "F0501",
        "invoice_number": number,
        "invoice_date": "20260210",
        "buyer_id": "04595257",
        "seller_id": "24634102",
        "cancel_reason": "退貨",
        "remark": "整筆退回",
    }
    time = stocked.entries()[-1].time
    assert stated == {"cancel_date": time[:10].replace("-", ""), "cancel_time": time[11:19]}
    assert outbox(stocked) == [("F0401", "waiting"), ("F0501", "waiting")]
    now = shown(stocked, number)
    assert (now.state, json.loads(bytes(now.cancellation or b""))["cancellation"]["cancel_reason"]) == (
        "cancelled",
        "退貨",
    )


def test_the_number_stays_used(stocked: Desk) -> None:
    """The next sale gets the next one."""
    first = stocked.number()
    cancel(stocked, first)
    assert int(stocked.number()[2:]) == int(first[2:]) + 1


def test_a_repeat_gets_the_very_bytes(stocked: Desk) -> None:
    """For ever: after a restart, and when the time for it is long over."""
    number, key = stocked.number(), new_key()
    first = cancel_bytes(stocked, number, key=key)
    stocked.clock.set(at("2027-01-01T00:00"))
    stocked.reopen()
    before = stocked.entries()
    assert cancel_bytes(stocked, number, key=key) == first
    assert stocked.entries() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("reason", "誤開"), ("by", "李店員"), ("consent", "電話同意"), ("document", "台財稅1"), ("remark", "x")],
)
def test_a_key_with_another_content_is_a_conflict(stocked: Desk, name: str, value: str) -> None:
    """It shows both."""
    number, key = stocked.number(), new_key()
    cancel(stocked, number, key=key)
    error = refusal(stocked, errors.KeyConflict, number, key=key, **{name: value})
    assert error.facts["differs"] == name
    assert value in str(error.facts["sent"])


def test_a_key_of_another_invoice_is_a_conflict(stocked: Desk) -> None:
    """Whatever else is the same."""
    number, other, key = stocked.number(), stocked.number(), new_key()
    cancel(stocked, number, key=key)
    assert refusal(stocked, errors.KeyConflict, other, key=key).facts["differs"] == "invoice_number"
    assert shown(stocked, other).state == "issued"


def test_a_key_belongs_to_one_verb(stocked: Desk) -> None:
    """A sale's key cancels nothing, a cancellation's key sells nothing; both verbs are named."""
    sale, key = new_key(), new_key()
    number = stocked.number(key=sale)
    error = refusal(stocked, errors.KeyConflict, number, key=sale)
    assert (error.facts["stored"], error.facts["sent"]) == ("invoice.issue", "invoice.cancel")
    cancel(stocked, number, key=key)
    before = stocked.entries()
    with pytest.raises(errors.KeyConflict) as caught:
        stocked.issue(key=key)
    assert (caught.value.facts["stored"], caught.value.facts["sent"]) == ("invoice.cancel", "invoice.issue")
    assert caught.value.facts["invoice_number"] == number
    assert stocked.entries() == before


def test_a_refused_request_does_not_burn_its_key(stocked: Desk) -> None:
    """Mended, it goes through under the same key."""
    number, key = stocked.number(), new_key()
    refusal(stocked, errors.BadText, number, key=key, reason="這個作廢原因實在是寫得太長了，超過二十個字")
    refusal(stocked, errors.InvoiceNotFound, "NQ00000001", key=key)
    assert cancel(stocked, number, key=key)["cancellation"]["invoice_number"] == number


def test_it_is_named_by_number_or_by_its_sales_key(stocked: Desk) -> None:
    """Exactly one of them."""
    sale = new_key()
    number = stocked.number(key=sale)
    for wrong in ({"invoice_key": sale}, {"invoice_number": None}):
        with pytest.raises(errors.InvalidParams):
            cancel(stocked, number, **wrong)
    assert cancel(stocked, number, invoice_number=None, invoice_key=sale)["cancellation"]["invoice_number"] == number


def test_it_is_cancelled_once(stocked: Desk) -> None:
    """Another key is told that it is."""
    number = stocked.number()
    cancel(stocked, number)
    assert number in str(refusal(stocked, errors.InvoiceIsCancelled, number))


def test_the_law_lets_it_until_the_fifteenth_of_the_next_odd_month(stocked: Desk) -> None:
    """To the last second; afterwards only with the tax office's document, which is told to the platform."""
    numbers = [stocked.number() for _ in range(3)]
    stocked.clock.freeze()
    stocked.clock.set(at("2026-03-15T23:59:59"))
    cancel(stocked, numbers[0])
    stocked.clock.set(at("2026-03-16T00:00"))
    error = refusal(stocked, errors.CancelTooLate, numbers[1])
    assert (error.path, error.facts["until"]) == ("document", "2026-03-15")
    told = cancel(stocked, numbers[1], document="財北國稅字第1150001號")["cancellation"]
    assert told["return_tax_document_number"] == "財北國稅字第1150001號"


def test_allowances_come_first(stocked: Desk) -> None:
    """It names those that stand; one that was cancelled is no obstacle."""
    number = stocked.number()
    data = entries.AllowanceIssued(
        "24634102", new_key(), "A10100000001", entry_of(stocked, number), "王", None, entries.Labels(), Raw(b"{}")
    )
    allowance = append(stocked, data)
    assert "A10100000001" in str(refusal(stocked, errors.AllowancesStand, number))
    append(stocked, entries.AllowanceCancelled("24634102", new_key(), allowance, "誤開", "王", None, Raw(b"{}")))
    cancel(stocked, number)


def test_a_clock_that_nobody_vouches_for_cancels_nothing(stocked: Desk) -> None:
    """The time for it is the clock's; the till's own clock vouches."""
    number = stocked.number()
    stocked.clock.say_synchronised(False)
    refusal(stocked, errors.ClockUntrusted, number)
    cancel(stocked, number, till_time=stocked.clock.now().isoformat())


def test_a_locked_box_cancels_nothing(stocked: Desk) -> None:
    """And says why."""
    number = stocked.number()
    stocked.box.lock("journal_behind", "old", "舊")
    refusal(stocked, errors.BoxLocked, number)


# -- paper


@pytest.mark.parametrize(
    ("paper", "after", "word"),
    [
        ("queued", "none", "never printed"),
        ("failed", "none", "never printed"),
        ("printed", "printed", "Take the printed proof back"),
        ("sent", "sent", "Take the printed proof back"),
        ("sending", "sending", "Nobody knows"),
        ("handed_out", "handed_out", "Nobody knows"),
        ("unconfirmed", "none", "Nobody knows"),
        ("to_replace", "none", "Nothing usable"),
    ],
)
def test_the_answer_says_what_to_do_with_the_paper(stocked: Desk, paper: str, after: str, word: str) -> None:
    """By where the original is; and nobody is asked to look after it any more."""
    number = stocked.number(print="till" if paper == "handed_out" else "box")
    put_on_paper(stocked, number, paper)
    answer = cancel(stocked, number)
    assert answer["paper"] == paper
    assert word in answer["todo"]
    assert shown(stocked, number).paper == after


@pytest.mark.parametrize(
    ("sale", "paper", "word"),
    [
        ({"print": "till"}, "till", "The till prints"),
        ({"npoban": "919"}, "none", "donation"),
        ({"print": "none"}, "unprinted", "never"),
    ],
)
def test_a_sale_without_the_boxes_paper_says_so_too(stocked: Desk, sale: Any, paper: str, word: str) -> None:
    """Nothing came out of the box's printer."""
    answer = cancel(stocked, stocked.number(**sale))
    assert answer["paper"] == paper
    assert word in answer["todo"]


def test_a_queued_original_of_a_cancelled_invoice_never_prints(stocked: Desk) -> None:
    """Whether the printer's thread has read it already or not, and whatever it notes afterwards."""
    first, second = stocked.number(), stocked.number()
    waiting = stocked.call(print_proof.next_waiting)
    assert waiting is not None and waiting.invoice.invoice_number == first
    cancel(stocked, first)
    assert stocked.call(print_proof.begin(waiting, "0" * 64)) is False
    following = stocked.call(print_proof.next_waiting)
    assert following is not None and following.invoice.invoice_number == second
    cancel(stocked, second)
    assert stocked.call(print_proof.next_waiting) is None


def test_an_original_that_is_leaving_does_not_wait_again(stocked: Desk) -> None:
    """Surely not a byte has left: then nothing of it may."""
    number = stocked.number()
    put_on_paper(stocked, number, "sending")
    cancel(stocked, number)
    append(stocked, entries.ProofRequeued(entry_of(stocked, number), "缺紙"))
    assert stocked.call(print_proof.next_waiting) is None
    assert shown(stocked, number).paper == "none"


def test_no_paper_comes_of_a_cancelled_invoice(stocked: Desk) -> None:
    """No original, no copy, no verdict; and copies that wait do not come out."""
    number = stocked.number()
    put_on_paper(stocked, number, "printed")
    named, box = Named(invoice_number=number), stocked.box
    stocked.call(order_copy(box, named, "王店員", None))
    first = stocked.call(print_proof.next_waiting)
    assert first is not None and first.copy is not None
    answer = cancel(stocked, number)
    assert "1" in answer["todo"] and answer["copies"] == 1
    assert stocked.call(print_proof.begin(first, "0" * 64)) is False
    assert stocked.call(print_proof.next_waiting) is None
    for verb in (
        order_copy(box, named, "王店員", None),
        order_proof(box, named, None),
        resolve_proof(box, named, "damaged", "王店員", None),
    ):
        with pytest.raises(errors.InvoiceIsCancelled):
            stocked.call(verb)


def test_a_copy_that_was_begun_does_not_wait_again(stocked: Desk) -> None:
    """It was taken back by the printer after its invoice was cancelled."""
    number = stocked.number()
    put_on_paper(stocked, number, "printed")
    stocked.call(order_copy(stocked.box, Named(invoice_number=number), "王店員", None))
    waiting = stocked.call(print_proof.next_waiting)
    assert waiting is not None and waiting.copy is not None
    stocked.call(print_proof.begin(waiting, "0" * 64))
    cancel(stocked, number)
    append(stocked, entries.CopyRequeued(waiting.copy, "缺紙"))
    assert stocked.call(print_proof.next_waiting) is None


def test_a_till_still_reports_what_became_of_its_paper(stocked: Desk) -> None:
    """It had the bytes when the invoice was cancelled."""
    number = stocked.number(print="till")
    put_on_paper(stocked, number, "handed_out")
    cancel(stocked, number)
    state = stocked.call(report_proof(stocked.box, Named(invoice_number=number), "printed", "", None))
    assert state.paper == "printed"


def test_a_journal_with_cancellations_verifies(stocked: Desk, tmp_path: Path) -> None:
    """Its tables are what its entries say."""
    for paper in ("queued", "printed", "sending", "to_replace"):
        number = stocked.number()
        put_on_paper(stocked, number, paper)
        cancel(stocked, number)
    append(stocked, entries.ProofPrinted(entry_of(stocked, number), "status"))
    stocked.journal.close()
    report = verify_journal(stocked.directory / "journal.db", tmp_path)
    stocked.open()
    assert report.good, report.findings
