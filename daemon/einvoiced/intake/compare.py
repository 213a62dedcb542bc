"""The rows of a checked file against the ranges that the box already holds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from einvoiced.errors import RangeOverlaps, TrackFileError
from einvoiced.intake.columns import BEGIN, TrackRow
from einvoiced.intake.refusals import ENOUGH, refuse
from einvoiced.rules.numbers import NumberRange


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file brings: `taken` is new, `known` was held before; together they are exactly the file's numbers."""

    taken: tuple[NumberRange, ...]
    known: tuple[NumberRange, ...]


def new_ranges(wanted: Sequence[TrackRow], known: Sequence[NumberRange]) -> Verdict:
    """Split the rows into numbers that are new and numbers that the box holds.

    A file that is downloaded again lists what was taken before, and perhaps more (增本). For each row, looking only at
    known ranges of its own seller, period and track:

    * no number of it is held: the whole row is taken;
    * every number of it is held, by one range or by several side by side: the row is known;
    * it contains, whole, every known range that it touches, with booklets besides: those booklets are taken, the rest
      is known. New booklets may lie before, between and after;
    * anything else is a known range that sticks out of the row while the row asks for more: the platform never cuts a
      range so, and nothing of the file is taken (RangeOverlaps, all such rows in its `also`).

    The rows of `wanted` do not overlap each other (`check_rows`), and neither do those of `known` (the journal).
    """
    series: dict[tuple[object, ...], list[NumberRange]] = {}
    for held in sorted(known, key=lambda held: held.begin):
        series.setdefault(_series(held), []).append(held)
    taken: list[NumberRange] = []
    already: list[NumberRange] = []
    reasons: list[TrackFileError] = []
    for row in wanted:
        if not series:
            taken.append(row.range)
            continue
        touched = _touched(row.range, series.get(_series(row.range), []))
        held_parts = _joined(row.range, touched)
        outside = next((held for held in touched if not row.range.holds(held)), None)
        if outside is not None and held_parts != [row.range]:
            reasons.append(RangeOverlaps(row.line, BEGIN, str(row.range), known=str(outside)))
            if len(reasons) >= ENOUGH:
                break
        already += held_parts
        taken += _gaps(row.range, held_parts)
    if reasons:
        refuse(reasons)
    return Verdict(tuple(taken), tuple(already))


def _series(numbers: NumberRange) -> tuple[object, ...]:
    """What `NumberRange.same_series` compares."""
    return numbers.seller, numbers.period, numbers.track


def _touched(row: NumberRange, held: list[NumberRange]) -> list[NumberRange]:
    """The known ranges, sorted and disjoint, that share a number with the row."""
    first = bisect_left(held, row.begin, key=lambda each: each.end)
    return held[first : bisect_right(held, row.end, key=lambda each: each.begin)]


def _joined(row: NumberRange, touched: list[NumberRange]) -> list[NumberRange]:
    """The held numbers of the row as ranges as long as possible."""
    parts: list[NumberRange] = []
    for held in touched:
        begin, end = max(held.begin, row.begin), min(held.end, row.end)
        if parts and parts[-1].end + 1 >= begin:
            parts[-1] = replace(parts[-1], end=max(end, parts[-1].end))
        else:
            parts.append(replace(row, begin=begin, end=end))
    return parts


def _gaps(row: NumberRange, parts: list[NumberRange]) -> list[NumberRange]:
    """What is left of the row beside its held parts."""
    begins = [row.begin, *(part.end + 1 for part in parts)]
    ends = [*(part.begin - 1 for part in parts), row.end]
    return [replace(row, begin=begin, end=end) for begin, end in zip(begins, ends, strict=True) if begin <= end]
