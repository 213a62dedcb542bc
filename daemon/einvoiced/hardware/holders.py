"""Who has a device node open: the answer to "device busy" that a technician needs."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """A process that has the node open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


@dataclass(frozen=True)
class Holders:
    """The processes found; `complete` is False when some could not be looked into (other users', without root)."""

    found: list[Holder]
    complete: bool


def holders(node: Path, proc: Path = Path("/proc")) -> Holders:
    """The processes that have a device node (or any file) open, this one left out. OSError when it is not there."""
    wanted = node.stat()
    found, complete = [], True
    for folder in proc.iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            if any(_same(Path(entry.path), wanted) for entry in os.scandir(folder / "fd")):
                found.append(Holder(int(folder.name), _name(folder)))
        except PermissionError:
            complete = False
        except OSError:
            continue  # it has ended meanwhile
    return Holders(sorted(found, key=lambda holder: holder.pid), complete)


def _same(link: Path, wanted: os.stat_result) -> bool:
    """Whether an open file is the node: the same device for device nodes, the same inode for others."""
    try:
        status = link.stat()
    except OSError:
        return False
    if stat.S_ISCHR(wanted.st_mode) or stat.S_ISBLK(wanted.st_mode):
        return status.st_rdev == wanted.st_rdev and stat.S_IFMT(status.st_mode) == stat.S_IFMT(wanted.st_mode)
    return (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino)


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return "?"
