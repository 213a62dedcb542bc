"""Exact money: NT$ in whole numbers, quantities and prices as decimals, rounded half up, no floats (domain: amounts).

MIG 4.1 gives quantities and prices up to 7 decimals (F0401, Details/ProductItem).
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

from einvoiced.errors import BadNumber

EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
"""Wide enough that a product of two allowed numbers is never rounded."""

ZERO = Decimal(0)
ONE = Decimal(1)
TAX_RATE = Decimal("0.05")
WITH_TAX = ONE + TAX_RATE
MAX_TOTAL = 999_999_999
"""What one line of the proof, and the eight hex digits of the QR code, can show."""

_MAX_DIGITS, _LEAST_EXPONENT = 12, 30
_USABLE = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,7})?")
_SEVENTH = Decimal("1E-7")


def exact(value: Decimal, path: str) -> Decimal:
    """The number itself if it is finite, with at most 12 digits before and 7 after the point; BadNumber otherwise."""
    spell(value, path)
    return value


def spell(value: Decimal, path: str) -> str:
    """The shortest plain spelling of a usable number (`exact`): `3.50` is `3.5`, `1E+2` is `100`, `-0` is `0`."""
    text = str(value)
    if text.isdigit() and len(text) <= _MAX_DIGITS:  # most of what a till sends
        return text
    if -_LEAST_EXPONENT <= value.adjusted() < _MAX_DIGITS and value.is_finite():
        text = plain(value)
        if _USABLE.fullmatch(text):
            return text
    elif not value and value.is_finite():
        return "0"
    raise BadNumber(path, value=str(value)[:40])


def plain(value: Decimal) -> str:
    """The shortest plain spelling of a number of moderate size."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def dollars(value: Decimal) -> int:
    """Whole NT$, half up."""
    whole = int(value)
    return whole if whole == value else int(value.quantize(ONE, context=EXACT))


def times(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """Their exact product, with 7 decimals (half up beyond)."""
    product = EXACT.multiply(quantity, unit_price)
    return product if str(product).isdigit() else product.quantize(_SEVENTH, context=EXACT)


def agrees(stated: Decimal, computed: Decimal) -> bool:
    """Whether a till's line amount is the computed one, rounded half up to as many decimals as the till wrote."""
    exponent = stated.as_tuple().exponent
    step = Decimal((0, (1,), min(int(exponent), 0)))
    return computed.quantize(step, context=EXACT) == stated


def without_tax(gross: int) -> int:
    """round(S / 1.05), half up: the net part of a taxed subtotal of whole NT$, 0 or more."""
    return (40 * gross + 21) // 42


def gross_of(net: Decimal) -> Decimal:
    """A net price with its tax, 7 decimals at most."""
    return times(net, WITH_TAX)
