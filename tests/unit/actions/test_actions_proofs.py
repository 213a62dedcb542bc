"""Originals once, copies counted, people's verdicts: the verbs about paper on a real journal."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import msgspec
import pytest

from einvoiced.actions.box import Lock
from einvoiced.actions.hand_out_proof import hand_out_proof
from einvoiced.actions.issue_invoice import IssueParams, issue_invoice
from einvoiced.actions.list_proofs import list_proofs
from einvoiced.actions.named import Named
from einvoiced.actions.order_copy import order_copy
from einvoiced.actions.order_proof import order_proof
from einvoiced.actions.print_proof import begin, doubt_interrupted, next_waiting, note
from einvoiced.actions.queue_slip import find_slip, queue_slip
from einvoiced.actions.report_proof import report_proof
from einvoiced.actions.resolve_proof import resolve_proof
from einvoiced.client import new_key
from einvoiced.errors import (
    EinvoicedError,
    InvoiceNotFound,
    KeyConflict,
    NoPrinter,
    NoProofWanted,
    OriginalOut,
    PrinterNotReady,
    ProofStateWrong,
    StorageFailed,
)
from einvoiced.journal import entries, projections
from einvoiced.journal.transaction import Transaction
from tests.boxes import SALE, Desk

BUYER = {"identifier": "04595257"}
MOBILE = {"type": "3J0002", "id": "/ABC+123"}
OUT = Lock("printer_paper_out", "Out of paper.", "缺紙。")


@pytest.fixture
def stocked(desk: Desk) -> Desk:
    desk.take(("NQ", 0, 499))
    return desk


def issued(desk: Desk, **sale: Any) -> tuple[Named, int]:
    """A new invoice as the verbs name it, and its entry."""
    key = new_key()
    return Named(key=key), json.loads(desk.issue(key=key, **sale))["sequence"]


def reach(desk: Desk, state: str) -> Named:
    """An invoice whose original is in a state."""
    sale = {"till": {"print": "till"}, "handed_out": {"print": "till"}, "unprinted": {"print": "none"}}.get(state, {})
    named, sequence = issued(desk, **(sale or ({"carrier": MOBILE} if state == "none" else {})))
    if state == "handed_out":
        desk.call(hand_out_proof(desk.box, named, copy=False, sha256="0" * 64, by="till", peer=None))
    steps: dict[str, list[entries.EntryData]] = {
        "sending": [entries.ProofSending(sequence, "0" * 64)],
        "printed": [entries.ProofPrinted(sequence, "status")],
        "sent": [entries.ProofPrinted(sequence, "none")],
        "unconfirmed": [entries.ProofUnconfirmed(sequence, "x")],
        "failed": [entries.ProofFailed(sequence, "x")],
        "to_replace": [entries.ProofResolved(sequence, "nothing_usable", "x", None)],
    }
    for data in steps.get(state, []):
        desk.call(lambda tx, data=data: tx.append(data))
    return named


STATES = ("none", "till", "handed_out", "unprinted", "queued", "sending", "printed", "sent", "unconfirmed", "failed")
STATES = (*STATES, "to_replace")


def came_of(act: Any) -> str:
    """The paper's state after a verb, or the name of its refusal."""
    try:
        return str(act().paper)
    except EinvoicedError as error:
        return error.name


OUT_OR = "proof_state_wrong"
VERBS: dict[str, tuple[Any, dict[str, str]]] = {
    "print": (
        lambda desk, named: desk.call(order_proof(desk.box, named, None)),
        {"none": "no_proof_wanted", "till": "queued", "unprinted": "queued", "queued": "queued", "failed": "queued"},
    ),
    "take the bytes": (
        lambda desk, named: desk.call(
            hand_out_proof(desk.box, named, copy=False, sha256="1" * 64, by="till", peer=None)
        ),
        {"none": "no_proof_wanted", "till": "handed_out", "unprinted": "handed_out", "queued": "handed_out"},
    ),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_an_original_is_begun_once(stocked: Desk, verb: str, state: str) -> None:
    """The box or the till may begin an original that nobody has begun; any other is `original_out`."""
    act, allowed = VERBS[verb]
    named = reach(stocked, state)
    assert came_of(lambda: act(stocked, named)) == allowed.get(state, "original_out")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verdict", ["there", "damaged", "nothing_usable"])
def test_a_person_resolves_what_is_in_doubt_and_nothing_else(stocked: Desk, verdict: Any, state: str) -> None:
    """From unconfirmed and sent to printed or to_replace; the same verdict again is fine; nothing is ever queued."""
    named = reach(stocked, state)
    became = came_of(lambda: stocked.call(resolve_proof(stocked.box, named, verdict, "店長", None)))
    after = "to_replace" if verdict == "nothing_usable" else "printed"
    if state in ("unconfirmed", "sent") or (state, verdict) == ("failed", "nothing_usable"):
        assert became == after
        copies = stocked.call(lambda tx: tx.all("SELECT state FROM copies"))
        assert copies == ([("queued",)] if verdict == "damaged" else [])
    elif state == "none":
        assert became == "no_proof_wanted"
    elif state == after and verdict != "damaged":
        assert became == state
    else:
        assert became == "proof_state_wrong"
    assert stocked.call(next_waiting) is None or state == "queued" or verdict == "damaged"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("outcome", "after"), [("printed", "printed"), ("unknown", "unconfirmed"), ("not_begun", "till")]
)
def test_a_till_reports_what_it_has(stocked: Desk, state: str, outcome: Any, after: str) -> None:
    """Only an original that the till prints; the same report again is fine."""
    named = reach(stocked, state)
    became = came_of(lambda: stocked.call(report_proof(stocked.box, named, outcome, "why", None)))
    if state in ("till", "handed_out") or (state == after and after != "till"):
        assert became == after
    else:
        assert became == ("no_proof_wanted" if state == "none" else "proof_state_wrong")


