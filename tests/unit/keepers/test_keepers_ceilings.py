"""The keeper of the ceilings: who waits is answered, and a box at rest writes nothing."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from einvoiced.actions.box import Box
from einvoiced.errors import StorageFailed
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import beside, entries
from einvoiced.journal.transaction import NotYet, Transaction
from einvoiced.journal.witnesses import Witnesses
from einvoiced.journal.writer import Journal
from einvoiced.keepers import ceilings


def kept(durable: Path, work: Callable[[Journal, ceilings.CeilingKeeper], Awaitable[None]]) -> None:
    """Do the work beside a new journal and its keeper."""

    async def main() -> None:
        clock = VirtualClock()
        journal = Journal(durable / "journal", clock)
        journal.open()
        box = Box(clock, durable / "journal")
        try:
            await work(journal, ceilings.CeilingKeeper(box, journal, Witnesses(frozenset(), frozenset()), durable))
        finally:
            await asyncio.to_thread(journal.close)

    asyncio.run(main())


def test_who_waits_at_a_ceiling_is_answered_whatever_is_wrong(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody thought of: the request keeps its key, and the keeper's fault is not swallowed."""

    def broken(*_: object) -> object:
        raise OSError(errno.EMFILE, "Too many open files")

    def waits(_tx: Transaction) -> None:
        raise NotYet

    async def work(journal: Journal, keeper: ceilings.CeilingKeeper) -> None:
        waiting = asyncio.ensure_future(asyncio.wait_for(journal.submit(waits), 10))
        await journal.submit(lambda _tx: None)  # it is parked now
        monkeypatch.setattr(ceilings, "raise_ceilings", broken)
        with pytest.raises(OSError, match="Too many open files"):
            await asyncio.wait_for(keeper.run(), 10)
        with pytest.raises(StorageFailed, match="Too many open files"):
            await waiting

    kept(durable, work)


def test_a_box_at_rest_does_not_write_the_file_beside_again(durable: Path) -> None:
    """Its card wears out otherwise. What somebody took away or changed is written again, and so is a newer entry."""
    file, inodes = durable / beside.FILE, []

    async def work(journal: Journal, keeper: ceilings.CeilingKeeper) -> None:
        async def look() -> bytes:
            await keeper.raise_now()
            inodes.append(file.stat().st_ino)
            return file.read_bytes()

        first = await look()
        assert await look() == first
        assert len(set(inodes)) == 1
        for harm in (file.unlink, lambda: file.write_text("{}")):
            harm()
            assert await look() == first
        head = journal.last_sequence
        await journal.submit(lambda tx: tx.append(entries.ClockJumped(3.0, False)))
        await look()
        known = beside.read(durable)
        assert known is not None and known.sequence == head + 1

    kept(durable, work)
