"""Lines of a paragraph: Chinese breaks anywhere but before a closing sign, Latin at blanks where it can."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_NOT_FIRST = frozenset("，。、；：！？）」』】》〉％,.;:!?)]}%…")
_NOT_LAST = frozenset("（「『【《〈([{")


def wrap(text: str, limit: int, advance: Callable[[str], int]) -> list[str]:
    """The text in lines of at most `limit` dots, blanks at the ends dropped; a word longer than a line is split."""
    lines: list[str] = []
    start, chance, width = 0, 0, 0
    for place, character in enumerate(text):
        if place > start and _may_break(text[place - 1], character):
            chance = place
        step = advance(character)
        if width + step > limit and place > start and character != " ":
            end = chance if chance > start else place
            lines.append(text[start:end].rstrip(" "))
            start = chance = end
            width = sum([advance(c) for c in text[start:place]])
        width += step
    lines.append(text[start:].rstrip(" "))
    return lines


def _may_break(before: str, after: str) -> bool:
    if after in _NOT_FIRST or before in _NOT_LAST or after == " " or unicodedata.combining(after):
        return False
    return before == " " or _wide(before) or _wide(after)


def _wide(character: str) -> bool:
    return character > "\u2e7f" and unicodedata.east_asian_width(character) in "WF"
