"""Opening the journal: one opener, a disk that keeps, and a tail that is proven before the first answer."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from einvoiced.errors import JournalBadPlace, JournalBroken, JournalInUse, StorageFailed
from einvoiced.journal import entries, store
from tests.boxes import RANGE, Desk, whole_chain


def refused(name: str, value: str = "") -> entries.TracksRefused:
    """Some entry."""
    return entries.TracksRefused(name, "0" * 64, "socket", None, "bad_track", 1, 5, value)


@pytest.fixture
def journal(durable: Path) -> Path:
    """A closed journal of some ten entries; its directory."""
    desk = Desk(durable)
    for number in range(10):
        desk.call(lambda tx, n=number: tx.append(refused(f"{n}.csv")))  # type: ignore[misc]
    desk.close()
    return desk.directory


def proven(directory: Path) -> store.Head:
    """Lock, open and prove, as a start does."""
    lock = store.lock(directory)
    try:
        db = store.connect(directory)
        try:
            return store.prove(db)
        finally:
            db.close()
    finally:
        os.close(lock)


def test_a_good_journal_is_proven_and_its_head_known(journal: Path) -> None:
    """The head is the last entry's place, time and hash."""
    count = whole_chain(journal)
    head = proven(journal)
    assert (head.epoch, head.sequence) == (1, count)
    db = sqlite3.connect(journal / store.FILE)
    (body,) = db.execute("SELECT body FROM entries ORDER BY sequence DESC").fetchone()
    db.close()
    assert head.hash == entries.digest(body)
    assert head.time == entries.read(body).time


def test_an_empty_journal_has_a_beginning(durable: Path) -> None:
    """The first link of the chain is 64 zeros."""
    head = proven(durable / "journal")
    assert (head.epoch, head.sequence, head.hash, head.time) == (1, 0, "0" * 64, "")


def test_a_disk_without_room_is_no_broken_journal(journal: Path) -> None:
    """A start on a full disk, where not even SQLite's shared memory fits: tried again, nothing to mend."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageFailed, match="no room"):
            proven(journal)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert proven(journal).sequence > 1


# -- how it is opened --------------------------------------------------------------------------------------------------


def test_the_connection_keeps_what_it_acknowledges(durable: Path) -> None:
    """WAL with one sync a commit, checkpoints only when told, strict about keys, no trust in the schema."""
    directory = durable / "journal"
    lock = store.lock(directory)
    db = store.connect(directory)
    try:
        pragmas = {
            "journal_mode": "wal",
            "synchronous": 2,
            "wal_autocheckpoint": 0,
            "foreign_keys": 1,
            "trusted_schema": 0,
            "mmap_size": 0,
        }
        for name, value in pragmas.items():
            row = db.execute(f"PRAGMA {name}").fetchone()
            assert (row[0] if row else 0) == value, name
        assert all(strict for (strict,) in db.execute("SELECT strict FROM pragma_table_list WHERE name = 'entries'"))
    finally:
        db.close()
        os.close(lock)


def test_nobody_else_may_look_into_the_directory(durable: Path) -> None:
    """0700, whatever the umask."""
    before = os.umask(0)
    try:
        proven(durable / "deep" / "journal")
    finally:
        os.umask(before)
    assert stat.S_IMODE((durable / "deep" / "journal").stat().st_mode) == 0o700


def test_a_schema_of_a_later_version_is_not_touched(journal: Path) -> None:
    """An older program refuses a newer file instead of writing into it."""
    db = sqlite3.connect(journal / store.FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = (journal / store.FILE).read_bytes()
    with pytest.raises(JournalBroken, match="newer"):
        proven(journal)
    assert (journal / store.FILE).read_bytes() == before


def test_opening_twice_makes_the_tables_once(durable: Path) -> None:
    """Migrations are not run again."""
    assert [proven(durable / "journal").sequence for _ in range(2)] == [0, 0]


# -- one opener --------------------------------------------------------------------------------------------------------


def test_a_second_opener_is_refused(desk: Desk) -> None:
    """JournalInUse, in this process and in another, and the first one goes on."""
    with pytest.raises(JournalInUse):
        store.lock(desk.directory)
    program = "import sys, pathlib; from einvoiced.journal import store; store.lock(pathlib.Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, desk.directory], capture_output=True, text=True, check=False)
    assert "JournalInUse" in done.stderr
    assert desk.call(lambda tx: tx.append(refused("a.csv"))) > 1


def test_the_lock_goes_with_its_process(durable: Path) -> None:
    """kill -9 leaves a file, but no lock."""
    program = (
        "import sys, os, pathlib, signal; from einvoiced.journal import store;"
        "store.lock(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, durable / "journal"], check=False)
    assert done.returncode == -9
    assert (durable / "journal" / store.LOCK).exists()
    assert proven(durable / "journal").sequence == 0


def test_a_reader_from_outside_cannot_hold_it_open(journal: Path) -> None:
    """Somebody's sqlite3 shell with a transaction open: JournalInUse or a clean start, never a broken journal."""
    shell = sqlite3.connect(journal / store.FILE, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises((JournalInUse, JournalBroken)):
        proven(journal)
    shell.close()
    assert proven(journal).sequence == whole_chain(journal)


def cached_pages(file: Path) -> int:
    """How many pages of a file the kernel holds in memory (mincore(2))."""
    with file.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
    begin = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(mapped)))
    assert ctypes.CDLL(None, use_errno=True).mincore(begin, ctypes.c_size_t(len(mapped)), pages) == 0
    return sum(page & 1 for page in pages)


