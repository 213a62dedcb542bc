"""Keeps the ceilings ahead of the numbers: entry, then witnesses, then the file beside the journal, then use."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from einvoiced.actions.box import Box, Ceilings
from einvoiced.actions.raise_ceilings import raise_ceilings, remembered_ceilings, usable_ceilings
from einvoiced.errors import CeilingReached, EinvoicedError, JournalBroken, StorageFailed
from einvoiced.errors.words import in_chinese
from einvoiced.journal import beside
from einvoiced.journal.witnesses import Witnesses
from einvoiced.journal.writer import Journal
from einvoiced.waiting import happened

LEAST_AHEAD, MOST_AHEAD = 100, 12_800
"""Numbers that lie below the ceiling after a raise: two booklets, and more while they are used up within seconds."""

PATIENCE = 2.0
"""Seconds that a request waits at the ceiling for the witnesses before it is told to repeat."""

LOOK_SECONDS = 30.0
"""How often the ceilings are looked at without being asked: for the turn of the period."""

RETRY_SECONDS = 3.0
"""How often a file beside that could not be written is tried again."""

FAULT = "beside_unwritable"
"""The lock's name while the file beside cannot be written."""

log = logging.getLogger(__name__)


class CeilingKeeper:
    """Runs in the loop."""

    def __init__(self, box: Box, journal: Journal, witnesses: Witnesses, directory: Path) -> None:
        self._box, self._journal, self._witnesses, self._directory = box, journal, witnesses, directory
        known = beside.read(directory)
        self._ceilings = box.ceilings = Ceilings(known.ceilings if known else [])
        self._written: beside.Beside | None = None
        self._ahead, self._raised_at = LEAST_AHEAD, 0.0
        self._poked, self._witnessed = asyncio.Event(), asyncio.Event()

    def poke(self) -> None:
        """Entries were appended: look, if the journal thread found the ceilings low."""
        if self._ceilings.wanted:
            self._poked.set()

    def witness_reported(self) -> None:
        """A witness got further."""
        self._witnessed.set()

    async def run(self) -> None:
        """Until cancelled; what the box can say is logged and tried again. Whatever is wrong, who waits is answered."""
        while True:
            self._poked.clear()
            try:
                await self.raise_now()
            except EinvoicedError as error:
                log.error("ceilings cannot be raised: %s", error)
                self._journal.release(error)
            except Exception as error:
                self._journal.release(StorageFailed(detail=f"ceilings cannot be raised: {error!r}"))
                raise
            await happened(self._poked, RETRY_SECONDS if FAULT in self._box.locks else LOOK_SECONDS)

    async def write(self, content: beside.Beside) -> bool:
        """Write the file beside, unless it says so already; where the disk takes it not, lock until it does. Whether it
        did.
        """
        try:
            if content != self._written or not await asyncio.to_thread(_says, self._directory, content):
                self._written = None
                await asyncio.to_thread(beside.write, self._directory, content)
        except OSError as error:
            self._lock(error)
            return False
        self._written = content
        self._box.unlock(FAULT)
        return True

    def _lock(self, error: OSError) -> None:
        """Nothing may be issued that no file beside knows of; who waits is told to keep the key."""
        failed = StorageFailed(detail=f"{beside.FILE}: {error.strerror or error}")
        if FAULT not in self._box.locks:
            log.error("locked: %s", failed)
        told = failed.facts["detail"]
        told_zh = in_chinese(str(told))
        self._box.lock(
            FAULT,
            f"The file beside the journal cannot be written ({told}); mend the disk, the box goes on by itself.",
            f"日誌旁的檔案無法寫入（{told_zh}）；磁碟修復後本機會自動恢復。",
        )
        self._journal.release(failed)

    async def raise_now(self) -> None:
        """Raise where needed, and allow what the witnesses and the file then know."""
        self._ceilings.wanted = False
        if await self._journal.submit(raise_ceilings(self._box, self._ahead)) is not None:
            self._pace()
        known = await self._journal.submit(usable_ceilings(self._box))
        remembered = await self._journal.submit(remembered_ceilings)
        head = await self._journal.submit(lambda tx: tx.head)
        await self._wait_for_witnesses(head.sequence)
        content = beside.Beside(self._journal.id, True, remembered).at(head, running=True)
        if await self.write(content):
            self._ceilings.allow(known)
            self._journal.release()

    def _pace(self) -> None:
        """Next time twice as far ahead when two raises came within two seconds; two booklets in quiet times."""
        now = time.monotonic()
        quick = now - self._raised_at < 2.0
        self._ahead = min(self._ahead * 2, MOST_AHEAD) if quick else LEAST_AHEAD
        self._ceilings.low = self._ahead // 2
        self._raised_at = now

    async def _wait_for_witnesses(self, sequence: int) -> None:
        while not self._witnesses.reached(sequence):
            self._witnessed.clear()
            if not await happened(self._witnessed, PATIENCE):
                silent = ", ".join(sorted(self._witnesses.required))
                self._journal.release(CeilingReached(witnesses=silent))


def _says(directory: Path, content: beside.Beside) -> bool:
    try:
        return beside.read(directory) == content
    except JournalBroken:
        return False
