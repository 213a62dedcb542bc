"""The writer: one commit for all that wait; a refusal harms nobody else, a storage error fails all."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from einvoiced.errors import BoxStopping, JournalBehind, JournalBroken, NoNumbersLeft, StorageFailed
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import entries, store
from einvoiced.journal.transaction import Action, NotYet, Transaction
from einvoiced.journal.writer import GROUP, Journal
from tests.boxes import SELLER, Desk, until, whole_chain


def refused(name: str, value: str = "") -> entries.TracksRefused:
    """Some entry."""
    return entries.TracksRefused(name, "0" * 64, "socket", None, "bad_track", 1, 5, value)


def append(name: str, value: str = "") -> Action[int]:
    """An action that appends an entry; its result is the sequence."""
    return lambda tx: tx.append(refused(name, value))


def names(journal: Journal) -> list[str]:
    """The file names of all entries of this test, in order."""
    rows = journal.call(lambda tx: tx.all("SELECT body FROM entries ORDER BY sequence"))
    data = [entries.read_data(entries.read(body)) for (body,) in rows]
    return [each.file_name for each in data if isinstance(each, entries.TracksRefused)]


def in_loop(durable: Path, work: Callable[[Journal], Awaitable[None]]) -> Path:
    """Open a journal in a running loop, work with it, close it and check its whole chain."""
    directory = durable / "journal"

    async def main() -> None:
        journal = Journal(directory, VirtualClock())
        await asyncio.to_thread(journal.open)
        try:
            await work(journal)
        finally:
            await asyncio.to_thread(journal.close)

    asyncio.run(main())
    whole_chain(directory)
    return directory


class Held:
    """Holds the journal's thread, so that what is submitted meanwhile makes one group."""

    def __init__(self, journal: Journal) -> None:
        self._begun, self._go = threading.Event(), threading.Event()
        self.future = journal.submit(self._hold)

    def _hold(self, _tx: Transaction) -> None:
        self._begun.set()
        assert self._go.wait(10)

    async def __aenter__(self) -> None:
        await asyncio.to_thread(self._begun.wait, 10)

    async def __aexit__(self, *_: object) -> None:
        self._go.set()
        await self.future


async def outcomes(futures: list[asyncio.Future[Any]]) -> list[Any]:
    """Results and errors, in order."""
    return await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 10)


# -- groups ------------------------------------------------------------------------------------------------------------


def test_what_waits_shares_a_commit(durable: Path) -> None:
    """A hundred actions that wait are one commit, in the order they were submitted; each gets its own result."""

    async def work(journal: Journal) -> None:
        first = await journal.submit(append("first"))
        async with Held(journal):
            commits = journal.commits
            futures = [journal.submit(append(f"{n}")) for n in range(GROUP - 1)]
        assert await outcomes(futures) == [first + 1 + n for n in range(GROUP - 1)]
        assert journal.commits - commits == 2  # the held one, and all the others

    in_loop(durable, work)


def test_many_submitted_at_once_need_few_commits(durable: Path) -> None:
    """Nobody has to wait on purpose: a disk that is slower than the requests makes the groups by itself."""

    async def work(journal: Journal) -> None:
        commits = journal.commits
        results = await outcomes([journal.submit(append(f"{n}")) for n in range(1000)])
        assert results == sorted(results)
        assert journal.commits - commits < 200

    in_loop(durable, work)


def test_on_a_slow_disk_a_group_waits_for_those_who_are_on_their_way(durable: Path) -> None:
    """After a slow sync of several, what comes some turns of the loop later still shares the next one."""

    async def turns(journal: Journal) -> int:
        before = journal.commits
        first = asyncio.ensure_future(journal.submit(append("first")))
        for _ in range(3):
            await asyncio.sleep(0)
        await journal.submit(append("second"))
        await first
        return journal.commits - before

    def slow(journal: Journal, crowd: int) -> Callable[[], None]:
        def last_commit() -> None:
            journal._crowd, journal._sync_seconds = crowd, 0.01

        return last_commit

    async def work(journal: Journal) -> None:
        for crowd, commits in ((2, 1), (1, 2)):
            journal.loop.call_soon_threadsafe(slow(journal, crowd))
            done = asyncio.run_coroutine_threadsafe(turns(journal), journal.loop)
            assert await asyncio.wrap_future(done) == commits

    in_loop(durable, work)


