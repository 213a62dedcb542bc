"""A bar on the terminal for work that takes long, and the manners of such work beside a running box."""

from __future__ import annotations

import sys
import time


class Bar:
    """A progress bar on stderr, where that is a terminal; a new line for each part of the work."""

    WIDTH = 30

    def __init__(self) -> None:
        self._what, self._drawn = "", 0.0
        self._terminal = sys.stderr.isatty()

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if not self._terminal or (what == self._what and done < of and now - self._drawn < 0.1):
            return
        if what != self._what and self._what:
            sys.stderr.write("\n")
        self._what, self._drawn = what, now
        full = self.WIDTH * done // max(of, 1)
        bar = "#" * full + "." * (self.WIDTH - full)
        sys.stderr.write(f"\r{what:<12} [{bar}] {100 * done // max(of, 1):3d} %")
        sys.stderr.flush()

    def end(self) -> None:
        """The work is over."""
        if self._what:
            sys.stderr.write("\n")


def bar() -> Bar:
    """A bar, and this process out of everybody's way."""
    from einvoiced.journal import reading

    reading.be_gentle()
    return Bar()
