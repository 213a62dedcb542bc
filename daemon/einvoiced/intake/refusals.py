"""How a track file is refused: with every reason found, the first of them raised, the others beside it."""

from __future__ import annotations

from typing import NoReturn

from einvoiced.errors import TrackFileError

MAX_ALSO = 20
"""Further reasons that a refusal carries: more than fit on a slip, and a bound on what a hostile file can cost."""

ENOUGH = MAX_ALSO + 1
"""After so many reasons a reader may stop looking."""

_SHOWN = 40


def shown(value: str) -> str:
    """A value from a file as it may stand on paper and in a log: at most 40 characters, controls replaced by `?`."""
    text = "".join(char if char.isprintable() else "?" for char in value[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def refuse(reasons: list[TrackFileError]) -> NoReturn:
    """Raise the first reason by line and column; up to 20 others travel in its `also`. Empties the list.

    An error that its own traceback's frames refer to is a cycle, which would keep the whole file in memory until the
    garbage collector comes by: so nothing here, nor the caller's list, may hold on to it.
    """
    first, *others = sorted(reasons, key=lambda reason: (reason.line, reason.column))
    first.also = tuple(others[:MAX_ALSO])
    reasons.clear()
    try:
        raise first.with_traceback(None)
    finally:
        del first, others
