"""`tracks.import`: all that is new, nothing twice, nothing of a file that is refused, and the verdict is kept."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from einvoiced import errors
from einvoiced.actions.import_tracks import Importer, Verdict, import_tracks
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import entries
from einvoiced.journal.writer import Journal
from einvoiced.rules.period import Period
from tests.boxes import SELLER, Desk
from tools.virtualbox import track_file

PEER = entries.Peer("admin", 1000, 1000, 4711)


def ranges(desk: Desk) -> list[tuple[Any, ...]]:
    """Track, begin, end and state of all ranges."""
    return desk.call(lambda tx: tx.all('SELECT track, begin, "end", state FROM ranges ORDER BY track, begin'))


def this_period(desk: Desk) -> Period:
    """The period of the desk's clock."""
    return Period.of(desk.clock.now())


def test_a_file_is_taken_and_told(desk: Desk) -> None:
    """The verdict shows each range as a person reads it; the entry holds the file's name, hash and source."""
    rows = track_file(("NQ", 42_519_550, 42_522_049), ("AB", 0, 49), period=this_period(desk)).encode()
    verdict = desk.call(import_tracks(desk.box, "無名.csv", rows, source="socket", peer=PEER))
    assert verdict.sha256 == hashlib.sha256(rows).hexdigest()
    assert [(r.track, r.begin, r.end, r.booklets, r.numbers) for r in verdict.taken] == [
        ("NQ", "42519550", "42522049", 50, 2500),
        ("AB", "00000000", "00000049", 1, 50),
    ]
    assert {(r.year_month, r.period) for r in verdict.taken} == {("11502", "115年01-02月")}
    assert (verdict.already_known, verdict.stock) == ([], 2550)
    data = entries.read_data(desk.entries()[-1])
    assert isinstance(data, entries.TracksImported)
    assert (data.file_name, data.sha256, data.source, data.peer) == ("無名.csv", verdict.sha256, "socket", PEER)


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    """All is known, nothing is appended, and a range in use goes on where it was."""
    desk.take(("NQ", 0, 99))
    desk.issue()
    count = len(desk.entries())
    again = desk.take(("NQ", 0, 99))
    assert (again.taken, len(again.already_known), again.stock) == ([], 1, 99)
    assert len(desk.entries()) == count
    assert desk.number() == "NQ00000001"


def test_more_booklets_are_taken_beside_the_known(desk: Desk) -> None:
    """A file that lists the old and new booklets (增本) brings just the new."""
    desk.take(("NQ", 50, 99))
    verdict = desk.take(("NQ", 0, 149), ("AB", 0, 49))
    assert [(r.track, r.begin, r.end) for r in verdict.taken] == [
        ("NQ", "00000000", "00000049"),
        ("NQ", "00000100", "00000149"),
        ("AB", "00000000", "00000049"),
    ]
    assert [(r.begin, r.end) for r in verdict.already_known] == [("00000050", "00000099")]
    assert verdict.stock == 200


def test_of_a_refused_file_nothing_is_taken(desk: Desk) -> None:
    """Good rows beside a bad one do not count."""
    desk.take(("NQ", 0, 99))
    before = ranges(desk)
    with pytest.raises(errors.RangeOverlaps):
        desk.take(("AB", 0, 49), ("NQ", 50, 149))
    with pytest.raises(errors.RangeRepeated):
        desk.take(("AB", 0, 49), ("AB", 0, 49))
    assert ranges(desk) == before


def test_the_same_numbers_in_another_period_are_others(desk: Desk) -> None:
    """Track and numbers come again every few years; stock counts this period and later ones."""
    desk.take(("NQ", 0, 49))
    verdict = desk.take(("NQ", 0, 49), period=this_period(desk).next())
    assert (len(verdict.taken), verdict.stock) == (1, 100)
    desk.clock.move(40 * 86_400)
    assert desk.take(("NQ", 50, 99)).stock == 100


def test_the_period_is_the_boxs_own(desk: Desk) -> None:
    """A file of a period that is over by the box's clock is refused."""
    period = this_period(desk)
    desk.clock.move(60 * 86_400)
    with pytest.raises(errors.PeriodPast):
        desk.take(("NQ", 0, 49), period=period)


def test_a_long_name_keeps_its_end(desk: Desk) -> None:
    """A stick may say anything; a hundred characters are enough for a label."""
    verdict = desk.take(("NQ", 0, 49), name="x" * 500 + ".csv")
    assert (len(verdict.file_name), verdict.file_name[-4:]) == (100, ".csv")


def test_without_a_shop_there_is_nobody_to_take_numbers(desk: Desk) -> None:
    """NotConfigured, before the file is read."""
    desk.box.shop = None
    with pytest.raises(errors.NotConfigured):
        desk.take(("NQ", 0, 49))


