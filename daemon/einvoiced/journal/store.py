"""Opening the journal's file and proving it before the first answer.

Nobody opens these files outside SQLite while the daemon runs (a close would drop SQLite's locks), and only one
connection writes: the WAL-reset fault of SQLite before 3.51.3 needs two.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import msgspec

from einvoiced.errors import JournalBadPlace, JournalBroken, JournalInUse, StorageFailed
from einvoiced.journal import entries, migrations

FILE = "journal.db"
LOCK = "journal.lock"
TAIL = 200
"""Entries whose chain is proven at every start; the whole chain is `journal verify`'s work."""

WAL_KEPT = 16 << 20
"""Bytes that the WAL keeps on the disk after a reader (a snapshot) has let it grow beyond them."""

READER_LOOKS_MS = 1000
"""How long a commit waits for a reader that holds the write lock. One that meets the WAL's index in the middle of a
change takes it for an instant, to look again (SQLite, walIndexReadHdr); nobody else ever holds it."""

READERS_LEAVE_MS = 10_000
"""How long a start waits for processes that read the journal (backup, verify, scrub); they look every 0.1 s."""

FORGETFUL = frozenset(
    (
        *("tmpfs", "ramfs", "overlay", "aufs", "vfat", "msdos", "exfat"),
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "virtiofs"),
    )
)
"""File systems that acknowledge a sync and may still forget. So may any that a program plays (`fuse`, `fuseblk`)."""

_OCTAL = re.compile(rb"\\([0-7]{3})")
"""How mountinfo writes a blank in a path; everything else, Chinese too, stands there as it is."""


@dataclass(slots=True)
class Head:
    """The last entry: where the chain goes on."""

    epoch: int
    sequence: int
    hash: str
    time: str


def lock(directory: Path) -> int:
    """Make the directory (0700), take its lock for the life of this process; returns the descriptor that holds it.

    JournalInUse when another process has it, JournalBadPlace on a file system that forgets.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_place(directory)
    for above in (directory.parent, directory.parent.parent):  # a new directory's name is not safe before
        _sync_directory(above)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalInUse(path_=directory) from None
    return descriptor


def check_place(directory: Path) -> None:
    """JournalBadPlace unless the directory's file system keeps what it was told to sync."""
    fstype = file_system(directory)
    if forgets(fstype):
        raise JournalBadPlace(fstype=fstype, path_=directory)


def forgets(fstype: str) -> bool:
    """Whether a type of file system may forget what it was told to sync."""
    return fstype in FORGETFUL or fstype.startswith("fuse")


def file_system(path: Path) -> str:
    """The type of the mounted file system that holds `path`, as /proc/self/mountinfo names it (proc(5))."""
    wanted = path.resolve()
    best, found = -1, "unknown"
    for line in Path("/proc/self/mountinfo").read_bytes().rstrip(b"\n").split(b"\n"):
        left, _, right = line.partition(b" - ")
        mount = Path(os.fsdecode(_OCTAL.sub(lambda found: bytes([int(found[1], 8)]), left.split(b" ")[4])))
        if wanted.is_relative_to(mount) and len(mount.parts) >= best:
            best, found = len(mount.parts), right.split(b" ")[0].decode()
    return found


def connect(directory: Path) -> sqlite3.Connection:
    """The writing connection: WAL, one sync a commit, migrated.

    JournalBroken when SQLite cannot give that; StorageFailed when the disk has no room for its shared memory.
    """
    _distrust_cache(directory)
    try:
        db = sqlite3.connect(
            directory / FILE, isolation_level=None, check_same_thread=False, cached_statements=128, timeout=0
        )
        db.execute("PRAGMA trusted_schema = OFF")
        (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            zh = f"journal_mode 為 {mode}，不是 wal"
            raise JournalBroken(detail=f"journal_mode is {mode}, not wal", detail_zh=zh)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute(f"PRAGMA journal_size_limit = {WAL_KEPT}")
        migrations.migrate(db)
        _sync_directory(directory)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"):
            raise StorageFailed(detail=f"no room for {FILE}-shm") from error
        raise JournalBroken(detail=str(error)) from error
    return db


def _distrust_cache(directory: Path) -> None:
    """Let the WAL be read from the disk itself; JournalBroken when it cannot be synced.

    After a failed sync the kernel may hold pages as clean that never reached the disk: a start that read those would
    prove the cache. The database needs no such care: the WAL lives until a sync of the database has succeeded. Only
    before this process has the database open (a close would drop SQLite's locks).
    """
    try:
        descriptor = os.open(directory / f"{FILE}-wal", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError as error:
        raise JournalBroken(detail=f"{FILE}-wal: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prove(db: sqlite3.Connection) -> Head:
    """What must hold before the first answer: the WAL reaches the database, and the tail's chain is whole.

    After a failed sync the kernel may hold pages that never reached the disk: the checkpoint forces them or fails.
    """
    try:
        db.execute(f"PRAGMA busy_timeout = {READERS_LEAVE_MS}")  # a backup or scrub sees a new owner and lets go
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        db.execute(f"PRAGMA busy_timeout = {READER_LOOKS_MS}")
        if busy:
            raise JournalInUse(path_=FILE)
        return prove_tail(db)
    except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
        raise JournalBroken(detail=str(error)) from error


def prove_tail(db: sqlite3.Connection, count: int = TAIL) -> Head:
    """The head, after checking the chain of the last `count` entries; JournalBroken where a link does not hold."""
    rows = db.execute("SELECT sequence, body FROM entries ORDER BY sequence DESC LIMIT ?", (count,)).fetchall()
    if not rows:
        return Head(1, 0, entries.NO_PREVIOUS, "")
    newer: entries.Envelope | None = None
    for sequence, body in rows:
        if not isinstance(body, bytes):
            raise JournalBroken(detail=f"entry {sequence} is no text", detail_zh=f"第 {sequence} 筆不是文字")
        envelope = entries.read(body)
        if envelope.sequence != sequence:
            told, zh = envelope.sequence, f"第 {sequence} 筆自稱第 {envelope.sequence} 筆"
            raise JournalBroken(detail=f"entry {sequence} calls itself {told}", detail_zh=zh)
        if newer is not None and (newer.previous != entries.digest(body) or newer.sequence != sequence + 1):
            detail = f"the chain breaks between entries {sequence} and {newer.sequence}"
            raise JournalBroken(detail=detail, detail_zh=f"第 {sequence} 筆與第 {newer.sequence} 筆不相連")
        newer = envelope
    last = entries.read(rows[0][1])
    return Head(last.epoch, last.sequence, entries.digest(rows[0][1]), last.time)
