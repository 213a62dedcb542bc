"""The one thread that owns the writing connection.

Requests that wait are committed together: one sync for all. An answer leaves only after its commit. A rule's refusal
harms no other request of its group; a storage error fails the whole group with `retry: same_key`, and the head is read
again from disk. Work that can wait (checkpoints) is done after the answers have left.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import secrets
import sqlite3
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from einvoiced import errors
from einvoiced.journal import entries, store
from einvoiced.journal.job import Job
from einvoiced.journal.mac import mac_key_epoch
from einvoiced.journal.transaction import Action, NotYet, Space, Transaction, WallClock

T = TypeVar("T")
GROUP = 128
"""Most requests that share one commit."""

CHECKPOINT_PAGES = 2000
"""Pages of WAL (8 MiB) after which it is copied into the database; a copy costs three syncs. A small WAL is soon
written over in place, which syncs faster than a file that grows."""

SLOW_SYNC = 0.003
"""Seconds of a commit beyond which a group waits for a moment: while one half of the tills is answered the other half
would be committed alone, and each would wait for two syncs."""

PATIENCE, MOST_PATIENCE = 0.125, 0.002
"""That moment: this part of the last commit's time, and never more seconds than that."""

DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""SQLite's names for a database that is no longer whole, wherever in it."""

PAGES_A_COMMIT, PAGES_AN_ENTRY = 4.0, 1.5
"""What a commit and each of its entries write, as counted."""

log = logging.getLogger(__name__)


