"""Slips that wait for the printer: tills', with an entry each, and the box's own, of which only the newest are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

OWN_SLIPS = 20
"""Most of the box's own that wait."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip that waits: its bytes, made when its turn comes, and its entry where it has one."""

    make: Callable[[], bytes]
    entry: int | None = None


class SlipQueue:
    """In the order in which they came. Any thread."""

    def __init__(self) -> None:
        self._slips: deque[Slip] = deque()

    def __len__(self) -> int:
        return len(self._slips)

    @property
    def first(self) -> Slip | None:
        """Whose turn it is."""
        try:
            return self._slips[0]
        except IndexError:
            return None

    def add(self, slip: Slip) -> None:
        """Behind everything that waits; of more than OWN_SLIPS without an entry the oldest is dropped."""
        own = self._own() if slip.entry is None else []
        if len(own) >= OWN_SLIPS:
            self.drop(own[0])
        self._slips.append(slip)

    def drop(self, slip: Slip) -> None:
        """Out of the queue, unless it was dropped meanwhile."""
        try:
            self._slips.remove(slip)
        except ValueError:
            pass

    def drop_own(self) -> None:
        """All without an entry."""
        for slip in self._own():
            self.drop(slip)

    def keep(self, waiting: Collection[int]) -> None:
        """Of those with an entry only these."""
        for slip in list(self._slips):
            if slip.entry is not None and slip.entry not in waiting:
                self.drop(slip)

    def _own(self) -> list[Slip]:
        return [slip for slip in list(self._slips) if slip.entry is None]