def test_a_disk_nearly_full_takes_no_numbers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be of no use, and the platform still has them."""
    with monkeypatch.context() as patch:
        patch.setattr("einvoiced.journal.transaction.NEEDED_MIB", 1 << 40)
        with pytest.raises(errors.DiskNearlyFull):
            desk.take(("NQ", 0, 49))
    assert len(desk.take(("NQ", 0, 49)).taken) == 1


def test_a_locked_box_still_takes_files(desk: Desk) -> None:
    """Numbers may arrive while somebody mends the lock."""
    desk.box.lock("test", "locked", "鎖定")
    assert len(desk.take(("NQ", 0, 49)).taken) == 1


# -- the importer: one way in for the socket and the stick -------------------------------------------------------------


class Counter:
    """An importer on a journal in a running loop, and what it told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.told: list[tuple[str, str, Verdict]] = []

    def run(self, *files: tuple[str, bytes], **options: Any) -> list[Any]:
        """Import the files at the same time; verdicts and refusals in order."""
        self.desk.journal.close()
        try:
            return asyncio.run(self._main(files, options))
        finally:
            self.desk.open()

    async def _main(self, files: tuple[tuple[str, bytes], ...], options: dict[str, Any]) -> list[Any]:
        journal = Journal(self.desk.directory, self.desk.clock)
        await asyncio.to_thread(journal.open)
        try:
            importer = Importer(self.desk.box, lambda: journal)
            importer.on_verdict = lambda *what: self.told.append(what)
            work = [importer.import_file(name, data, "stick", None, **options) for name, data in files]
            return await asyncio.gather(*work, return_exceptions=True)
        finally:
            await asyncio.to_thread(journal.close)


def test_a_refusal_is_kept_and_told(desk: Desk) -> None:
    """Which file, which rule, which line and column, and the value, as an entry; whoever listens hears of it."""
    counter = Counter(desk)
    rows = track_file(("NQ", 0, 49), ("nq", 0, 49), period=this_period(desk)).encode()
    [error] = counter.run(("bad.csv", rows))
    assert isinstance(error, errors.BadTrack)
    assert counter.told == [("stick", "bad.csv", error)]
    data = entries.read_data(desk.entries()[-1])
    assert data == entries.TracksRefused(
        "bad.csv", hashlib.sha256(rows).hexdigest(), "stick", None, "bad_track", 3, 5, "nq"
    )
    assert ranges(desk) == []


@pytest.mark.parametrize("good", [True, False])
def test_a_name_is_only_a_label(desk: Desk, good: bool) -> None:
    """A stick's names are bytes: no text, or controls, neither hinder a verdict nor reach a terminal."""
    counter = Counter(desk)
    rows = track_file(("NQ" if good else "nq", 0, 49), period=this_period(desk)).encode()
    counter.run(("x" * 90 + "\udca6\udcaf\n\x1b[2J\u202e字軌　1.csv", rows))
    data = entries.read_data(desk.entries()[-1])
    assert isinstance(data, entries.TracksImported if good else entries.TracksRefused)
    assert data.file_name == "x" * 84 + "????[2J?字軌　1.csv"
    assert [name for _, name, _ in counter.told] == [data.file_name]


def test_strangers_files_are_passed_over(desk: Desk) -> None:
    """Kinds that are to be ignored are raised, but neither kept nor told."""
    counter = Counter(desk)
    count = len(desk.entries())
    [error] = counter.run(("list.csv", b"a,b\n1,2\n"), ignore=(errors.NotATrackFile,))
    assert isinstance(error, errors.NotATrackFile)
    assert counter.told == []
    assert len(desk.entries()) == count


def test_two_ways_in_at_once_take_a_file_once(desk: Desk) -> None:
    """The stick and the office send the same file at the same moment: taken once, known once."""
    rows = track_file(("NQ", 0, 99), period=this_period(desk)).encode()
    verdicts = Counter(desk).run(*[(f"{n}.csv", rows) for n in range(5)])
    assert sorted(len(v.taken) for v in verdicts) == [0, 0, 0, 0, 1]
    assert [r[:3] for r in ranges(desk)] == [("NQ", 0, 99)]


def test_the_seller_decides_whose_numbers(desk: Desk) -> None:
    """Another shop's file is refused, and this shop's seller number stands in every range."""
    rows = track_file(("NQ", 0, 49), period=this_period(desk), seller="04595257").encode()
    [error] = Counter(desk).run(("theirs.csv", rows))
    assert isinstance(error, errors.SellerUnknown)
    desk.take(("NQ", 0, 49))
    assert desk.call(lambda tx: tx.all("SELECT DISTINCT seller FROM ranges")) == [(SELLER,)]


def test_the_clock_of_the_box_reads_the_file(durable: Path) -> None:
    """Not the machine's: a box set to another year takes that year's file."""
    desk = Desk(durable)
    try:
        assert isinstance(desk.clock, VirtualClock)
        assert desk.take(("NQ", 0, 49), period=Period.from_year_month("11502")).stock == 50
    finally:
        desk.close()
