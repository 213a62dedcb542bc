"""Invoice numbers, number ranges (字軌 with 起號 and 迄號) and the booklets (本) of fifty they are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from einvoiced.rules.period import Period

BOOKLET = 50
"""Numbers in a booklet: the platform allots nothing smaller (domain: how numbers reach a shop)."""

GENERAL_TAX = "07"
"""MIG's InvoiceType of 一般稅額, the only category that this box issues."""

LAST_NUMBER = 99_999_999
_INVOICE_NUMBER = re.compile(r"([A-Z]{2})-?([0-9]{8})")
_TRACK = re.compile(r"[A-Z]{2}")


def track_valid(text: str) -> bool:
    """Whether a track is two capital letters A-Z."""
    return _TRACK.fullmatch(text) is not None


def split_invoice_number(text: str) -> tuple[str, int]:
    """`AB-11223344` or `AB11223344` as track and number; ValueError otherwise."""
    found = _INVOICE_NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"not an invoice number: {text!r}")
    return found[1], int(found[2])


def invoice_number(track: str, number: int) -> str:
    """MIG's InvoiceNumber: two letters and eight digits."""
    return f"{track}{number:08d}"


@dataclass(frozen=True, slots=True)
class NumberRange:
    """A contiguous run of whole booklets of one seller, category, period and track; `begin` and `end` both belong."""

    seller: str
    invoice_type: str
    period: Period
    track: str
    begin: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.begin <= self.end <= LAST_NUMBER:
            raise ValueError(f"no range: {self.begin}-{self.end}")
        if self.begin % BOOKLET or self.end % BOOKLET != BOOKLET - 1:
            raise ValueError(f"not whole booklets: {self.begin:08d}-{self.end:08d}")

    def __len__(self) -> int:
        return self.end - self.begin + 1

    def __str__(self) -> str:
        return f"{self.track} {self.begin:08d}-{self.end:08d}"

    @property
    def booklets(self) -> int:
        """How many booklets it holds."""
        return len(self) // BOOKLET

    def same_series(self, other: NumberRange) -> bool:
        """Whether both take numbers from the same seller's track of the same period."""
        return (self.seller, self.period, self.track) == (other.seller, other.period, other.track)

    def overlaps(self, other: NumberRange) -> bool:
        """Whether any number belongs to both."""
        return self.same_series(other) and self.begin <= other.end and other.begin <= self.end

    def holds(self, other: NumberRange) -> bool:
        """Whether every number of `other` belongs to this range."""
        return self.same_series(other) and self.begin <= other.begin and other.end <= self.end