def test_copies_are_counted_whoever_prints_them(stocked: Desk) -> None:
    """The box's and the till's in one row of numbers; none before the original is out."""
    named = reach(stocked, "printed")
    assert stocked.call(order_copy(stocked.box, named, "店員", None)).copies == 1
    hand_out = hand_out_proof(stocked.box, named, copy=True, sha256="0" * 64, by="收銀一", peer=None)
    assert stocked.call(hand_out).copies == 2
    assert stocked.call(order_copy(stocked.box, named, "店員", None)).copies == 3
    numbers = stocked.call(lambda tx: tx.all("SELECT number, state FROM copies ORDER BY number"))
    assert numbers == [(1, "queued"), (2, "handed_out"), (3, "queued")]
    with pytest.raises(ProofStateWrong):
        stocked.call(order_copy(stocked.box, reach(stocked, "queued"), "店員", None))
    stocked.box.prints = False
    with pytest.raises(NoPrinter):
        stocked.call(order_copy(stocked.box, named, "店員", None))


def test_originals_go_before_copies(stocked: Desk) -> None:
    """One queue: the oldest original, then the oldest copy."""
    first = reach(stocked, "printed")
    stocked.call(order_copy(stocked.box, first, "店員", None))
    _, second = issued(stocked)
    waiting = stocked.call(next_waiting)
    assert waiting is not None and (waiting.sequence, waiting.copy) == (second, None)
    assert stocked.call(begin(waiting, "0" * 64))
    stocked.call(note(entries.ProofPrinted(second, "status")))
    waiting = stocked.call(next_waiting)
    assert waiting is not None and waiting.copy is not None
    assert stocked.call(begin(waiting, "0" * 64))
    stocked.call(note(entries.CopyPrinted(waiting.copy, "status")))
    assert stocked.call(next_waiting) is None


def test_an_original_that_was_taken_out_of_the_queue_is_not_begun(stocked: Desk) -> None:
    """A till took its bytes while the box was drawing it."""
    named, _ = issued(stocked)
    waiting = stocked.call(next_waiting)
    assert waiting is not None
    stocked.call(hand_out_proof(stocked.box, named, copy=False, sha256="0" * 64, by="till", peer=None))
    assert stocked.call(begin(waiting, "0" * 64)) is False
    assert "proof_sending" not in stocked.types()


def test_a_start_doubts_all_that_was_leaving(stocked: Desk) -> None:
    """Originals, copies and tills' slips; a second start finds nothing more."""
    named = reach(stocked, "printed")
    reach(stocked, "sending")
    stocked.call(order_copy(stocked.box, named, "店員", None))
    waiting = stocked.call(next_waiting)
    assert waiting is not None
    stocked.call(begin(waiting, "0" * 64))
    slip = new_key()
    stocked.call(queue_slip(slip, "lines", "0" * 64, 10, None))
    assert stocked.call(doubt_interrupted) == 3
    assert stocked.call(doubt_interrupted) == 0
    state = stocked.call(find_slip(slip, "0" * 64))
    assert state is not None and state.state == "unconfirmed"


def test_a_slips_key_prints_once(stocked: Desk) -> None:
    """The same key is the same slip for ever; another content is a conflict."""
    key = new_key()
    first = stocked.call(queue_slip(key, "lines", "0" * 64, 10, None))
    assert first.new and not stocked.call(queue_slip(key, "lines", "0" * 64, 10, None)).new
    stocked.call(note(entries.SlipPrinted(first.slip.slip, "status")))
    stocked.reopen()
    assert stocked.call(queue_slip(key, "lines", "0" * 64, 10, None)).slip.state == "printed"
    with pytest.raises(KeyConflict):
        stocked.call(queue_slip(key, "lines", "1" * 64, 10, None))


def test_the_list_says_what_to_do(stocked: Desk) -> None:
    """What waits or needs a person, oldest first; a consumer's copy wins no prize."""
    reach(stocked, "printed")
    reach(stocked, "unconfirmed")
    _, sequence = issued(stocked, buyer=BUYER)
    stocked.call(note(entries.ProofUnconfirmed(sequence, "x")))
    reach(stocked, "to_replace")
    shown = stocked.call(list_proofs)
    assert [(each.paper, each.default_verdict) for each in shown] == [
        ("unconfirmed", "nothing_usable"),
        ("unconfirmed", "damaged"),
        ("to_replace", "nothing_usable"),
    ]


