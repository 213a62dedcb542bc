"""Sees a clock that jumps while the box runs: the wall clock against the kernel's monotonic one."""

from __future__ import annotations

import time

from einvoiced.hardware.clock import Clock

JUMP_SECONDS = 2.0
"""A step above this is a jump; NTP's slewing stays far below it between two looks."""


class ClockWatch:
    """Looked at every few seconds by one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._now()

    def jumped(self) -> float | None:
        """Seconds by which the clock moved against the monotonic one since the last look (forward is positive)."""
        offset = self._now()
        moved, self._offset = offset - self._offset, offset
        return moved if abs(moved) > JUMP_SECONDS else None

    def _now(self) -> float:
        return self._clock.now().timestamp() - time.monotonic()
