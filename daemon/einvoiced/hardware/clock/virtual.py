"""A clock that can be moved: by its methods in a test, or by a JSON file that moves the clock of a running daemon.

The file's keys, all optional; what is missing is as in a new clock:

    {"set": "2026-03-01T00:00:00+08:00",    the time when the file is read (at a restart: again); it runs on from there
     "offset": -3600,                       or: seconds beside the real time
     "frozen": true,                        stand still
     "synchronised": false,                 true, false or null (nobody knows); a new clock says true
     "rtc": null}                           what `rtc_agrees` answers; a new clock has none

The file is read again whenever it has changed. One that cannot be read or understood leaves the clock as it is.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import TAIPEI

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class VirtualClock:
    """Real time plus an offset, or standing still. Any thread may ask or move it."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._offset = 0
        self._frozen_at: int | None = None
        self._synchronised: bool | None = True
        self._rtc: bool | None = None
        self._seen: tuple[int, int, int] | None = None

    def now(self) -> datetime:
        with self._lock:
            self._look()
            moment = self._microseconds()
        return (_EPOCH + timedelta(microseconds=moment)).astimezone(TAIPEI)

    def synchronised(self) -> bool | None:
        with self._lock:
            self._look()
            return self._synchronised

    def rtc_agrees(self, tolerance: float) -> bool | None:
        """What `say_rtc` said, whatever the tolerance."""
        with self._lock:
            self._look()
            return self._rtc

    def set(self, moment: datetime) -> None:
        """Make it `moment` (aware) now; a frozen clock stays frozen, at that moment."""
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone means nothing to a clock")
        with self._lock:
            wanted = (moment - _EPOCH) // timedelta(microseconds=1)
            self._offset = wanted - _real()
            if self._frozen_at is not None:
                self._frozen_at = wanted

    def move(self, seconds: float) -> None:
        """Put the clock forward, or back with a negative number."""
        with self._lock:
            step = round(seconds * 1_000_000)
            self._offset += step
            if self._frozen_at is not None:
                self._frozen_at += step

    def freeze(self) -> None:
        """Stand still from now on."""
        with self._lock:
            self._frozen_at = self._microseconds()

    def run(self) -> None:
        """Run on from the moment of standing still."""
        with self._lock:
            if self._frozen_at is not None:
                self._offset = self._frozen_at - _real()
                self._frozen_at = None

    def say_synchronised(self, value: bool | None) -> None:
        """What the kernel is to say."""
        with self._lock:
            self._synchronised = value

    def say_rtc(self, agrees: bool | None) -> None:
        """What the hardware clock is to say."""
        with self._lock:
            self._rtc = agrees

    def _microseconds(self) -> int:
        return _real() + self._offset if self._frozen_at is None else self._frozen_at

    def _look(self) -> None:
        """Obey the control file if it has changed since."""
        if self.path is None:
            return
        try:
            stat = self.path.stat()
            mark = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if mark == self._seen:
                return
            self._obey(json.loads(self.path.read_bytes()))
        except (OSError, ValueError, TypeError, AttributeError):
            return
        self._seen = mark

    def _obey(self, orders: dict[str, Any]) -> None:
        moment = datetime.fromisoformat(orders["set"]) if "set" in orders else None
        offset = float(orders.get("offset", 0))
        if moment is not None and moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        self._offset, self._frozen_at = 0, None
        if moment is not None:
            self.set(moment)
        self.move(offset)
        if orders.get("frozen", False):
            self.freeze()
        self._synchronised = orders.get("synchronised", True)
        self._rtc = orders.get("rtc")


def _real() -> int:
    """Microseconds since 1970 by the machine's clock."""
    return time.time_ns() // 1000
