"""What was done on a stick, as the unit that did it tells the box and the box tells on a slip."""

from __future__ import annotations

from msgspec import Struct


class Outcome(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened, for the slip: messages written, answers brought home, lists written, leftovers taken in.

    `problems` are sentences in Chinese.
    """

    written: int = 0
    accepted: int = 0
    refused: int = 0
    lists: int = 0
    taken: int = 0
    problems: list[str] = []
