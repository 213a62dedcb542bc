"""`invoice.replace`: cancelled and issued anew, both or neither."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from msgspec import Raw

from einvoiced import errors
from einvoiced.actions import print_proof
from einvoiced.actions.adopt_invoice import adopt_invoice
from einvoiced.actions.box import Lock
from einvoiced.client import new_key
from einvoiced.journal import entries
from einvoiced.rules.period import TAIPEI
from einvoiced.rules.sale import Policy
from tests.boxes import SALE, Desk
from tests.unit.actions.lives import (
    allow,
    cancel,
    entry_of,
    outbox,
    put_on_paper,
    refusal_of,
    replace,
    replace_bytes,
    shown,
)

BUYER = {"identifier": "04595257", "name": "示範股份有限公司"}
MOBILE = {"type": "3J0002", "id": "/ABC+123"}


@pytest.fixture
def stocked(desk: Desk) -> Desk:
    """A desk with a booklet of numbers."""
    desk.take(("NQ", 0, 49))
    return desk


def refusal(desk: Desk, kind: type[errors.EinvoicedError], number: str, **params: Any) -> errors.EinvoicedError:
    """The refusal of a replacement; nothing was cancelled, no number taken."""
    return refusal_of(desk, kind, lambda: replace(desk, number, **params))


def test_a_buyers_number_that_came_too_late(stocked: Desk) -> None:
    """The same lines for a buyer: B2C to B2B, each invoice knows the other, both go to the platform in order."""
    old = stocked.number(labels={"order_no": "S-17"})
    answer = replace(stocked, old, buyer=BUYER)
    new = answer["invoice"]
    assert (new["sales_amount"], new["tax_amount"], new["total_amount"]) == (24, 1, 25)
    assert new["buyer"] == BUYER
    assert new["items"] == json.loads(bytes(shown(stocked, old).result))["invoice"]["items"]
    assert answer["replaced"]["cancellation"]["invoice_number"] == old
    was, now = shown(stocked, old), shown(stocked, new["invoice_number"])
    assert (was.state, was.replaced_by, now.replaces) == ("cancelled", new["invoice_number"], old)
    assert now.labels.order_no == "S-17"
    assert outbox(stocked) == [("F0401", "waiting"), ("F0501", "waiting"), ("F0401", "waiting")]
    assert stocked.types()[-2:] == ["invoice_cancelled", "invoice_issued"]


def test_a_wrong_amount(stocked: Desk) -> None:
    """All of a new sale."""
    old = stocked.number()
    lines = [{"description": "咖啡", "quantity": 2, "unit_price": 45}]
    new = replace(stocked, old, lines=lines, total_amount=90, prices="gross", labels={"till": "2"})["invoice"]
    assert (new["total_amount"], new["items"][0]["description"]) == (90, "咖啡")
    assert shown(stocked, new["invoice_number"]).labels.till == "2"


@pytest.mark.parametrize("sale", [{}, {"buyer": BUYER}, {"carrier": MOBILE}, {"npoban": "919"}])
def test_the_same_content_again(stocked: Desk, sale: Any) -> None:
    """Nothing usable was printed: all is as before but number, time and random code."""
    old = stocked.number(**sale)
    first = json.loads(bytes(shown(stocked, old).result))["invoice"]
    new = replace(stocked, old)["invoice"]
    for name in ("invoice_number", "invoice_time", "random_number", "code39", "qr_left", "qr_right"):
        first.pop(name), new.pop(name)
    assert new == first


def test_net_prices_stay_exact(stocked: Desk) -> None:
    """From a buyer's net lines to a consumer's gross ones, and with fractions that no price × quantity gives back."""
    lines = [{"description": "茶", "quantity": "3", "unit_price": "33.3333333"}]
    old = stocked.number(lines=lines, total_amount=105, prices="net")
    assert replace(stocked, old)["invoice"]["total_amount"] == 105
    old = stocked.number(lines=lines, total_amount=105, prices="net", buyer=BUYER)
    new = replace(stocked, old, print_mark="Y")["invoice"]
    assert (new["sales_amount"], new["tax_amount"], new["prices"]) == (105, 0, "gross")


def test_what_came_out_as_nothing_usable_is_replaced(stocked: Desk) -> None:
    """It leaves the list of what somebody must look after, and the new original waits for the printer."""
    old = stocked.number()
    put_on_paper(stocked, old, "to_replace")
    answer = replace(stocked, old)
    assert "Nothing usable" in answer["replaced"]["todo"]
    assert shown(stocked, old).paper == "none"
    waiting = stocked.call(print_proof.next_waiting)
    assert waiting is not None
    assert waiting.invoice.invoice_number == answer["invoice"]["invoice_number"]


def test_a_repeat_gets_the_very_bytes(stocked: Desk) -> None:
    """Nothing is appended, and the old one is not cancelled again."""
    old, key = stocked.number(), new_key()
    first = replace_bytes(stocked, old, key=key, buyer=BUYER)
    stocked.reopen()
    before = stocked.entries()
    assert replace_bytes(stocked, old, key=key, buyer=BUYER) == first
    assert stocked.entries() == before


def test_a_repeat_gets_its_bytes_where_only_the_new_one_was_taken_back(stocked: Desk) -> None:
    """After a loss a till's answer was adopted, but nobody held the replaced one's: the repeat's answer stands."""
    old, key = "NQ00000049", new_key()
    made = replace_bytes(stocked, stocked.number(), buyer=BUYER)
    lost = made.replace(b"NQ00000000", old.encode()).replace(b"NQ00000001", b"NQ00000048")
    stocked.call(lambda tx: tx.append(entries.InvoiceAdopted(key, "陳技師", None, True, Raw(lost))))
    assert replace_bytes(stocked, old, key=key, buyer=BUYER) == lost
    assert replace_bytes(stocked, "NQ-00000049", key=key, **SALE, buyer=BUYER) == lost
    refused = refusal(stocked, errors.KeyConflict, old, key=key, **SALE)
    assert refused.facts["differs"] == "buyer"
    refused = refusal(stocked, errors.KeyConflict, "NQ00000047", key=key, buyer=BUYER)
    assert refused.facts["differs"] == "invoice_number"
    refusal(stocked, errors.InvoiceNotFound, old, buyer=BUYER)


