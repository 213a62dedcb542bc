"""Readers from other processes: a moment's copy under writes, out of a start's way, and nothing left behind."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from forge import lived

from einvoiced.actions.follow import read_entries
from einvoiced.errors import DiskNearlyFull, InvalidParams, JournalBroken, JournalMissing, RestoreRefused
from einvoiced.journal import entries, reading, store
from einvoiced.journal.backup import backup
from einvoiced.journal.export import export, whole_file
from einvoiced.journal.scrub import scrub
from einvoiced.journal.verify import verify_database
from tests.boxes import Desk, Latency


def test_a_snapshot_is_one_moment_of_a_journal_that_is_written(desk: Desk, durable: Path) -> None:
    """While a till sells without a pause, the copy is whole and verifies; the till hardly waits."""
    lived(desk)
    desk.take(("NX", 0, 4999))
    with Latency(desk.issue) as till:
        time.sleep(0.05)
        for number in range(5):
            copy = durable / f"copy-{number}.db"
            reading.snapshot(desk.directory / store.FILE, copy)
            report = verify_database(copy, durable, "copy")
            assert report.good, report.findings
            assert copy.stat().st_mode & 0o777 == 0o600
            assert not copy.with_name(copy.name + "-wal").exists()
    assert len(till.seconds) > 20
    assert till.median < 0.05


def test_a_reader_lets_go_when_the_owner_changes(durable: Path) -> None:
    """The lock has another owner (a daemon that was started anew): whoever reads is told within a moment."""
    (durable / store.LOCK).touch()
    watch = reading.Watch(durable / store.FILE)
    for _ in range(3):
        watch.pause()
    taken = os.open(durable / store.LOCK, os.O_RDWR)
    fcntl.flock(taken, fcntl.LOCK_EX)
    try:
        assert reading.owner(durable) == os.getpid()
        assert reading.is_running(durable)
        deadline = time.monotonic() + 5
        with pytest.raises(reading.OwnerChanged):
            while time.monotonic() < deadline:
                watch.pause()
                time.sleep(0.01)
    finally:
        os.close(taken)
    assert reading.owner(durable) is None
    assert not reading.is_running(durable)


def test_a_lock_that_proc_leaves_out_once_is_no_change(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc/locks is given out in pieces: a reader is not driven away by one reading, nor by a stranger's one."""
    (durable / store.LOCK).touch()
    said = [7, None, 8, 7]
    monkeypatch.setattr(reading, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(reading, "owner", lambda _directory: said.pop(0) if len(said) > 1 else said[0])
    watch = reading.Watch(durable / store.FILE)
    watch.pause()
    assert said == [7]
    said[:] = [9]
    with pytest.raises(reading.OwnerChanged):
        watch.pause()


def test_a_start_waits_for_a_reader_to_leave(desk: Desk) -> None:
    """A reader that holds its moment while a box starts: the start goes on once it has let go, and is not locked."""
    lived(desk)
    holding, leave = threading.Event(), threading.Event()

    def read() -> None:
        with closing(reading.open_read_only(desk.directory / store.FILE)) as live:
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM entries").fetchone()
            holding.set()
            leave.wait(5)

    reader = threading.Thread(target=read)
    reader.start()
    assert holding.wait(5)
    desk.issue()
    desk.journal.close()
    threading.Timer(0.3, leave.set).start()
    begin = time.monotonic()
    desk.open()
    assert time.monotonic() - begin >= 0.2
    reader.join()
    assert desk.number() == "NQ00000006"


def test_reading_leaves_a_stopped_box_as_it_was(durable: Path) -> None:
    """No WAL, no -shm, no lock is made: by them a start knows what happened."""
    desk = Desk(durable)
    lived(desk)
    desk.close()
    before = sorted(path.name for path in desk.directory.iterdir())
    with closing(reading.open_read_only(desk.directory / store.FILE)) as db:
        assert len(list(reading.bodies(db))) == reading.last_sequence(db)
        with pytest.raises(sqlite3.OperationalError):
            db.execute("DELETE FROM entries")
    scrub(desk.directory / store.FILE, rate=1000)
    assert sorted(path.name for path in desk.directory.iterdir()) == before
    with pytest.raises(JournalMissing):
        reading.open_read_only(durable / "nothing.db")


def test_entries_are_found_by_their_time(desk: Desk) -> None:
    """Before the first, at one, between two, after the last; a page begins there, and a dozen rows of 300 are read."""
    times = []
    for _ in range(300):
        desk.clock.move(60)
        times.append(desk.clock.now())
        desk.call(lambda tx: tx.append(entries.BoxStopped()))
    first = desk.journal.last_sequence - 299

    def found(moment: datetime) -> int:
        page = desk.call(read_entries(0, 1, moment)).entries
        return int(json.loads(page[0])["sequence"]) if page else 0

    minute = timedelta(minutes=1)
    for n in (0, 1, 150, 298, 299):
        assert found(times[n]) == found(times[n] - minute / 2) == first + n
    assert found(times[0] - timedelta(days=1)) == 1
    assert found(times[-1] + minute) == 0
    asked: list[str] = []
    desk.call(lambda tx: tx.db.set_trace_callback(asked.append))
    found(times[77])
    desk.call(lambda tx: tx.db.set_trace_callback(None))
    assert sum("WHERE sequence =" in each for each in asked) < 12
    with pytest.raises(InvalidParams):
        read_entries(0, 1, datetime(2026, 1, 1))


def test_a_copy_needs_room(desk: Desk, durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that would leave the till without room is not begun."""
    monkeypatch.setattr(reading, "NEEDED_MIB", 1 << 40)
    with pytest.raises(DiskNearlyFull):
        reading.snapshot(desk.directory / store.FILE, durable / "copy.db")
    assert not (durable / "copy.db").exists()


def test_a_backup_of_a_broken_journal_is_none(durable: Path) -> None:
    """It is not given a name: somebody would trust it. Nor is an export."""
    desk = Desk(durable)
    lived(desk)
    desk.close()
    with closing(sqlite3.connect(desk.directory / store.FILE)) as db:
        db.execute("UPDATE entries SET body = x'00' WHERE sequence = 4")
        db.commit()
    to = durable / "backups"
    to.mkdir()
    with pytest.raises(RestoreRefused, match="not whole"):
        backup(desk.directory / store.FILE, to / "b.db")
    with pytest.raises(JournalBroken, match="entry 4"), whole_file(to / "e.jsonl") as file:
        export(desk.directory / store.FILE, file)
    assert list(to.iterdir()) == []


def test_the_scrub_finds_what_is_spoilt(durable: Path) -> None:
    """A sound journal is good; a changed entry and a damaged page are found, and named."""
    desk = Desk(durable)
    lived(desk)
    file = desk.directory / store.FILE
    assert scrub(file, rate=1000).good
    desk.close()
    spoilt = durable / "spoilt"
    shutil.copytree(desk.directory, spoilt)
    with closing(sqlite3.connect(spoilt / store.FILE)) as db:
        db.execute("UPDATE entries SET body = CAST(replace(body, '25', '26') AS BLOB) WHERE sequence = 4")
        db.commit()
    found = scrub(spoilt / store.FILE, rate=1000)
    assert {finding.check for finding in found.findings} == {"chain"}
    with file.open("r+b") as raw:
        raw.seek(4096 * 2)
        raw.write(bytes(4096))
    assert "database" in {finding.check for finding in scrub(file, rate=1000).findings}
