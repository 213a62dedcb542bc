"""Keeps what is due at hand for the status, which the lamps ask for every second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import date

from einvoiced.actions.box import Box
from einvoiced.actions.due import Due, Known, look
from einvoiced.errors import EinvoicedError
from einvoiced.journal.writer import Journal

SECONDS = 10.0
DISK_SECONDS = 3.0


class DueKeeper:
    """Main loop only."""

    def __init__(self, box: Box, journal: Callable[[], Journal]) -> None:
        self._box, self._journal = box, journal
        self._found: list[Due] = []
        self._known: Known = {}
        self._of: tuple[date | None, int] = (None, 0)
        self._looked = 0.0

    async def look(self) -> list[Due]:
        """What is due, as it was at most ten seconds ago; the last known where the journal does not answer."""
        today = self._box.clock.now().date()
        try:
            journal = self._journal()
            now = (today, journal.last_sequence)
            rests = bool(self._known) and time.monotonic() - self._looked < SECONDS  # nothing waits: looking is cheap
            fresh = self._of[0] == today and (self._of == now or rests)
            if not fresh:
                async with asyncio.timeout(DISK_SECONDS):
                    self._found = await journal.submit(look(self._box, self._known))
                self._of, self._looked = now, time.monotonic()
        except (TimeoutError, EinvoicedError):
            pass  # said by others
        return self._found