@pytest.mark.parametrize("state", ["issued", "allowed", "late"])
def test_a_replacement_that_is_taken_back_cancels_again_what_it_replaced(stocked: Desk, state: str) -> None:
    """An older copy of the journal knows the old invoice and not its cancellation: both would count. What the law
    forbids by now is left to people.
    """
    old, other = stocked.number(), stocked.number()
    made = replace_bytes(stocked, other, buyer=BUYER)
    lost = made.replace(other.encode(), old.encode()).replace(b"NQ00000002", b"NQ00000010")
    if state == "allowed":
        allow(stocked, old, (1, 5))
    if state == "late":
        stocked.clock.set(datetime(2026, 3, 16, 10, tzinfo=TAIPEI))
    in_doubt = entries.Run("24634102", "11502", "NQ", 3, 49)
    stocked.call(lambda tx: tx.open_epoch(entries.EpochOpened("測試", "陳技師", tx.head.sequence, [in_doubt])))
    stocked.call(adopt_invoice(stocked.box, new_key(), Raw(lost), "陳技師", None))
    assert shown(stocked, "NQ00000010").state == "issued"
    assert shown(stocked, old).state == ("cancelled" if state == "issued" else "issued")
    assert (("F0501", "waiting") in outbox(stocked)[-2:]) is (state == "issued")