def test_a_refusal_harms_no_other_of_its_group(durable: Path) -> None:
    """One raises before appending, one after, one after several: only their own requests fail, the chain is whole."""

    def refuse(count: int) -> Action[None]:
        def action(tx: Transaction) -> None:
            for number in range(count):
                tx.append(refused(f"lost {number}"))
            raise NoNumbersLeft(period="x")

        return action

    async def work(journal: Journal) -> None:
        async with Held(journal):
            futures = [
                journal.submit(append("a")),
                journal.submit(refuse(0)),
                journal.submit(append("b")),
                journal.submit(refuse(1)),
                journal.submit(refuse(3)),
                journal.submit(append("c")),
            ]
        got = await outcomes(futures)
        assert [type(each).__name__ for each in got] == [
            "int",
            "NoNumbersLeft",
            "int",
            "NoNumbersLeft",
            "NoNumbersLeft",
            "int",
        ]
        assert (got[2], got[5]) == (got[0] + 1, got[0] + 2)
        assert await asyncio.to_thread(names, journal) == ["a", "b", "c"]

    in_loop(durable, work)


def test_an_append_that_its_projection_refuses_leaves_nothing(desk: Desk) -> None:
    """Also when it was the action's first: no entry stays, the next takes its place, a restart finds all whole."""
    imported = entries.TracksImported(
        "f.csv", "0" * 64, "socket", None, [entries.Range(SELLER, "07", "11012", "NQ", 0, 49, True)] * 2
    )
    before = len(desk.entries())
    with pytest.raises(sqlite3.IntegrityError):
        desk.call(lambda tx: tx.append(imported))
    assert len(desk.entries()) == before
    assert desk.call(append("next")) == before + 1
    assert desk.call(lambda tx: tx.all("SELECT * FROM ranges")) == []
    desk.reopen()
    assert desk.call(append("after")) > before + 1
    assert names(desk.journal) == ["next", "after"]