def test_a_start_reads_the_wal_from_the_disk(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel still holds of a WAL whose sync may have failed is dropped before SQLite looks at it."""
    desk = Desk(durable)
    desk.call(lambda tx: [tx.append(refused(f"{n}.csv")) for n in range(50)])
    wal = desk.directory / f"{store.FILE}-wal"
    data = wal.read_bytes()
    desk.close()
    wal.write_bytes(data)
    assert cached_pages(wal) > 10
    seen: list[int] = []
    connect = sqlite3.connect

    def looked(*arguments: Any, **options: Any) -> sqlite3.Connection:
        seen.append(cached_pages(wal))
        return connect(*arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", looked)
    store.connect(desk.directory).close()
    assert seen == [0]


# -- damage ------------------------------------------------------------------------------------------------------------


def sql(text: str, *parameters: object) -> Callable[[Path], None]:
    """Damage done by a statement."""

    def damage(directory: Path) -> None:
        db = sqlite3.connect(directory / store.FILE)
        db.execute(text, parameters)
        db.commit()
        db.close()

    return damage


def overwrite(begin: int, data: bytes) -> Callable[[Path], None]:
    """Damage done to the file's bytes."""

    def damage(directory: Path) -> None:
        with (directory / store.FILE).open("r+b") as file:
            file.seek(begin)
            file.write(data)

    return damage


def entries_page(directory: Path) -> None:
    """The page where the entries begin is noise."""
    db = sqlite3.connect(directory / store.FILE)
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entries'").fetchone()
    db.close()
    overwrite((page - 1) * 4096, b"\xff" * 4096)(directory)


def cut_short(directory: Path) -> None:
    """Half of the file is gone."""
    file = directory / store.FILE
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize(
    "damage",
    [
        sql("UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), '5.csv', '6.csv') AS BLOB)"),
        sql("UPDATE entries SET body = substr(body, 1, 20) WHERE sequence = 5"),
        sql("UPDATE entries SET body = x'' WHERE sequence = (SELECT max(sequence) FROM entries)"),
        sql("UPDATE entries SET body = x'ff' WHERE sequence = 3"),
        sql("UPDATE entries SET body = (SELECT body FROM entries WHERE sequence = 4) WHERE sequence = 5"),
        sql("DELETE FROM entries WHERE sequence = 5"),
        sql("UPDATE entries SET sequence = sequence + 100 WHERE sequence > 5"),
        sql("UPDATE entries SET sequence = 1000 WHERE sequence = (SELECT max(sequence) FROM entries)"),
        sql("DROP TABLE entries"),
        overwrite(0, b"no database at all"),
        entries_page,
        cut_short,
    ],
    ids=[
        "changed",
        "cut-body",
        "empty-last",
        "no-utf8",
        "twice",
        "gap",
        "shifted",
        "last-shifted",
        "no-table",
        "no-database",
        "page",
        "half",
    ],
)
def test_a_damaged_tail_is_found_and_left_alone(journal: Path, damage: Callable[[Path], None]) -> None:
    """JournalBroken before any answer, and not a byte of the entries is changed by finding out."""
    damage(journal)
    before = (journal / store.FILE).read_bytes()
    with pytest.raises(JournalBroken):
        proven(journal)
    assert (journal / store.FILE).read_bytes() == before


def test_only_the_tail_is_proven_at_a_start(durable: Path) -> None:
    """Damage beyond the last 200 entries does not hold up a start (finding it is `journal verify`'s work)."""
    desk = Desk(durable)
    desk.call(lambda tx: [tx.append(refused(f"{n}.csv")) for n in range(store.TAIL + 50)])
    desk.close()
    sql("UPDATE entries SET body = x'ff' WHERE sequence = 10")(desk.directory)
    assert proven(desk.directory).sequence > store.TAIL
    sql("UPDATE entries SET body = x'ff' WHERE sequence = 100")(desk.directory)
    with pytest.raises(JournalBroken):
        proven(desk.directory)


# -- where it may live -------------------------------------------------------------------------------------------------

SHM = Path("/dev/shm")


@pytest.mark.skipif(not SHM.is_dir() or store.file_system(SHM) != "tmpfs", reason="no tmpfs on /dev/shm")
def test_a_file_system_that_forgets_is_refused(durable: Path) -> None:
    """tmpfs, also behind a link: JournalBadPlace naming it, and no journal is begun there."""
    place = SHM / f"einvoiced-test-{os.getpid()}"
    link = durable / "link"
    link.symlink_to(place)
    try:
        for path in (place, link):
            with pytest.raises(JournalBadPlace, match="tmpfs"):
                store.lock(path)
        assert list(place.iterdir()) == []
    finally:
        place.rmdir()


@pytest.mark.parametrize("fstype", [*sorted(store.FORGETFUL), "fuse.sshfs", "fuseblk"])
def test_every_file_system_that_forgets_is_refused(durable: Path, monkeypatch: pytest.MonkeyPatch, fstype: str) -> None:
    """FAT, network, overlay, in memory, played by a program: JournalBadPlace with its name; the local ones are not."""
    with monkeypatch.context() as patch:
        patch.setattr(store, "file_system", lambda _path: fstype)
        with pytest.raises(JournalBadPlace, match=fstype):
            store.lock(durable)
    os.close(store.lock(durable))


def test_an_overlay_is_recognised() -> None:
    """A folder on a real overlay mount, as live systems and containers have it."""
    script = """
base=$(mktemp -d /var/tmp/overlayXXXXXX); cd "$base"; mkdir a b w m
mount -t overlay overlay -o lowerdir=a,upperdir=b,workdir=w m || { rm -r "$base"; exit 77; }
"$0" -c 'import sys, pathlib; from einvoiced.journal.store import file_system
print(file_system(pathlib.Path(sys.argv[1])))' "$base/m"; umount m; rm -r "$base"
"""
    assert _in_a_mount_namespace(script) == "overlay"


def _in_a_mount_namespace(script: str) -> str:
    """What a script says that mounts something where nobody else sees it; skips where that is not allowed."""
    try:
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, sys.executable], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare(1)")
    if done.returncode in (1, 77):
        pytest.skip("not allowed to mount here")
    return done.stdout.decode().strip()


def test_mounts_with_odd_names_are_recognised() -> None:
    """A tmpfs under a name with blanks and Chinese is a tmpfs."""
    script = """
place=$(mktemp -d "/tmp/磁 碟XXXXXX"); mount -t tmpfs none "$place" || exit 77; mkdir "$place/in"
"$0" -c 'import sys, pathlib; from einvoiced.journal.store import file_system
print(file_system(pathlib.Path(sys.argv[1])))' "$place/in"; umount "$place"; rmdir "$place"
"""
    assert _in_a_mount_namespace(script) == "tmpfs"


def test_a_reader_that_holds_the_write_lock_for_an_instant_refuses_no_request(desk: Desk) -> None:
    """A reader takes it when it meets the WAL's index in the middle of a change; the commit waits, and is answered."""
    desk.take(RANGE)
    other = sqlite3.connect(desk.directory / store.FILE, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.1, other.execute, ("ROLLBACK",))
    letting_go.start()
    assert desk.number() == "NQ42519550"
    letting_go.join()
    other.close()