def test_an_invoice_nobody_knows(stocked: Desk) -> None:
    """Every verb says so."""
    nobody = Named(key=new_key())
    for action in (
        order_proof(stocked.box, nobody, None),
        order_copy(stocked.box, nobody, "x", None),
        resolve_proof(stocked.box, nobody, "there", "x", None),
        report_proof(stocked.box, nobody, "printed", "", None),
    ):
        with pytest.raises(InvoiceNotFound):
            stocked.call(action)


def test_a_printer_that_cannot_stops_only_what_needs_paper(stocked: Desk) -> None:
    """Refused before a number is taken and with the key unburnt; carriers, donations and tills that print go on."""
    stocked.box.unprintable = OUT
    key = new_key()
    with pytest.raises(PrinterNotReady) as caught:
        stocked.issue(key=key)
    assert "缺紙" in caught.value.message_zh
    for sale in ({"carrier": MOBILE}, {"npoban": "919"}, {"print": "till"}, {"print": "none"}):
        stocked.issue(**sale)
    assert json.loads(stocked.issue(if_unprintable="queue"))["proofs_waiting"] == 1
    assert json.loads(stocked.issue(if_unprintable="queue"))["proofs_waiting"] == 2
    stocked.box.unprintable = None
    assert "proofs_waiting" not in json.loads(stocked.issue(key=key))
    assert stocked.number() == "NQ00000007"


def test_a_known_key_is_answered_whatever_the_printer_says(stocked: Desk) -> None:
    """The repeat gives the stored bytes."""
    key = new_key()
    first = stocked.issue(key=key)
    stocked.box.unprintable = OUT
    assert stocked.issue(key=key) == first


@pytest.mark.parametrize(
    ("box", "request_", "refused"), [("queue", None, False), ("queue", "refuse", True), ("refuse", "queue", False)]
)
def test_the_request_goes_before_the_box(stocked: Desk, box: Any, request_: Any, refused: bool) -> None:
    """`if_unprintable` of the request, then of the configuration."""
    stocked.box.unprintable, stocked.box.if_unprintable = OUT, box
    sale = {} if request_ is None else {"if_unprintable": request_}
    if refused:
        with pytest.raises(PrinterNotReady):
            stocked.issue(**sale)
    else:
        stocked.issue(**sale)


def test_a_wide_roll_never_queues_a_proof(stocked: Desk) -> None:
    """It would wait for ever."""
    stocked.box.unprintable = Lock("printer_wrong_roll", "80 mm.", "80 mm。")
    with pytest.raises(PrinterNotReady):
        stocked.issue(if_unprintable="queue")


def test_notes_are_left_for_customers_without_a_proof(stocked: Desk) -> None:
    """Where configured, at the box's printer only."""
    stocked.box.donation_slip, stocked.box.carrier_slip = True, False
    _, donated = issued(stocked, npoban="919")
    issued(stocked, carrier=MOBILE)
    issued(stocked, npoban="919", print="none")
    issued(stocked)
    assert list(stocked.box.courtesy) == [donated]


@pytest.mark.parametrize("fault", [ValueError("refused after all"), sqlite3.OperationalError("disk is full")])
def test_no_note_is_left_for_what_was_not_committed(stocked: Desk, fault: Exception) -> None:
    """Its place in the journal goes to the next sale, whose customer may want none; the notes that wait stay."""
    stocked.box.donation_slip, stocked.box.carrier_slip = True, False
    _, donated = issued(stocked, npoban="919")
    wire = json.dumps({"key": new_key(), **SALE, "npoban": "919"}).encode()
    issue = issue_invoice(stocked.box, msgspec.json.decode(wire, type=IssueParams), None)

    def fails(tx: Transaction) -> None:
        issue(tx)
        raise fault

    with pytest.raises((ValueError, StorageFailed)):
        stocked.call(fails)
    _, other = issued(stocked, carrier=MOBILE)
    assert other == donated + 1
    assert list(stocked.box.courtesy) == [donated]


def test_the_tables_of_paper_are_rebuilt_from_entries(stocked: Desk) -> None:
    """Copies, slips and states are projections like all others."""
    named = reach(stocked, "printed")
    stocked.call(order_copy(stocked.box, named, "店員", None))
    for state in STATES[1:]:
        reach(stocked, state)
    stocked.call(queue_slip(new_key(), "raw", "0" * 64, 10, None))
    questions = ("SELECT * FROM copies", "SELECT * FROM slips", "SELECT number, paper FROM invoices")
    before = [stocked.call(lambda tx, q=q: tx.all(q)) for q in questions]
    stocked.call(lambda tx: projections.rebuild(tx.db))
    assert [stocked.call(lambda tx, q=q: tx.all(q)) for q in questions] == before


def test_the_errors_are_told_apart() -> None:
    """A till tells by the name alone what to do."""
    names = {error.name for error in (OriginalOut, ProofStateWrong, NoProofWanted, NoPrinter, PrinterNotReady)}
    assert len(names) == 5
    assert IssueParams.__struct_fields__.count("if_unprintable") == 1
