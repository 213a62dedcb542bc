"""The inbox: batches that a stick (or the folder that plays it) left are imported, told, and thrown away."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from einvoiced.actions.import_tracks import Importer
from einvoiced.errors import EinvoicedError, FileEmpty, FileNotText, NotATrackFile
from einvoiced.hardware.stick.collect import Collected, CollectedFile, read_batch, read_file
from einvoiced.hardware.stick.folder import FolderStick

SECONDS = 0.2
"""How often the inbox is looked at; a look at an empty folder is one system call."""

QUIET_SECONDS = 5.0
"""How long a stick with partitions must bring nothing more before it is said that no track file is on it."""

WAIT_SECONDS = 5.0
"""How long a batch waits that the box cannot take now (locked, not configured, full), before it is tried again."""

IGNORED = (NotATrackFile, FileNotText, FileEmpty)
"""Strangers' files on a stick: passed over in silence."""

Nothing = Literal["empty", "unreadable", "too_much"]
"""Why a stick gave no verdict: no track file, not readable, or more on it than is looked at."""

_LIMITS = {"too_many_files", "too_much", "too_many_entries", "deadline"}
_PARTITION = re.compile(r"usb-(sd[a-z]+)[0-9]+(?:-[0-9]+)?")

log = logging.getLogger(__name__)


@dataclass
class _Waiting:
    """A batch that the box could not take whole: what its first files gave, when it is tried again, and why not yet.

    `told`: all of it was taken, only its removal is left. `stuck`: what a person must know, if not "".
    """

    given: list[bool] = field(default_factory=list)
    until: float = 0.0
    why: str = ""
    told: bool = False
    stuck: str = ""


class Inbox:
    """Runs in the loop; `folder` plays the stick where there is one. `on_busy(True)` while a batch is worked on."""

    def __init__(
        self,
        directory: Path,
        importer: Importer,
        folder: FolderStick | None,
        *,
        quiet: float = QUIET_SECONDS,
        wait: float = WAIT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now`: seconds, of a clock that nobody sets."""
        self._directory, self._importer, self._folder = directory, importer, folder
        self._quiet, self._wait, self._now = quiet, wait, now
        self._waiting: dict[Path, _Waiting] = {}
        self._stuck: dict[Path, str] = {}
        self._untold: dict[str, tuple[Nothing, float]] = {}
        self._gave: dict[str, float] = {}
        self.on_busy: Callable[[bool], None] = lambda _busy: None
        self.on_nothing: Callable[[Nothing], None] = lambda _why: None
        self.on_stuck: Callable[[dict[Path, str]], None] = lambda _batches: None
        """Told which batches somebody must look at, and why, when that has changed."""

    async def run(self) -> None:
        """Watch for ever. A fault with one batch never ends the watch."""
        if not self._directory.exists():  # installed, tmpfiles.d makes it with the rights that the stick's unit needs
            self._directory.mkdir(parents=True)
        while True:
            await self.look()
            await asyncio.sleep(SECONDS)

    async def look(self) -> None:
        """Import what lies there, and say what there is to say of sticks that brought nothing."""
        try:
            if self._folder is not None:
                await asyncio.to_thread(self._folder.poll)
            for batch in self._batches():
                await self._take(batch)
        except OSError as error:
            log.warning("the inbox cannot be read: %s", error)
        self._tell_nothing()

    def _batches(self) -> list[Path]:
        """Those that may be taken now."""
        there = sorted(p for p in self._directory.iterdir() if p.is_dir() and not p.name.startswith("."))
        for path in self._waiting.keys() - set(there):
            del self._waiting[path]
        self._tell_stuck()
        now = self._now()
        return [path for path in there if path not in self._waiting or self._waiting[path].until <= now]

    async def _take(self, path: Path) -> None:
        """Import a batch, then throw it away; one that cannot go on is left alone for a while."""
        waiting = self._waiting.get(path) or _Waiting()
        waiting.told = waiting.told or await self._read(path, waiting)
        error = await asyncio.to_thread(_remove, path) if waiting.told else None
        if error is not None:
            if not waiting.stuck:
                log.error("batch %s cannot be removed: %s", path.name, error)
            waiting.stuck = f"cannot be removed ({error.strerror})"
        if error is not None or not waiting.told:
            waiting.until = self._now() + self._wait
            self._waiting[path] = waiting

    async def _read(self, path: Path, waiting: _Waiting) -> bool:
        """Import a batch, from the file on that the box could not take before: no verdict is told twice. Whether all
        was told.
        """
        self.on_busy(True)
        try:
            batch = read_batch(path)
            for entry in batch.files[len(waiting.given) :]:
                waiting.given.append(await self._import(batch, entry))
            self._note(batch, any(waiting.given) or any(left.reason == "export" for left in batch.left_out))
        except EinvoicedError as error:
            if waiting.why != str(error):
                log.error("batch %s waits: %s", path.name, error)
            waiting.why = str(error)
            return False
        except (OSError, ValueError) as error:
            log.warning("batch %s cannot be read: %s", path.name, error)
        except Exception as error:
            log.exception("batch %s waits", path.name)
            waiting.stuck = f"cannot be imported ({type(error).__name__})"
            return False
        finally:
            self.on_busy(False)
        return True

    def _tell_stuck(self) -> None:
        stuck = {path: waiting.stuck for path, waiting in self._waiting.items() if waiting.stuck}
        if stuck != self._stuck:
            self._stuck = stuck
            self.on_stuck(stuck)

    def _note(self, batch: Collected, gave: bool) -> None:
        """Keep whether a batch gave a verdict (or asks for an export, which speaks for itself). The partitions of one
        disk are one stick.
        """
        found = _PARTITION.fullmatch(batch.path.name)
        stick = batch.path.name if found is None else found[1]
        now = self._now()
        if gave:
            self._untold.pop(stick, None)
            self._gave[stick] = now
        elif now - self._gave.get(stick, -self._quiet) >= self._quiet:
            why, _ = self._untold.get(stick, (_why(batch), 0.0))
            self._untold[stick] = (why, now + (self._quiet if found is not None else 0.0))

    def _tell_nothing(self) -> None:
        now = self._now()
        for stick in [stick for stick, (_, due) in self._untold.items() if due <= now]:
            why, _ = self._untold.pop(stick)
            self.on_nothing(why)
        self._gave = {stick: at for stick, at in self._gave.items() if now - at < self._quiet}

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


def _why(batch: Collected) -> Nothing:
    reasons = {left.reason for left in batch.left_out}
    if not batch.files and reasons == {"unreadable"}:
        return "unreadable"
    return "too_much" if reasons & _LIMITS else "empty"


def _remove(path: Path) -> OSError | None:
    """Remove a batch, as much of it as can be; what kept the rest there."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error
    return None
