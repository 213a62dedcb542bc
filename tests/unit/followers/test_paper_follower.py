"""The printer's thread beside a journal whose disk is full."""

from __future__ import annotations

import json
from typing import TypeVar

from einvoiced.actions.list_proofs import list_proofs
from einvoiced.actions.queue_slip import find_slip, queue_slip
from einvoiced.client import new_key
from einvoiced.errors import StorageFailed
from einvoiced.followers.paper import PaperFollower
from einvoiced.followers.slip_queue import Slip
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import VirtualTransport
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action
from einvoiced.journal.writer import Journal
from einvoiced.proof.profile import GENERIC_58
from tests.boxes import Desk, until

T = TypeVar("T")


class Full:
    """A journal whose disk is full for the first calls."""

    def __init__(self, journal: Journal, times: int) -> None:
        self._journal, self.times = journal, times

    def call(self, action: Action[T]) -> T:
        if self.times:
            self.times -= 1
            raise StorageFailed(detail="database or disk is full")
        return self._journal.call(action)


def test_a_full_disk_at_a_start_ends_no_printing(desk: Desk) -> None:
    """The plug was pulled in a strip and the disk is full: with room the proof is in doubt, the printer works."""
    desk.take(("NQ", 0, 49))
    sequence = json.loads(desk.issue())["sequence"]
    desk.call(lambda tx: tx.append(entries.ProofSending(sequence, "0" * 64)))
    full = Full(desk.journal, 1)
    follower = PaperFollower(full, VirtualTransport(Emulator()), GENERIC_58, "示範商店")
    follower.start()
    try:
        until(lambda: follower.state.state == "ready", 20, "the printer")
    finally:
        follower.stop()
    assert [proof.paper for proof in desk.call(list_proofs)] == ["unconfirmed"]


def test_a_strip_in_doubt_stays_so_when_the_disk_fails_meanwhile(desk: Desk) -> None:
    """What was leaving is noted, then the disk fails: the printer is still taken for one inside a strip."""
    desk.take(("NQ", 0, 49))
    sequence = json.loads(desk.issue())["sequence"]
    desk.call(lambda tx: tx.append(entries.ProofSending(sequence, "0" * 64)))
    follower = PaperFollower(Refusing(desk.journal, 1), VirtualTransport(Emulator()), GENERIC_58, "示範商店")
    assert follower._doubted()
    assert [proof.paper for proof in desk.call(list_proofs)] == ["unconfirmed"]


class Torn(VirtualTransport):
    """A way to the printer with a fault that nobody thought of, once, after the first bytes of a strip."""

    faults = 1

    def write(self, data: bytes, timeout: float) -> None:
        if self.faults and len(data) > 100:
            self.faults -= 1
            super().write(data[:50], timeout)
            raise ZeroDivisionError("nobody thought of this")
        super().write(data, timeout)


def test_a_fault_in_the_printers_thread_is_told_and_printing_goes_on(desk: Desk) -> None:
    """The strip that was leaving is in doubt, as after a power cut, and not sent again; the next one is printed."""
    desk.take(("NQ", 0, 49))
    numbers = [desk.number(), desk.number()]
    told: list[str] = []
    follower = PaperFollower(desk.journal, Torn(Emulator()), GENERIC_58, "示範商店")
    follower.on_change = lambda: told.append(follower.state.state)
    follower.start()
    try:
        until(lambda: "proof_printed" in desk.types(), 20, "the second proof")
    finally:
        follower.stop()
    assert told == ["ready", "fault", "ready"]
    assert [(p.invoice_number, p.paper) for p in desk.call(list_proofs)] == [(numbers[0], "unconfirmed")]
    assert desk.types().count("proof_sending") == 2


def test_a_tills_slip_that_is_in_doubt_is_not_printed_as_well(desk: Desk) -> None:
    """When the thread begins (again) what waited is unconfirmed: the till is told so, and sends it again or not."""
    key = new_key()
    slip = desk.call(queue_slip(key, "lines", "0" * 64, 1, None)).slip
    made: list[str] = []
    follower = PaperFollower(desk.journal, VirtualTransport(Emulator()), GENERIC_58, "示範商店")
    for name, entry in (("till's", slip.slip), ("own", None)):
        follower.add_slip(Slip(lambda name=name: (made.append(name), b"\n")[1], entry))  # type: ignore[misc]
    follower.start()
    try:
        until(lambda: "own" in made, 20, "the box's own slip")
    finally:
        follower.stop()
    assert made == ["own"]
    known = desk.call(find_slip(key, "0" * 64))
    assert known is not None and known.state == "unconfirmed"


class Refusing:
    """A journal that fails a few calls beyond the first ones, as a full disk would, and then goes on."""

    def __init__(self, journal: Journal, after: int) -> None:
        self._journal, self.after = journal, after

    def call(self, action: Action[T]) -> T:
        self.after -= 1
        if -3 < self.after < 0:
            raise StorageFailed(detail="database or disk is full")
        return self._journal.call(action)


def test_a_customers_note_outlives_a_disk_that_fails(desk: Desk) -> None:
    """It waits until the journal can be read."""
    desk.take(("NQ", 0, 49))
    desk.box.donation_slip = True
    desk.issue(npoban="25885")
    (noted,) = desk.box.courtesy
    follower = PaperFollower(
        Refusing(desk.journal, 3), VirtualTransport(Emulator()), GENERIC_58, "示範商店", courtesy=desk.box.courtesy
    )
    printed: list[int] = []
    follower.print_slip = lambda _document: printed.append(noted)  # type: ignore[method-assign]
    follower.start()
    try:
        until(lambda: printed, 20, "the note")
    finally:
        follower.stop()
    assert not desk.box.courtesy
