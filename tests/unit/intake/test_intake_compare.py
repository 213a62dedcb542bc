"""A file downloaded again: what is new, what is known, and what cannot be."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.errors import RangeOverlaps
from einvoiced.intake import TrackRow, new_ranges
from einvoiced.rules.numbers import NumberRange
from einvoiced.rules.period import Period

Numbers = Callable[..., NumberRange]
Pairs = list[tuple[int, int]]


def ranges(pairs: Pairs) -> list[NumberRange]:
    """Booklets `(first, last)` of one series as ranges."""
    period = Period.from_year_month("11012")
    return [NumberRange("24634102", "07", period, "NQ", first * 50, last * 50 + 49) for first, last in pairs]


def rows(pairs: Pairs) -> list[TrackRow]:
    return [TrackRow(line, each) for line, each in enumerate(ranges(pairs), start=2)]


@pytest.mark.parametrize(
    ("row", "known", "taken", "held"),
    [
        ((10, 19), [], [(10, 19)], []),
        ((10, 19), [(0, 9), (20, 29)], [(10, 19)], []),
        ((10, 19), [(10, 19)], [], [(10, 19)]),
        ((10, 19), [(0, 99)], [], [(10, 19)]),
        ((10, 19), [(10, 14), (15, 19)], [], [(10, 19)]),
        ((10, 19), [(5, 14), (15, 25)], [], [(10, 19)]),
        ((10, 19), [(10, 14)], [(15, 19)], [(10, 14)]),
        ((10, 19), [(15, 19)], [(10, 14)], [(15, 19)]),
        ((10, 19), [(12, 13)], [(10, 11), (14, 19)], [(12, 13)]),
        ((10, 19), [(10, 10), (12, 12), (19, 19)], [(11, 11), (13, 18)], [(10, 10), (12, 12), (19, 19)]),
    ],
)
def test_a_row_is_split_into_new_and_known(row: tuple[int, int], known: Pairs, taken: Pairs, held: Pairs) -> None:
    """Untouched: new; covered: known; containing known ranges whole: only the rest is new."""
    verdict = new_ranges(rows([row]), ranges(known))
    assert verdict.taken == tuple(ranges(taken))
    assert verdict.known == tuple(ranges(held))


@pytest.mark.parametrize("known", [(5, 10), (19, 25), (5, 18), (11, 20)])
def test_a_partial_overlap_is_refused(known: tuple[int, int]) -> None:
    """A known range that sticks out of a row that asks for more is no allotment of the platform's."""
    with pytest.raises(RangeOverlaps) as caught:
        new_ranges(rows([(0, 1), (10, 19)]), ranges([known]))
    assert caught.value.line == 3
    assert caught.value.facts["known"] == str(ranges([known])[0])


def test_one_partial_overlap_refuses_all_and_tells_all() -> None:
    """Nothing is taken of a file with an overlap; every overlapping row is told, by line."""
    with pytest.raises(RangeOverlaps) as caught:
        new_ranges(rows([(30, 39), (10, 19), (50, 59)]), ranges([(35, 45), (5, 12)]))
    assert [error.line for error in (caught.value, *caught.value.also)] == [2, 3]  # type: ignore[attr-defined]


def test_other_series_are_not_compared(numbers: Numbers) -> None:
    """A known range of another track, period or seller is nothing to this row."""
    known = [
        numbers(0, 99, track="NR"),
        numbers(50, 149, year_month="11010"),
        numbers(50, 149, seller="04595257"),
    ]
    assert new_ranges([TrackRow(2, numbers(0, 99))], known).taken == (numbers(0, 99),)


def test_many_rows_against_many_ranges_are_quick() -> None:
    """10,000 rows against 10,000 known ranges take no more than 0.5 s of computing."""
    wanted, known = rows([(4 * i, 4 * i + 2) for i in range(10_000)]), ranges([(4 * i, 4 * i) for i in range(10_000)])
    before = time.process_time()
    verdict = new_ranges(wanted, known)
    assert len(verdict.taken) == 10_000
    assert time.process_time() - before < 0.5


@st.composite
def disjoint(draw: st.DrawFn) -> Pairs:
    """Disjoint ranges of booklets, in any order."""
    cuts = sorted(draw(st.sets(st.integers(0, 40), max_size=12)))
    pairs = [(first, last - 1) for first, last in pairwise(cuts)]
    kept = [pair for pair in pairs if draw(st.booleans())]
    return draw(st.permutations(kept))


@given(wanted=disjoint(), known=disjoint())
def test_no_number_is_lost_or_taken_twice(wanted: Pairs, known: Pairs) -> None:
    """Taken and known are the file's numbers, each once, and a refusal has a true partial overlap."""
    asked = {number for first, last in wanted for number in range(first, last + 1)}
    held = {number for first, last in known for number in range(first, last + 1)}
    try:
        verdict = new_ranges(rows(wanted), ranges(known))
    except RangeOverlaps:
        assert any(_partial(row, each, held) for row in wanted for each in known)
        return
    taken = [number // 50 for each in verdict.taken for number in range(each.begin, each.end, 50)]
    already = [number // 50 for each in verdict.known for number in range(each.begin, each.end, 50)]
    assert sorted(taken) == sorted(asked - held)
    assert sorted(already) == sorted(asked & held)
    assert not any(_partial(row, each, held) for row in wanted for each in known)


def _partial(row: tuple[int, int], known: tuple[int, int], held: set[int]) -> bool:
    """The rule of the docstring, spelled out booklet by booklet."""
    of_row, of_known = set(range(row[0], row[1] + 1)), set(range(known[0], known[1] + 1))
    return bool(of_row & of_known) and not of_known <= of_row and not of_row <= held
