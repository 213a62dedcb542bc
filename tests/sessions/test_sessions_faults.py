"""A disk that fails below the real daemon, call by call: named, refused safely, nothing lost, and on again once mended.

A sample of the cases; all of them belong to `make crash` (EINVOICED_ALL_FAULTS).
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import BoxError, BoxUnreachable, Client, new_key
from einvoiced.journal import beside, store
from tests.boxes import SALE, result_of, until, whole_chain
from tests.conftest import BOXES
from tests.crash.faults import OPEN, READ, SYNC, WRITE, Disk
from tests.crash.life import LaunchedBox

pytestmark = pytest.mark.sessions

DB, WAL, BESIDE = f"/{store.FILE}", f"/{store.FILE}-wal", f"/.{beside.FILE}.part"
EXIT_STORAGE = 74
rare = pytest.mark.skipif("EINVOICED_ALL_FAULTS" not in os.environ, reason="belongs to make crash")


class Shop:
    """A box on a disk that can fail, and what its tills were told."""

    def __init__(self, folder: Path) -> None:
        self.disk = Disk(folder / "faults")
        self.box = LaunchedBox(folder / "box")
        self.box.launch = ["--checkpoint-every", "60"]
        self.box.environment = self.disk.environment
        self.answers: dict[str, bytes] = {}
        self.open: list[str] = []
        """Keys whose sale was not answered."""
        self.told: list[BoxError] = []

    def ask(self, key: str) -> bytes:
        """A sale; its answer's bytes."""
        with Client(self.box.socket("till"), timeout=10) as till:
            return result_of(till.call_line("invoice.issue", {**SALE, "key": key, "print": "till"}))

    def sell(self, key: str) -> bool:
        """Whether the sale was answered; what was not is kept as open."""
        try:
            self.answers[key] = self.ask(key)
        except (BoxError, BoxUnreachable) as error:
            self.open.append(key)
            if isinstance(error, BoxError):
                self.told.append(error)
            return False
        return True

    def sell_until_it_fails(self, at_most: int = 400) -> None:
        """One after the other; AssertionError when nothing ever fails."""
        assert not all(self.sell(new_key()) for _ in range(at_most)), "the disk did not fail"

    def must_end(self) -> None:
        """The process ends by itself, and says why in its log."""
        assert self.box.process is not None
        assert self.box.process.wait(10) == EXIT_STORAGE
        assert "the journal's disk failed" in self.box.log()

    def start(self) -> None:
        """Start, and wait until it has looked at everything."""
        begun = self.box.log().count(" ready: ") if (self.box.folder / "log").exists() else 0
        self.box.start()
        until(lambda: self.box.log().count(" ready: ") > begun, 20, "the end of the start")

    def locks(self) -> list[str]:
        """The names of what keeps the box from issuing, as the admin socket says."""
        status = self.box.status()
        assert status["can_issue"] == (not status["locks"])
        return [lock["name"] for lock in status["locks"]]

    def wait_until_it_issues(self) -> None:
        """It goes on by itself."""
        until(lambda: self.box.status()["can_issue"], 20, "the box to go on by itself")

    def check(self) -> None:
        """Every answer comes again byte for byte, every open key gets its invoice, each number came once."""
        for key, answer in self.answers.items():
            assert self.ask(key) == answer
        for key in self.open:
            self.answers[key] = self.ask(key)
        with closing(sqlite3.connect(":memory:")) as db:
            found = [
                db.execute("SELECT ? ->> '$.invoice.invoice_number'", (a.decode(),)) for a in self.answers.values()
            ]
            numbers = [row.fetchone()[0] for row in found]
        assert len(set(numbers)) == len(self.answers)
        self.box.stop()
        whole_chain(self.box.state / "journal")
        done = self.ctl("journal", "verify", "--state", str(self.box.state))
        assert done == 0

    def ctl(self, *arguments: str) -> int:
        """An offline verb's exit code."""
        from einvoiced import cli

        return int(cli.main(list(arguments)))


