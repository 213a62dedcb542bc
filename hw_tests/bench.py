"""What every test knows of the box, and what it gives: pass, fail or skipped, a reason, measured figures."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from einvoiced.config import UNCONFIGURED, Config, load
from einvoiced.errors import ConfigError
from einvoiced.journal import store

Verdict = Literal["pass", "fail", "skipped"]
Figure = str | int | float | bool | None

LOCKS = Path("/proc/locks")


@dataclass(frozen=True)
class Outcome:
    """What a test found; `reason` is one sentence for people."""

    verdict: Verdict
    reason: str
    figures: dict[str, Figure] = field(default_factory=dict)


class Skip(Exception):
    """Raised by a test that cannot run here; the text is the reason."""


@dataclass
class Bench:
    """The box under test. `ask` puts a question to the person (True: yes), or says None when nobody is there."""

    config: Config
    config_problem: str | None
    state: Path
    run: Path
    ask: Callable[[str, str], bool | None] = lambda _en, _zh: None
    say: Callable[[str], None] = lambda _text: None
    pause: float = 2.0
    """Seconds that something stands to be looked at when nobody answers questions."""

    def need_config(self) -> Config:
        """The configuration; Skip without a valid one."""
        if self.config_problem is not None:
            raise Skip(self.config_problem)
        return self.config

    def need_idle_daemon(self, what: str) -> None:
        """Skip when the daemon runs and so holds `what`, or when that cannot be seen."""
        try:
            holder = journal_holder(self.state)
        except PermissionError:
            raise Skip("whether einvoiced runs can only be seen by root; run hw-tests with sudo") from None
        if holder is not None:
            raise Skip(f"einvoiced (pid {holder}) holds {what}; stop it first, when no till needs it")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A throw-away folder on the journal's disk, never the journal's own; Skip where none can be made."""
        parent = self.state
        while not parent.exists():
            parent = parent.parent
        try:
            folder = Path(tempfile.mkdtemp(prefix=".hw-tests-", dir=parent))
        except OSError as error:
            raise Skip(f"no throw-away folder in {parent} ({error.strerror}); run hw-tests with sudo") from None
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def open_bench(config_file: Path, state: Path, run: Path) -> Bench:
    """The bench of a box; a configuration that is missing or wrong only makes its tests skip."""
    try:
        return Bench(load(config_file), None, state, run)
    except ConfigError as error:
        return Bench(UNCONFIGURED, error.message, state, run)


def journal_holder(state: Path) -> int | None:
    """The process that holds the journal's lock, None when nobody does; PermissionError when we may not look.

    Read from /proc/locks (proc(5)): taking the lock to find out would stop a daemon that starts in that moment.
    """
    try:
        inode = (state / "journal" / store.LOCK).stat().st_ino
    except FileNotFoundError:
        return None
    for line in LOCKS.read_text().splitlines():
        fields = line.split()
        if "FLOCK" in fields and "->" not in fields and fields[-3].endswith(f":{inode}"):
            return int(fields[-4])
    return None


def user_name() -> str:
    """Who runs this, for sentences."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def percentiles(seconds: list[float]) -> dict[str, Figure]:
    """Median, 95th percentile and worst of measured times, in milliseconds."""
    ordered = sorted(seconds)

    def at(part: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000, 2)

    return {"p50_ms": at(0.50), "p95_ms": at(0.95), "max_ms": at(1.0)}
