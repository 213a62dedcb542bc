"""Reads what the platform says out of a folder, each file once, and tells the box.

A file is known by its SHA-256: its name and its times are nobody's word. Reading one twice does no harm, it costs time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from einvoiced.client import Client
from einvoiced.errors import AnswerUnreadable
from einvoiced.followers.answer_memory import Memory
from einvoiced.mig.answers import MOST_BYTES, Answer, looks_like_answer, read_answer

DEPTH = 6
"""How deep below a folder files are looked for: Turnkey's own lie in Unpack/BAK/ProcessResult/day/hour."""

MOST_ANSWERS = 100
"""Of one report: the till goes first."""

OLD_DAYS = 3
"""A folder in which nothing was new for so long is looked into only every `FULL` looks: a spool keeps years."""

FULL = 360
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
Seen = int
"""A file by its path, size and time, as their hash: a spool keeps years, and each would cost five times as much."""

logger = logging.getLogger(__name__)


class AnswerReader:
    """The folders and what was read of them. One thread; OSError when a folder fails."""

    def __init__(self, box: Client, folders: list[Path], memory: Memory) -> None:
        self._box, self._folders, self._memory = box, folders, memory
        self._seen: set[Seen] = set()
        self._quiet: dict[str, tuple[int, int]] = {}
        self._newest: dict[str, int] = {}
        self._spoilt: set[str] = set()
        self._present: tuple[set[Seen], set[str]] = (set(), set())
        self._looks = -1
        self._may_forget = True

    def read_new(self) -> tuple[int, int]:
        """Tell the box what is new; returns how many messages were accepted and refused."""
        accepted = refused = 0
        self._looks += 1
        self._present = (set(), set())
        for path, seen in self._new_files():
            answer = self._read(path)
            if answer is not None:
                good, bad = self._tell(*answer)
                accepted, refused = accepted + good, refused + bad
            self._seen.add(seen)
        if self._looks % FULL == 0:
            self._forget()
        return accepted, refused

    def _forget(self) -> None:
        """After a full look: what is gone from the folders, and what is inside those that are looked into so rarely."""
        files, folders = self._present
        self._present = (set(), set())
        self._seen &= files
        self._spoilt &= folders
        roots = {str(folder) for folder in self._folders}
        above = {path: str(Path(path).parent) for path in folders}
        kept = {path for path, parent in above.items() if parent in roots or not self._long_quiet(parent)}
        self._quiet = {path: each for path, each in self._quiet.items() if path in kept}
        self._newest = {path: each for path, each in self._newest.items() if path in kept}
        if self._may_forget and all(folder.is_dir() for folder in self._folders):
            self._may_forget = False
            self._memory.forget()

    def _new_files(self) -> Iterator[tuple[Path, Seen]]:
        for folder in self._folders:
            if folder.is_dir():
                yield from self._walk(folder, 0)

    def _walk(self, folder: Path, depth: int) -> Iterator[tuple[Path, Seen]]:
        """New files below a folder. One whose time stood still over two looks has nothing new and is passed over, but
        for one with a file that could not be read: it may be written still.
        """
        changed = newest = folder.stat().st_mtime_ns
        self._present[1].add(str(folder))
        before, looks = self._quiet.get(str(folder), (0, 0))
        looks = looks + 1 if before == changed else 0
        listed = looks < 2 or depth == 0 or self._looks % FULL == 0 or str(folder) in self._spoilt
        entries = _listed(folder) if listed else []
        self._quiet[str(folder)] = (changed, looks)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth < DEPTH and not self._is_old(entry.path):
                    yield from self._walk(Path(entry.path), depth + 1)
                newest = max(newest, self._newest.get(entry.path, 0))
                self._quiet[str(folder)] = (changed, 0)  # a folder of folders is always listed
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                newest = max(newest, status.st_mtime_ns)
                seen = hash((entry.path, status.st_size, status.st_mtime_ns))
                self._present[0].add(seen)
                if seen not in self._seen:
                    yield Path(entry.path), seen
        self._newest[str(folder)] = max(newest, self._newest.get(str(folder), 0))

    def _is_old(self, path: str) -> bool:
        """Whether a folder was looked into, nothing below it is recent, and it is not time for a full look."""
        return self._looks % FULL != 0 and self._long_quiet(path)

    def _long_quiet(self, path: str) -> bool:
        newest = self._newest.get(path)
        return newest is not None and newest < time.time_ns() - OLD_DAYS * 86_400 * 10**9

    def _read(self, path: Path) -> tuple[Answer, str] | None:
        """What a file says and its SHA-256; None for one that was read before, or cannot be (as it is)."""
        data = _bytes_of(path)
        if data is None or not looks_like_answer(data):
            return None
        digest = hashlib.sha256(data).hexdigest()
        if digest in self._memory:
            return None
        try:
            return read_answer(data), digest
        except AnswerUnreadable as error:
            logger.warning("%s: %s", path, error)
            self._spoilt.add(str(path.parent))
            return None

    def _tell(self, answer: Answer, digest: str) -> tuple[int, int]:
        accepted = refused = 0
        strangers: list[str] = []
        for begin in range(0, len(answer.findings), MOST_ANSWERS):
            said = msgspec.to_builtins(answer.findings[begin : begin + MOST_ANSWERS])
            source = f"{digest}.{begin}" if begin else digest
            taken = self._box.call("upload.answered", form=answer.form, answers=said, source=source)
            accepted, refused = accepted + taken["accepted"], refused + taken["refused"]
            strangers += [each["reference"] for each in taken["unknown"]]
        if strangers:  # several boxes may share one Turnkey
            logger.info("%d answers are about nothing of this box, such as %r", len(strangers), strangers[0])
        self._memory.add(digest)
        return accepted, refused


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _bytes_of(path: Path) -> bytes | None:
    """A regular file's bytes; None for another thing or one that is too big."""
    descriptor = os.open(path, _READ)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        return file.read(MOST_BYTES + 1)
