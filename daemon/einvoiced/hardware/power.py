"""The power supply, as far as the board tells: a Raspberry Pi notes every drop below 4.63 V and what it did about it.

Two sources: the firmware's word (`get_throttled`, a file of the Raspberry Pi kernel; documented with `vcgencmd`), and
the alarm of the kernel's driver `raspberrypi-hwmon`, which every kernel has. Other boards do not tell.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
HWMON = "sys/class/hwmon"
TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
VCGENCMD_SECONDS = 5.0

_NOW = {0: "under_voltage", 1: "frequency_capped", 2: "throttled", 3: "soft_temperature_limit"}
_SINCE_BOOT = 16
"""The same four, sixteen bits higher: has been since the board was switched on."""


@dataclass(frozen=True)
class Power:
    """What the board says; `source` is "" where it says nothing. `now` and `since_boot` name its troubles."""

    source: str
    now: list[str] = field(default_factory=list)
    since_boot: list[str] = field(default_factory=list)
    celsius: float | None = None


def read_power(root: Path = Path("/")) -> Power:
    """Ask the firmware, else the kernel's alarm."""
    celsius = _temperature(root)
    word = _firmware_word(root)
    if word is not None:
        return Power("firmware", _bits(word, 0), _bits(word, _SINCE_BOOT), celsius)
    for folder in sorted((root / HWMON).glob("hwmon*")):
        if _text(folder / "name") == "rpi_volt":
            low = ["under_voltage"] if _text(folder / "in0_lcrit_alarm") == "1" else []
            return Power("hwmon", low, low, celsius)
    return Power("", celsius=celsius)


def board_model(root: Path = Path("/")) -> tuple[str, str]:
    """(maker, model) of the machine: from the device tree or DMI; "" where nobody says."""
    model = _text(root / "proc/device-tree/model").rstrip("\0")
    if model:
        maker = "Raspberry Pi Ltd" if model.startswith("Raspberry Pi") else ""
        return maker, model
    dmi = root / "sys/class/dmi/id"
    return _text(dmi / "sys_vendor"), _text(dmi / "product_name")


def _bits(word: int, shift: int) -> list[str]:
    return [name for bit, name in _NOW.items() if word >> (bit + shift) & 1]


def _firmware_word(root: Path) -> int | None:
    """The firmware's bits; None where there is no such firmware, or it may not be asked."""
    said = _text(root / THROTTLED)
    if not said and root == Path("/") and Path("/dev/vcio").exists():
        said = _vcgencmd()
    try:
        return int(said, 16)
    except ValueError:
        return None


def _vcgencmd() -> str:
    command = ["vcgencmd", "get_throttled"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=VCGENCMD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().partition("=")[2]


def _temperature(root: Path) -> float | None:
    try:
        return round(int(_text(root / TEMPERATURE)) / 1000, 1)
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
