"""Which board and which disk this is, as far as they tell: a card moved to another box, or copied, must be noticed.

Only what every user may read is asked, so that a daemon without rights and a technician's root shell get the same
answer. Each answer names its source (`pi:…`, `mmc:…`); "unknown" when nobody knows.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

UNKNOWN = "unknown"

_JUNK = re.compile(
    r"(?:0*|f*|[x.\-]+|none|unknown|n/?a|serial|default string|not (?:specified|applicable|available)"
    r"|to be filled by o\.?e\.?m\.?|system serial number|base board serial number)",
    re.IGNORECASE,
)


def board_serial(root: Path = Path("/")) -> str:
    """The board's serial number: from the processor, the device tree or DMI, else from the installation's machine-id.

    The last (`machine-id:…`, hashed as machine-id(5) asks) is copied together with a disk: it tells installations
    apart, not boards.
    """
    for source, value in _board_candidates(root):
        if value:
            return f"{source}:{value}"
    machine_id = _read(root / "etc/machine-id")
    if machine_id:
        return "machine-id:" + hashlib.sha256(b"einvoiced " + machine_id.encode()).hexdigest()[:32]
    return UNKNOWN


def disk_serial(path: Path, root: Path = Path("/")) -> str:
    """The serial number of the disk that holds `path`, through partitions, RAID and LVM (the first disk below them)."""
    try:
        number = path.stat().st_dev
        device = (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
    except OSError:
        return UNKNOWN
    disk = whole_disk(device)
    for source, value in _disk_candidates(disk, root):
        if value:
            return f"{source}:{value}"
    return UNKNOWN


def _board_candidates(root: Path) -> Iterator[tuple[str, str]]:
    match = re.search(r"^Serial[ \t]*:(.*)$", _read(root / "proc/cpuinfo"), re.MULTILINE)
    yield "pi", _useful(match[1]) if match else ""
    yield "device-tree", _read(root / "sys/firmware/devicetree/base/serial-number")
    for name in ("board_serial", "product_serial", "product_uuid"):
        yield "dmi", _read(root / "sys/class/dmi/id" / name)


def whole_disk(device: Path) -> Path:
    """From a partition, RAID or LVM volume down to a disk."""
    for _ in range(8):
        if (device / "partition").exists():
            device = device.parent
            continue
        below = sorted((device / "slaves").iterdir()) if (device / "slaves").is_dir() else []
        if not below:
            break
        device = below[0].resolve()
    return device


def _disk_candidates(disk: Path, root: Path) -> Iterator[tuple[str, str]]:
    yield "mmc", _read(disk / "device/cid")
    yield "serial", _read(disk / "serial")
    yield "serial", _read(disk / "device/serial")
    yield "wwid", _read(disk / "wwid")
    yield "wwid", _read(disk / "device/wwid")
    udev = _read(root / "run/udev/data" / f"b{_read(disk / 'dev')}")
    for key in ("ID_SERIAL", "ID_SERIAL_SHORT"):
        match = re.search(rf"^E:{key}=(.+)$", udev, re.MULTILINE)
        yield "udev", _useful(match[1]) if match else ""


def _read(path: Path) -> str:
    """The file's text without blanks and NULs at its ends; "" when it is missing, private to root, or junk."""
    try:
        if not path.stat().st_mode & stat.S_IROTH:
            return ""
        return _useful(path.read_bytes()[:65536].decode("utf-8", "replace"))
    except OSError:
        return ""


def _useful(value: str) -> str:
    value = value.strip(" \t\r\n\0")
    return "" if _JUNK.fullmatch(value) else value
