"""`journal.read` that waits, and an entry that comes at the worst moment."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from einvoiced.actions.box import Box
from einvoiced.actions.follow import Page
from einvoiced.client import BoxError
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal.entries import Peer
from einvoiced.rpc.journal_methods import JournalMethods, JournalReadParams
from einvoiced.rpc.registry import Registry
from tools.virtualbox import VirtualBox


class Racing:
    """A journal to which an entry is appended straight after it was found to have none."""

    def __init__(self) -> None:
        self.methods: JournalMethods
        self.entries: list[str] = []

    async def submit(self, _action: Any) -> Page:
        page = Page(list(self.entries), len(self.entries))
        if not self.entries:
            self.entries.append("{}")
            if self.methods.appended.waited_for:  # as `Daemon._committed` tells
                asyncio.get_running_loop().call_soon(self.methods.appended.note, 1)
        return page


def test_an_entry_between_the_look_and_the_wait_is_heard() -> None:
    """A witness that waits 20 seconds hears of it at once: tills may stand at a ceiling for it."""

    async def main() -> Page:
        journal, registry = Racing(), Registry()
        journal.methods = JournalMethods(Box(VirtualClock(), Path()), lambda: cast(Any, journal), registry)
        read = registry.all["journal.read"].run
        return cast(Page, await read(msgspec.convert({"wait": 20}, JournalReadParams), Peer("admin", 0, 0, 1)))

    begun = time.monotonic()
    assert asyncio.run(main()).entries == ["{}"]
    assert time.monotonic() - begun < 10


def test_questions_wake_nobody_who_waits_for_entries(shared_box: VirtualBox) -> None:
    """Two followers with nothing to read each wait out their time, though both ask and the lamps do: they would wake
    one another for ever.
    """

    def waits(_number: int) -> bool:
        with shared_box.client("admin") as follower:
            head = follower.call("journal.read", after=1 << 40)["head"]
            begun = time.monotonic()
            page = follower.call("journal.read", after=head, wait=1.5)
            shared_box.status()
            return bool(page["entries"]) or time.monotonic() - begun >= 1.4

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(waits, range(2)))


@pytest.mark.parametrize("wait", [30.5, -1])
def test_a_wait_that_is_not_kept_is_refused(shared_box: VirtualBox, wait: float) -> None:
    """A follower that was answered at once would ask without a pause, for ever."""
    with shared_box.client("admin") as follower, pytest.raises(BoxError) as refused:
        follower.call("journal.read", after=1 << 40, wait=wait)
    assert (refused.value.name, refused.value.path) == ("invalid_params", "wait")
