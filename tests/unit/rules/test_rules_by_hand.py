"""Typing by hand: two persons, one range, and no hint from one to the other."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from einvoiced.errors import TypedBadly, TypedBySamePerson, TypedDiffers
from einvoiced.rules.by_hand import Typing, agree, read_typing
from einvoiced.rules.numbers import NumberRange
from einvoiced.rules.period import Period

OWN = "24634102"
FIRST = Typing("wang", "11511", "NQ", "42519550", "42522049")
SECOND = replace(FIRST, person="chen")
OTHERS = {"period": "11601", "track": "TN", "begin": "42519600", "end": "42522099"}


def test_two_equal_typings_are_a_range() -> None:
    """The range of the shop, category 07, that a file would have given."""
    expected = NumberRange(OWN, "07", Period.from_year_month("11512"), "NQ", 42519550, 42522049)
    assert agree(FIRST, SECOND, seller=OWN) == expected
    assert read_typing(FIRST, seller=OWN) == expected


def test_blanks_around_and_either_month_mean_the_same() -> None:
    """11511 and 11512 are the same two months; what is compared is what is meant."""
    assert agree(FIRST, replace(SECOND, period=" 11512 ", begin="42519550 "), seller=OWN).booklets == 50


@pytest.mark.parametrize("names", [c for n in (1, 2, 3, 4) for c in combinations(OTHERS, n)], ids="-".join)
def test_what_differs_is_named_and_nothing_is_revealed(names: tuple[str, ...]) -> None:
    """The fields are told, in the order of the screen; no value of the first reaches the second."""
    with pytest.raises(TypedDiffers) as caught:
        agree(FIRST, replace(SECOND, **{name: OTHERS[name] for name in names}), seller=OWN)
    error = caught.value
    assert error.facts["fields"] == ", ".join(names)
    told = f"{error.message} {error.message_zh} {error.facts} {error.value}"
    for name in OTHERS:
        assert getattr(FIRST, name) not in told


@pytest.mark.parametrize("person", ["wang", "WANG", " wang ", "ｗａｎｇ", "wa ng", "wa-ng.", "wáng", "wang\ufe00"])
def test_one_person_cannot_type_twice(person: str) -> None:
    """Neither capitals, nor width, accents, blanks, signs or what cannot be seen make another person."""
    with pytest.raises(TypedBySamePerson):
        agree(FIRST, replace(SECOND, person=person), seller=OWN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("period", value) for value in ("", "1511", "115/11", "11513", "11500", "１１５１１", "115111", "abcde")),
        *(("track", value) for value in ("", "N", "nq", "NQX", "ＮＱ", "1Q")),
        *(("begin", value) for value in ("", "42519551", "4251955", "425195500", "4251955o", "４２５１９５５０")),
        *(("end", value) for value in ("", "42522050", "49", "42519549", "-2522049", "42522049x")),
    ],
)
def test_a_value_that_cannot_be_right_is_named(field: str, value: str) -> None:
    """Its field, what was typed and the form that it must have, before anybody else types."""
    with pytest.raises(TypedBadly) as caught:
        read_typing(replace(FIRST, **{field: value}), seller=OWN)
    assert (caught.value.facts["field"], caught.value.value) == (field, value)


def test_what_was_typed_is_shown_short_and_printable() -> None:
    """A terminal's control characters come back as question marks."""
    with pytest.raises(TypedBadly) as caught:
        read_typing(replace(FIRST, track="\x1b[2J" + "x" * 100), seller=OWN)
    assert caught.value.value == "?[2J" + "x" * 16
