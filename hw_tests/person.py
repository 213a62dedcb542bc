"""The person in front of the box: questions with one answer, things to do that the box notices by itself."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable
from typing import Protocol

LOOK_SECONDS = 0.3


class Person(Protocol):
    """Somebody who looks and does, or nobody."""

    def ask(self, english: str, chinese: str) -> bool | None:
        """Yes, no, or None when nobody is there."""

    def until(self, english: str, chinese: str, done: Callable[[], bool], seconds: float) -> bool | None:
        """Ask for something to be done and wait until `done`; False when it was not, None when nobody is there."""


class Nobody:
    """`--yes`: nobody looks, nothing is waited for."""

    def ask(self, english: str, chinese: str) -> bool | None:
        return None

    def until(self, english: str, chinese: str, done: Callable[[], bool], seconds: float) -> bool | None:
        return None


class Terminal:
    """Somebody at the terminal. Questions go to stderr, so that stdout stays what `--json` promises."""

    def ask(self, english: str, chinese: str) -> bool | None:
        """Put a question; only y or n is an answer, the end of the input is no."""
        while True:
            _say(f"{english}\n{chinese} [y/n] ", end="")
            answer = sys.stdin.readline()
            if not answer or answer.strip().lower() in ("n", "no"):
                return False
            if answer.strip().lower() in ("y", "yes"):
                return True

    def until(self, english: str, chinese: str, done: Callable[[], bool], seconds: float) -> bool | None:
        """Wait for it with a running clock; the Enter key gives it up."""
        _say(f"{english}\n{chinese}  (Enter: skip 略過)")
        begin = time.monotonic()
        while not done():
            left = seconds - (time.monotonic() - begin)
            _say(f"\r  {max(0.0, left):3.0f} s ", end="")
            if left <= 0 or _enter_pressed():
                _say("")
                return False
        _say(f"\r  ok, after {time.monotonic() - begin:.1f} s")
        return True


def _enter_pressed() -> bool:
    """Wait a moment for a key."""
    try:
        ready, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
    except (OSError, ValueError):  # no real file, such as in a test
        time.sleep(LOOK_SECONDS)
        return False
    if ready:
        sys.stdin.readline()
    return bool(ready)


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)