@pytest.fixture
def shop(durable: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A running box that has sold a little."""
    shop = Shop(durable)
    request.node.stash.setdefault(BOXES, []).append(shop.box)
    with shop.box:
        shop.start()
        shop.box.take_tracks(("NQ", 0, 2499))
        assert all(shop.sell(new_key()) for _ in range(5))
        yield shop


@pytest.mark.parametrize(
    ("kinds", "path", "error", "after"),
    [
        pytest.param(WRITE, WAL, errno.EIO, 0, id="write", marks=rare),
        pytest.param(WRITE, WAL, errno.EIO, 7, id="later write"),
        pytest.param(SYNC, WAL, errno.EIO, 0, id="sync", marks=rare),
        pytest.param(SYNC, WAL, errno.EIO, 3, id="later sync", marks=rare),
        pytest.param(SYNC, WAL, errno.ENOSPC, 0, id="sync, full", marks=rare),
        pytest.param(WRITE, DB, errno.EIO, 2, id="checkpoint's write", marks=rare),
        pytest.param(SYNC, DB, errno.EIO, 0, id="checkpoint's sync"),
        pytest.param(WRITE, WAL, errno.EROFS, 0, id="read-only", marks=rare),
    ],
)
def test_a_failed_write_or_sync_ends_the_daemon(shop: Shop, kinds: int, path: str, error: int, after: int) -> None:
    """Each request of the group is told to keep its key, nobody else is answered, the process ends; nothing is lost."""
    shop.disk.break_(kinds, error, path, after=after)
    shop.sell_until_it_fails()
    assert {e.name for e in shop.told} <= {"storage_failed", "box_stopping"}
    assert {e.retry for e in shop.told} <= {"same_key"}
    shop.must_end()
    assert not shop.sell(new_key())
    assert shop.disk.mend() > 0
    shop.start()
    assert shop.locks() == []
    shop.check()


def test_a_failed_sync_fails_the_whole_group(shop: Shop) -> None:
    """Eight tills at once, one sync: all eight are told the same, none has a number, each gets one afterwards."""
    shop.disk.break_(SYNC, errno.EIO, WAL)
    tills = [threading.Thread(target=shop.sell, args=(new_key(),)) for _ in range(8)]
    for till in tills:
        till.start()
    for till in tills:
        till.join()
    assert len(shop.open) == 8
    assert {e.name for e in shop.told} <= {"storage_failed", "box_stopping"}
    assert {e.retry for e in shop.told} <= {"same_key"}
    shop.must_end()
    shop.disk.mend()
    shop.start()
    shop.check()


def test_a_full_disk_refuses_and_goes_on(shop: Shop) -> None:
    """ENOSPC in the middle of a commit: same key, no exit, no half of it; with room again the next request holds."""
    shop.disk.break_(WRITE, errno.ENOSPC, WAL, after=2, times=3)
    shop.sell_until_it_fails()
    until(lambda: shop.sell(new_key()), 10, "room")
    assert {(e.name, e.retry) for e in shop.told} == {("storage_failed", "same_key")}
    assert shop.box.process is not None
    assert shop.box.process.poll() is None
    shop.check()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        pytest.param(WAL, "the journal", id="WAL"),
        pytest.param(BESIDE, beside.FILE, id="file beside", marks=rare),
        pytest.param("/state/", "", id="everything", marks=rare),
    ],
)
def test_a_stop_on_a_full_disk_is_a_stop(shop: Shop, path: str, says: str) -> None:
    """It says what could not be written; the next start is as after a power cut, and nobody has to unlock it."""
    process = shop.box.process
    assert process is not None
    shop.disk.break_(WRITE | OPEN, errno.ENOSPC, path)
    shop.box.stop()
    assert process.returncode == 0
    assert "Traceback" not in shop.box.log()
    assert says in shop.box.log().splitlines()[-1]
    assert "as after a power cut" in shop.box.log()
    assert shop.disk.mend() > 0
    shop.start()
    assert shop.locks() == []
    shop.check()


@pytest.mark.parametrize(
    ("kinds", "path", "error"),
    [
        pytest.param(SYNC, WAL, errno.EIO, id="WAL's sync"),
        pytest.param(SYNC, DB, errno.EIO, id="database's sync", marks=rare),
        pytest.param(READ, DB, errno.EIO, id="read", marks=rare),
        pytest.param(WRITE, DB, errno.ENOSPC, id="full", marks=rare),
        pytest.param(OPEN | WRITE, "/state/", errno.EROFS, id="read-only"),
    ],
)
def test_a_start_proves_the_disk(shop: Shop, kinds: int, path: str, error: int) -> None:
    """With invoices in the WAL of a dead box: no answer before all is on the disk; named; mended, on by itself."""
    shop.box.kill()
    assert (shop.box.state / "journal" / f"{store.FILE}-wal").stat().st_size > 0
    shop.disk.break_(kinds, error, path)
    shop.start()
    assert shop.locks() == ["journal_broken"]
    assert not shop.sell(new_key())
    assert shop.told[0].name in ("journal_broken", "box_locked")
    assert shop.disk.mend() > 0
    shop.wait_until_it_issues()
    shop.check()


def test_the_file_beside_that_cannot_be_written_locks(shop: Shop) -> None:
    """Up to the ceiling that it knows all goes well, not a number further; named; mended, on by itself."""
    shop.disk.break_(SYNC, errno.EIO, BESIDE)
    shop.sell_until_it_fails()
    assert {e.name for e in shop.told} <= {"storage_failed", "box_locked"}
    until(lambda: shop.locks() == ["beside_unwritable"], 10, "the lock")
    known = beside.read(shop.box.state)
    assert known is not None
    assert len(shop.answers) <= known.ceilings[0].ceiling + 1
    assert shop.disk.mend() > 0
    shop.wait_until_it_issues()
    shop.check()


def test_one_damaged_page_locks_and_is_named(shop: Shop) -> None:
    """Noise in the page of the keys: a start may not see it, the first request does; nothing more is appended."""
    shop.box.stop()
    file = shop.box.state / "journal" / store.FILE
    whole = file.read_bytes()
    with closing(sqlite3.connect(file)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'keys'").fetchone()
    with file.open("r+b") as damaged:
        damaged.seek((page - 1) * 4096)
        damaged.write(os.urandom(4096))
    shop.start()
    assert not shop.sell(new_key())
    until(lambda: shop.locks() == ["journal_broken"], 10, "the lock")
    assert not shop.sell(new_key())
    assert shop.told[-1].name in ("journal_broken", "box_locked", "storage_failed")
    shop.box.stop()
    assert shop.ctl("journal", "verify", "--state", str(shop.box.state)) == 1
    for left in file.parent.glob("journal.db*"):
        left.unlink()
    file.write_bytes(whole)
    state = ("--state", str(shop.box.state), "--config", str(shop.box.folder / "einvoiced.toml"))
    assert shop.ctl("journal", "reconcile", "--technician", "測試", *state) == 0
    shop.start()
    shop.check()


def _delete(file: Path) -> None:
    file.unlink()


def _truncate(file: Path) -> None:
    os.truncate(file, 100)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize(
    ("which", "harm", "lock"),
    [
        pytest.param(store.FILE, _delete, "journal_missing", id="deleted", marks=rare),
        pytest.param(store.FILE, _empty, "journal_missing", id="emptied", marks=rare),
        pytest.param(store.FILE, _truncate, "journal_broken", id="cut short"),
        pytest.param(f"{store.FILE}-wal", _delete, "journal_behind", id="WAL deleted", marks=rare),
        pytest.param(f"{store.FILE}-wal", _empty, "journal_behind", id="WAL emptied"),
    ],
)
def test_what_a_helpful_person_did_to_a_file_is_named(shop: Shop, which: str, harm: Any, lock: str) -> None:
    """Of a box that died: the box runs, names it, appends nothing; with the file back as it was, it goes on."""
    shop.box.stop()
    shop.start()
    assert all(shop.sell(new_key()) for _ in range(5))
    shop.box.kill()
    folder = shop.box.state / "journal"
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    harm(folder / which)
    shop.start()
    assert lock in shop.locks()
    assert not shop.sell(new_key())
    shop.box.kill()
    for path in folder.iterdir():
        path.unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    shop.start()
    shop.wait_until_it_issues()
    shop.check()


@rare
def test_only_the_database_was_copied(shop: Shop) -> None:
    """A copy of the .db alone, taken while the box sold, put back: nothing is begun anew in it, and the box says so."""
    file = shop.box.state / "journal" / store.FILE
    copy = file.read_bytes()
    assert all(shop.sell(new_key()) for _ in range(20))
    shop.box.stop()
    file.write_bytes(copy)
    shop.start()
    assert shop.locks() == ["journal_missing"]
    before = file.read_bytes()
    assert not shop.sell(new_key())
    shop.box.stop()
    assert file.read_bytes() == before


@rare
def test_only_the_wal_was_copied(shop: Shop) -> None:
    """An old WAL beside the database of today makes an old or a damaged one of it: locked, nothing is appended."""
    wal = shop.box.state / "journal" / f"{store.FILE}-wal"
    assert all(shop.sell(new_key()) for _ in range(10))
    copy = wal.read_bytes()
    assert all(shop.sell(new_key()) for _ in range(100))
    shop.box.stop()
    wal.write_bytes(copy)
    shop.start()
    assert shop.locks()[0] in ("journal_behind", "journal_forked", "journal_broken")
    assert not shop.sell(new_key())
