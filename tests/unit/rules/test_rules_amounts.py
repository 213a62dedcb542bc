"""Exact money: half up, never a float."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.errors import BadNumber
from einvoiced.rules.amounts import agrees, dollars, exact, gross_of, plain, times, without_tax

usable = st.decimals(-999_999, 999_999, places=7)


@pytest.mark.parametrize(
    ("value", "whole"),
    [("0.5", 1), ("1.5", 2), ("2.5", 3), ("0.4999999", 0), ("-0.5", -1), ("104.5", 105), ("1E+2", 100), ("0", 0)],
)
def test_dollars_are_rounded_half_up(value: str, whole: int) -> None:
    """Not to even, as Python's round() would."""
    assert dollars(Decimal(value)) == whole


@given(st.decimals(0, 10**12, places=9))
def test_half_up_is_the_floor_of_a_half_more(value: Decimal) -> None:
    """For amounts of 0 and more, the plain definition."""
    assert dollars(value) == floor(Fraction(value) + Fraction(1, 2))


@pytest.mark.parametrize(("gross", "net"), [(340, 324), (105, 100), (1, 1), (10, 10), (21, 20), (100, 95), (0, 0)])
def test_the_net_part_of_a_gross_amount(gross: int, net: int) -> None:
    """The published proof prints 324 of 340."""
    assert without_tax(gross) == net


@given(st.integers(0, 999_999_999))
def test_net_and_gross_agree(amount: int) -> None:
    """The net part is the nearest whole number to S / 1.05, and a whole net amount survives the way there and back."""
    assert abs(Fraction(without_tax(amount)) - Fraction(amount * 20, 21)) <= Fraction(1, 2)
    assert without_tax(dollars(gross_of(Decimal(amount)))) == amount


@pytest.mark.parametrize(
    "value", ["0", "-1", "999999999999", "0.0000001", "1.50000000000", "999999999999.9999999", "1E+11", "0E+5"]
)
def test_usable_numbers(value: str) -> None:
    """Twelve digits before and seven after the point; zeros behind do not count."""
    assert exact(Decimal(value), "p") == Decimal(value)


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1000000000000",
        "1E+12",
        "0.00000001",
        "1E+999999",
        "1E-999999",
        "1.00000001",
    ],
)
def test_unusable_numbers(value: str) -> None:
    """No NaN, no infinity, nothing huge and nothing finer than seven decimals; at once, however it is written."""
    with pytest.raises(BadNumber) as caught:
        exact(Decimal(value), "lines[0].quantity")
    assert caught.value.path == "lines[0].quantity"
    assert len(str(caught.value.facts["value"])) <= 40


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("3.50", "3.5"),
        ("1E+2", "100"),
        ("-0", "0"),
        ("0.00", "0"),
        ("-0.0", "0"),
        ("1E-7", "0.0000001"),
        ("-2.50", "-2.5"),
        ("100", "100"),
    ],
)
def test_the_plain_spelling(value: str, text: str) -> None:
    """No exponent, no idle zeros, no negative zero."""
    assert plain(Decimal(value)) == text


@given(usable)
def test_the_plain_spelling_keeps_the_value(value: Decimal) -> None:
    """Spelling loses nothing and gives equal numbers one spelling."""
    assert Decimal(plain(value)) == value
    assert plain(value) == plain(value * Decimal("1.000"))


@given(usable, usable)
def test_products_have_seven_decimals(quantity: Decimal, price: Decimal) -> None:
    """A product is off by half of the seventh decimal at most."""
    product = times(quantity, price)
    assert product.as_tuple().exponent >= -7  # type: ignore[operator]
    assert abs(Fraction(product) - Fraction(quantity) * Fraction(price)) <= Fraction(1, 2 * 10**7)


@pytest.mark.parametrize(
    ("stated", "computed", "agree"),
    [
        ("2", "1.5", True),
        ("1", "1.5", False),
        ("1.5", "1.5", True),
        ("1.50", "1.5", True),
        ("1.4", "1.45", False),
        ("1.5", "1.45", True),
        ("1E+2", "100.4", True),
        ("1E+2", "149", False),
        ("-2", "-1.5", True),
    ],
)
def test_a_stated_amount_agrees_to_its_own_decimals(stated: str, computed: str, agree: bool) -> None:
    """Half up to as many decimals as the till wrote, and never coarser than whole dollars."""
    assert agrees(Decimal(stated), Decimal(computed)) is agree
