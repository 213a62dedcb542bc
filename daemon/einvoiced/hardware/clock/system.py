"""The machine's clock, the kernel's opinion of it, and the hardware clock beside it."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import TAIPEI

RTC = Path("/sys/class/rtc/rtc0")

_TIME_ERROR = 5
_STA_UNSYNC = 0x0040
_NEVER_SET_BEFORE = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
"""A hardware clock from before this program was written lost its battery: it counts from 1970 or 2000."""


class _Timex(ctypes.Structure):
    """struct timex of <sys/timex.h>: the front part by name, the rest as room for the kernel to write in."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


@dataclass(frozen=True)
class HardwareClock:
    """What the RTC shows (seconds since 1970, UTC) and whether the kernel set the system's clock from it at boot."""

    since_epoch: int
    set_the_system: bool


class SystemClock:
    """The real one; `rtc` is the hardware clock's folder in /sys."""

    def __init__(self, rtc: Path = RTC) -> None:
        self.rtc = rtc

    def now(self) -> datetime:
        return datetime.now(TAIPEI)

    def synchronised(self) -> bool | None:
        """adjtimex(2) in its reading mode, which needs no privilege (but systemd's ProtectClock forbids it)."""
        answer = read_timex()
        if answer is None:
            return None
        state, status = answer
        return state != _TIME_ERROR and not status & _STA_UNSYNC

    def hardware_clock(self) -> HardwareClock | None:
        """The RTC's reading; None when there is none or its driver says that its time is not valid."""
        try:
            since_epoch = int((self.rtc / "since_epoch").read_text())
        except (OSError, ValueError):
            return None
        try:
            set_the_system = (self.rtc / "hctosys").read_text().strip() == "1"
        except OSError:
            set_the_system = False
        return HardwareClock(since_epoch, set_the_system)

    def rtc_agrees(self, tolerance: float) -> bool | None:
        """Compare with the RTC, which shows whole seconds; one that was never set is no witness (None)."""
        hardware = self.hardware_clock()
        if hardware is None or hardware.since_epoch < _NEVER_SET_BEFORE:
            return None
        # It shows whole seconds: half a second stands in the middle of what it may mean.
        return abs(time.time() - (hardware.since_epoch + 0.5)) <= tolerance + 0.5


def read_timex() -> tuple[int, int] | None:
    """The kernel's (clock state, status bits), None where it does not say."""
    timex = _Timex()
    try:
        state = _adjtimex()(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else (state, int(timex.status))


@functools.cache
def _adjtimex() -> Callable[[object], int]:
    function = ctypes.CDLL(None, use_errno=True).adjtimex
    function.restype = ctypes.c_int
    return function