@pytest.mark.parametrize(
    ("differs", "params"),
    [
        ("reason", {"buyer": BUYER, "reason": "別的"}),
        ("consent", {"buyer": BUYER, "consent": "電話"}),
        ("buyer", {"buyer": {"identifier": "24634102"}}),
        ("lines", {**SALE, "lines": [{**SALE["lines"][0], "description": "豆漿"}], "buyer": BUYER}),
    ],
)
def test_a_key_with_another_content_is_a_conflict(stocked: Desk, differs: str, params: Any) -> None:
    """Of what is cancelled, or of what comes in its place."""
    old, key = stocked.number(), new_key()
    replace(stocked, old, key=key, buyer=BUYER)
    assert refusal(stocked, errors.KeyConflict, old, key=key, **params).facts["differs"] == differs


def test_a_key_belongs_to_one_verb(stocked: Desk) -> None:
    """A replacement's key neither issues nor cancels, a sale's replaces nothing."""
    sale, key = new_key(), new_key()
    old = stocked.number(key=sale)
    assert refusal(stocked, errors.KeyConflict, old, key=sale).facts["stored"] == "invoice.issue"
    replace(stocked, old, key=key)
    for verb in (lambda: stocked.issue(key=key), lambda: cancel(stocked, old, key=key)):
        with pytest.raises(errors.KeyConflict) as caught:
            verb()
        assert caught.value.facts["stored"] == "invoice.replace"


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (errors.TotalMismatch, {**SALE, "total_amount": 26}),
        (errors.InvalidParams, {"lines": SALE["lines"]}),
        (errors.InvalidParams, {"total_amount": 25}),
        (errors.BuyerIdSuspect, {"buyer": {"identifier": "12345678"}}),
        (errors.BuyerCannotDonate, {"buyer": BUYER, "npoban": "919"}),
        (errors.CarrierNotConfigured, {"carrier": {"type": "EJ0113", "id": "x"}}),
        (errors.BadText, {"labels": {"till": ""}}),
        (errors.BadText, {"reason": ""}),
    ],
)
def test_what_issue_or_cancel_refuses_cancels_nothing(stocked: Desk, kind: Any, params: Any) -> None:
    """And the key may be used again."""
    old, key = stocked.number(), new_key()
    refusal(stocked, kind, old, key=key, **params)
    replace(stocked, old, key=key)


def test_without_a_number_nothing_is_cancelled(stocked: Desk) -> None:
    """The last number of the booklet was the old one's."""
    numbers = [stocked.number() for _ in range(50)]
    refusal(stocked, errors.NoNumbersLeft, numbers[-1])
    assert shown(stocked, numbers[-1]).state == "issued"


def test_without_a_printer_nothing_is_cancelled(stocked: Desk) -> None:
    """Where invoices do not wait for it; a carrier's needs none."""
    old = stocked.number()
    stocked.box.unprintable = Lock("printer_paper_out", "out", "缺紙")
    refusal(stocked, errors.PrinterNotReady, old)
    replace(stocked, old, carrier=MOBILE)


def test_mixed_tax_that_is_not_approved_any_more_is_refused(stocked: Desk) -> None:
    """As `invoice.issue` would."""
    stocked.box.shop = stocked.shop.__class__(stocked.shop.seller, Policy(mixed_tax=True), stocked.shop.seal)
    lines = [SALE["lines"][0], {**SALE["lines"][0], "tax_type": "3"}]
    old = stocked.number(lines=lines, total_amount=50)
    stocked.box.shop = stocked.shop
    refusal(stocked, errors.MixedTaxNotApproved, old)


def test_a_cancelled_one_is_not_replaced(stocked: Desk) -> None:
    """It has been cancelled, or replaced, already."""
    old = stocked.number()
    new = replace(stocked, old)["invoice"]["invoice_number"]
    refusal(stocked, errors.InvoiceIsCancelled, old)
    again = replace(stocked, new)["invoice"]["invoice_number"]
    assert (shown(stocked, new).replaces, shown(stocked, new).replaced_by) == (old, again)
    assert entry_of(stocked, again) > entry_of(stocked, new)
