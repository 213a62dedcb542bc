"""Logging to stderr as journald reads it: a `<N>` priority (sd-daemon(3)) on every line, of a traceback too."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}

BURST, MINUTE = 5, 60.0
"""How often the same warning is said, in how many seconds."""

MOST = 200
"""Different warnings that are remembered; then all are forgotten, and said anew."""


class _JournalFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


class Calm(logging.Filter):
    """Lets the same warning through five times a minute; beyond that once a minute, with how often it was left out.

    A fault that lasts for days would push everything else out of journald. Any thread.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said."""
        if record.levelno < logging.WARNING:
            return True
        now, text = self._now(), record.getMessage()
        key = (record.name, text)
        if len(self._said) >= MOST:
            self._said.clear()
        since, count = self._said.get(key, (now, 0))
        if now - since < MINUTE:
            self._said[key] = (since, count + 1)
            return count < BURST
        left_out = count - BURST
        self._said[key] = (now, BURST if left_out > 0 else 1)
        if left_out > 0:
            record.msg, record.args = f"{text} (and {left_out} times more since it was last said)", ()
        return True


def set_up(verbose: bool) -> None:
    """Begin to log; with priorities only where journald reads them, with the time elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    if os.environ.get("JOURNAL_STREAM"):
        handler.setFormatter(_JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(Calm())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    for chatty in ("PIL", "escpos", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
