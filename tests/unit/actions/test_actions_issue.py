"""`invoice.issue`: who gets which number when, what a repeat gets, and that a refusal costs nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from einvoiced import errors
from einvoiced.actions.ask import count
from einvoiced.actions.paper_notices import PaperState
from einvoiced.actions.status import make_status
from einvoiced.client import new_key
from einvoiced.journal import entries
from einvoiced.rules.period import TAIPEI, Period
from einvoiced.rules.sale import Policy
from tests.boxes import SALE, Desk
from tests.unit.actions.lives import refusal_of

KEY = "9f0c1c2e-7c1f-4b7e-8d0e-2b6f0f6a1c11"
ONE = ("NQ", 0, 49)
BUYER = {"identifier": "04595257", "name": "示範股份有限公司"}
MOBILE = {"type": "3J0002", "id": "/ABC+123"}


def at(text: str) -> datetime:
    """A moment in Taipei."""
    return datetime.fromisoformat(text).replace(tzinfo=TAIPEI)


def freeze(desk: Desk, text: str) -> None:
    """Stop the clock at a moment."""
    desk.clock.freeze()
    desk.clock.set(at(text))


@pytest.fixture
def stocked(desk: Desk) -> Desk:
    """A desk with two booklets of NQ for this period."""
    desk.take(("NQ", 0, 99))
    return desk


def refusal(desk: Desk, kind: type[errors.EinvoicedError], **params: Any) -> errors.EinvoicedError:
    """The refusal that a sale gets; nothing was appended by it."""
    return refusal_of(desk, kind, lambda: desk.issue(**params))


# -- an invoice --------------------------------------------------------------------------------------------------------


def test_numbers_are_taken_one_after_the_other(stocked: Desk) -> None:
    """From the first of the range on, none twice, none left out."""
    assert [stocked.number() for _ in range(5)] == [f"NQ{n:08d}" for n in range(5)]


def test_the_answer_says_where_it_is_kept(stocked: Desk) -> None:
    """Epoch and sequence in the answer are those of the entry, which holds the answer's very bytes."""
    answer = stocked.issue(key=KEY)
    [entry] = [e for e in stocked.entries() if e.type == "invoice_issued"]
    data = entries.read_data(entry)
    assert isinstance(data, entries.InvoiceIssued)
    told = json.loads(answer)
    assert (told["epoch"], told["sequence"]) == (entry.epoch, entry.sequence)
    assert (data.key, bytes(data.result)) == (KEY, answer)


def test_date_time_and_entry_are_one_moment(stocked: Desk) -> None:
    """The number, the invoice's date and the entry's time are taken in the same step, in Taipei time."""
    moment = stocked.clock.now().replace(hour=23, minute=59, second=59, microsecond=999_999)
    stocked.clock.freeze()
    stocked.clock.set(moment)
    invoice = json.loads(stocked.issue())["invoice"]
    assert (invoice["invoice_date"], invoice["invoice_time"]) == (f"{moment:%Y%m%d}", "23:59:59")
    assert stocked.entries()[-1].time == entries.stamp(moment)


def test_random_codes_are_four_digits_and_do_not_repeat_themselves(stocked: Desk) -> None:
    """A generator nobody can foresee: sixty codes are nearly all different, some with a leading zero by and by."""
    codes = [json.loads(stocked.issue())["invoice"]["random_number"] for _ in range(60)]
    assert all(len(code) == 4 and code.isascii() and code.isdigit() for code in codes)
    assert len(set(codes)) > 50
    steps = {(int(b) - int(a)) % 10_000 for a, b in pairwise(codes)}
    assert len(steps) > 50


@pytest.mark.parametrize(
    ("sale", "prints", "paper"),
    [
        ({}, True, "queued"),
        ({"print": "till"}, True, "till"),
        ({}, False, "till"),
        ({"carrier": MOBILE}, True, "none"),
        ({"carrier": MOBILE, "print": "till"}, False, "none"),
        ({"npoban": "919"}, True, "none"),
        ({"buyer": BUYER}, True, "queued"),
        ({"buyer": BUYER, "carrier": MOBILE}, True, "none"),
        ({"buyer": BUYER, "carrier": MOBILE, "print_mark": "Y"}, True, "queued"),
    ],
)
def test_who_prints(stocked: Desk, sale: dict[str, Any], prints: bool, paper: str) -> None:
    """The box, the till, or nobody where the law wants no paper."""
    stocked.box.prints = prints
    stocked.issue(**sale)
    assert stocked.call(lambda tx: tx.one("SELECT paper FROM invoices")) == (paper,)


