"""Snapshots for accountants: made by a child process, kept for a while, fetched in parts over the admin socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import secrets
import shutil
import sys
from pathlib import Path

import msgspec

from einvoiced.errors import BoxStopping, InvalidParams, SnapshotGone
from einvoiced.rpc.report_methods import SnapshotPart, SnapshotState
from einvoiced.waiting import happened

PART = 512 * 1024
KEEP_SECONDS = 600.0
"""How long a snapshot is kept after somebody last asked about it."""

log = logging.getLogger(__name__)


class SnapshotDesk:
    """One snapshot at a time, in the folder `reports` of the state. Main loop only."""

    def __init__(self, state: Path) -> None:
        self._state, self._folder = state, state / "reports"
        self._now: SnapshotState | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._making: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._end: asyncio.TimerHandle | None = None
        self._stopped = False

    async def snapshot(self, name: str | None, wait: float) -> SnapshotState:
        """Begin one (or join the one that is being made), or tell how far a named one is; SnapshotGone."""
        if name is None:
            self._begin()
        now = self._known(name)
        if now.state == "building" and wait:
            await happened(self._moved, wait)
            self._moved.clear()
            now = self._known(now.snapshot)
        return now

    async def part(self, name: str, offset: int) -> SnapshotPart:
        """Some of the bytes; SnapshotGone, InvalidParams."""
        now = self._known(name)
        if now.state != "ready" or not 0 <= offset <= now.size:
            raise InvalidParams("offset", detail="outside the snapshot, or it is not ready")
        content = await asyncio.to_thread(_read, self._file(name), offset)
        after = offset + len(content)
        return SnapshotPart(base64.b64encode(content).decode(), after if after < now.size else None)

    async def stop(self) -> None:
        """End the child: it holds the journal open."""
        self._stopped = True
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
        if self._making is not None:
            await asyncio.gather(self._making, return_exceptions=True)
        if self._end is not None:
            self._end.cancel()

    def _begin(self) -> None:
        if self._stopped:
            raise BoxStopping
        if self._now is not None and self._now.state == "building":
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        name = secrets.token_hex(8)
        self._now = SnapshotState(name, "building", 0, 0, 0, "", "")
        self._making = asyncio.create_task(self._make(name))

    def _known(self, name: str | None) -> SnapshotState:
        if self._now is None or name not in (None, self._now.snapshot):
            raise SnapshotGone("snapshot")
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._forget)
        return self._now

    def _forget(self) -> None:
        if self._now is not None and self._now.state != "building":
            self._now = None
            shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.db"

    async def _make(self, name: str) -> None:
        """Whatever goes wrong, the snapshot fails and the next may begin."""
        try:
            await self._make_in_child(name)
        except Exception as error:  # such as no room for a process, or for its file
            log.error("a snapshot could not be made: %r", error)
            self._tell(name, state="failed", detail=str(error) or type(error).__name__)

    async def _make_in_child(self, name: str) -> None:
        file, pipe = self._file(name), asyncio.subprocess.PIPE
        command = [sys.executable, "-m", "einvoiced.readmodel.snapshot", str(self._state), str(file)]
        child = self._child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        assert child.stdout is not None and child.stderr is not None
        said = asyncio.create_task(child.stderr.read())
        while line := await child.stdout.readline():
            done, of = msgspec.json.decode(line)["progress"]
            self._tell(name, done=done, of=of)
        if await child.wait() == 0:
            size, sha256 = await asyncio.to_thread(_measured, file)
            self._tell(name, state="ready", size=size, sha256=sha256)
        else:
            detail = ((await said).decode(errors="replace").strip().splitlines() or ["it ended"])[-1]
            log.error("a snapshot could not be made: %s", detail)
            self._tell(name, state="failed", detail=detail)

    def _tell(self, name: str, **what: object) -> None:
        if self._now is not None and self._now.snapshot == name:
            self._now = msgspec.structs.replace(self._now, **what)
            self._moved.set()


def _measured(file: Path) -> tuple[int, str]:
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()


def _read(file: Path, offset: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(offset)
        return opened.read(PART)
