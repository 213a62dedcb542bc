"""How a track file is refused: with every reason found, the first of them raised, the others beside it."""

from __future__ import annotations

from collections.abc import Sequence
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


def refuse(reasons: Sequence[TrackFileError]) -> NoReturn:
    """Raise the first reason by line and column; up to 20 others travel in its `also`."""
    first, *others = sorted(reasons, key=lambda reason: (reason.line, reason.column))
    first.also = tuple(others[:MAX_ALSO])
    raise first