# -- repeats -----------------------------------------------------------------------------------------------------------


def test_a_repeat_gets_the_same_bytes_for_ever(stocked: Desk) -> None:
    """At once, after other sales, after a restart; it takes no number and appends nothing."""
    first = stocked.issue(key=KEY)
    for between in (lambda: None, stocked.issue, stocked.reopen):
        between()
        count = len(stocked.entries())
        assert stocked.issue(key=KEY) == first
        assert len(stocked.entries()) == count


def _spend(desk: Desk) -> None:
    while True:
        try:
            desk.issue()
        except errors.NoNumbersLeft:
            return


@pytest.mark.parametrize(
    "trouble",
    [
        lambda desk: desk.box.lock("test", "locked", "鎖定"),
        lambda desk: desk.clock.say_synchronised(False),
        lambda desk: desk.clock.move(-86_400),
        lambda desk: desk.clock.move(200 * 86_400),
        _spend,
        lambda desk: setattr(desk.box, "prints", False),
    ],
    ids=["locked", "clock untrusted", "clock set back", "period over", "no numbers", "no printer"],
)
def test_a_repeat_is_answered_whatever_is_wrong(stocked: Desk, trouble: Callable[[Desk], None]) -> None:
    """What was acknowledged once can always be asked for again."""
    first = stocked.issue(key=KEY)
    trouble(stocked)
    assert stocked.issue(key=KEY) == first


