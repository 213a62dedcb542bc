"""The slip of a day: what is due and what is overdue, at the first start of a day or at a time (`box.daily_slip`).

Which day it was printed for stands in a file of the state. At a start it is printed only when there is something to
tell; at a time always.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from einvoiced.actions.status import Status
from einvoiced.followers import slips

if TYPE_CHECKING:
    from einvoiced.proof.document import Document

FILE = "daily-slip"
LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)


class DailySlip:
    """Main loop only. `mode` gives the option as it is now."""

    def __init__(
        self, mode: Callable[[], str], state: Path, status: Callable[[], Awaitable[Status]], now: Callable[[], datetime]
    ) -> None:
        self._mode, self._file, self._status, self._now = mode, state / FILE, status, now
        self._started = True

    async def run(self, printer: Callable[[], str], out: Callable[[Document], None], shop: Callable[[], str]) -> None:
        """Until cancelled: print whenever it is time and the printer is ready."""
        while True:
            if printer() == "ready":
                try:
                    await self._look(out, shop())
                except OSError as error:
                    log.warning("no daily slip: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, out: Callable[[Document], None], shop: str) -> None:
        now, mode = self._now(), self._mode()
        started, self._started = self._started, False
        if not (started if mode == "start" else mode != "never" and f"{now:%H:%M}" >= mode):
            return
        if await asyncio.to_thread(_marked, self._file) == str(now.date()):
            return
        status = await self._status()
        if status.counts is None:  # the journal does not answer: later
            self._started = started
            return
        if mode != "start" or slips.has_duties(status):
            await asyncio.to_thread(self._file.write_text, str(now.date()), "ascii")
            out(slips.daily_slip(status, shop, now))


def _marked(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
