"""Looking through a stranger's folders without ever leaving them: no links, other file systems, pipes or devices.

Every step goes through the descriptor of the folder above (openat), so that a name changed under way leads nowhere.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXPORT_FOLDER = "einvoiced-export"
"""The folder at a stick's top that is not looked into: what the box writes itself, and answers to it."""

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True)
class Limits:
    """How much of a stick is looked at: a hostile one must not fill the disk or hold the unit."""

    file_bytes: int = 1 << 20
    files: int = 64
    total_bytes: int = 3 << 20
    depth: int = 3
    entries: int = 10_000
    seconds: float = 20.0
    left_out: int = 200


@dataclass(frozen=True)
class Found:
    """One entry. `name` is relative to the source, `size` in bytes, `reason` says why it cannot be a candidate ("" if
    it can: a regular file of a fitting size). It is `base` in `folder`, a descriptor open until the next entry.
    """

    name: str
    size: int
    mtime_ns: int
    reason: str
    folder: int
    base: str


def walk(source: Path, limits: Limits, deadline: float) -> Iterator[Found]:
    """Every entry that is not a folder, the shallow ones first, by name; limits reached are entries with a reason.

    `deadline` is on the monotonic clock. I/O errors (a yanked stick: EIO) are entries with the reason "unreadable".
    """
    return _Walk(source, limits, deadline).run()


class _Walk:
    """One walk: the folders still to be opened, and how many entries may still be looked at."""

    def __init__(self, source: Path, limits: Limits, deadline: float) -> None:
        self.source = source
        self.limits = limits
        self.deadline = deadline
        self.budget = limits.entries
        self.device: int | None = None
        self.folders: deque[tuple[str, ...]] = deque([()])

    def run(self) -> Iterator[Found]:
        while self.folders:
            parts = self.folders.popleft()
            try:
                folder = _open_folder(self.source, parts)
            except OSError as error:
                yield _problem(parts, "link" if error.errno in (errno.ELOOP, errno.ENOTDIR) else "unreadable")
                continue
            try:
                yield from self._entries(folder, parts)
            finally:
                os.close(folder)

    def _entries(self, folder: int, parts: tuple[str, ...]) -> Iterator[Found]:
        device = os.fstat(folder).st_dev
        if self.device is not None and device != self.device:
            yield _problem(parts, "other_device")
            return
        self.device = device
        names, trouble = _names(folder, self.budget)
        self.budget -= len(names)
        for name in names:
            if time.monotonic() > self.deadline:
                yield _problem((*parts, name), "deadline")
                self.folders.clear()
                return
            yield from self._entry(folder, parts, name)
        if trouble:
            yield _problem(parts, trouble)
        if trouble == "too_many_entries":
            self.folders.clear()

    def _entry(self, folder: int, parts: tuple[str, ...], name: str) -> Iterator[Found]:
        found = _look(folder, parts, name, self.limits)
        if found is not None:
            yield found
        elif not parts and name == EXPORT_FOLDER:
            yield _problem((name,), "export")
        elif len(parts) < self.limits.depth:
            self.folders.append((*parts, name))
        else:
            yield _problem((*parts, name), "too_deep")


def _open_folder(source: Path, parts: tuple[str, ...]) -> int:
    """Open a folder step by step below the source; the source itself may be reached through a link of our own."""
    folder = os.open(source, FOLDER_FLAGS & ~os.O_NOFOLLOW)
    for part in parts:
        try:
            below = os.open(part, FOLDER_FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
        folder = below
    return folder


def _names(folder: int, budget: int) -> tuple[list[str], str]:
    """At most `budget` names in order, and the reason why there may be more, or ""."""
    names: list[str] = []
    trouble = ""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(names) >= budget:
                    trouble = "too_many_entries"
                    break
                names.append(entry.name)
    except OSError:
        trouble = "unreadable"
    return sorted(names), trouble


def _look(folder: int, parts: tuple[str, ...], name: str, limits: Limits) -> Found | None:
    """What the name stands for; None for a folder."""
    path = "/".join((*parts, name))
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return _problem((*parts, name), "unreadable")
    if stat.S_ISDIR(status.st_mode):
        return None
    return Found(path, status.st_size, status.st_mtime_ns, _reason(status, limits), folder, name)


def _reason(status: os.stat_result, limits: Limits) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "link"
    if not stat.S_ISREG(status.st_mode):
        return "special"
    if status.st_size == 0:
        return "empty"
    return "too_big" if status.st_size > limits.file_bytes else ""


def _problem(parts: tuple[str, ...], reason: str) -> Found:
    return Found("/".join(parts) or ".", 0, 0, reason, -1, "")
