"""Which of the platform's answers were read, by SHA-256, in a file of the follower's own.

An answer that decided something the box knows itself. One that decided nothing (a summary of the very day, say) might
decide something wrong when it is told again later: so what lies in the spool is never forgotten, and what has gone from
it only after `KEEP_DAYS`, when every deadline of its messages is long over.
"""

from __future__ import annotations

import errno
import logging
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEEP_DAYS = 400
"""Days since a file was last found in the spool after which it is forgotten."""

TOUCH_DAYS = 30
"""How exactly that day is kept."""

_TABLE = "CREATE TABLE IF NOT EXISTS answers (sha256 BLOB PRIMARY KEY, day INTEGER NOT NULL) STRICT, WITHOUT ROWID"
_SHA256 = re.compile(r"[0-9a-f]{64}")

logger = logging.getLogger(__name__)


class Memory:
    """One thread. Without a path it lives as long as the process. OSError when the file fails."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._unwritten: set[bytes] = set()
        try:
            self._db = _opened(path)
        except sqlite3.DatabaseError as error:
            if path is None or getattr(error, "sqlite_errorname", "") not in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
                raise OSError(errno.EIO, str(error), str(path)) from error
            logger.error("%s is damaged (%s); it is begun anew, and what it knew is read again", path, error)
            path.replace(path.with_suffix(".damaged"))
            self._db = _opened(path)
        if path is not None and (old := path.with_suffix(".txt")).exists():
            self._take_over(old)

    def __contains__(self, digest: str) -> bool:
        """Whether it was read; if so, it was found in the spool today."""
        key, today = bytes.fromhex(digest), _today()
        with self._failing():
            row = self._db.execute("SELECT day FROM answers WHERE sha256 = ?", (key,)).fetchone()
            if row is not None and row[0] < today - TOUCH_DAYS:
                self._db.execute("UPDATE answers SET day = ? WHERE sha256 = ?", (today, key))
        return row is not None or key in self._unwritten

    def add(self, digest: str) -> None:
        """Remember it over a restart; where the disk does not take it, until then."""
        self._unwritten.add(bytes.fromhex(digest))
        self._write()

    def forget(self) -> None:
        """Forget what has gone from the spool long ago: all that lies there was asked for since the start."""
        with self._failing():
            self._db.execute("DELETE FROM answers WHERE day < ?", (_today() - KEEP_DAYS,))

    def _take_over(self, old: Path) -> None:
        """What an earlier build kept as lines of text."""
        words = old.read_text(encoding="ascii", errors="replace").split()
        self._unwritten.update(bytes.fromhex(word) for word in words if _SHA256.fullmatch(word))
        self._write()
        old.unlink()

    def _write(self) -> None:
        with self._failing():
            rows = [(key, _today()) for key in self._unwritten]
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", rows)
            self._db.execute("COMMIT")
        self._unwritten.clear()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise OSError(errno.EIO, str(error), str(self._path)) from error


def _opened(path: Path | None) -> sqlite3.Connection:
    """The file, made where there is none. A power cut may cost it its last answers, which are then told again."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(_TABLE)
        db.execute("SELECT count(*) FROM (SELECT 1 FROM answers LIMIT 1)")
    except BaseException:
        db.close()
        raise
    return db


def _today() -> int:
    return int(time.time() // 86_400)
