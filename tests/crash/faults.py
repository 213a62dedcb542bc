"""A disk that fails when it is told to, below the real daemon: `faults.c` by LD_PRELOAD, armed and mended from here."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from tests.crash.record import build_shim

READ, WRITE, SYNC, OPEN = 1, 2, 4, 8
"""Kinds of calls; OPEN is an opening for writing."""

SOURCE = Path(__file__).parent / "faults.c"
_CONTROL = struct.Struct("5I108s")


class Disk:
    """What one process and its children see of their files. It is whole until `break_` is called."""

    def __init__(self, control: Path) -> None:
        control.write_bytes(bytes(_CONTROL.size))
        with control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _CONTROL.size)
        self.environment = {**os.environ, "LD_PRELOAD": str(build_shim(SOURCE)), "FAULTS": str(control)}

    def break_(self, kinds: int, error: int, path: str, *, after: int = 0, times: int = 0) -> None:
        """Calls of these kinds fail with an errno on files whose path ends with `path` (a folder's: with a slash).

        `after` calls are let through first; then `times` fail, or all.
        """
        self._map[4:] = _CONTROL.pack(0, error, after, times, 0, path.encode())[4:]
        self._map[:4] = struct.pack("I", kinds)

    def mend(self) -> int:
        """All is well again; how many calls had failed."""
        self._map[:4] = bytes(4)
        return self.failed

    @property
    def failed(self) -> int:
        """How many calls have failed."""
        return int(_CONTROL.unpack(self._map[:])[4])
