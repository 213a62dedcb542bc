"""Background work of a box that runs for years: no fault ends it in silence."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from einvoiced.actions.box import Box
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.keepers.supervisor import NOTICE, Supervisor


async def _until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await condition.wait()


def test_a_task_that_met_a_fault_is_told_begun_again_and_well_after_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback, once for the same fault; the status has a notice until the task runs well."""
    box = Box(VirtualClock(), tmp_path)
    told: list[bool] = []

    async def main() -> None:
        tasks, well, begun = Supervisor(box), asyncio.Event(), 0
        tasks.first_pause, tasks.well_seconds = 0.01, 0.2

        async def work() -> None:
            nonlocal begun
            begun += 1
            told.append(NOTICE in box.notices)
            if begun <= 3:
                raise KeyError("nobody thought of this")
            asyncio.get_running_loop().call_later(0.5, well.set)
            await asyncio.Event().wait()

        tasks.start("inbox", work)
        await _until(well)
        told.append(NOTICE in box.notices)
        await tasks.stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert told == [False, True, True, True, False]
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]
    assert "inbox" in caplog.text and "nobody thought of this" in caplog.text


def test_the_notice_names_every_task_that_fails(tmp_path: Path) -> None:
    """One that ends by itself is well; those that still fail are named."""
    box = Box(VirtualClock(), tmp_path)

    async def main() -> None:
        tasks, again = Supervisor(box), asyncio.Event()
        tasks.first_pause = 0.05
        begun: dict[str, int] = {}

        def work(name: str, times: int) -> None:
            async def run() -> None:
                begun[name] = begun.get(name, 0) + 1
                if begun[name] <= times:
                    raise ValueError(name)
                again.set()

            tasks.start(name, run)

        work("lamps", 99)
        work("inbox", 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert "inbox, lamps" in box.notices[NOTICE].en
        await _until(again)
        await asyncio.sleep(0)
        assert "lamps" in box.notices[NOTICE].en and "inbox" not in box.notices[NOTICE].en
        await tasks.stop()

    asyncio.run(main())
