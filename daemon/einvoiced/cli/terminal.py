"""Asking a person: one question at a time, both languages, asked again until the answer is right."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Wrong(Exception):
    """What is wrong with an answer, in both languages."""

    en: str
    zh: str

    def __str__(self) -> str:
        return f"{self.zh}\n{self.en}"


class Terminal:
    """Questions on stderr, so that stdout stays what `--json` promises; answers from stdin."""

    def say(self, *lines: str) -> None:
        """Tell something."""
        print(*lines, sep="\n", file=sys.stderr, flush=True)

    def ask(self, zh: str, en: str, check: Callable[[str], T], default: str = "") -> T:
        """Ask until `check` (raises Wrong) takes the answer. Enter alone is the default. EOFError: nobody is there."""
        while True:
            self.say("", zh, en)
            print(f"[{default}] > " if default else "> ", end="", file=sys.stderr, flush=True)
            answer = self._line().strip() or default
            try:
                return check(answer)
            except Wrong as wrong:
                self.say(f"  ✗ {wrong.zh}", f"    {wrong.en}")

    def secret(self, zh: str, en: str, check: Callable[[str], T]) -> T:
        """The same for what nobody may read on the screen."""
        from getpass import getpass

        while True:
            self.say("", zh, en)
            try:
                return check(getpass("> ", sys.stderr).strip())
            except Wrong as wrong:
                self.say(f"  ✗ {wrong.zh}", f"    {wrong.en}")

    def choose(self, zh: str, en: str, choices: Sequence[str], default: int = 0) -> int:
        """The index of one of several lines."""

        def check(answer: str) -> int:
            if answer.isdecimal() and 1 <= int(answer) <= len(choices):
                return int(answer) - 1
            raise Wrong(f"a number from 1 to {len(choices)}, please", f"請輸入 1 到 {len(choices)} 的數字")

        self.say("", *(f"  {number}) {line}" for number, line in enumerate(choices, 1)))
        return self.ask(zh, en, check, str(default + 1))

    def yes(self, zh: str, en: str, *, default: bool = True) -> bool:
        """Yes or no."""

        def check(answer: str) -> bool:
            if answer.lower() in ("y", "yes", "n", "no"):
                return answer.lower().startswith("y")
            raise Wrong("y or n, please", "請輸入 y 或 n")

        return self.ask(f"{zh} (y/n)", en, check, "y" if default else "n")

    def _line(self) -> str:
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line
