"""The printer's thread beside a journal whose disk is full."""

from __future__ import annotations

import json
from typing import TypeVar

from einvoiced.actions.list_proofs import list_proofs
from einvoiced.errors import StorageFailed
from einvoiced.followers.paper import PaperFollower
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
