"""Several boxes with one allotment, through the real journal: they never meet, and together they issue every number."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einvoiced import errors
from einvoiced.actions.change_share import change_share
from einvoiced.actions.import_tracks import import_tracks
from einvoiced.actions.issue_invoice import IssueParams, issue_invoice
from einvoiced.actions.raise_ceilings import raise_ceilings, usable_ceilings
from einvoiced.actions.release_tracks import release_tracks
from einvoiced.actions.reserve_tracks import reserve_tracks
from einvoiced.client import new_key
from einvoiced.journal import doubt, projections, verify
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.numbers import BOOKLET, GENERAL_TAX, NumberRange
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share
from tests.boxes import SALE, SELLER, Desk, dump, fresh_folder
from tools.virtualbox import track_file

PERIOD = Period.from_year_month("11502")
TABLES = ("ranges", "set_aside", "facts", "track_events")


class SharedDesk(Desk):
    """A box of several."""

    def __init__(self, folder: Path, share: Share) -> None:
        super().__init__(folder)
        self.set_share(share)

    def set_share(self, share: Share) -> None:
        """As after a restart with another configuration."""
        import dataclasses

        self.box.shop = self.shop = dataclasses.replace(self.shop, share=share)

    def left(self) -> int:
        """What the status counts."""
        from einvoiced.actions.ask import count

        return self.call(count(self.box)).numbers_left_this_period

    def issue_all(self) -> list[str]:
        """Issue until nothing is left; the count must say so in advance."""
        numbers = self.numbers(self.left())
        with pytest.raises(errors.NoNumbersLeft):
            self.issue()
        return numbers

    def numbers(self, count: int) -> list[str]:
        """So many numbers, with one sync: as many tills get them that ask at once."""
        wire = [json.dumps({"key": new_key(), **SALE, "print": "till"}).encode() for _ in range(count)]
        actions = [issue_invoice(self.box, msgspec.json.decode(each, type=IssueParams), None) for each in wire]
        results = self.call(lambda tx: [bytes(action(tx)) for action in actions])
        return [str(json.loads(result)["invoice"]["invoice_number"]) for result in results]

    def check(self) -> None:
        """The projections are a replay's, and verify finds nothing."""
        before = self.call(lambda tx: dump(tx.db, *TABLES))
        self.call(_rebuild)
        assert self.call(lambda tx: dump(tx.db, *TABLES)) == before
        self.journal.close()
        report = verify.verify_database(self.directory / "journal.db", self.directory.parent, "journal")
        self.open()
        assert report.findings == []


def _rebuild(tx: Transaction) -> None:
    projections.rebuild(tx.db)


Booklets = tuple[int, int]
FILES = st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=8), min_size=1, max_size=4)


def ranges_of(booklets: set[int]) -> list[tuple[str, int, int]]:
    """Booklets as ranges as long as possible, as the platform writes them."""
    found: list[tuple[str, int, int]] = []
    for booklet in sorted(booklets):
        begin, end = booklet * BOOKLET, booklet * BOOKLET + BOOKLET - 1
        if found and found[-1][2] + 1 == begin:
            found[-1] = ("NQ", found[-1][1], end)
        else:
            found.append(("NQ", begin, end))
    return found