class Journal:
    """The journal and its thread, which runs an asyncio loop of its own (`loop`).

    The tills' socket is served in that loop too: a request is read, committed and answered without a change of thread,
    and all that can be read in one turn of the loop is one group. `submit` is for any loop, `call` for other threads.

    Called in the journal's thread: `on_group(head)` after each group; `on_fatal(error)` when a sync has failed, nothing
    cached is true any more and the process must end; `on_broken(error)` when damage was met and appends are refused.
    """

    def __init__(self, directory: Path, clock: WallClock) -> None:
        self.directory, self._clock = directory, clock
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="journal")
        self._jobs: deque[Job[Any]] = deque()
        self._parked: deque[Job[Any]] = deque()
        self._wal_pages = 0.0
        self._crowd, self._sync_seconds = 0, 0.0
        self._closing = self._failed = False
        self._frozen: Exception | None = None
        self._space = Space(directory)
        self.id = ""
        self.secret = b""
        self.key_epoch = 1
        """The first epoch whose answers have MACs by `secret`."""
        self.commits = 0
        self.on_group: Callable[[int], None] = lambda _sequence: None
        self.on_fatal: Callable[[Exception], None] = lambda _error: None
        self.on_broken: Callable[[errors.EinvoicedError], None] = lambda _error: None

    def open(self, prepare: Callable[[], None] | None = None, *, may_begin: bool = True) -> None:
        """Lock, prove and open the file, then start the thread; a new journal gets its first entry if it `may_begin`.

        `prepare` is called once the lock is held, before the file is opened. JournalMissing where there is no entry and
        it may not begin.
        """
        try:
            self._lock = store.lock(self.directory)
        except BaseException:
            self.loop.close()
            raise
        try:
            if prepare is not None:
                prepare()
            self._db = store.connect(self.directory)
            self._prove(may_begin)
        except BaseException:
            os.close(self._lock)
            self.loop.close()
            raise
        self._thread.start()
        try:
            self.id, self.secret = self.call(_created)
            self.key_epoch = self.call(lambda tx: mac_key_epoch(tx.db))
        except BaseException:  # such as a disk too full for the first entry: it may be tried again
            self.close()
            raise

    def _prove(self, may_begin: bool) -> None:
        try:
            self._head = store.prove(self._db)
            if not self._head.sequence and not may_begin:
                raise errors.JournalMissing(detail=f"{store.FILE} without an entry")
        except BaseException:
            self._db.close()
            raise

    @property
    def last_sequence(self) -> int:
        """The last committed entry's sequence."""
        return self._head.sequence

    @property
    def frozen(self) -> bool:
        """Whether appends are refused or wait."""
        return self._frozen is not None

    def freeze(self, error: Exception) -> None:
        """From now on every append raises `error` (NotYet: it waits). Questions are answered. Any thread."""
        self._frozen = error

    def thaw(self, first: Action[T]) -> concurrent.futures.Future[T]:
        """Append again: `first` before everything that waits. Any thread.

        What froze it for good meanwhile stays, and `first` raises it.
        """
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self.loop.call_soon_threadsafe(self._thaw, Job(first, lambda job: job.settle(future)))
        return future

    def release(self, error: errors.EinvoicedError | None = None) -> None:
        """Run again what waits after NotYet, or let it fail with `error`. Any thread."""
        self.loop.call_soon_threadsafe(self._release, error)

    def close(self) -> None:
        """Commit what waits, checkpoint, end the thread, let the lock go. Any thread but the journal's."""
        self.release(errors.BoxStopping())
        self.loop.call_soon_threadsafe(self._close)
        self._thread.join()
        self.loop.close()
        self._db.close()
        os.close(self._lock)

    def submit(self, action: Action[T]) -> Job[T] | asyncio.Future[T]:
        """Run the action in the next group; await what came of it, once committed. BoxStopping at the end."""
        loop = asyncio.get_running_loop()
        if loop is not self.loop:
            return asyncio.wrap_future(self._hand_over(action), loop=loop)
        if self._closing:
            raise errors.BoxStopping()
        job = Job(action)
        self._add(job)
        return job

    def call(self, action: Action[T]) -> T:
        """Run the action in the next group and wait for its commit. Only in threads without a loop."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("the journal's own thread would wait for itself for ever")
        return self._hand_over(action).result()

    def _hand_over(self, action: Action[T]) -> concurrent.futures.Future[T]:
        if self._closing:
            raise errors.BoxStopping()
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            self.loop.call_soon_threadsafe(self._add, Job(action, lambda job: job.settle(future)))
        except RuntimeError:  # the loop was closed meanwhile
            raise errors.BoxStopping() from None
        return future

    # -- the journal's thread

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        if not self._failed:
            try:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.DatabaseError as error:
                log.error("the WAL could not be emptied at the end (%s); the next start reads it", error)

    def _close(self) -> None:
        self._closing = True
        if self._jobs:
            self.loop.call_soon(self._close)
        else:
            self.loop.stop()

    def _add(self, job: Job[Any]) -> None:
        """Queue a job; the group is committed once everything else that is ready in this turn has been read.

        On a slow disk with several tills at work, a moment later.
        """
        if not self._jobs:
            if self._crowd > 1 and self._sync_seconds > SLOW_SYNC:
                self.loop.call_later(min(self._sync_seconds * PATIENCE, MOST_PATIENCE), self._flush)
            else:
                self.loop.call_soon(self._flush)
        self._jobs.append(job)

    def _thaw(self, first: Job[Any]) -> None:
        if isinstance(self._frozen, NotYet):
            self._frozen = None
        self._add(first)
        self._jobs.rotate(1)
        self._release(None)

    def _release(self, error: errors.EinvoicedError | None) -> None:
        parked, self._parked = self._parked, deque()
        for job in parked:
            job.parked = False
            if error is None:
                self._add(job)
            else:
                job.error = error
                job.deliver()

    def commit_now(self) -> None:
        """Commit what waits without another turn of the loop: for a lone client, whom nobody joins. This loop only."""
        if self._jobs and not self._closing:
            self._flush()

    def _flush(self) -> None:
        """Commit the next group, answer it, then do what can wait."""
        if not self._jobs:
            return
        if self._failed:
            self._refuse_all()
            return
        group = [self._jobs.popleft() for _ in range(min(len(self._jobs), GROUP))]
        if self._jobs:
            self.loop.call_soon(self._flush)
        fatal = self._commit(group)
        for job in group:
            if job.parked:
                self._parked.append(job)
            else:
                job.deliver()
        self.on_group(self._head.sequence)
        if fatal is not None:
            self._failed = self._closing = True
            self.on_fatal(fatal)
        elif self._wal_pages >= CHECKPOINT_PAGES:
            self._wal_pages = 0.0
            self.loop.call_soon(self._checkpoint)

    def _refuse_all(self) -> None:
        """After a failed sync nothing is committed any more: what still came in keeps its key."""
        waiting, self._jobs = self._jobs, deque()
        for job in waiting:
            job.error = errors.StorageFailed(
                detail="a sync has failed; the box starts anew", detail_zh="磁碟同步失敗，本機即將重新啟動"
            )
            job.deliver()

    def _commit(self, group: list[Job[Any]]) -> Exception | None:
        """Run the group in one transaction; returns the error after which the process must end, if there was one."""
        before = self._head
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for job in group:
                self._act(job, alone=len(group) == 1)
            begin = time.perf_counter()
            self._db.execute("COMMIT")
            seconds = time.perf_counter() - begin
        except Exception as error:
            return self._fail(group, before, error)
        for job in group:
            for each in job.afterwards:
                each()
        self.commits += 1
        appended = self._head.sequence - before.sequence
        if appended:
            self._crowd, self._sync_seconds = len(group), seconds
            self._wal_pages += PAGES_A_COMMIT + appended * PAGES_AN_ENTRY
        return None

    def _act(self, job: Job[Any], *, alone: bool) -> None:
        transaction = Transaction(self._db, self._head, self._clock, self._frozen, self._space, alone=alone)
        try:
            job.result = job.action(transaction)
            self._head, job.afterwards = transaction.finish(), transaction.afterwards
        except NotYet:
            transaction.undo()
            job.parked = True
        except sqlite3.IntegrityError as error:
            transaction.undo()
            job.error = error
        except (sqlite3.Error, MemoryError):
            raise  # a storage error: SQLite may have rolled back all of it
        except Exception as error:
            transaction.undo()
            job.error = error

    def _fail(self, group: list[Job[Any]], before: store.Head, error: Exception) -> Exception | None:
        log.error("the journal could not commit %d requests: %s", len(group), error)
        for job in group:
            job.parked = False
            job.error = errors.StorageFailed(detail=str(error))
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._head = store.prove_tail(self._db)
        except Exception as worse:
            self._head = before
            return worse
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(DAMAGE):
            broken = errors.JournalBroken(detail=str(error))
            self.freeze(broken)
            self.on_broken(broken)
        return error if name.startswith("SQLITE_IOERR") else None

    def _checkpoint(self) -> None:
        try:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.DatabaseError as error:
            log.error("checkpoint failed: %s", error)
            self._failed = self._closing = True
            self.on_fatal(error)


def _created(tx: Transaction) -> tuple[str, bytes]:
    """The journal's id and the key of its MACs; a new journal gets both, and its first entry."""
    row = tx.one("SELECT body FROM entries WHERE sequence = 1")
    if row is None:
        tx.db.execute("INSERT INTO secrets VALUES ('mac', ?)", (secrets.token_bytes(32),))
        tx.append(entries.JournalCreated(str(uuid.uuid4())))
    first = entries.read_data(entries.read(tx.one("SELECT body FROM entries WHERE sequence = 1")[0]))
    if not isinstance(first, entries.JournalCreated):
        raise errors.JournalBroken(detail="the first entry is not journal_created")
    return first.journal, tx.one("SELECT value FROM secrets WHERE name = 'mac'")[0]
