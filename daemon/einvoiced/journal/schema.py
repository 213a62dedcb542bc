"""The tables of the journal and their migrations.

`entries` is the journal. `secrets` holds the key of the answers' MAC, which no entry may carry. Every other table is a
projection of the entries and can be dropped and built again (`projections`).
sqlite-utils' Migrations is imported only when the file's `user_version` is not this version's.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite_utils
    from sqlite_utils import Migrations

VERSION = 2

ENTRIES = """
CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

PROJECTIONS = """
CREATE TABLE ranges (
    seller TEXT NOT NULL,
    year_month TEXT NOT NULL,
    track TEXT NOT NULL,
    begin INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    invoice_type TEXT NOT NULL,
    next INTEGER NOT NULL,
    ceiling INTEGER NOT NULL,
    state TEXT NOT NULL,
    entry INTEGER NOT NULL,
    last INTEGER NOT NULL,
    boxes INTEGER NOT NULL,
    part INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (seller, year_month, track, begin)
) STRICT, WITHOUT ROWID;
CREATE INDEX ranges_by_state ON ranges (seller, year_month, state, track, begin);

CREATE TABLE invoices (
    seller TEXT NOT NULL,
    year_month TEXT NOT NULL,
    track TEXT NOT NULL,
    number INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    paper TEXT NOT NULL,
    state TEXT NOT NULL,
    content INTEGER NOT NULL,
    PRIMARY KEY (seller, year_month, track, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX invoices_waiting_for_paper ON invoices (sequence, paper)
    WHERE paper IN ('queued', 'sending', 'unconfirmed', 'failed', 'to_replace');

CREATE TABLE events (
    invoice INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (invoice, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE allowances (
    entry INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    invoice INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (
    entry INTEGER NOT NULL,
    message TEXT NOT NULL,
    part TEXT NOT NULL,
    subject INTEGER NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL,
    way TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (entry, place, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_later ON outbox (subject, entry, place) WHERE entry <> subject;
CREATE INDEX outbox_out ON outbox (state, entry) WHERE state <> 'waiting';

CREATE TABLE copies (
    entry INTEGER PRIMARY KEY,
    invoice INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX copies_of_invoice ON copies (invoice, number);
CREATE INDEX copies_waiting ON copies (entry, state) WHERE state IN ('queued', 'sending');

CREATE TABLE slips (
    key BLOB PRIMARY KEY,
    entry INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX slips_waiting ON slips (entry) WHERE state = 'queued';
CREATE INDEX slips_by_entry ON slips (entry);

CREATE TABLE set_aside (
    seller TEXT NOT NULL,
    year_month TEXT NOT NULL,
    track TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    state TEXT NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (seller, year_month, track, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    entry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE track_events (
    sequence INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE keys (
    seller TEXT NOT NULL,
    key BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (seller, key)
) STRICT, WITHOUT ROWID;
"""

PROJECTION_TABLES = (
    *("ranges", "invoices", "keys", "set_aside", "facts", "track_events", "copies", "slips"),
    *("events", "allowances", "outbox"),
)
WAITING_PAPER = "paper IN ('queued', 'sending', 'unconfirmed', 'failed', 'to_replace')"
"""What a question about waiting paper says word for word, so that its small index is used."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to this version's tables; sqlite3.DatabaseError if it is newer than this program."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == VERSION:
        return
    if found > VERSION:
        raise sqlite3.DatabaseError(f"schema {found} is newer than this program's {VERSION}; upgrade einvoiced")
    import sqlite_utils

    database = sqlite_utils.Database(connection, execute_plugins=False)
    _migrations().apply(database)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def migrate_apart(path: Path, told: Callable[[int], None] = lambda _sequence: None) -> None:
    """Like `migrate`, in a process of its own: sqlite-utils takes 15 MiB that a daemon would never give back.

    The caller holds the journal's lock and has not opened the file. `told` hears now and then which entry was played
    again, where projections are built anew. sqlite3.DatabaseError as `migrate`.
    """
    if path.exists() and _version_in_header(path) == VERSION:
        return
    command = [sys.executable, "-m", "einvoiced.journal.schema", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        for line in child.stdout:
            told(int(line))
        said = child.stderr.read()
    if child.returncode:
        raise sqlite3.DatabaseError((said.strip().splitlines() or ["the migration failed"])[-1])


def _version_in_header(path: Path) -> int:
    """`user_version` as the file's header has it (SQLite file format, section 1.3: offset 60, big-endian)."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(64)[60:], "big")


def _main(path: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    migrate(connection)
    connection.close()


def _tell(sequence: int) -> None:
    sys.stdout.write(f"{sequence}\n")
    sys.stdout.flush()


def _migrations() -> Migrations:
    from sqlite_utils import Migrations

    migrations = Migrations("einvoiced")

    @migrations()
    def m001_first(database: sqlite_utils.Database) -> None:
        for statement in (ENTRIES + PROJECTIONS).split(";\n"):
            if statement.strip():
                database.execute(statement)

    @migrations()
    def m002_lives_of_invoices(database: sqlite_utils.Database) -> None:
        from einvoiced.journal import projections

        projections.rebuild(database.conn, told=_tell)

    return migrations


if __name__ == "__main__":
    _main(sys.argv[1])
