"""What the intake tests share: the genuine published sample and a way to vary it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from einvoiced.rules.numbers import NumberRange
from einvoiced.rules.period import Period

HEADER = "營業人統編,發票類別代號,發票類別,發票期別,發票字軌名稱,發票起號,發票迄號"
ROW = ("24634102", "7", "一般稅額計算", "110/11 ~ 110/12", "NQ", "42519550", "42522049")
NAMES = ("seller", "category", "name", "period", "track", "begin", "end")


@pytest.fixture
def row() -> Callable[..., str]:
    """A genuine row, with the named columns replaced."""

    def make(**changed: str) -> str:
        assert set(changed) <= set(NAMES)
        return ",".join(changed.get(name, value) for name, value in zip(NAMES, ROW, strict=True))

    return make


@pytest.fixture
def sheet() -> Callable[..., bytes]:
    """The bytes of a file of these rows under the genuine header."""

    def make(*rows: str) -> bytes:
        return "".join(f"{line}\r\n" for line in (HEADER, *rows)).encode()

    return make


@pytest.fixture
def numbers() -> Callable[..., NumberRange]:
    """A range of track NQ in 110/11-12."""

    def make(begin: int, end: int, track: str = "NQ", year_month: str = "11012", seller: str = ROW[0]) -> NumberRange:
        return NumberRange(seller, "07", Period.from_year_month(year_month), track, begin, end)

    return make
