"""What the box does by itself about periods: close those that are over, report their unused numbers, and give away the
list of the new one.

The list (字軌上傳) is written once a period, as CSV and JSON, into the folder `export` of the state, from where
somebody or something takes it away; so are the unused numbers of a box that shares its tracks with others.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import close_what_is_over
from einvoiced.actions.export_tracks import Exported, export_due
from einvoiced.actions.report_unused import export_leftovers, list_unused, queue_what_is_due
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
        for unused in await self._journal.submit(queue_what_is_due(self._box)):
            log.info("%s: %d unused numbers wait for the platform", unused.period, unused.numbers)
        for exported in await self._journal.submit(export_due(self._box)):
            await asyncio.to_thread(self._write_list, exported)
        if self._box.shop is not None:
            await self._give_leftovers()

    async def _give_leftovers(self) -> None:
        """Unused numbers that another box, or the office, reports."""
        for unused in await self._journal.submit(list_unused(self._box)):
            if unused.reporter != "this_box":
                given = await self._journal.submit(export_leftovers(self._box, unused.year_month))
                await asyncio.to_thread(self._write, given.file_name, given.content.encode())

    def _write_list(self, exported: Exported) -> None:
        encoding = "utf-8-sig" if exported.form == "csv" else "utf-8"  # Excel takes a CSV without the mark for CP950
        self._write(exported.file_name, exported.content.encode(encoding))

    def _write(self, name: str, data: bytes) -> None:
        """Whole or not at all, and only what is new."""
        target = self._folder / name
        if target.exists() and target.read_bytes() == data:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = self._folder / f".{name}"
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
        log.info("written: %s", target)