def test_a_repeat_is_answered_when_the_disk_is_full(stocked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no space."""
    first = stocked.issue(key=KEY)
    monkeypatch.setattr("einvoiced.journal.transaction.NEEDED_MIB", 1 << 40)
    assert stocked.issue(key=KEY) == first


FULL: dict[str, Any] = {
    **SALE,
    "key": KEY,
    "buyer": BUYER,
    "carrier": MOBILE,
    "print_mark": "Y",
    "lines": [{"description": "牛奶", "quantity": 1, "unit_price": 25, "unit": "瓶", "remark": "冰"}],
}


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("buyer", {"buyer": {**BUYER, "identifier": "24634102"}}),
        ("buyer", {"buyer": {**BUYER, "name": "別家公司"}}),
        ("buyer", {"buyer": {"identifier": BUYER["identifier"]}}),
        ("buyer", {"buyer": None}),
        ("carrier", {"carrier": {**MOBILE, "id": "/ABC+124"}}),
        ("carrier", {"carrier": {"type": "CQ0001", "id": "AB12345678901234"}, "print_mark": None}),
        ("carrier", {"carrier": None}),
        ("print_mark", {"print_mark": "N"}),
        ("print_mark", {"print_mark": None}),
        ("lines", {"lines": [{**FULL["lines"][0], "description": "牛乳"}]}),
        ("lines", {"lines": [{**FULL["lines"][0], "unit": None}]}),
        ("lines", {"lines": [{**FULL["lines"][0], "unit": "盒"}]}),
        ("lines", {"lines": [{**FULL["lines"][0], "remark": "熱"}]}),
        ("lines", {"lines": [{**FULL["lines"][0], "quantity": 2, "unit_price": 12.5}]}),
        ("lines", {"lines": [{**FULL["lines"][0], "tax_type": "3"}]}),
        ("lines", {"lines": [{**FULL["lines"][0], "unit_price": 26}], "total_amount": 26}),
        ("lines", {"lines": FULL["lines"] * 2, "total_amount": 50}),
        ("total_amount", {"prices": "net", "total_amount": 26}),
    ],
)
def test_the_same_key_for_another_sale_is_a_loud_conflict(stocked: Desk, path: str, change: dict[str, Any]) -> None:
    """It names the number, what differs, and both values; the stored invoice is as it was."""
    first = stocked.issue(**FULL)
    other = {**FULL, **change}
    if other["buyer"] is None:
        other["print_mark"] = None
    error = refusal(stocked, errors.KeyConflict, **other)
    assert error.path == path
    assert error.facts["invoice_number"] == "NQ00000000"
    assert error.facts["stored"] != error.facts["sent"]
    assert stocked.issue(**FULL) == first


def test_a_donation_is_compared(stocked: Desk) -> None:
    """Given, changed or left out under the same key: a conflict."""
    first = stocked.issue(key=KEY, npoban="919")
    for other in ("918", None):
        assert refusal(stocked, errors.KeyConflict, key=KEY, npoban=other).path == "npoban"
    assert stocked.issue(key=KEY, npoban="919") == first


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"order_no": "B-2", "cashier": "小華"}},
        {"labels": {}},
        {"print": "till"},
        {"till_time": "2026-01-01T00:00:00+08:00"},
        {"key": KEY.upper()},
        {"total_amount": "25"},
        {"total_amount": 25.0},
        {"lines": [{**FULL["lines"][0], "quantity": "1.000", "unit_price": "2.5e1"}]},
        {"lines": [{**FULL["lines"][0], "amount": 25}]},
        {"lines": [{**FULL["lines"][0], "tax_type": "1"}]},
        {"lines": [dict(reversed(FULL["lines"][0].items()))]},
        {"lines": [{**FULL["lines"][0], "description": " 牛奶\u3000"}]},
        {"buyer": {**BUYER, "name": f" {BUYER['name']} "}},
        {"buyer": {**BUYER, "confirmed": True}},
        {"npoban": None},
    ],
    ids=str,
)
def test_what_does_not_change_the_sale_is_no_conflict(stocked: Desk, change: dict[str, Any]) -> None:
    """Labels, who prints, the till's time, the spelling of numbers and keys, the order of members, blanks around."""
    first = stocked.issue(**FULL, labels={"order_no": "A-1"})
    assert stocked.issue(**{**FULL, **change}) == first


@pytest.mark.parametrize("name", [" 示範股份有限公司", "示範股份有限公司\u3000"])
def test_the_very_same_request_is_never_a_conflict(stocked: Desk, name: str) -> None:
    """Also where the box stores a text without the blanks around it."""
    sale = {"key": KEY, "buyer": {**BUYER, "name": name}}
    assert stocked.issue(**sale) == stocked.issue(**sale)


def test_a_ulid_is_a_key(stocked: Desk) -> None:
    """In either case it is the same one."""
    first = stocked.issue(key="01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert stocked.issue(key="01arz3ndektsv4rrffq69g5fav") == first


# -- refusals ----------------------------------------------------------------------------------------------------------


def refused_then_cured(desk: Desk, kind: type[errors.EinvoicedError], cure: Callable[[], object]) -> None:
    """The refusal burns neither key nor number: after the cure the same request gets the first number."""
    error = refusal(desk, kind, key=KEY)
    assert error.retry == "after_cure"
    cure()
    assert desk.number(key=KEY).endswith("00000000")


def test_a_locked_box_issues_nothing(stocked: Desk) -> None:
    """All reasons are told, in both languages; unlocking all of them cures."""
    stocked.box.lock("a", "first reason", "原因一")
    stocked.box.lock("b", "second reason", "原因二")
    error = refusal(stocked, errors.BoxLocked, key=KEY)
    assert "first reason; second reason" in error.message
    assert "原因一；原因二" in error.message_zh
    stocked.box.unlock("a")
    refused_then_cured(stocked, errors.BoxLocked, lambda: stocked.box.unlock("b"))


def test_a_box_without_a_shop_issues_nothing(stocked: Desk) -> None:
    """BoxLocked, not a crash."""
    stocked.box.shop = None
    refused_then_cured(stocked, errors.BoxLocked, lambda: setattr(stocked.box, "shop", stocked.shop))


def test_without_numbers_nothing_is_issued(desk: Desk) -> None:
    """NoNumbersLeft names the period as the clerk knows it."""
    error = refusal(desk, errors.NoNumbersLeft)
    assert error.facts["period"] == Period.of(desk.clock.now()).label
    refused_then_cured(desk, errors.NoNumbersLeft, lambda: desk.take(ONE))


def test_a_disk_nearly_full_issues_nothing(stocked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is half done, and the status says why."""
    with monkeypatch.context() as patch:
        patch.setattr("einvoiced.journal.transaction.NEEDED_MIB", 1 << 40)
        stocked.reopen()
        refusal(stocked, errors.DiskNearlyFull, key=KEY)
        status = make_status(stocked.box, stocked.call(count(stocked.box)), PaperState(), [])
        assert (status.can_issue, status.lamps, [lock.name for lock in status.locks]) == (
            False,
            "stop",
            ["disk_nearly_full"],
        )
    assert stocked.number(key=KEY) == "NQ00000000"


def test_a_disk_that_became_read_only_issues_nothing(stocked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before a sale finds out, and goes on by itself once the disk is writable again."""
    told = os.statvfs

    def read_only(place: Any) -> os.statvfs_result:
        found = told(place)
        return os.statvfs_result((*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax))

    with monkeypatch.context() as patch:
        patch.setattr("einvoiced.journal.transaction.os.statvfs", read_only)
        stocked.reopen()
        refusal(stocked, errors.DiskReadOnly, key=KEY)
        status = make_status(stocked.box, stocked.call(count(stocked.box)), PaperState(), [])
        assert (status.lamps, [lock.name for lock in status.locks]) == ("stop", ["disk_read_only"])
    assert stocked.number(key=KEY) == "NQ00000000"


@pytest.mark.parametrize(
    ("kind", "path", "change"),
    [
        (errors.BadKey, "key", {"key": "1"}),
        (errors.BadKey, "key", {"key": ""}),
        (errors.BadKey, "key", {"key": "00000000-0000-0000-0000-000000000000"}),
        (errors.BadKey, "key", {"key": KEY.replace("-", "")}),
        (errors.BadKey, "key", {"key": KEY + " "}),
        (errors.TotalMismatch, "total_amount", {"total_amount": 24}),
        (errors.ZeroQuantity, "lines[0].quantity", {"lines": [{"description": "a", "quantity": 0, "unit_price": 25}]}),
        (errors.BadBuyerId, "buyer.identifier", {"buyer": {"identifier": "123"}}),
        (errors.BuyerCannotDonate, "npoban", {"buyer": BUYER, "npoban": "919"}),
        (errors.MixedTaxNotApproved, None, {"lines": [{**SALE["lines"][0]}, {**SALE["lines"][0], "tax_type": "3"}]}),
        (errors.CarrierNotConfigured, "carrier.type", {"carrier": {"type": "1K0001", "id": "1234"}}),
        (errors.BadText, "labels.order_no", {"labels": {"order_no": "x" * 21}}),
        (errors.BadText, "labels.cashier", {"labels": {"cashier": ""}}),
        (errors.BadText, "labels.till", {"labels": {"till": "a\nb"}}),
        (errors.InvalidParams, "labels.business_day", {"labels": {"business_day": "2026-02-30"}}),
        (errors.InvalidParams, "labels.business_day", {"labels": {"business_day": "20260228"}}),
        (errors.InvalidParams, "labels.business_day", {"labels": {"business_day": "2026-W09-6"}}),
        (errors.InvalidParams, "till_time", {"till_time": "2026-02-28T12:00:00"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_wrong_sale_costs_nothing(
    stocked: Desk, kind: type[errors.EinvoicedError], path: str | None, change: dict[str, Any]
) -> None:
    """Each is refused with the path of what is wrong; corrected, the same key gets the first number."""
    sale = {"key": KEY, **change}
    if kind is errors.MixedTaxNotApproved:
        sale["total_amount"] = 50
    error = refusal(stocked, kind, **sale)
    if path is not None:
        assert error.path == path
    assert stocked.number(key=KEY) == "NQ00000000"


def test_the_shops_policy_allows(durable: Path) -> None:
    """Mixed tax and further carriers, where the configuration says so."""
    desk = Desk(durable, Policy(mixed_tax=True, carriers=frozenset({"1K0001"})))
    try:
        desk.take(ONE)
        lines = [SALE["lines"][0], {**SALE["lines"][0], "tax_type": "3"}]
        assert json.loads(desk.issue(lines=lines, total_amount=50))["invoice"]["tax_type"] == "9"
        desk.issue(carrier={"type": "1K0001", "id": "1234"})
        refusal(desk, errors.CarrierNotConfigured, carrier={"type": "1H0001", "id": "1234"})
    finally:
        desk.close()


# -- which number ------------------------------------------------------------------------------------------------------


def test_a_spent_range_gives_way_to_the_next(desk: Desk) -> None:
    """By track, then by number, without a gap; the last number of the last range is issued, then no more."""
    desk.take(("NQ", 100, 149), ("NQ", 0, 49), ("AB", 50, 99))
    taken = [desk.number() for _ in range(150)]
    assert taken == [
        f"{track}{begin + n:08d}" for track, begin in (("AB", 50), ("NQ", 0), ("NQ", 100)) for n in range(50)
    ]
    refusal(desk, errors.NoNumbersLeft)


def test_the_range_in_use_comes_first(desk: Desk) -> None:
    """A range that sorts before it, taken in the middle, waits: numbers go up in time per track."""
    desk.take(ONE)
    assert desk.number() == "NQ00000000"
    desk.take(("AB", 0, 49), ("NQ", 50, 99))
    assert [desk.number() for _ in range(49)][-1] == "NQ00000049"
    assert desk.number() == "AB00000000"


def test_the_very_last_number_there_is(desk: Desk) -> None:
    """99999999 is a number like any other, and then the range is spent."""
    desk.take(("ZZ", 99_999_950, 99_999_999))
    assert [desk.number() for _ in range(50)][-1] == "ZZ99999999"
    refusal(desk, errors.NoNumbersLeft)


# -- when --------------------------------------------------------------------------------------------------------------


def test_a_period_ends_to_the_second(desk: Desk) -> None:
    """At 23:59:59.999999 the old period's number with the old date, at 00:00:00 the new one's."""
    freeze(desk, "2026-02-28 12:00:00")
    desk.take(("NQ", 0, 49))
    desk.take(("RS", 50, 99), period=Period.of(at("2026-03-01")))
    freeze(desk, "2026-02-28 23:59:59.999999")
    old = json.loads(desk.issue())["invoice"]
    freeze(desk, "2026-03-01 00:00:00")
    new = json.loads(desk.issue())["invoice"]
    assert [(i["invoice_number"], i["year_month"], i["invoice_date"], i["invoice_time"]) for i in (old, new)] == [
        ("NQ00000000", "11502", "20260228", "23:59:59"),
        ("RS00000050", "11504", "20260301", "00:00:00"),
    ]


def test_numbers_of_another_period_are_no_numbers(desk: Desk) -> None:
    """Neither a second after their period nor a second before it."""
    freeze(desk, "2026-02-28 23:59:59")
    desk.take(("RS", 0, 49), period=Period.of(at("2026-03-01")))
    refusal(desk, errors.NoNumbersLeft)
    freeze(desk, "2026-03-01 00:00:00")
    desk.issue()
    freeze(desk, "2026-05-01 00:00:00")
    refusal(desk, errors.NoNumbersLeft)


def test_the_year_changes_with_the_period(desk: Desk) -> None:
    """31 December 2026 is 11512, the next second 11602."""
    freeze(desk, "2026-12-31 23:59:59")
    desk.take(("NQ", 0, 49))
    desk.take(("RS", 0, 49), period=Period.of(at("2027-01-01")))
    assert json.loads(desk.issue())["invoice"]["year_month"] == "11512"
    freeze(desk, "2027-01-01 00:00:00")
    assert json.loads(desk.issue())["invoice"]["year_month"] == "11602"


def test_a_clock_a_little_behind_waits_at_the_last_entry(desk: Desk) -> None:
    """Up to two seconds back the last entry's time counts, over the end of a period too: dates never go back."""
    freeze(desk, "2026-02-28 12:00:00")
    desk.take(("NQ", 0, 49))
    desk.take(("RS", 0, 49), period=Period.of(at("2026-03-01")))
    freeze(desk, "2026-03-01 00:00:01")
    desk.issue()
    freeze(desk, "2026-02-28 23:59:59")
    invoice = json.loads(desk.issue())["invoice"]
    assert (invoice["invoice_number"], invoice["invoice_date"], invoice["invoice_time"]) == (
        "RS00000001",
        "20260301",
        "00:00:01",
    )


def test_a_clock_behind_the_journal_issues_nothing(stocked: Desk) -> None:
    """More than two seconds before the last entry: ClockWasAhead with both times; time cures it."""
    stocked.issue()
    stocked.clock.freeze()
    stocked.clock.move(-2.5)
    error = refusal(stocked, errors.ClockWasAhead, key=KEY)
    assert str(error.facts["box_time"]) < str(error.facts["last_time"])
    stocked.clock.move(2.5)
    assert stocked.number(key=KEY) == "NQ00000001"


@pytest.mark.parametrize("synchronised", [False, None])
def test_an_unconfirmed_clock_needs_the_tills(stocked: Desk, synchronised: bool | None) -> None:
    """Not synchronised, or nobody knows: refused without the till's time; with it, it is issued."""
    stocked.clock.say_synchronised(synchronised)
    assert refusal(stocked, errors.ClockUntrusted, key=KEY).path == "till_time"
    assert stocked.number(key=KEY, till_time=stocked.clock.now().isoformat()) == "NQ00000000"


@pytest.mark.parametrize(
    ("seconds", "agrees"), [(0, True), (120, True), (-120, True), (120.000001, False), (-120.000001, False)]
)
def test_the_till_agrees_within_two_minutes(stocked: Desk, seconds: float, agrees: bool) -> None:
    """To the microsecond, in either direction, in whatever zone the till writes; the invoice has the box's time."""
    stocked.clock.freeze()
    stocked.clock.say_synchronised(False)
    told = (stocked.clock.now() + timedelta(seconds=seconds)).astimezone(TAIPEI)
    for text in (
        told.isoformat(),
        told.astimezone(datetime.fromisoformat("2000-01-01T00:00-11:30").tzinfo).isoformat(),
    ):
        if agrees:
            invoice = json.loads(stocked.issue(till_time=text))["invoice"]
            assert invoice["invoice_time"] == f"{stocked.clock.now():%H:%M:%S}"
        else:
            refusal(stocked, errors.ClockUntrusted, till_time=text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"])
def test_the_ends_of_time_are_only_wrong(stocked: Desk, text: str) -> None:
    """A till's time at the edge of the calendar is not confirmed, and no fault; a trusted clock does not ask for it."""
    stocked.clock.say_synchronised(False)
    refusal(stocked, errors.ClockUntrusted, till_time=text)
    stocked.clock.say_synchronised(True)
    stocked.issue(till_time=text)


def test_a_hardware_clock_that_agrees_is_enough(stocked: Desk) -> None:
    """Without network and without the till's time; one that disagrees is not."""
    stocked.clock.say_synchronised(False)
    stocked.box.rtc_agrees = False
    refusal(stocked, errors.ClockUntrusted)
    stocked.box.rtc_agrees = True
    assert stocked.number(key=new_key()) == "NQ00000000"


# -- the till as a witness ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epoch", "sequence", "mac"),
    [
        *((1, 1, "0" * 32), (1, 1, "雜訊"), (1, 1, "")),  # made by nobody, no hex at all, none
        *((0, 1, "0" * 32), (-1, 1, "0" * 32)),  # before the first epoch, where no key was ever lost
        *((1, 1 << 63, "0" * 32), (1, 1 << 80, "0" * 32)),
    ],
)
def test_what_no_box_ever_answered_is_a_bad_mac(stocked: Desk, epoch: int, sequence: int, mac: str) -> None:
    """The till is told to leave it out (a fault of the box it would repeat for ever), and the status says nothing."""
    refused = refusal(stocked, errors.BadMac, last_seen={"epoch": epoch, "sequence": sequence, "mac": mac})
    assert (refused.retry, stocked.box.notices) == ("never", {})


@pytest.mark.parametrize("sequence", [-1, 0, 1 << 63, 1 << 80])
def test_an_answer_older_than_the_key_has_a_place_at_least(stocked: Desk, sequence: int) -> None:
    """Where a MAC cannot be checked any more, a sequence that no entry can have is refused all the same."""
    stocked.box.key_epoch = 2
    refusal(stocked, errors.BadMac, last_seen={"epoch": 1, "sequence": sequence, "mac": ""})
