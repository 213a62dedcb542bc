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
from einvoiced.journal import reading
from hw_tests.person import Nobody, Person

Verdict = Literal["pass", "fail", "skipped"]
Figure = str | int | float | bool | None


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
    """The box under test, and the person in front of it. `say` shows a text or a drawing."""

    config: Config
    config_problem: str | None
    state: Path
    run: Path
    person: Person = field(default_factory=Nobody)
    say: Callable[[str], None] = lambda _text: None
    pause: float = 2.0
    """Seconds that something stands to be looked at when nobody answers questions."""
    config_file: Path = Path("/etc/einvoiced/einvoiced.toml")
    users: tuple[str, ...] = ()
    """As whom the socket is tried; empty: as the members of its group."""

    @property
    def attended(self) -> bool:
        """Whether somebody is there."""
        return not isinstance(self.person, Nobody)

    def ask(self, english: str, chinese: str) -> bool | None:
        """Put a question to the person (True: yes); None when nobody is there."""
        return self.person.ask(english, chinese)

    def until(self, english: str, chinese: str, done: Callable[[], bool], seconds: float) -> bool | None:
        """Ask for something to be done and wait for it; None when nobody is there."""
        return self.person.until(english, chinese, done, seconds)

    def need_config(self) -> Config:
        """The configuration; Skip without a valid one."""
        if self.config_problem is not None:
            raise Skip(self.config_problem)
        return self.config

    def daemon(self) -> int | None:
        """The process of the running box, None when it is stopped; PermissionError when we may not look."""
        return journal_holder(self.state)

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
        return Bench(load(config_file), None, state, run, config_file=config_file)
    except ConfigError as error:
        return Bench(UNCONFIGURED, error.message, state, run, config_file=config_file)


def journal_holder(state: Path) -> int | None:
    """The process that holds the journal's lock, None when nobody does; PermissionError when we may not look.

    Read from /proc/locks: taking the lock to find out would stop a daemon that starts in that moment.
    """
    return reading.owner(state / "journal")


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
