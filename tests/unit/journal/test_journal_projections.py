"""Projections: throw them away, replay the entries, and they are what they were."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einvoiced.actions.import_tracks import record_refusal
from einvoiced.actions.print_proof import doubt_interrupted, note
from einvoiced.errors import BadTrack, EinvoicedError
from einvoiced.journal import entries, projections, schema
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.period import Period
from tests.boxes import Desk, dump, fresh_folder

TRACKS = ("AA", "NQ", "ZZ")
SALES: tuple[dict[str, Any], ...] = (
    {},
    {"buyer": {"identifier": "04595257", "name": "示範股份有限公司"}},
    {"carrier": {"type": "3J0002", "id": "/ABC+123"}},
    {"npoban": "919"},
    {"print": "till", "labels": {"order_no": "A-1"}},
    {"total_amount": 26},
    {"key": "9f0c1c2e-7c1f-4b7e-8d0e-2b6f0f6a1c11"},
)
PAPER: tuple[Callable[[int], Any], ...] = (
    lambda invoice: entries.ProofSending(invoice, "0" * 64),
    lambda invoice: entries.ProofPrinted(invoice, "status"),
    lambda invoice: entries.ProofRequeued(invoice, "unplugged"),
    lambda invoice: entries.ProofUnconfirmed(invoice, "stalled"),
)


@dataclass
class Life:
    """What happens to a box, one method each. Refusals of the box are part of it."""

    desk: Desk
    issued: list[int] = field(default_factory=list)

    def take(self, track: str, booklet: int, booklets: int, periods: int) -> None:
        """A track file of one range, for this period or a later one."""
        period = Period(Period.of(self.desk.clock.now()).index + periods)
        self.desk.take((track, booklet * 50, (booklet + booklets) * 50 - 1), period=period)

    def sell(self, sale: int, count: int) -> None:
        """Some equal sales."""
        for _ in range(count):
            result = json.loads(self.desk.issue(**SALES[sale]))
            self.issued.append(result["sequence"])

    def paper(self, state: int, which: int) -> None:
        """Something about an invoice's proof."""
        if self.issued:
            self.desk.call(note(PAPER[state](self.issued[which % len(self.issued)])))

    def refuse(self) -> None:
        """A file that was refused."""
        self.desk.call(record_refusal("f.csv", b"x", BadTrack(1, 5, "nq"), "stick", None))

    def wait(self, days: int) -> None:
        """Time goes by."""
        self.desk.clock.move(days * 86_400)

    def restart(self) -> None:
        """Off and on."""
        self.desk.reopen()
        self.desk.call(doubt_interrupted)


EVENTS = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(TRACKS), st.integers(0, 3), st.integers(1, 2), st.integers(0, 1)),
    st.tuples(st.just("sell"), st.integers(0, len(SALES) - 1), st.sampled_from([1, 2, 30])),
    st.tuples(st.just("paper"), st.integers(0, len(PAPER) - 1), st.integers(0, 100)),
    st.tuples(st.just("refuse")),
    st.tuples(st.just("wait"), st.integers(0, 40)),
    st.tuples(st.just("restart")),
)


def both_ways(tx: Transaction, page: int) -> tuple[list[str], list[str]]:
    """The projections as they are, and after a rebuild."""
    live = dump(tx.db, *schema.PROJECTION_TABLES)
    projections.rebuild(tx.db, page)
    return live, dump(tx.db, *schema.PROJECTION_TABLES)


@given(events=st.lists(EVENTS, max_size=25), page=st.sampled_from([1, 3, 1000]))
@settings(max_examples=30, deadline=None)
def test_a_rebuild_equals_the_live_tables(events: list[tuple[Any, ...]], page: int) -> None:
    """After any life of a box: every row and every table's own text, whatever the page that entries are read in."""
    folder = fresh_folder("life")
    desk = Desk(folder)
    try:
        life = Life(desk)
        life.take("NQ", 0, 1, 0)
        for name, *arguments in events:
            try:
                getattr(life, name)(*arguments)
            except EinvoicedError:
                pass
        live, rebuilt = desk.call(lambda tx: both_ways(tx, page))
        assert rebuilt == live
        assert any("NQ" in line for line in live)
        _numbers_are_sound(desk)
    finally:
        desk.close()
        shutil.rmtree(folder)


def _numbers_are_sound(desk: Desk) -> None:
    """Each range was used from its first number on, without a gap, and every invoice has its number from one."""
    ranges = desk.call(lambda tx: tx.all('SELECT year_month, track, begin, "end", next, state FROM ranges'))
    taken = desk.call(lambda tx: tx.all("SELECT year_month, track, number FROM invoices"))
    from_ranges = {(ym, track, n) for ym, track, begin, _, after, _ in ranges for n in range(begin, after)}
    assert set(taken) == from_ranges
    for _, _, begin, end, after, state in ranges:
        assert begin <= after <= end + 1
        assert (state == "spent") == (after == end + 1)
        assert (state == "fresh") <= (after == begin)


def test_a_rebuilt_journal_goes_on(desk: Desk) -> None:
    """The next number, repeats and what waits for paper are as before."""
    desk.take(("NQ", 0, 99))
    key = "9f0c1c2e-7c1f-4b7e-8d0e-2b6f0f6a1c11"
    first = desk.issue(key=key)
    desk.call(lambda tx: projections.rebuild(tx.db))
    assert desk.issue(key=key) == first
    assert desk.number() == "NQ00000001"


def test_a_number_cannot_be_taken_twice(desk: Desk) -> None:
    """An entry that takes a number that is not the next of its range is refused by the projection itself."""
    desk.take(("NQ", 0, 99))
    desk.issue()
    again = entries.read_data(desk.entries()[-1])
    with pytest.raises(sqlite3.IntegrityError, match="not the next number"):
        desk.call(lambda tx: tx.append(again))
    assert desk.number() == "NQ00000001"


def test_every_type_of_entry_has_its_projection() -> None:
    """A new type cannot be forgotten, and none is left over."""
    assert set(projections._APPLY) == set(entries.TYPES)