@given(files=FILES, of=st.integers(2, 4), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_boxes_never_overlap_and_together_cover_all(files: list[set[int]], of: int, seed: int) -> None:
    """Whatever order the files come in on each box, and however a file grows between them."""
    shuffle = random.Random(seed)
    issued: list[str] = []
    for index in range(1, of + 1):
        order = list(files)
        shuffle.shuffle(order)
        folder = fresh_folder("share")
        desk = SharedDesk(folder, Share(index, of))
        try:
            issued += _one_box(desk, order)
            desk.check()
        finally:
            desk.close()
            shutil.rmtree(folder)
    wanted = {f"NQ{b * BOOKLET + n:08d}" for b in set().union(*files) for n in range(BOOKLET)}
    assert sorted(issued) == sorted(wanted)


def _one_box(desk: SharedDesk, order: list[set[int]]) -> list[str]:
    """Give a box the files, some sales between; a file that cuts a known range comes booklet by booklet."""
    issued: list[str] = []
    known: set[int] = set()
    for booklets in order:
        known |= booklets
        for track, begin, end in ranges_of(booklets):
            try:
                desk.take((track, begin, end))
            except errors.RangeOverlaps:
                for number in range(begin, end, BOOKLET):
                    desk.take((track, number, number + BOOKLET - 1))
        if desk.left():
            issued.append(desk.number(print="till"))
    return issued + desk.issue_all()


def test_a_share_stays_with_its_period(durable: Path) -> None:
    """More booklets of a period are taken with the period's share, whatever the configuration says by then."""
    desk = SharedDesk(durable, Share(2, 2))
    try:
        assert desk.take(("NQ", 0, 99)).share == "2/2"
        assert desk.number() == "NQ00000050"
        desk.set_share(Share(1, 1))
        verdict = desk.take(("NQ", 0, 199))
        assert (verdict.share, [r.ours for r in verdict.taken], verdict.stock) == ("2/2", [50], 99)
        assert desk.take(("AB", 0, 99), period=PERIOD.next()).share == "1/1"
        with pytest.raises(errors.ShareInUse):
            desk.call(change_share(desk.box, "11502", "店長", None))
        desk.check()
    finally:
        desk.close()


def test_the_share_of_an_untouched_period_can_be_changed(durable: Path) -> None:
    """All its ranges are split anew, those that were wholly other boxes' too; the next period's numbers go with it."""
    desk = SharedDesk(durable, Share(2, 3))
    try:
        desk.take(("AB", 0, 49), ("NQ", 0, 199))
        assert desk.left() == 50
        desk.set_share(Share(1, 2))
        changed = desk.call(change_share(desk.box, "11502", "店長", None))
        assert (changed.was, changed.share, desk.left()) == ("2/3", "1/2", 100)
        desk.check()
        desk.call(release_tracks(desk.box, "11502", "AB", "00000000", "none", "技師", None))
        assert desk.left() == 150
        assert desk.issue_all()[::50] == ["AB00000000", "NQ00000000", "NQ00000100"]
        desk.check()
    finally:
        desk.close()


def test_another_boxs_booklets_are_known_not_taken_again(durable: Path) -> None:
    """A range without a booklet of ours is kept, so that the same file again brings nothing new."""
    desk = SharedDesk(durable, Share(2, 2))
    try:
        verdict = desk.take(("NQ", 0, 49))
        assert ([r.ours for r in verdict.taken], verdict.stock) == ([0], 0)
        assert desk.take(("NQ", 0, 49)).taken == []
        with pytest.raises(errors.NoNumbersLeft):
            desk.issue()
    finally:
        desk.close()


@given(
    share=st.integers(1, 4).flatmap(lambda of: st.integers(1, of).map(lambda i: Share(i, of))),
    ahead=st.integers(1, 400),
)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_ceilings_count_only_numbers_of_ours(share: Share, ahead: int) -> None:
    """After a raise `ahead` of this box's numbers may be used, or all there are, and no booklet more."""
    folder = fresh_folder("ceilings")
    desk = SharedDesk(folder, share)
    try:
        desk.take(("AB", 50, 449), ("NQ", 0, 349))
        desk.call(raise_ceilings(desk.box, ahead))
        allowed = 0
        for c in desk.call(usable_ceilings(desk.box)):
            allowed += share.count_between(c.begin, c.ceiling)
        total = sum(
            share.left(NumberRange(SELLER, GENERAL_TAX, PERIOD, t, b, e))
            for t, b, e in (("AB", 50, 449), ("NQ", 0, 349))
        )
        assert min(ahead, total) <= allowed < min(ahead, total) + BOOKLET
    finally:
        desk.close()
        shutil.rmtree(folder)


@given(
    share=st.integers(1, 3).flatmap(lambda of: st.integers(1, of).map(lambda i: Share(i, of))),
    used=st.integers(0, 120),
    first=st.integers(0, 9),
    booklets=st.integers(1, 4),
)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_reserved_booklets_are_never_issued(share: Share, used: int, first: int, booklets: int) -> None:
    """All other numbers of ours are issued, once; a file that lists the reserved ones again brings nothing new."""
    folder = fresh_folder("reserve")
    desk = SharedDesk(folder, share)
    begin, end = first * BOOKLET, min(first + booklets, 10) * BOOKLET - 1
    try:
        desk.take(("NQ", 0, 499))
        issued = desk.numbers(min(used, desk.left()))
        order = (desk.box, "11502", "NQ", f"{begin:08d}", f"{end:08d}", "美食街系統", "店長", None)
        wanted = {n for n in range(500) if share.has(n)}
        if any(begin <= int(number[2:]) <= end for number in issued):
            with pytest.raises(errors.BookletsNotFree):
                desk.call(reserve_tracks(*order))
        else:
            desk.call(reserve_tracks(*order))
            wanted -= set(range(begin, end + 1))
            with pytest.raises(errors.BookletsNotFree):
                desk.call(reserve_tracks(*order))
        rows = track_file(("NQ", 0, 499), period=PERIOD).encode()
        assert desk.call(import_tracks(desk.box, "f.csv", rows, source="socket", peer=None)).taken == []
        issued += desk.issue_all()
        assert sorted(int(number[2:]) for number in issued) == sorted(wanted)
        desk.check()
    finally:
        desk.close()
        shutil.rmtree(folder)


def test_what_the_file_beside_allowed_stays_allowed(durable: Path) -> None:
    """Neither a reservation nor another share makes the journal look older than the file beside it."""
    desk = SharedDesk(durable, Share(1, 1))
    try:
        desk.take(("NQ", 0, 499), period=PERIOD.next())
        desk.call(raise_ceilings(desk.box, 120))
        known = desk.call(usable_ceilings(desk.box))
        assert [c.ceiling for c in known] == [149]
        desk.call(reserve_tracks(desk.box, "11504", "NQ", "00000000", "00000049", "另一系統", "店長", None))
        assert all(desk.call(lambda tx, c=c: doubt.allows(tx.db, c)) for c in known)
        desk.set_share(Share(2, 2))
        desk.call(change_share(desk.box, "11504", "店長", None))
        assert all(desk.call(lambda tx, c=c: doubt.allows(tx.db, c)) for c in known)
        desk.check()
    finally:
        desk.close()
