"""What the kernel knows of the disk under a folder: mount options, errors it met, wear of the card."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .board import whole_disk

UNSAFE_OPTIONS = {"nobarrier", "barrier=0", "norecovery"}
"""Mount options with which a file system loses acknowledged syncs in a power cut (ext4(5), xfs(5))."""


_OCTAL = re.compile(rb"\\([0-7]{3})")
"""How mountinfo writes a blank in a path."""


@dataclass(frozen=True)
class Wear:
    """An eMMC's own estimate: tenths of its life that are used (1 to 11, the higher of its two kinds of cells), and its
    spare blocks (1 normal, 2 warning, 3 urgent). None where it does not say (JEDEC JESD84-B51, EXT_CSD).
    """

    tenths_used: int | None
    spare: int | None


def mount_options(path: Path) -> set[str]:
    """The options of the mount that holds `path` and of its file system (/proc/self/mountinfo, proc(5)).

    Where the table does not show that mount (a chroot), those of all mounts of the same device.
    """
    wanted, number = path.resolve(), path.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    best, found, any_mount = -1, set[str](), set[str]()
    for line in Path("/proc/self/mountinfo").read_bytes().rstrip(b"\n").split(b"\n"):
        left, _, right = line.partition(b" - ")
        fields = left.split(b" ")
        mount = Path(os.fsdecode(_OCTAL.sub(lambda code: bytes([int(code[1], 8)]), fields[4])))
        options = {*fields[5].decode().split(","), *right.split(b" ")[-1].decode().split(",")}
        if fields[2].decode() == device:
            any_mount |= options
        if wanted.is_relative_to(mount) and len(mount.parts) >= best:
            best, found = len(mount.parts), options
    return found or any_mount


def ext4_errors(path: Path, root: Path = Path("/")) -> int | None:
    """Errors that ext4 has met and noted in its superblock; None on other file systems."""
    device = _device(path, root)
    return None if device is None else _number(root / "sys/fs/ext4" / device.name / "errors_count")


def wear(path: Path, root: Path = Path("/")) -> Wear:
    """How worn the card says it is."""
    device = _device(path, root)
    if device is None:
        return Wear(None, None)
    folder = whole_disk(device) / "device"
    try:
        used = max(int(part, 16) for part in (folder / "life_time").read_text().split())
    except (OSError, ValueError):
        used = 0
    spare = _number(folder / "pre_eol_info", 16)
    return Wear(used or None, spare or None)


def _device(path: Path, root: Path) -> Path | None:
    """The block device's folder in /sys."""
    try:
        number = path.stat().st_dev
        return (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
    except OSError:
        return None


def _number(file: Path, base: int = 10) -> int | None:
    try:
        return int(file.read_text(), base)
    except (OSError, ValueError):
        return None
