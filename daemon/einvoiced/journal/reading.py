"""Reading the journal from another process: read only, in pages, and never in the way of the daemon.

A reader must let go of the database when a daemon starts, because a start copies the whole WAL into the database first
and that needs everybody out (`store.prove` waits ten seconds). So whoever reads for long looks every tenth of a second
whether the journal's lock has a new owner.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

from einvoiced.errors import DiskNearlyFull, JournalInUse, JournalMissing
from einvoiced.journal import entries, store
from einvoiced.journal.transaction import NEEDED_MIB

PAGE = 500
STEP_PAGES = 256
"""Database pages copied at a time: 1 MiB."""

WAL_LIMIT = 64 << 20
"""Bytes that the WAL may grow while a snapshot holds its moment; beyond it the copy hurries."""

LOOK_SECONDS = 0.1
LOOKS = 4
TRIES = 5
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "armv7l": 314}
_IDLE = 3 << 13
"""IOPRIO_CLASS_IDLE of ioprio_set(2)."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how far it is, and how far it will go."""


def silent(_what: str, _done: int, _of: int) -> None:
    """A progress that nobody watches."""


class OwnerChanged(Exception):
    """Another daemon has the journal now, or none: let go and begin again."""


def be_gentle() -> None:
    """Give way to everybody else: lowest CPU and idle I/O priority of this process, where the kernel lets us."""
    os.nice(19)
    call = _IOPRIO_SET.get(platform.machine())
    if call is not None:
        ctypes.CDLL(None, use_errno=True).syscall(call, 1, 0, _IDLE)


def open_read_only(file: Path, *, alone: bool = False) -> sqlite3.Connection:
    """A connection that cannot write; JournalMissing when the file is not there.

    A database that nobody has open and that has no WAL is opened as immutable: SQLite would leave an empty WAL behind,
    and a start tells by it whether somebody deleted the one that was there. `alone`: the caller holds the lock.
    """
    if not file.exists():
        raise JournalMissing(detail=str(file))
    in_use = wal_of(file).exists() or (not alone and is_running(file.parent))
    how = "ro" if in_use else "ro&immutable=1"
    db = sqlite3.connect(f"{file.resolve().as_uri()}?mode={how}", uri=True, isolation_level=None, timeout=5)
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA query_only = ON")
    return db


def bodies(db: sqlite3.Connection, after: int = 0, upto: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The entries after a sequence with their row's number, a page at a time; nothing stays open between pages."""
    last = upto if upto is not None else 1 << 62
    while rows := db.execute(
        "SELECT sequence, body FROM entries WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?",
        (after, last, PAGE),
    ).fetchall():
        yield from rows
        after = rows[-1][0]


def last_sequence(db: sqlite3.Connection) -> int:
    """The last entry's sequence; 0 when there is none."""
    return int(db.execute("SELECT coalesce(max(sequence), 0) FROM entries").fetchone()[0])


def before(db: sqlite3.Connection, stamp: str, last: int) -> int:
    """The sequence just before the first entry at or after a time, as `entries.stamp` writes it; 0: none is before.

    By halving: some two dozen rows are read, however long the journal is. Where a technician corrected a clock that had
    run ahead, time runs twice, and it may be either place.
    """
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        (body,) = db.execute("SELECT body FROM entries WHERE sequence = ?", (middle,)).fetchone()
        if entries.read(body).time < stamp:
            low = middle
        else:
            high = middle - 1
    return low


def owner(directory: Path) -> int | None:
    """The process that holds the journal's lock, as /proc/locks says (proc(5)); None when nobody does."""
    try:
        inode = (directory / store.LOCK).stat().st_ino
    except FileNotFoundError:
        return None
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
            return int(fields[4])
    return None


def is_running(directory: Path) -> bool:
    """Whether a process holds the journal now."""
    try:
        descriptor = os.open(directory / store.LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the journal's lock, as a daemon does; JournalInUse when one runs."""
    descriptor = store.lock(directory)
    try:
        yield
    finally:
        os.close(descriptor)


def need_space(directory: Path, size: int) -> None:
    """DiskNearlyFull unless `size` bytes fit and the till still has twice the room that it needs."""
    disk = os.statvfs(directory)
    free, needed = disk.f_bavail * disk.f_frsize >> 20, (size >> 20) + 2 * NEEDED_MIB
    if free < needed:
        raise DiskNearlyFull(free=free, needed=needed)


def size_of(file: Path) -> int:
    """The bytes of a database and its WAL."""
    return sum(each.stat().st_size for each in (file, wal_of(file)) if each.exists())


def wal_of(file: Path) -> Path:
    """The WAL of a database."""
    return file.with_name(file.name + "-wal")


def snapshot(file: Path, target: Path, progress: Progress = silent) -> None:
    """Copy a database as it stands at one moment into a new file, 0600, synced, without a WAL of its own.

    DiskNearlyFull where it does not fit; JournalInUse when daemons come and go too fast.
    """
    need_space(target.parent, size_of(file))
    for _ in range(TRIES):
        target.unlink(missing_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            alone = (file.parent / store.LOCK).exists() and not is_running(file.parent)
            with locked(file.parent) if alone else nullcontext():
                _copy(file, target, alone, progress)
        except (OwnerChanged, JournalInUse):
            time.sleep(LOOK_SECONDS)
            continue
        _finish(target)
        return
    raise JournalInUse(path_=file)


def _copy(file: Path, target: Path, alone: bool, progress: Progress) -> None:
    watch = Watch(file)
    live, copy = open_read_only(file, alone=alone), sqlite3.connect(target, isolation_level=None)
    with closing(live), closing(copy):
        copy.execute("PRAGMA synchronous = OFF")
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it sees this moment

        def step(_status: int, left: int, of: int) -> None:
            progress("snapshot", of - left, of)
            watch.pause()

        live.backup(copy, pages=STEP_PAGES, progress=step)


def _finish(target: Path) -> None:
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
    sync(target)


def sync(path: Path) -> None:
    """fsync a file or a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Watch:
    """Paces whoever reads a journal and notices when it must let go."""

    def __init__(self, file: Path) -> None:
        self._file, self._owner = file, owner(file.parent)
        self._wal = size_of(wal_of(file))
        self._looked = self._stepped = time.monotonic()

    def pause(self) -> None:
        """After a step: pause as long as it took (at most 50 ms); OwnerChanged when the lock has a new owner."""
        now = time.monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            if self._changed():
                raise OwnerChanged
        if size_of(wal_of(self._file)) - self._wal < WAL_LIMIT:
            time.sleep(min(now - self._stepped, 0.05))
        self._stepped = time.monotonic()

    def _changed(self) -> bool:
        """Whether the lock has another owner. The kernel gives /proc/locks out in pieces: while other locks come and
        go it may leave one out, so only what it says again and again counts.
        """
        for _ in range(LOOKS):
            if owner(self._file.parent) == self._owner:
                return False
            time.sleep(LOOK_SECONDS / 10)
        return True
