"""`invoice.correct`: the same number in a carrier, donated, or on paper."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from einvoiced import errors
from einvoiced.actions import print_proof
from einvoiced.actions.box import Lock
from einvoiced.actions.named import Named
from einvoiced.actions.order_copy import order_copy
from einvoiced.client import new_key
from einvoiced.journal import entries
from tests.boxes import Desk
from tests.unit.actions.lives import (
    answered,
    append,
    cancel,
    correct,
    correct_bytes,
    entry_of,
    outbox,
    put_on_paper,
    refusal_of,
    replace,
    shown,
)

BUYER = {"identifier": "04595257"}
MOBILE = {"type": "3J0002", "id": "/ABC+123"}
CITIZEN = {"type": "CQ0001", "id": "AB12345678901234"}
ON_PAPER = {"print_mark": "Y"}


def refusal(desk: Desk, kind: type[errors.EinvoicedError], number: str, **params: Any) -> errors.EinvoicedError:
    """The refusal of a correction; nothing was appended."""
    return refusal_of(desk, kind, lambda: correct(desk, number, **params))


def now(desk: Desk, number: str) -> Any:
    """The invoice as `invoice.get` shows it now."""
    return json.loads(bytes(shown(desk, number).correction or b""))["invoice"]


def test_from_queued_paper_to_a_carrier(stocked: Desk) -> None:
    """The customer was quicker than the printer: the original does not come out, even if its strip is made already."""
    number = stocked.number()
    waiting = stocked.call(print_proof.next_waiting)
    assert waiting is not None
    answer = correct(stocked, number, carrier=MOBILE)
    assert (answer["paper"], answer["void"]) == ("none", False)
    assert stocked.call(print_proof.begin(waiting, "0" * 64)) is False
    assert stocked.call(print_proof.next_waiting) is None
    first = json.loads(bytes(shown(stocked, number).result))["invoice"]
    changed = {"carrier_type": "3J0002", "carrier_id": "/ABC+123", "print_mark": "N"}
    assert now(stocked, number) == {**first, **changed}
    assert outbox(stocked) == [("F0401", "waiting")]


def test_from_a_carrier_to_paper(stocked: Desk) -> None:
    """Its original is printed, as the invoice is now; then copies are too."""
    number = stocked.number(carrier=MOBILE)
    stocked.box.paper_waits = False
    assert correct(stocked, number, **ON_PAPER)["paper"] == "queued"
    assert stocked.box.paper_waits
    waiting = stocked.call(print_proof.next_waiting)
    assert waiting is not None
    assert (waiting.invoice.invoice_number, waiting.invoice.carrier_id, waiting.invoice.print_mark) == (
        number,
        None,
        "Y",
    )
    put_on_paper(stocked, number, "printed")
    stocked.call(order_copy(stocked.box, Named(invoice_number=number), "王店員", None))
    copy = stocked.call(print_proof.next_waiting)
    assert copy is not None and copy.invoice.carrier_id is None


@pytest.mark.parametrize(("wish", "paper"), [("till", "till"), ("none", "unprinted")])
def test_somebody_else_may_print_it(stocked: Desk, wish: str, paper: str) -> None:
    """As with a sale."""
    number = stocked.number(npoban="919")
    assert correct(stocked, number, **ON_PAPER, print=wish)["paper"] == paper


@pytest.mark.parametrize("paper", ["queued", "failed"])
def test_what_waits_and_is_still_wanted_waits_where_it_was(stocked: Desk, paper: str) -> None:
    """A buyer may have a mobile barcode and paper."""
    number = stocked.number(buyer=BUYER)
    put_on_paper(stocked, number, paper)
    assert correct(stocked, number, carrier=MOBILE, print_mark="Y")["paper"] == paper


@pytest.mark.parametrize("paper", ["sending", "printed", "sent", "unconfirmed", "to_replace", "handed_out"])
def test_an_original_that_is_out_forbids_it(stocked: Desk, paper: str) -> None:
    """The sentence names where it is, and what is left: to cancel or to replace."""
    number = stocked.number(print="till" if paper == "handed_out" else "box")
    put_on_paper(stocked, number, paper)
    error = refusal(stocked, errors.CorrectAfterPaper, number, carrier=MOBILE)
    assert paper in error.message and errors.PAPER_ZH[paper] in error.message_zh
    assert paper not in error.message_zh
    assert replace(stocked, number, carrier=MOBILE)["invoice"]["carrier_id"] == "/ABC+123"


# -- the platform


def test_what_it_has_is_erased_first(stocked: Desk) -> None:
    """Accepted, sent without an answer, or nobody knows: F0701, then F0401."""
    accepted, sent = stocked.number(npoban="919"), stocked.number(npoban="919")
    answered(stocked, entry_of(stocked, accepted), "F0401")
    append(stocked, entries.UploadsSent([entries.Upload(entry_of(stocked, sent), "F0401")], "folder", None))
    assert correct(stocked, accepted, carrier=MOBILE)["void"]
    assert correct(stocked, sent, carrier=MOBILE)["void"]
    anew = [("F0701", "waiting"), ("F0401", "waiting")]
    assert outbox(stocked) == [("F0401", "sent"), *anew, *anew]
    lost = stocked.number(npoban="919")
    append(stocked, entries.JournalRestored("backup", "陳技師", 1))
    assert correct(stocked, lost, carrier=MOBILE)["void"]


def test_what_it_refused_is_only_sent_again(stocked: Desk) -> None:
    """It holds nothing that could be erased."""
    number = stocked.number(npoban="919")
    answered(stocked, entry_of(stocked, number), "F0401", "E1005")
    assert not correct(stocked, number, carrier=MOBILE)["void"]
    assert outbox(stocked) == [("F0401", "waiting")]


def test_what_it_has_although_it_refused_is_erased_first(stocked: Desk) -> None:
    """E0201, sent before: its copy would refuse the corrected one for ever. The refused message is out of the way."""
    number = stocked.number(npoban="919")
    answered(stocked, entry_of(stocked, number), "F0401", "E0201")
    assert correct(stocked, number, carrier=MOBILE)["void"]
    assert outbox(stocked) == [("F0701", "waiting"), ("F0401", "waiting")]
    stocked.reopen()
    assert outbox(stocked) == [("F0701", "waiting"), ("F0401", "waiting")]


def test_corrections_follow_each_other(stocked: Desk) -> None:
    """One before the last has left changes what will be sent; one after it begins anew."""
    number = stocked.number(npoban="919")
    answered(stocked, entry_of(stocked, number), "F0401")
    first = correct(stocked, number, carrier=MOBILE)
    assert not correct(stocked, number, carrier=CITIZEN)["void"]
    assert outbox(stocked) == [("F0701", "waiting"), ("F0401", "waiting")]
    for message in ("F0701", "F0401"):
        answered(stocked, first["sequence"], message)
    assert correct(stocked, number, **ON_PAPER)["void"]
    assert now(stocked, number)["print_mark"] == "Y"


# -- rules, keys, states


@pytest.mark.parametrize(
    ("sale", "params", "kind"),
    [
        ({}, {"carrier": {"type": "3J0002", "id": "/abc"}}, errors.BadCarrier),
        ({}, {"npoban": "1"}, errors.BadNpoban),
        ({}, {"carrier": MOBILE, "print_mark": "Y"}, errors.PrintMarkRefused),
        ({}, {"print_mark": "N"}, errors.PrintMarkRefused),
        ({}, {"carrier": {"type": "EJ0113", "id": "x"}}, errors.CarrierNotConfigured),
        ({}, {}, errors.InvalidParams),
        ({"buyer": BUYER}, {"npoban": "919"}, errors.BuyerCannotDonate),
        ({"buyer": BUYER}, {"carrier": {"type": "EJ0113", "id": "x"}}, errors.BuyerCarrierRefused),
        ({"buyer": BUYER}, {"carrier": CITIZEN, "print_mark": "Y"}, errors.PrintMarkRefused),
        ({"carrier": MOBILE}, {"carrier": MOBILE}, errors.NothingToCorrect),
        ({}, {"print_mark": "Y"}, errors.NothingToCorrect),
    ],
)
def test_the_rules_of_a_sale_hold(stocked: Desk, sale: Any, params: Any, kind: Any) -> None:
    """For the invoice as it would be."""
    refusal(stocked, kind, stocked.number(**sale), **params)


def test_a_buyer_whose_number_was_confirmed_stays_confirmed(stocked: Desk) -> None:
    """Some real ones fail their check digit."""
    number = stocked.number(buyer={"identifier": "12345678", "confirmed": True})
    assert correct(stocked, number, carrier=CITIZEN)["invoice"]["buyer"] == {"identifier": "12345678"}


def test_a_printer_that_cannot_stops_it(stocked: Desk) -> None:
    """As it would stop a sale, unless it may wait."""
    number = stocked.number(carrier=MOBILE)
    stocked.box.unprintable = Lock("printer_paper_out", "out", "缺紙")
    refusal(stocked, errors.PrinterNotReady, number, **ON_PAPER)
    assert correct(stocked, number, **ON_PAPER, if_unprintable="queue")["proofs_waiting"] == 1


def test_a_repeat_gets_the_very_bytes(stocked: Desk) -> None:
    """After a restart, another correction and a cancellation too; another content under its key is a conflict."""
    number, key = stocked.number(), new_key()
    first = correct_bytes(stocked, number, key=key, carrier=MOBILE)
    correct(stocked, number, carrier=CITIZEN)
    cancel(stocked, number)
    stocked.reopen()
    before = stocked.entries()
    assert correct_bytes(stocked, number, key=key, carrier=MOBILE) == first
    assert stocked.entries() == before
    assert refusal(stocked, errors.KeyConflict, number, key=key, carrier=CITIZEN).facts["differs"] == "carrier"
    assert refusal(stocked, errors.KeyConflict, number, key=key, carrier=MOBILE, by="李").facts["differs"] == "by"
    with pytest.raises(errors.KeyConflict, match=r"invoice\.correct"):
        stocked.issue(key=key)


def test_neither_a_cancelled_nor_an_allowed_one_is_corrected(stocked: Desk) -> None:
    """Each with its own sentence."""
    gone, allowed = stocked.number(npoban="919"), stocked.number(npoban="919")
    cancel(stocked, gone)
    refusal(stocked, errors.InvoiceIsCancelled, gone, carrier=MOBILE)
    at = entry_of(stocked, allowed)
    append(
        stocked,
        entries.AllowanceIssued("24634102", new_key(), "A10100000001", at, "王", None, entries.Labels(), Raw(b"{}")),
    )
    refusal(stocked, errors.AllowancesStand, allowed, carrier=MOBILE)
