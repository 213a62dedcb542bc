"""From an older version's tables to this one's.

sqlite-utils' Migrations is imported only when the file's `user_version` is not this version's.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from einvoiced.journal import projections, schema

if TYPE_CHECKING:
    import sqlite_utils
    from sqlite_utils import Migrations


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to this version's tables; sqlite3.DatabaseError if it is newer than this program."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == schema.VERSION:
        return
    if found > schema.VERSION:
        raise sqlite3.DatabaseError(f"schema {found} is newer than this program's {schema.VERSION}; upgrade einvoiced")
    import sqlite_utils

    database = sqlite_utils.Database(connection, execute_plugins=False)
    _migrations().apply(database)
    connection.execute(f"PRAGMA user_version = {schema.VERSION}")


def migrate_apart(path: Path, told: Callable[[int], None] = lambda _sequence: None) -> None:
    """Like `migrate`, in a process of its own: sqlite-utils takes 15 MiB that a daemon would never give back.

    The caller holds the journal's lock and has not opened the file. `told` hears now and then which entry was played
    again, where projections are built anew. sqlite3.DatabaseError as `migrate`.
    """
    if path.exists() and _version_in_header(path) == schema.VERSION:
        return
    command = [sys.executable, "-m", "einvoiced.journal.migrations", str(path)]
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
        for statement in (schema.ENTRIES + schema.PROJECTIONS).split(";\n"):
            if statement.strip():
                database.execute(statement)

    @migrations()
    def m002_lives_of_invoices(database: sqlite_utils.Database) -> None:
        projections.rebuild(database.conn, told=_tell)

    return migrations


if __name__ == "__main__":
    _main(sys.argv[1])
