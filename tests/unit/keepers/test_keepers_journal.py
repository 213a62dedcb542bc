"""The journal's life in the daemon, beside what the sessions show."""

from __future__ import annotations

import asyncio
from pathlib import Path

from einvoiced import config
from einvoiced.actions.box import Box
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import entries
from einvoiced.keepers.journal import JournalKeeper
from einvoiced.keepers.supervisor import Supervisor


def test_a_clock_that_jumps_before_the_box_has_begun_holds_nobody_up(durable: Path) -> None:
    """The network sets it while a full disk keeps the box from beginning: who would try again goes on at once."""

    async def main() -> list[str]:
        box = Box(VirtualClock(), durable / "journal")
        tasks = Supervisor(box)
        keeper = JournalKeeper(box, durable, config.MirrorSection(), tasks)
        keeper.open()
        async with asyncio.timeout(10):
            await keeper.note_jump(86400.0)
        await keeper.begin()
        await keeper.note_jump(3.0)
        bodies = await keeper.journal().submit(lambda tx: tx.all("SELECT body FROM entries ORDER BY sequence"))
        await tasks.stop()
        keeper.let_go()
        await keeper.stop()
        return [entries.read(body).type for (body,) in bodies]

    types = asyncio.run(main())
    assert types.count("clock_jumped") == 1
    assert types.index("clock_jumped") > types.index("box_started")
