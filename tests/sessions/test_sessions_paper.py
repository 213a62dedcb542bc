"""Recorded sessions about paper (paper/README.md): the till says, things happen to the printer, paper comes out."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import new_key
from einvoiced.hardware.printer.switches import order
from tests.boxes import until
from tests.sessions.stage import Stage, folder_of_sessions, refusal

pytestmark = pytest.mark.sessions

SESSIONS = sorted(folder_of_sessions().glob("*.session"))
SECONDS = 40
DRAWER_SECONDS = 1.5
"""A drawer opens within a second or not at all; the rest is the socket's, on a busy machine."""


class Session:
    """One file being played; `where` says which line is wrong."""

    def __init__(self, path: Path) -> None:
        self._lines = list(enumerate(path.read_text("utf-8").splitlines(), start=1))
        self._options: dict[str, dict[str, Any]] = {}
        self._profile: dict[str, Any] = {}
        self._way = "tcp"
        self._stage: Stage | None = None
        self._keys: dict[str, str] = {}
        self.where = path.name

    def play(self) -> None:
        """Every line in turn."""
        name = self.where
        try:
            for number, line in self._lines:
                self.where = f"{name}:{number}: {line[:100]}"
                word, _, rest = line.strip().partition(" ")
                if word and not word.startswith("#"):
                    getattr(self, f"_do_{word}")(rest)
        except (AssertionError, TimeoutError) as error:
            told = self._stage.on_paper() if self._stage else []
            log = self._stage.box.log()[-3000:] if self._stage else ""
            pytest.fail(f"{self.where}: {error}\npaper: {told}\n{log}")
        finally:
            if self._stage is not None:
                self._stage.close()

    @property
    def stage(self) -> Stage:
        """The box, started by the first line that needs it."""
        if self._stage is None:
            self._stage = Stage(self._options, self._profile, self._way)
            self._stage.open()
        return self._stage

    # -- before the box starts

    def _do_config(self, rest: str) -> None:
        path, _, value = rest.partition(" = ")
        section, _, option = path.partition(".")
        self._options.setdefault(section, {})[option] = json.loads(value)

    def _do_profile(self, rest: str) -> None:
        name, _, value = rest.partition(" = ")
        self._profile[name] = json.loads(value)

    def _do_way(self, rest: str) -> None:
        self._way = rest

    # -- what happens

    def _do_till(self, rest: str) -> None:
        """`till VERB [NAME] [name=value …] -> outcome [path=value …]`."""
        asked, _, wanted = rest.partition(" -> ")
        verb, *words = shlex.split(asked)
        names = [word for word in words if "=" not in word]
        given = {name: _value(value) for name, _, value in (word.partition("=") for word in words if "=" in word)}
        begin = time.monotonic()
        outcome, result = refusal(lambda: self._ask(verb, names, given))
        assert verb != "drawer.open" or time.monotonic() - begin < DRAWER_SECONDS
        expected, *members = shlex.split(wanted)
        assert outcome == expected, f"{outcome}: {result}"
        for member in members:
            path, _, value = member.partition("=")
            assert _member(result, path) == value, result

    def _ask(self, verb: str, names: list[str], given: dict[str, Any]) -> Any:
        stage = self.stage
        if verb == "issue":
            return stage.issue(*names, **given)
        if verb == "slip.print":
            return stage.call(verb, key=self._keys.setdefault(names[0], new_key()), **given)
        if names:
            given["key"] = stage.issued[names[0]].key
        return stage.call(verb, **given)

    def _do_printer(self, rest: str) -> None:
        order(self.stage.printer, rest)

    def _do_box(self, rest: str) -> None:
        {"kill": self.stage.box.kill, "stop": self.stage.box.stop, "start": self.stage.box.start}[rest]()

    # -- what is to be seen

    def _do_wait(self, rest: str) -> None:
        """`wait NAME STATE`, `wait status path=value …`, `wait drawer N`, `wait stalled`, `wait taken N` (bytes)."""
        subject, *words = shlex.split(rest)
        stage = self.stage
        if subject == "status":
            wanted = [(path, value) for path, _, value in (word.partition("=") for word in words)]
            _until(lambda: all(_member(stage.box.status(), p) == v for p, v in wanted), stage.box.status)
        elif subject == "drawer":
            until(lambda: stage.printer.drawer_pulses == int(words[0]), 5, "the drawer")
        elif subject == "stalled":
            until(lambda: stage.printer.stall_after == 0, SECONDS, "the printer to have taken what it takes")
        elif subject == "taken":
            until(lambda: stage.printer.bytes_taken >= int(words[0]), SECONDS, "bytes")
        else:
            _until(lambda: stage.paper_of(subject) in words, lambda: stage.paper_of(subject))

    def _do_paper(self, rest: str) -> None:
        """All that ever came out of the printer, without scraps of white."""
        wanted = [part.strip() for part in rest.split(",") if part.strip()]

        def found() -> list[str]:
            return [each for each in self.stage.on_paper() if each != "scrap"]

        try:
            until(lambda: found() == wanted, 10)
        except TimeoutError:
            raise AssertionError(f"{found()} on paper") from None

    def _do_journal(self, rest: str) -> None:
        name, *types = rest.split()
        assert self.stage.entries(name) == types, self.stage.entries(name)


def _until(condition: Callable[[], bool], told: Callable[[], Any]) -> None:
    """Wait, and say in the end what was there instead."""
    try:
        until(condition, SECONDS)
    except TimeoutError:
        raise TimeoutError(f"after {SECONDS} s it is {told()}") from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _member(result: Any, path: str) -> str:
    for name in path.split("."):
        if name.isdecimal() and int(name) >= len(result):
            return "nothing"
        result = result[int(name)] if name.isdecimal() else result[name]
    return json.dumps(result) if isinstance(result, (bool, type(None))) else str(result)


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_the_session_goes_as_written(path: Path) -> None:
    """Every answer, every state, every strip and every entry is as the file says."""
    Session(path).play()


def test_the_sessions_cover_what_befalls_paper() -> None:
    """Each trouble of the printer, each verdict of a person, each way to print and each confirmation occurs."""
    text = "\n".join(path.read_text("utf-8") for path in SESSIONS)
    for word in (
        *("paper out", "cover open", "offline", "unplug", "power off", "stall", "answers never", "head hot"),
        *("cutter jammed", "verdict=there", "verdict=damaged", "verdict=nothing_usable", "print=till", "print=none"),
        *("process_id", 'confirmation = "none"', "if_unprintable", "box kill", "slip.print", "drawer.open"),
        "way pty",
    ):
        assert word in text, word
