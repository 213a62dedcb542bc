"""The one thread that owns the writing connection, and the transaction that an action works in.

Requests that wait are committed together: one sync for all. An answer leaves only after its commit. A rule's refusal
harms no other request of its group; a storage error fails the whole group with `retry: same_key`, and the head is read
again from disk. Work that can wait (checkpoints) is done after the answers have left.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import queue
import sqlite3
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from einvoiced import errors
from einvoiced.journal import entries, projections, store

T = TypeVar("T")
GROUP = 128
"""Most requests that share one commit."""

CHECKPOINT_EVERY = 500
"""Entries after which the WAL is copied into the database, about 8 MiB of WAL."""

NEEDED_MIB = 64
"""Below this much free space nothing is appended: nothing can then be half done."""

log = logging.getLogger(__name__)


class WallClock(Protocol):
    """What the journal needs of a clock."""

    def now(self) -> datetime:
        """Taipei time."""


class Transaction:
    """What an action may do: read, and append entries. Journal thread only, valid during the action only."""

    def __init__(self, db: sqlite3.Connection, head: store.Head, clock: WallClock) -> None:
        self.db, self._head, self._clock = db, head, clock
        self.appended = 0
        self._saved = False

    def one(self, sql: str, *parameters: object) -> Any:
        """The first row of a question, or None; nothing stays open."""
        cursor = self.db.execute(sql, parameters)
        row = cursor.fetchone()
        cursor.close()
        return row

    def all(self, sql: str, *parameters: object) -> list[Any]:
        """All rows of a (short) question."""
        return self.db.execute(sql, parameters).fetchall()

    def now(self) -> datetime:
        """The clock, whatever the journal says."""
        return self._clock.now()

    def last_time(self) -> datetime | None:
        """The last entry's time; None in an empty journal."""
        return datetime.fromisoformat(self._head.time) if self._head.time else None

    @property
    def next_place(self) -> tuple[int, int]:
        """(epoch, sequence) that the next appended entry will have."""
        return self._head.epoch, self._head.sequence + 1

    def append(self, data: entries.EntryData, moment: datetime | None = None) -> int:
        """Append an entry and bring the projections up to it; returns its sequence.

        Its time is `moment` (default: the clock), never before the last entry's.
        """
        if not self._saved:
            self.db.execute("SAVEPOINT action")
            self._saved = True
        head = self._head
        time = max(entries.stamp(moment or self._clock.now()), head.time)
        sequence = head.sequence + 1
        body = entries.seal(head.epoch, sequence, time, head.hash, data)
        self.db.execute("INSERT INTO entries VALUES (?, ?)", (sequence, body))
        projections.apply(self.db, sequence, data)
        self._head = store.Head(head.epoch, sequence, entries.digest(body), time)
        self.appended += 1
        return sequence

    def finish(self) -> store.Head:
        """Keep what the action appended; returns the new head (writer only)."""
        if self._saved:
            self.db.execute("RELEASE action")
        return self._head

    def undo(self) -> None:
        """Take back what the action appended (writer only)."""
        if self._saved:
            self.db.execute("ROLLBACK TO action")
            self.db.execute("RELEASE action")


Action = Callable[[Transaction], T]


