"""Keeping a read model level with the journal: pages of entries, each one transaction with how far it got.

Nothing of the journal is held open between pages. A model of another journal, of an older version, or one whose last
entry is not the journal's any more (a restore) is thrown away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from einvoiced.journal import entries, reading
from einvoiced.readmodel import tables
from einvoiced.readmodel.apply import Model

PAGE = 500
ENTRY_BYTES = 600
"""What an invoice takes in the tables and their indexes at most, as counted."""

PACED_FROM = 5_000
"""Entries behind from which on the journal is read with pauses."""

Progress = Callable[[int, int], None]
"""Told how many entries are in, and how many there are."""


class ReadModel:
    """One file of the model and its way to the journal. One thread."""

    def __init__(self, file: Path, journal: Path, *, lines: bool = False) -> None:
        """`journal`: the database that is followed, read only. `lines`: keep the items too."""
        self.file, self._journal, self._lines = file, journal, lines
        self._source = reading.open_read_only(journal)
        try:
            self.db = self._opened()
        except sqlite3.DatabaseError:  # damaged, or of another journal: it is nobody's truth
            discard(file)
            self.db = self._opened()
        self._model = Model(self.db, lines)

    def close(self) -> None:
        """Let go of both files."""
        self._source.close()
        self.db.close()

    @property
    def sequence(self) -> int:
        """The last entry that is in."""
        return int(self._meta("sequence") or 0)

    def catch_up(self, progress: Progress = lambda _done, _of: None) -> None:
        """Take every entry that is committed now. OwnerChanged when the journal must be let go of.

        DiskNearlyFull when the tables would take the journal's room; sqlite3.DatabaseError when the file is damaged.
        """
        after, last = self.sequence, reading.last_sequence(self._source)
        watch = None
        if last - after > PACED_FROM:
            reading.need_space(self.file.parent, (last - after) * ENTRY_BYTES)
            watch = reading.Watch(self._journal)
        while after < last:
            after = self._page(after)
            if watch is not None:
                progress(after, last)
                watch.pause()
        if not self._meta("indexed"):
            self.db.executescript(f"BEGIN;{tables.INDEXES}INSERT INTO meta VALUES ('indexed', 'yes');COMMIT;")

    def _page(self, after: int) -> int:
        """The next entries in one transaction; the last one's sequence."""
        rows = self._source.execute(
            "SELECT sequence, body FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, PAGE)
        ).fetchall()
        self.db.execute("BEGIN IMMEDIATE")
        try:
            for sequence, body in rows:
                self._model.take(sequence, body)
            self._keep(*rows[-1])
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        return int(rows[-1][0])

    def _keep(self, sequence: int, body: bytes) -> None:
        for name, value in (("sequence", str(sequence)), ("hash", entries.digest(body))):
            self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _meta(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _opened(self) -> sqlite3.Connection:
        """The file with its tables; sqlite3.DatabaseError when it cannot be gone on with."""
        self.file.touch(mode=0o600)
        self.file.chmod(0o600)
        db = sqlite3.connect(self.file, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            # A snapshot is synced once, at its end: a power cut before that leaves nothing of it.
            db.execute(f"PRAGMA synchronous = {'OFF' if self._lines else 'NORMAL'}")
            db.execute("PRAGMA wal_autocheckpoint = 4000")
            db.execute("PRAGMA trusted_schema = OFF")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if not version:
                made = tables.TABLES + (tables.ITEMS if self._lines else "")
                db.executescript(f"BEGIN;{made}PRAGMA user_version = {tables.VERSION};COMMIT;")
            elif version != tables.VERSION or not self._fits(db):
                raise sqlite3.DatabaseError("not this journal's read model")
        except BaseException:
            db.close()
            raise
        return db

    def _fits(self, db: sqlite3.Connection) -> bool:
        """Whether the last entry that is in is still the journal's."""
        known = dict(db.execute("SELECT name, value FROM meta").fetchall())
        if "sequence" not in known:
            return True
        row = self._source.execute("SELECT body FROM entries WHERE sequence = ?", (known["sequence"],)).fetchone()
        return row is not None and entries.digest(row[0]) == known.get("hash")


def discard(file: Path) -> None:
    """Remove a database with what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)
