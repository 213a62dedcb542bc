"""The split of one allotment between boxes: nobody's number twice, nobody's number lost."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.rules.numbers import NumberRange
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share

NOW = Period.from_year_month("11512")


def numbers(begin: int, end: int, track: str = "NQ", period: Period = NOW) -> NumberRange:
    return NumberRange("24634102", "07", period, track, begin, end)


ranges = st.builds(
    lambda first, more: numbers(first * 50, (first + more) * 50 + 49), st.integers(0, 60), st.integers(0, 12)
)
boxes = st.integers(1, 7)


def every_number(parts: tuple[NumberRange, ...]) -> list[int]:
    return [number for part in parts for number in range(part.begin, part.end + 1)]


@pytest.mark.parametrize(("text", "share"), [("1/1", Share(1, 1)), ("2/3", Share(2, 3)), ("99/99", Share(99, 99))])
def test_a_share_is_written_as_a_fraction(text: str, share: Share) -> None:
    """`2/3` is the second of three boxes, there and back."""
    assert Share.parse(text) == share
    assert str(share) == text


@pytest.mark.parametrize(
    "text", ["", "1", "0/1", "2/1", "1/0", "01/2", "1/100", " 1/2", "1/2 ", "1 / 2", "-1/2", "１/２"]
)
def test_what_is_no_share_is_refused(text: str) -> None:
    """Nothing is guessed, and no box is the fourth of three."""
    with pytest.raises(ValueError):
        Share.parse(text)


def test_the_published_range_split_between_three() -> None:
    """Booklets are counted from number 0 of the track: 42519550 // 50 = 850391, and 850391 % 3 = 2."""
    published = numbers(42519550, 42522049)
    assert Share(3, 3).parts(published)[0] == numbers(42519550, 42519599)
    assert Share(1, 3).parts(published)[0] == numbers(42519600, 42519649)
    assert Share(2, 3).parts(published)[0] == numbers(42519650, 42519699)
    assert [Share(index, 3).booklets(published) for index in (1, 2, 3)] == [17, 16, 17]


@given(ranges)
def test_a_box_that_is_alone_has_all(whole: NumberRange) -> None:
    """1/1 is the range itself, in one piece."""
    assert Share(1, 1).parts(whole) == (whole,)


@given(ranges, boxes)
def test_every_number_belongs_to_exactly_one_box(whole: NumberRange, of: int) -> None:
    """The parts of all boxes are disjoint, complete and of whole booklets."""
    parts = [Share(index, of).parts(whole) for index in range(1, of + 1)]
    together = [number for each in parts for number in every_number(each)]
    assert sorted(together) == list(range(whole.begin, whole.end + 1))


@given(st.lists(ranges, min_size=1, max_size=4), boxes, st.data())
def test_the_order_of_files_does_not_matter(files: list[NumberRange], of: int, data: st.DataObject) -> None:
    """Whatever comes first, overlapping files included, a box ends up with the same booklets."""
    share = Share(data.draw(st.integers(1, of)), of)
    results = {share.parts_of_all(order) for order in permutations(files)}
    assert len(results) == 1
    (parts,) = results
    wanted = {n for each in files for n in range(each.begin, each.end + 1) if share.has(n)}
    assert every_number(parts) == sorted(wanted)
    assert all(one.end + 1 != two.begin for one, two in pairwise(parts))


@given(ranges, st.integers(0, 5), st.integers(0, 5), boxes, st.data())
def test_a_file_that_grows_changes_nothing_that_was_split(
    whole: NumberRange, before: int, behind: int, of: int, data: st.DataObject
) -> None:
    """More booklets in front or behind leave each booklet where it was."""
    share = Share(data.draw(st.integers(1, of)), of)
    grown = numbers(max(0, whole.begin - 50 * before), whole.end + 50 * behind)
    inside = [n for n in every_number(share.parts(grown)) if whole.begin <= n <= whole.end]
    assert inside == every_number(share.parts(whole))


@given(ranges, boxes, st.data())
def test_counting_and_stepping_agree_with_the_parts(whole: NumberRange, of: int, data: st.DataObject) -> None:
    """`booklets`, `first` and `left` say of a whole range what its parts say, from any number on."""
    share = Share(data.draw(st.integers(1, of)), of)
    every = every_number(share.parts(whole))
    at_least = data.draw(st.integers(0, whole.end + 60))
    rest = [number for number in every if number >= at_least]
    assert share.booklets(whole) * 50 == len(every)
    assert share.first(whole, at_least) == (rest[0] if rest else None)
    assert share.left(whole, at_least) == len(rest)
    walked, number = [], share.first(whole)
    while number is not None:
        walked.append(number)
        number = share.first(whole, number + 1)
    assert walked == every


def test_a_whole_track_is_counted_without_taking_it_apart() -> None:
    """Two million booklets are arithmetic, not a list."""
    whole = numbers(0, 99_999_999)
    assert Share(2, 3).booklets(whole) == 666_667
    assert Share(2, 3).left(whole, 99_999_000) == 350
    assert Share(1, 2).first(whole, 99_999_950) is None


def test_only_ranges_of_one_series_are_merged() -> None:
    """The same digits of another track or period stay apart."""
    given_ = (numbers(50, 99), numbers(0, 49), numbers(50, 99, track="NR"), numbers(100, 149, period=NOW.next()))
    assert Share(1, 1).parts_of_all(given_) == (
        numbers(0, 99),
        numbers(50, 99, track="NR"),
        numbers(100, 149, period=NOW.next()),
    )
