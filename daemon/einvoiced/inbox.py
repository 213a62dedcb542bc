"""The inbox: batches that a stick (or the folder that plays it) left are imported, told, and thrown away."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from einvoiced.actions.import_tracks import Importer
from einvoiced.errors import EinvoicedError, FileEmpty, FileNotText, NotATrackFile
from einvoiced.hardware.stick.collect import Collected, CollectedFile, read_batch, read_file
from einvoiced.hardware.stick.folder import FolderStick

SECONDS = 0.2
"""How often the inbox is looked at; a look at an empty folder is one system call."""

IGNORED = (NotATrackFile, FileNotText, FileEmpty)
"""Strangers' files on a stick: passed over in silence."""

log = logging.getLogger(__name__)


class Inbox:
    """Runs in the loop; `folder` plays the stick where there is one. `on_busy(True)` while a batch is worked on."""

    def __init__(self, directory: Path, importer: Importer, folder: FolderStick | None) -> None:
        self._directory, self._importer, self._folder = directory, importer, folder
        self.on_busy: Callable[[bool], None] = lambda _busy: None
        self.on_empty: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Watch for ever. A fault with one batch never ends the watch."""
        self._directory.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                if self._folder is not None:
                    await asyncio.to_thread(self._folder.poll)
                for batch in self._batches():
                    await self._take(batch)
            except OSError as error:
                log.warning("the inbox cannot be read: %s", error)
            await asyncio.sleep(SECONDS)

    def _batches(self) -> list[Path]:
        return sorted(p for p in self._directory.iterdir() if p.is_dir() and not p.name.startswith("."))

    async def _take(self, path: Path) -> None:
        self.on_busy(True)
        try:
            batch = read_batch(path)
            verdicts = [await self._import(batch, entry) for entry in batch.files]
            if not any(verdicts):
                self.on_empty()
        except (OSError, ValueError) as error:
            log.warning("batch %s cannot be read: %s", path.name, error)
        except EinvoicedError as error:
            log.error("batch %s waits: %s", path.name, error)
            return
        finally:
            self.on_busy(False)
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def _import(self, batch: Collected, entry: CollectedFile) -> bool:
        """Import one file; False for one that is no track file. Errors that are not about the file are raised."""
        data = await asyncio.to_thread(read_file, batch, entry)
        try:
            await self._importer.import_file(Path(entry.name).name, data, "stick", None, ignore=IGNORED)
        except IGNORED:
            return False
        except EinvoicedError as error:
            if error.code // 1000 != 3:
                raise
        return True
