"""Numbers, ranges and booklets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.rules.numbers import NumberRange, invoice_number, split_invoice_number, track_valid
from einvoiced.rules.period import Period

NOW = Period.from_year_month("11012")


def numbers(begin: int, end: int, track: str = "NQ", period: Period = NOW, seller: str = "24634102") -> NumberRange:
    return NumberRange(seller, "07", period, track, begin, end)


ranges = st.builds(
    lambda first, more: numbers(first * 50, (first + more) * 50 + 49), st.integers(0, 60), st.integers(0, 8)
)


def test_the_published_range() -> None:
    """2,500 numbers are 50 booklets."""
    published = numbers(42519550, 42522049)
    assert (len(published), published.booklets, str(published)) == (2500, 50, "NQ 42519550-42522049")


@pytest.mark.parametrize(
    ("begin", "end"),
    [(1, 49), (0, 48), (0, 50), (49, 99), (50, 49), (100, 49), (-50, 49), (99999950, 100000049), (25, 74), (0, 0)],
)
def test_only_whole_booklets_in_eight_digits_are_a_range(begin: int, end: int) -> None:
    """Anything else cannot even be made."""
    with pytest.raises(ValueError):
        numbers(begin, end)


@pytest.mark.parametrize(("begin", "end"), [(0, 49), (99999950, 99999999), (0, 99999999)])
def test_the_extreme_ranges(begin: int, end: int) -> None:
    """The first booklet, the last and a whole track."""
    assert len(numbers(begin, end)) == end - begin + 1


@given(ranges, ranges)
def test_overlap_and_containment_are_those_of_sets(one: NumberRange, other: NumberRange) -> None:
    """`overlaps` and `holds` say what the sets of numbers say, and every range is whole booklets."""
    first, second = set(range(one.begin, one.end + 1)), set(range(other.begin, other.end + 1))
    assert one.overlaps(other) == other.overlaps(one) == bool(first & second)
    assert one.holds(other) == (second <= first)
    assert one.booklets * 50 == len(one) == len(first)


@pytest.mark.parametrize(
    "other", [numbers(0, 49, track="NR"), numbers(0, 49, period=NOW.next()), numbers(0, 49, seller="04595257")]
)
def test_another_series_shares_nothing(other: NumberRange) -> None:
    """The same digits of another track, period or seller are other numbers."""
    assert not numbers(0, 49).same_series(other)
    assert not numbers(0, 49).overlaps(other)
    assert not numbers(0, 49).holds(other)


@given(st.from_regex(r"[A-Z]{2}", fullmatch=True), st.integers(0, 99999999))
def test_an_invoice_number_reads_back(track: str, number: int) -> None:
    """With and without the hyphen of the paper."""
    text = invoice_number(track, number)
    assert len(text) == 10
    assert split_invoice_number(text) == split_invoice_number(f"{text[:2]}-{text[2:]}") == (track, number)


@pytest.mark.parametrize(
    "text", ["", "AB1122334", "ab11223344", "AB112233445", "AB--11223344", "ＡＢ11223344", "AB１1223344"]
)
def test_what_is_no_invoice_number(text: str) -> None:
    """Two capital letters and eight digits, ASCII only."""
    with pytest.raises(ValueError):
        split_invoice_number(text)


@pytest.mark.parametrize(
    ("text", "valid"), [("NQ", True), ("nq", False), ("N", False), ("NQA", False), ("ＮＱ", False), ("N1", False)]
)
def test_tracks(text: str, valid: bool) -> None:
    """Two capital letters A-Z."""
    assert track_valid(text) is valid
