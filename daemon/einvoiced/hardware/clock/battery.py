"""The hardware clock's battery: what its driver says of it. Without a good one a box wakes up in the past."""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from .system import RTC

NODE = Path("/dev/rtc0")
LOW_MICROVOLTS = 2_500_000
"""A 3 V lithium cell that shows less will not last; a Raspberry Pi 5 tells its cell's voltage."""

_RTC_VL_READ = 0x80047013
"""ioctl of rtc(4): the voltage-low flags of linux/rtc.h."""

_FLAGS = {1: "data_invalid", 2: "low", 4: "empty", 8: "accuracy_low", 16: "switched_over"}
_BAD = {"data_invalid", "low", "empty"}


@dataclass(frozen=True)
class Battery:
    """`flags` of the driver (None: it does not say or may not be asked), and the cell's volts where they are told."""

    flags: list[str] | None
    volts: float | None

    @property
    def good(self) -> bool | None:
        """Whether it will keep the time; None when nobody knows."""
        if self.flags is not None and _BAD & set(self.flags):
            return False
        if self.volts is not None:
            return self.volts * 1e6 >= LOW_MICROVOLTS
        return None if self.flags is None else True


def read_battery(rtc: Path = RTC, node: Path = NODE) -> Battery:
    """Ask the driver; needs root for the flags. Not while another program waits on the clock's device (EBUSY)."""
    return Battery(_flags(node), _volts(rtc))


def _flags(node: Path) -> list[str] | None:
    try:
        descriptor = os.open(node, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        (word,) = struct.unpack("I", fcntl.ioctl(descriptor, _RTC_VL_READ, bytes(4)))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return [name for bit, name in _FLAGS.items() if word & bit]


def _volts(rtc: Path) -> float | None:
    try:
        return round(int((rtc / "battery_voltage").read_text()) / 1e6, 2)
    except (OSError, ValueError):
        return None
