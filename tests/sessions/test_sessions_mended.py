"""A box whose journal cannot be had says so, and goes on by itself once it can."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from einvoiced.client import new_key
from tests.boxes import SALE
from tests.sessions.stage import refusal
from tools.virtualbox import VirtualBox


def test_a_second_daemon_waits_until_the_first_has_gone(make_box: Callable[..., VirtualBox]) -> None:
    """It is locked with `journal_in_use`, writes nothing, and takes over when the journal is free."""
    first = make_box()
    first.start()
    first.take_tracks(("NQ", 0, 49))
    with VirtualBox(Path(str(first.folder) + "-second")) as second:
        second.state = first.state
        second.start()
        assert [lock["name"] for lock in second.status()["locks"]] == ["journal_in_use"]
        assert not second.status()["can_issue"]
        first.stop()
        second.wait_for(lambda: second.status()["can_issue"], 20, "the second to take over")
        with second.client() as till:
            assert till.issue(new_key(), **SALE)["invoice"]["invoice_number"] == "NQ00000000"


def test_a_clock_that_jumps_is_seen(make_box: Callable[..., VirtualBox]) -> None:
    """The jump is an entry; an invoice is still issued in time order."""
    box = make_box()
    box.start()
    box.set_clock(offset=90)

    def jumps() -> list[str]:
        return [e for e in box.call("journal.read", after=0)["entries"] if '"clock_jumped"' in e]

    box.wait_for(jumps, 20, "the jump to be noted")
    assert '"seconds":90' in jumps()[0] or '"seconds":89.99' in jumps()[0] or '"seconds":90.0' in jumps()[0]


def test_a_till_that_holds_a_later_answer_locks_the_box(make_box: Callable[..., VirtualBox]) -> None:
    """The journal was put back to an older copy, file beside and all: the till's last answer proves it."""
    box = make_box()
    box.start()
    box.take_tracks(("NQ", 0, 49))
    box.stop()
    old = Path(f"{box.folder}-old")
    shutil.copytree(box.state, old)
    box.start()
    with box.client() as till:
        first = till.issue(new_key(), print="till", **SALE)
        last = till.issue(new_key(), print="till", **SALE)
    box.stop()
    shutil.rmtree(box.state)
    old.rename(box.state)
    box.start()
    seen = {name: last[name] for name in ("epoch", "sequence", "mac")}
    with box.client() as till:
        code, _ = refusal(lambda: till.call("invoice.issue", key=new_key(), last_seen=seen, **SALE))
        assert code == "journal_behind"
        box.wait_for(lambda: not box.status()["can_issue"], 5, "the box to lock")
        assert refusal(lambda: till.call("invoice.issue", key=new_key(), **SALE))[0] == "box_locked"
    assert first["invoice"]["invoice_number"] == "NQ00000000"
