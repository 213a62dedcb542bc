"""What the box does by itself about periods: close those that are over, and give away the list of the new one.

The list (字軌上傳) is written once a period, as CSV and JSON, into the folder `export` of the state, from where
somebody or something takes it away.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import close_what_is_over
from einvoiced.actions.export_tracks import Exported, export_due
from einvoiced.errors import EinvoicedError
from einvoiced.journal.writer import Journal

LOOK_SECONDS = 60.0

log = logging.getLogger(__name__)


class PeriodKeeper:
    """Runs in the loop."""

    def __init__(self, box: Box, journal: Journal, state: Path, seconds: float = LOOK_SECONDS) -> None:
        self._box, self._journal, self._folder, self._seconds = box, journal, state / "export", seconds

    async def run(self) -> None:
        """Until cancelled; a fault is logged and tried again."""
        while True:
            try:
                await self.look()
            except (OSError, EinvoicedError) as error:
                log.warning("periods cannot be looked after: %s", error)
            await asyncio.sleep(self._seconds)

    async def look(self) -> None:
        """Once."""
        for period in await self._journal.submit(close_what_is_over(self._box)):
            log.info("%s is closed: %d numbers are unused", period.period, period.numbers)
        for exported in await self._journal.submit(export_due(self._box)):
            await asyncio.to_thread(self._write, exported)

    def _write(self, exported: Exported) -> None:
        """Whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        encoding = "utf-8-sig" if exported.form == "csv" else "utf-8"  # Excel takes a CSV without the mark for CP950
        aside = self._folder / f".{exported.file_name}"
        with aside.open("w", encoding=encoding, newline="") as file:
            file.write(exported.content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._folder / exported.file_name)
        log.info("written: %s (%d ranges)", self._folder / exported.file_name, exported.ranges)
