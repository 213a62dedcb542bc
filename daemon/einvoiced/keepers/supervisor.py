"""Background work that no fault ends in silence: a task that raises is logged, told in the status and begun again.

What a task expects to go wrong it catches itself; here ends what nobody thought of. The first time it is begun again a
second later, then after twice as long, up to a minute.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from einvoiced.actions.box import Box

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a task is begun again."""

WELL_SECONDS = 90.0
"""A task that has run so long since it was begun again is well."""

NOTICE = "task_failed"

log = logging.getLogger(__name__)


class Supervisor:
    """The tasks of one loop, its thread only."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._tasks: list[asyncio.Task[None]] = []
        self._failing: set[str] = set()
        self.first_pause, self.well_seconds = FIRST_PAUSE, WELL_SECONDS

    def start(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run until it returns or `stop`; `run` is called again after a fault."""
        self._tasks.append(asyncio.create_task(self._keep(name, run), name=name))

    async def stop(self) -> None:
        """Cancel all, and wait for their ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        pause, said = self.first_pause, ""
        while True:
            begun = time.monotonic()
            well = asyncio.get_running_loop().call_later(self.well_seconds, self._tell, name, False)
            try:
                await run()
                self._tell(name, False)
                return
            except Exception as error:
                if time.monotonic() - begun >= self.well_seconds:
                    pause, said = self.first_pause, ""
                again, said = said == repr(error), repr(error)
                log.error("%s met a fault and is begun again in %g s: %s", name, pause, said, exc_info=not again)
            finally:
                well.cancel()
            self._tell(name, True)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _tell(self, name: str, failing: bool) -> None:
        (self._failing.add if failing else self._failing.discard)(name)
        if not self._failing:
            self._box.forget(NOTICE)
            return
        names = ", ".join(sorted(self._failing))
        en = f"Faults were met and are tried again: {names}. Send a bundle (einvoicectl bundle) to support."
        self._box.note(NOTICE, en, f"本機內部工作發生異常，自動重試中：{names}。請聯絡維修人員（einvoicectl bundle）。")
