"""The seam of the clock: what time it is in Taiwan, and what speaks for it.

Taiwan has had no daylight saving time since 1979, so Asia/Taipei is a fixed +08:00 and needs no time zone data; the
machine's own zone does not matter.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Protocol

TAIPEI = timezone(timedelta(hours=8), "Asia/Taipei")


class Clock(Protocol):
    """A clock with its witnesses. Any thread may ask."""

    def now(self) -> datetime:
        """The time, aware, in Asia/Taipei."""

    def synchronised(self) -> bool | None:
        """Whether the kernel says that something keeps the clock right; None when it does not say."""

    def rtc_agrees(self, tolerance: float) -> bool | None:
        """Whether a hardware clock is at most `tolerance` seconds away; None without a usable one."""
