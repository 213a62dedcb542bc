"""The transaction that an action works in: it reads, it appends entries, and the group's writer keeps or undoes it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from einvoiced import errors
from einvoiced.journal import entries, projections, store

T = TypeVar("T")
NEEDED_MIB = 64
"""Below this much free space nothing is issued or imported: nothing can then be half done."""


class WallClock(Protocol):
    """What the journal needs of a clock."""

    def now(self) -> datetime:
        """Taipei time."""


class Space:
    """Whether the journal's disk takes anything at all, asked ten times a second at most."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._good_until = 0.0

    def check(self) -> None:
        """DiskReadOnly after the kernel met errors on it; DiskNearlyFull when less than NEEDED_MIB is free."""
        now = time.monotonic()
        if now < self._good_until:
            return
        disk = os.statvfs(self._directory)
        if disk.f_flag & os.ST_RDONLY:
            raise errors.DiskReadOnly
        free = disk.f_bavail * disk.f_frsize >> 20
        if free < NEEDED_MIB:
            raise errors.DiskNearlyFull(free=free, needed=NEEDED_MIB)
        self._good_until = now + 0.1


class Transaction:
    """What an action may do: read, and append entries. Journal thread only, valid during the action only."""

    def __init__(
        self,
        db: sqlite3.Connection,
        head: store.Head,
        clock: WallClock,
        frozen: Exception | None = None,
        space: Space | None = None,
        *,
        alone: bool = False,
    ) -> None:
        """`alone`: no other action shares the database's transaction, so none needs a savepoint to be kept from it."""
        self.db, self._head, self._clock, self._frozen, self._space = db, head, clock, frozen, space
        self.appended = 0
        self.afterwards: list[Callable[[], None]] = []
        """What is done once all this is committed, and never otherwise (journal thread, before the answer leaves)."""
        self._alone, self._saved = alone, False

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

    def check_space(self) -> None:
        """DiskReadOnly or DiskNearlyFull: nothing may be begun on the journal's disk."""
        if self._space is not None:
            self._space.check()

    @property
    def next_place(self) -> tuple[int, int]:
        """(epoch, sequence) that the next appended entry will have."""
        return self._head.epoch, self._head.sequence + 1

    def append(self, data: entries.EntryData, moment: datetime | None = None) -> int:
        """Append an entry and bring the projections up to it; returns its sequence.

        Its time is `moment` (default: the clock), never before the last entry's, but for a technician's correction of
        the clock. Raises what froze the journal, if something did.
        """
        if self._frozen is not None:
            raise self._frozen
        if not self._saved:
            self._saved = True
            if not self._alone:
                self.db.execute("SAVEPOINT action")
        head = self._head
        stamp = entries.stamp(moment or self._clock.now())
        if stamp < head.time and not isinstance(data, entries.ClockCorrected):
            stamp = head.time
        sequence = head.sequence + 1
        body = entries.seal(head.epoch, sequence, stamp, head.hash, data)
        self.db.execute("INSERT INTO entries VALUES (?, ?)", (sequence, body))
        projections.apply(self.db, sequence, data)
        self._head = store.Head(head.epoch, sequence, entries.digest(body), stamp)
        self.appended += 1
        return sequence

    def open_epoch(self, data: entries.EpochOpened) -> int:
        """Append the first entry of the next epoch (reconciliation only)."""
        self._head = store.Head(self._head.epoch + 1, self._head.sequence, self._head.hash, self._head.time)
        return self.append(data)

    @property
    def head(self) -> store.Head:
        """The last entry's place and hash."""
        return self._head

    def finish(self) -> store.Head:
        """Keep what the action appended; returns the new head (writer only)."""
        if self._saved and not self._alone:
            self.db.execute("RELEASE action")
        return self._head

    def undo(self) -> None:
        """Take back what the action appended (writer only)."""
        if self._saved and self._alone:
            self.db.execute("ROLLBACK")
            self.db.execute("BEGIN")
        elif self._saved:
            self.db.execute("ROLLBACK TO action")
            self.db.execute("RELEASE action")


Action = Callable[[Transaction], T]


class NotYet(Exception):
    """Raised by an action that must wait for something outside: it is run again after `Journal.release`."""
