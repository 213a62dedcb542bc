"""Where questions go that the read model answers: a child process, started by the first, gone when nobody asks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from einvoiced import errors

PATIENCE = 2.0
"""Seconds that a question waits for the model to be built before it hears how far that is."""

LINE = 16 << 20
"""Bytes of the longest answer."""

log = logging.getLogger(__name__)


class _Said(Struct, frozen=True):
    """A line of the child's."""

    id: int = 0
    result: Raw = Raw(b"")
    error: str = ""
    progress: tuple[int, int] | None = None


_decode = msgspec.json.Decoder(_Said).decode


class Finder:
    """Owns the child. Main loop only, but for `ask`."""

    def __init__(self, state: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.command = [sys.executable, "-m", "einvoiced.readmodel.child", str(state)]
        self._child: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._asked: dict[int, tuple[asyncio.subprocess.Process, asyncio.Future[Raw]]] = {}
        self._last_id = 0
        self._progress: tuple[int, int] | None = None
        self._starting = asyncio.Lock()
        self._stopped = False

    def ask(self, kind: str, question: Any) -> asyncio.Future[Raw]:
        """The answer's JSON, from any loop. AnswersBuilding while the model is built, QuestionFailed when it cannot."""
        asking = self._ask(kind, msgspec.Raw(msgspec.json.encode(question)))
        if asyncio.get_running_loop() is self._loop:
            return asyncio.ensure_future(asking)
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, self._loop))

    async def stop(self) -> None:
        """End the child: it holds the journal open."""
        self._stopped = True
        child = self._child
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _ask(self, kind: str, question: Raw) -> Raw:
        for last in (False, True):
            try:
                return await self._ask_child(kind, question)
            except (ConnectionError, EOFError):  # it had just ended, or was killed
                if last:
                    raise errors.QuestionFailed(detail="the process that answers ended") from None
        raise AssertionError("unreachable")

    async def _ask_child(self, kind: str, question: Raw) -> Raw:
        child = await self._started()
        assert child.stdin is not None
        self._last_id += 1
        number, future = self._last_id, self._loop.create_future()
        self._asked[number] = child, future
        try:
            child.stdin.write(msgspec.json.encode({"id": number, "ask": kind, "question": question}) + b"\n")
            await child.stdin.drain()
            return await self._answer(future)
        finally:
            self._asked.pop(number, None)

    async def _answer(self, future: asyncio.Future[Raw]) -> Raw:
        """Wait as long as it takes; but not for a model that is being built."""
        while True:
            done, _ = await asyncio.wait({future}, timeout=PATIENCE)
            if done:
                return future.result()
            if self._progress is not None:
                done_, of = self._progress
                raise errors.AnswersBuilding(percent=100 * done_ // max(of, 1))

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._stopped:
                raise errors.BoxStopping
            if self._child is not None and self._child.returncode is None:
                return self._child
            pipe = asyncio.subprocess.PIPE
            self._child = await asyncio.create_subprocess_exec(*self.command, stdin=pipe, stdout=pipe, limit=LINE)
            self._reader = asyncio.create_task(self._read(self._child))
            return self._child

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        """Hand out the child's answers until it ends; whoever still waits then hears that it did."""
        assert child.stdout is not None
        try:
            while line := await child.stdout.readline():
                self._hear(_decode(line))
        finally:
            self._progress = None
            if self._child is child:
                self._child = None
            for whose, future in self._asked.values():
                if whose is child and not future.done():
                    future.set_exception(EOFError())
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            code = await child.wait()
            if code and not self._stopped:
                log.warning("the process that answers questions ended with %d", code)

    def _hear(self, said: _Said) -> None:
        self._progress = said.progress
        _, future = self._asked.get(said.id, (None, None))
        if future is None or future.done():
            return
        if said.error:
            log.error("a question could not be answered: %s", said.error)
            future.set_exception(errors.QuestionFailed(detail=said.error))
        else:
            future.set_result(said.result)
