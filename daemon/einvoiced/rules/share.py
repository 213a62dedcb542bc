"""One allotment split between several boxes, by whole booklets, without the boxes knowing of each other.

Booklets are counted from number 0 of the track, not from a range's first: so the split is the same on every box,
whatever order files come in and however a range grows later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from einvoiced.rules.numbers import BOOKLET, NumberRange

MOST_BOXES = 99
_FORM = re.compile(r"([1-9][0-9]?)/([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class Share:
    """The part of box `index` (from 1) of `of` boxes: booklets whose number modulo `of` is `index` - 1."""

    index: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.of <= MOST_BOXES:
            raise ValueError(f"no share: {self.index}/{self.of}")

    @classmethod
    @lru_cache(maxsize=16)
    def parse(cls, text: str) -> Share:
        """From `2/3`, the second of three boxes; ValueError otherwise. A box that is alone says `1/1`."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"not a share such as 2/3: {text!r}")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def has(self, number: int) -> bool:
        """Whether a number of eight digits lies in one of this box's booklets."""
        return number // BOOKLET % self.of == self.index - 1

    def booklets(self, numbers: NumberRange) -> int:
        """How many booklets of a range are this box's."""
        last = numbers.end // BOOKLET
        first = self._first_booklet(numbers.begin)
        return 0 if first > last else (last - first) // self.of + 1

    def parts(self, numbers: NumberRange) -> tuple[NumberRange, ...]:
        """This box's booklets of a range, in order; neighbours, which only a box that is alone has, are one range."""
        if self.of == 1:
            return (numbers,)
        return tuple(self._each(numbers))

    def parts_of_all(self, ranges: Iterable[NumberRange]) -> tuple[NumberRange, ...]:
        """This box's booklets of several ranges, sorted, neighbours merged where the ranges meet."""
        merged: list[NumberRange] = []
        parts = (part for numbers in ranges for part in self.parts(numbers))
        for part in sorted(parts, key=lambda each: (each.seller, each.period, each.track, each.begin)):
            last = merged[-1] if merged else None
            if last is not None and last.same_series(part) and part.begin <= last.end + 1:
                merged[-1] = replace(last, end=max(last.end, part.end))
            else:
                merged.append(part)
        return tuple(merged)

    def first(self, numbers: NumberRange, at_least: int = 0) -> int | None:
        """This box's first number of a range that is not below `at_least`; None when there is none.

        With it a range need not be taken apart: the number after `n` is `first(numbers, n + 1)`.
        """
        return self.first_between(numbers.begin, numbers.end, at_least)

    def left(self, numbers: NumberRange, at_least: int = 0) -> int:
        """How many of this box's numbers of a range are not below `at_least`."""
        return self.count_between(max(numbers.begin, at_least), numbers.end)

    def first_between(self, begin: int, end: int, at_least: int = 0) -> int | None:
        """This box's first number from `begin` to `end` (both included) that is not below `at_least`."""
        wanted = max(at_least, begin)
        number = wanted if self.has(wanted) else self._first_booklet(wanted) * BOOKLET
        return number if number <= end else None

    def last_between(self, begin: int, end: int) -> int | None:
        """This box's last number from `begin` to `end`; None when there is none."""
        booklet = end // BOOKLET
        number = end if self.has(end) else (booklet - (booklet - self.index + 1) % self.of) * BOOKLET + BOOKLET - 1
        return number if number >= begin else None

    def count_between(self, begin: int, end: int) -> int:
        """How many numbers from `begin` to `end` are this box's."""
        if self.of == 1:
            return max(0, end - begin + 1)
        return max(0, self._below(end + 1) - self._below(begin))

    def after(self, number: int) -> int:
        """The number that this box takes after one of its own, wherever its range ends; the journal's SQL does so."""
        return number + 1 + ((self.of - 1) * BOOKLET if number % BOOKLET == BOOKLET - 1 else 0)

    def reach(self, number: int, count: int) -> int:
        """The end of the booklet that holds the last of `count` (1 or more) numbers from one of its own on."""
        return number - number % BOOKLET + (number % BOOKLET + count - 1) // BOOKLET * self.of * BOOKLET + BOOKLET - 1

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """This box's numbers from `first` to `last` as runs as long as possible."""
        if self.of == 1:
            yield from ((first, last),) if first <= last else ()
            return
        for booklet in range(self._first_booklet(first), last // BOOKLET + 1, self.of):
            yield max(first, booklet * BOOKLET), min(last, booklet * BOOKLET + BOOKLET - 1)

    def _below(self, number: int) -> int:
        """How many of its numbers, from 0 on, are below a number."""
        rounds, rest = divmod(number, BOOKLET * self.of)
        return rounds * BOOKLET + min(max(rest - (self.index - 1) * BOOKLET, 0), BOOKLET)

    def _first_booklet(self, number: int) -> int:
        """This box's first booklet that is not before the one of `number`."""
        booklet = number // BOOKLET
        return booklet + (self.index - 1 - booklet) % self.of

    def _each(self, numbers: NumberRange) -> Iterator[NumberRange]:
        for booklet in range(self._first_booklet(numbers.begin), numbers.end // BOOKLET + 1, self.of):
            yield replace(numbers, begin=booklet * BOOKLET, end=booklet * BOOKLET + BOOKLET - 1)


ALONE = Share(1, 1)
"""The share of a box that has all numbers of its shop for itself."""
