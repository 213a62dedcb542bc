"""Verification: chain, law and projections of a whole journal, or of files of JSON lines (mirror, export, archive).

A journal is copied first (`reading.snapshot`) and the copy is looked at, so that a live box is hardly touched. Its
entries are replayed into a scratch database, whose tables must then equal the copy's to the byte.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from einvoiced.errors import JournalMissing
from einvoiced.journal import reading, schema
from einvoiced.journal.chain import Chain
from einvoiced.journal.findings import Finding, Findings, Report
from einvoiced.journal.lines import Reader, period_files
from einvoiced.journal.mac import MacKey, mac_key_epoch
from einvoiced.journal.reading import Progress, silent
from einvoiced.journal.replay import Replay

_SQLITE = b"SQLite format 3\0"
TOLD_EVERY = 2000
_SECRET = "SELECT value FROM secrets WHERE name = 'mac'"


def verify_journal(file: Path, scratch: Path, *, macs: bool = False, progress: Progress = silent) -> Report:
    """Verify a journal that may be in use, through a snapshot in a folder of its own below `scratch`."""
    with scratch_folder(scratch) as folder:
        copy = folder / "snapshot.db"
        reading.snapshot(file, copy, progress)
        return verify_database(copy, folder, str(file), macs=macs, progress=progress)


def verify_database(file: Path, scratch: Path, what: str, *, macs: bool = False, progress: Progress = silent) -> Report:
    """Verify a database that nobody writes (a snapshot, a backup); needs half its size below `scratch`."""
    findings = Findings()
    chain = Chain(findings)
    reading.need_space(scratch, reading.size_of(file) // 2)
    with scratch_folder(scratch) as folder, closing(reading.open_read_only(file)) as db:
        try:
            _check_database(db, findings)
            invoices = _replay_database(db, file, folder, findings, chain, macs, progress)
        except sqlite3.DatabaseError as error:
            findings.add("database", str(error), place=file.name)
            invoices = 0
    return report(what, findings, chain, invoices)


def _check_database(db: sqlite3.Connection, findings: Findings) -> None:
    for (line,) in db.execute("PRAGMA integrity_check(20)").fetchall():
        if line != "ok":
            findings.add("database", line)


def _replay_database(
    db: sqlite3.Connection,
    file: Path,
    folder: Path,
    findings: Findings,
    chain: Chain,
    macs: bool,
    progress: Progress,
) -> int:
    secret = MacKey(db.execute(_SECRET).fetchone()[0], mac_key_epoch(db)) if macs else None
    total = reading.last_sequence(db)
    with closing(Replay(folder / "replay.db", findings, file, secret)) as replay:
        for sequence, body in reading.bodies(db):
            place = f"entry {sequence}"
            taken = chain.take(body, place, sequence)
            if taken is not None:
                replay.take(*taken, body, place)
            if sequence % TOLD_EVERY == 0:
                progress("entries", sequence, total)
        replay.finish()
        progress("projections", total, total)
        _compare(replay.db, findings)
        return replay.invoices


def _compare(db: sqlite3.Connection, findings: Findings) -> None:
    """The replayed tables (`main`) against the journal's (`snap`): their own text, and every row."""
    names = ", ".join(f"'{name}'" for name in schema.PROJECTION_TABLES)
    sql = f"SELECT type, name, sql FROM {{}}.sqlite_schema WHERE tbl_name IN ({names}) ORDER BY type, name"
    if db.execute(sql.format("main")).fetchall() != db.execute(sql.format("snap")).fetchall():
        findings.add("projections", "the tables are not made as this version makes them")
        return
    for name in schema.PROJECTION_TABLES:
        counts = db.execute(
            f"SELECT (SELECT count(*) FROM main.{name}), (SELECT count(*) FROM snap.{name}), "
            f"(SELECT count(*) FROM main.{name} AS a NATURAL JOIN snap.{name} AS b)"
        ).fetchone()
        if len(set(counts)) != 1:
            _show_difference(db, name, findings)


def _show_difference(db: sqlite3.Connection, name: str, findings: Findings) -> None:
    for word, one, other in (("the entries say", "main", "snap"), ("the table says", "snap", "main")):
        rows = db.execute(f"SELECT * FROM {one}.{name} EXCEPT SELECT * FROM {other}.{name} LIMIT 3").fetchall()
        if rows:
            findings.add("projections", f"{name}: {word} {'; '.join(str(row) for row in rows)}")


def verify_files(files: Iterable[Path], scratch: Path, what: str, progress: Progress = silent) -> Report:
    """Verify JSON lines. From entry 1 on all is replayed; a later segment is checked for what it says by itself.

    No files, as of a mirror that has not begun, are good.
    """
    findings, reader = Findings(), Reader(files)
    chain = Chain(findings)
    total = sum(path.stat().st_size for path in reader.files)
    done = 0
    with scratch_folder(scratch) as folder, closing(Replay(folder / "replay.db", findings, None)) as replay:
        for count, line in enumerate(reader):
            replay.partial = replay.partial or (count == 0 and line.envelope.sequence != 1)
            taken = chain.take(line.body, line.place)
            if taken is not None:
                replay.take(*taken, line.body, line.place)
            done += len(line.body) + 1
            if count % TOLD_EVERY == 0:
                progress("entries", done, total)
        replay.finish()
        invoices = replay.invoices
    for kind, places in (("unreadable", reader.damaged), ("torn", reader.torn)):
        for place in places:
            findings.add(kind, place, place=place.partition(":")[0])
    if reader.files and not chain.count and not findings.count:
        findings.add("file", "it holds no entry at all")
    return report(what, findings, chain, invoices)


def verify_path(path: Path, scratch: Path, *, macs: bool = False, progress: Progress = silent) -> Report:
    """Verify whatever a path is: a mirror's directory, a backup, or a file of JSON lines."""
    if path.is_dir():
        files = period_files(path)
        if not files:
            raise JournalMissing(detail=str(path))
        return verify_files(files, scratch, str(path), progress)
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            return verify_database(path, scratch, str(path), macs=macs, progress=progress)
    return verify_files([path], scratch, str(path), progress)


def report(what: str, findings: Findings, chain: Chain, invoices: int) -> Report:
    """Put a report together."""
    last = chain.last.sequence if chain.last is not None else 0
    shown: list[Finding] = findings.all
    return Report(
        what,
        not findings.count,
        chain.count,
        chain.first,
        last,
        invoices,
        chain.journal,
        chain.hash,
        shown,
        findings.count - len(shown),
    )


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A private folder that goes away again."""
    folder = Path(tempfile.mkdtemp(prefix=".einvoiced-verify-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