def test_a_fault_in_an_action_is_only_its_own(desk: Desk) -> None:
    """A bug in one verb is that request's error; the journal goes on."""

    def faulty(tx: Transaction) -> None:
        tx.append(refused("lost"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        desk.call(faulty)
    desk.call(append("a"))
    assert names(desk.journal) == ["a"]


# -- when an answer leaves ---------------------------------------------------------------------------------------------


def test_an_answer_leaves_after_its_commit(durable: Path) -> None:
    """Whoever has the result can see the entry from another connection."""

    async def work(journal: Journal) -> None:
        for number in range(20):
            sequence = await journal.submit(append(f"{number}"))
            with closing(sqlite3.connect(f"file:{journal.directory / store.FILE}?mode=ro", uri=True)) as other:
                assert other.execute("SELECT max(sequence) FROM entries").fetchone()[0] >= sequence

    in_loop(durable, work)


def test_each_group_tells_the_head(durable: Path) -> None:
    """`on_group` gets the last committed sequence; questions, refusals and groups that failed do not move it."""

    async def work(journal: Journal) -> None:
        told: list[int] = []
        first = await journal.submit(append("a"))
        await journal.submit(lambda tx: journal.__setattr__("on_group", told.append))
        for _ in range(5):
            await journal.submit(lambda tx: tx.one("SELECT 1"))
        with pytest.raises(NoNumbersLeft):
            await journal.submit(_always_refuse)
        assert set(told) <= {first}
        last = await journal.submit(append("b"))
        await asyncio.to_thread(until, lambda: told and told[-1] == last)

    in_loop(durable, work)


def _always_refuse(tx: Transaction) -> None:
    tx.append(refused("lost"))
    raise NoNumbersLeft(period="x")


def test_other_threads_may_call(desk: Desk) -> None:
    """Several threads at once, each gets its own answer."""
    got: dict[int, int] = {}

    def work(number: int) -> None:
        got[number] = desk.call(append(f"{number}"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got.values())) == 8


def test_closing_finishes_what_waits_and_takes_no_more(durable: Path) -> None:
    """What was submitted before is committed and answered; afterwards BoxStopping, with the key to be kept."""
    directory = durable / "journal"

    async def main() -> None:
        journal = Journal(directory, VirtualClock())
        await asyncio.to_thread(journal.open)
        async with Held(journal):
            futures = [journal.submit(append(f"{n}")) for n in range(10)]
            ending = asyncio.create_task(asyncio.to_thread(journal.close))
        await ending
        assert all(isinstance(each, int) for each in await outcomes(futures))
        with pytest.raises(BoxStopping) as caught:
            await journal.submit(append("late"))
        assert caught.value.retry == "same_key"

    asyncio.run(main())
    assert whole_chain(directory) >= 11


# -- storage errors ----------------------------------------------------------------------------------------------------


def limit_pages(tx: Transaction, more: int) -> None:
    """Make SQLite refuse to grow by more than some pages: a disk that is full, as SQLITE_FULL."""
    (now,) = tx.one("PRAGMA page_count")
    tx.one(f"PRAGMA max_page_count = {now + more}")


def test_a_full_disk_fails_the_whole_group_and_loses_nothing(durable: Path) -> None:
    """Every request of the group fails with the key to be kept; what was committed before stays; mended, it goes on."""

    async def work(journal: Journal) -> None:
        died: list[Exception] = []
        journal.on_fatal = died.append
        before = await journal.submit(append("before"))
        await journal.submit(lambda tx: limit_pages(tx, 2))
        async with Held(journal):
            futures = [journal.submit(append(f"{n}", "x" * (200_000 if n == 3 else 1))) for n in range(6)]
        got = await outcomes(futures)
        assert [type(each) for each in got] == [StorageFailed] * 6
        assert {each.retry for each in got} == {"same_key"}
        assert await asyncio.to_thread(names, journal) == ["before"]
        await journal.submit(lambda tx: limit_pages(tx, 1_000_000))
        assert await journal.submit(append("after")) == before + 1
        assert await asyncio.to_thread(names, journal) == ["before", "after"]
        assert died == []

    in_loop(durable, work)


# -- time and place ----------------------------------------------------------------------------------------------------


def test_a_wal_that_a_reader_let_grow_shrinks_again(desk: Desk) -> None:
    """A snapshot holds its moment while 20 MiB are written; once it has gone the WAL falls back."""
    file = desk.directory / store.FILE
    wal = file.with_name(f"{store.FILE}-wal")
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        for number in range(20):
            desk.call(append(f"{number}", "x" * (1 << 20)))
        assert wal.stat().st_size > 20 << 20
    desk.journal.loop.call_soon_threadsafe(desk.journal._checkpoint)
    desk.call(append("one"))
    assert wal.stat().st_size <= store.WAL_KEPT


def failing(name: str) -> Action[None]:
    """An action that meets an error of SQLite's with this name."""

    def action(_tx: Transaction) -> None:
        error = sqlite3.OperationalError(name)
        error.sqlite_errorname = name
        raise error

    return action


def test_after_a_failed_sync_nothing_more_is_committed(durable: Path) -> None:
    """Not the failed group's rest, nor the groups that wait behind it: all keep their keys, `on_fatal` is told."""

    async def work(journal: Journal) -> None:
        fatal: list[Exception] = []
        journal.on_fatal = fatal.append
        async with Held(journal):
            waiting = [journal.submit(append("before"))]
            waiting += [journal.submit(failing("SQLITE_IOERR_FSYNC"))]
            waiting += [journal.submit(append(f"{n}")) for n in range(2 * GROUP)]
        assert {type(each) for each in await outcomes(waiting)} == {StorageFailed}
        assert [str(error) for error in fatal] == ["SQLITE_IOERR_FSYNC"]

    directory = in_loop(durable, work)
    with closing(sqlite3.connect(directory / store.FILE)) as db:
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (1,)


def test_damage_freezes_the_journal(desk: Desk) -> None:
    """A damaged page, wherever it is met: `on_broken` is told, appends are refused from then on, questions are not."""
    told: list[Exception] = []
    desk.journal.on_broken = told.append
    with pytest.raises(StorageFailed):
        desk.call(failing("SQLITE_CORRUPT"))
    assert [type(error) for error in told] == [JournalBroken]
    with pytest.raises(JournalBroken):
        desk.call(append("more"))
    assert desk.types() == ["journal_created"]


def test_what_freezes_a_journal_that_is_about_to_begin_stays(durable: Path) -> None:
    """A witness ahead of it reports while the first entry is on its way: neither that nor what waited is appended."""

    async def work(journal: Journal) -> None:
        journal.freeze(NotYet())
        waiting = journal.submit(append("waits"))
        async with Held(journal):
            first = asyncio.wrap_future(journal.thaw(append("first")))
            journal.freeze(JournalBehind(who="A witness", detail="it knows more"))
        got = await outcomes([first, waiting, journal.submit(append("later"))])
        assert [type(each) for each in got] == [JournalBehind] * 3
        assert await asyncio.to_thread(names, journal) == []

    in_loop(durable, work)


def test_a_start_that_failed_lets_everything_go(durable: Path) -> None:
    """A first entry that is no `journal_created`: each try says so (the first one's lock is not in its way) and leaves
    neither a thread nor an open file.
    """
    directory = durable / "journal"
    with closing(store.connect(make(directory))) as db:
        body = entries.seal(1, 1, entries.stamp(VirtualClock().now()), entries.NO_PREVIOUS, refused("x"))
        db.execute("INSERT INTO entries VALUES (1, ?)", (body,))
    before = set(threading.enumerate())
    for _ in range(2):
        with pytest.raises(JournalBroken, match="first entry"):
            Journal(directory, VirtualClock()).open()
    assert set(threading.enumerate()) == before
    assert not [each for each in Path("/proc/self/fd").iterdir() if str(directory) in os.path.realpath(each)]


def make(directory: Path) -> Path:
    """A new directory of a journal's."""
    directory.mkdir(mode=0o700)
    return directory


def test_time_never_goes_back(desk: Desk) -> None:
    """However the clock is moved, and whatever moment an action asks for, along the chain times only rise."""
    for step in (0, -3600, 30, -0.5, 7200, -86400 * 400):
        desk.clock.move(step)
        desk.call(append("x"))
    early = desk.clock.now() - timedelta(days=1000)
    desk.call(lambda tx: tx.append(refused("early"), early))
    times = [envelope.time for envelope in desk.entries()]
    assert times == sorted(times)
    assert len(set(times)) < len(times)
    last = desk.call(lambda tx: tx.last_time())
    assert last is not None
    assert entries.stamp(last) == times[-1]


def test_an_action_knows_its_place_before_it_appends(desk: Desk) -> None:
    """`next_place` is the epoch and sequence of the next entry, also after a refusal and after a restart."""

    def place(tx: Transaction) -> tuple[tuple[int, int], int]:
        return tx.next_place, tx.append(refused("x"))

    for _ in range(3):
        (epoch, expected), sequence = desk.call(place)
        assert (epoch, expected) == (1, sequence)
        with pytest.raises(NoNumbersLeft):
            desk.call(_always_refuse)
        desk.reopen()


def test_a_journal_keeps_its_name(desk: Desk) -> None:
    """Its id is made once."""
    first = desk.journal.id
    desk.reopen()
    assert desk.journal.id == first
    assert desk.types().count("journal_created") == 1