class _Job:
    __slots__ = ("action", "error", "future", "result")

    def __init__(self, action: Action[Any], future: Any) -> None:
        self.action, self.future = action, future
        self.result: Any = None
        self.error: BaseException | None = None

    def deliver(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Journal:
    """The journal and its thread. `open` and `close` from the main thread; `submit` from the loop; `call` from others.

    `on_append(last sequence)` is called in the loop after each commit that added entries: followers wake up on it.
    `on_fatal(error)` is called when a sync has failed: nothing cached is true any more and the process must end.
    """

    def __init__(self, directory: Path, clock: WallClock, loop: asyncio.AbstractEventLoop) -> None:
        self.directory, self._clock, self._loop = directory, clock, loop
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal")
        self._since_checkpoint = 0
        self._closing = False
        self.id = ""
        self.commits = 0
        self.on_append: Callable[[int], None] = lambda _sequence: None
        self.on_fatal: Callable[[Exception], None] = lambda _error: None

    def open(self) -> None:
        """Lock, prove and open the file, then start the thread; a new journal gets its first entry."""
        self._lock = store.lock(self.directory)
        try:
            self._db = store.connect(self.directory)
            self._head = store.prove(self._db)
        except BaseException:
            os.close(self._lock)
            raise
        self._thread.start()
        self.id = self.call(_created)

    def close(self) -> None:
        """Commit what waits, checkpoint, end the thread, let the lock go."""
        self._closing = True
        self._jobs.put(None)
        self._thread.join()
        self._db.close()
        os.close(self._lock)

    def submit(self, action: Action[T]) -> asyncio.Future[T]:
        """Run the action in the next group; the future is done after its commit. Loop thread only."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closing:
            future.set_exception(errors.BoxStopping())
        else:
            self._jobs.put(_Job(action, future))
        return future

    def call(self, action: Action[T]) -> T:
        """Run the action in the next group and wait for its commit. Any thread but the loop's and the journal's."""
        if self._closing:
            raise errors.BoxStopping()
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._jobs.put(_Job(action, future))
        return future.result()

    # -- the thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            while len(group) < GROUP and not self._jobs.empty():
                more = self._jobs.get()
                if more is None:
                    self._jobs.put(None)
                    break
                group.append(more)
            before = self._head.sequence
            fatal = self._commit(group)
            self._deliver(group, self._head.sequence > before)
            if fatal is not None:
                self.on_fatal(fatal)
                return
            if self._since_checkpoint >= CHECKPOINT_EVERY:
                self._checkpoint()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _commit(self, group: list[_Job]) -> Exception | None:
        """Run the group in one transaction; returns the error after which the process must end, if there was one."""
        before = self._head
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for job in group:
                self._act(job)
            self._db.execute("COMMIT")
        except Exception as error:
            return self._fail(group, before, error)
        self.commits += 1
        self._since_checkpoint += self._head.sequence - before.sequence
        return None

    def _act(self, job: _Job) -> None:
        transaction = Transaction(self._db, self._head, self._clock)
        try:
            job.result = job.action(transaction)
            self._head = transaction.finish()
        except (sqlite3.OperationalError, MemoryError):
            raise  # a storage error: SQLite may have rolled back all of it
        except Exception as error:
            transaction.undo()
            job.error = error

    def _fail(self, group: list[_Job], before: store.Head, error: Exception) -> Exception | None:
        log.error("the journal could not commit %d requests: %s", len(group), error)
        for job in group:
            job.error = errors.StorageFailed(detail=str(error))
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._head = store.prove_tail(self._db)
        except Exception as worse:
            self._head = before
            return worse
        name = getattr(error, "sqlite_errorname", "")
        return error if name.startswith("SQLITE_IOERR") else None

    def _deliver(self, group: list[_Job], grown: bool) -> None:
        waiting = []
        for job in group:
            if isinstance(job.future, asyncio.Future):
                waiting.append(job)
            else:
                job.deliver()
        try:
            self._loop.call_soon_threadsafe(self._answer, waiting, self._head.sequence if grown else None)
        except RuntimeError:
            log.warning("the loop is gone; %d answers could not leave", len(waiting))

    def _answer(self, jobs: list[_Job], sequence: int | None) -> None:
        for job in jobs:
            job.deliver()
        if sequence is not None:
            self.on_append(sequence)

    def _checkpoint(self) -> None:
        try:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._since_checkpoint = 0
        except sqlite3.DatabaseError as error:
            log.error("checkpoint failed: %s", error)
            self.on_fatal(error)


def check_space(directory: Path) -> None:
    """DiskNearlyFull when less than NEEDED_MIB is free on the journal's disk."""
    disk = os.statvfs(directory)
    free = disk.f_bavail * disk.f_frsize >> 20
    if free < NEEDED_MIB:
        raise errors.DiskNearlyFull(free=free, needed=NEEDED_MIB)


def _created(tx: Transaction) -> str:
    row = tx.one("SELECT body FROM entries WHERE sequence = 1")
    if row is None:
        identifier = str(uuid.uuid4())
        tx.append(entries.JournalCreated(identifier))
        return identifier
    first = entries.read_data(entries.read(row[0]))
    assert isinstance(first, entries.JournalCreated)
    return first.journal
