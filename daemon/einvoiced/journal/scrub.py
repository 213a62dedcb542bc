"""The nightly scrub: reads every page of the journal from the disk itself, slowly, so that a dying disk is found early.

Three passes: the file's bytes (past the page cache, which would hide the disk), the database's structure, the chain.
The daemon goes on meanwhile; when it starts anew, the pass lets go of the database and begins again.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from einvoiced.errors import JournalInUse, JournalMissing
from einvoiced.journal import reading, schema
from einvoiced.journal.chain import Chain
from einvoiced.journal.findings import Findings, Report
from einvoiced.journal.lines import Reader, period_files
from einvoiced.journal.reading import OwnerChanged, Progress, Watch, silent
from einvoiced.journal.verify import report

BLOCK = 1 << 20
CHECKED_WHOLE = 256 << 20
"""Bytes up to which SQLite's own check of the structure is run: it cannot let go, and takes a second or two."""

ROWS = 2000
CHAIN_STEP = 500


def scrub(file: Path, *, rate: float = 20.0, progress: Progress = silent) -> Report:
    """Read all of a journal, its bytes at no more than `rate` MiB/s. JournalMissing, JournalInUse.

    Findings are of the kinds `disk` and `database`, and those of the chain.
    """
    if not file.exists():
        raise JournalMissing(detail=str(file))
    findings = Findings()
    _read_bytes(file, findings, rate, progress)
    _repeat(lambda: _check_structure(file, findings, progress), file)
    chain = Chain(findings)
    _repeat(lambda: _walk(file, chain, findings, progress), file)
    return report(str(file), findings, chain, 0)


def _read_bytes(file: Path, findings: Findings, rate: float, progress: Progress) -> None:
    """Every block from the disk. Opening the file here is harmless: SQLite's locks are the daemon process's own."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size, offset = os.fstat(descriptor).st_size, 0
        while offset < size:
            begin = time.monotonic()
            os.posix_fadvise(descriptor, offset, BLOCK, os.POSIX_FADV_DONTNEED)
            try:
                os.pread(descriptor, BLOCK, offset)
            except OSError as error:
                findings.add("disk", f"bytes {offset} to {offset + BLOCK}: {error.strerror}", place=file.name)
            offset += BLOCK
            progress("disk", min(offset, size), size)
            time.sleep(max(0.0, 1 / rate - (time.monotonic() - begin)))
    finally:
        os.close(descriptor)


def _repeat(run: Callable[[], None], file: Path) -> None:
    for _ in range(reading.TRIES):
        try:
            run()
            return
        except OwnerChanged:
            time.sleep(reading.LOOK_SECONDS)
    raise JournalInUse(path_=file)


def _check_structure(file: Path, findings: Findings, progress: Progress) -> None:
    """Every row of every projection, in short reads, and SQLite's own check where that is short too."""
    watch = Watch(file)
    with closing(reading.open_read_only(file)) as db:
        try:
            for number, table in enumerate(schema.PROJECTION_TABLES):
                progress("tables", number, len(schema.PROJECTION_TABLES))
                _read_table(db, table, watch)
            small = reading.size_of(file) <= CHECKED_WHOLE
            for (line,) in db.execute("PRAGMA quick_check(20)").fetchall() if small else ():
                if line != "ok":
                    findings.add("database", line, place=file.name)
        except sqlite3.DatabaseError as error:
            findings.add("database", str(error), place=file.name)


def _read_table(db: sqlite3.Connection, table: str, watch: Watch) -> None:
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    key = [name for _, name, *_, place in sorted(columns, key=lambda column: column[5]) if place]
    names = ", ".join(f'"{name}"' for name in key)
    last: tuple[object, ...] | None = None
    while True:
        after = f"WHERE ({names}) > ({', '.join('?' * len(key))})" if last is not None else ""
        question = f"SELECT {names}, * FROM {table} {after} ORDER BY {names} LIMIT {ROWS}"
        rows = db.execute(question, last or ()).fetchall()
        if not rows:
            return
        last = rows[-1][: len(key)]
        watch.pause()


def _walk(file: Path, chain: Chain, findings: Findings, progress: Progress) -> None:
    """The chain from where it was left, in short reads."""
    watch = Watch(file)
    with closing(reading.open_read_only(file)) as db:
        total = reading.last_sequence(db)
        begin = chain.last.sequence if chain.last is not None else 0
        try:
            for sequence, body in reading.bodies(db, begin, total):
                chain.take(body, f"entry {sequence}", sequence)
                if sequence % CHAIN_STEP == 0:
                    progress("chain", sequence, total)
                    watch.pause()
        except sqlite3.DatabaseError as error:
            findings.add("database", str(error), place=file.name)


def scrub_mirror(directory: Path, progress: Progress = silent) -> Report:
    """Read all of a mirror; half a line at its end is a page that is being written."""
    findings, reader = Findings(), Reader(period_files(directory))
    chain = Chain(findings)
    total, done = sum(path.stat().st_size for path in reader.files), 0
    for count, line in enumerate(reader):
        chain.take(line.body, line.place)
        done += len(line.body) + 1
        if count % CHAIN_STEP == 0:
            progress("mirror", done, total)
            time.sleep(0.005)
    for place in reader.damaged:
        findings.add("unreadable", place, place=place.partition(":")[0])
    return report(str(directory), findings, chain, 0)
