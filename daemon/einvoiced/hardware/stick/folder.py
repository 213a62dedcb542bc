"""A folder that plays the stick: whatever is put there is collected once, when it has stopped changing."""

from __future__ import annotations

import time
from pathlib import Path

from .collect import Collected, collect
from .walk import Limits, walk

_Snapshot = frozenset[tuple[str, int, int]]


class FolderStick:
    """Called by one thread, in turns of a second or so. The folder need not exist; its files are only read.

    Emptying the folder is pulling the stick out: the same files put there again are collected again.
    """

    def __init__(self, folder: Path, inbox: Path, *, name: str = "folder", limits: Limits | None = None) -> None:
        self.folder = folder
        self.inbox = inbox
        self.name = name
        self.limits = Limits() if limits is None else limits
        self._last: _Snapshot = frozenset()
        self._collected: _Snapshot = frozenset()

    def poll(self) -> list[Collected]:
        """Collect when the files (names, sizes, times) are new and the same as at the last poll.

        Raise OSError when the inbox fails; the next poll tries again.
        """
        now = self._look()
        settled, self._last = now == self._last, now
        if not now:
            self._collected = frozenset()
        if not now or not settled or now == self._collected:
            return []
        batch = collect(self.folder, self.inbox, name=self.name, limits=self.limits)
        self._collected = now
        return [batch]

    def _look(self) -> _Snapshot:
        deadline = time.monotonic() + self.limits.seconds
        entries = walk(self.folder, self.limits, deadline)
        return frozenset((found.name, found.size, found.mtime_ns) for found in entries if found.base)
