"""Lamps that nobody sees: their state in memory and, if wanted, in a small JSON file that tests and people watch."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict
from pathlib import Path

from . import PATTERNS, LampState


class VirtualLamps:
    """`history` holds the last `keep` states; `path` receives {"state": ..., "lamps": {...}}, whole, at each change."""

    def __init__(self, path: Path | None = None, *, keep: int = 100) -> None:
        self.path = path
        self.history: deque[LampState] = deque(maxlen=keep)

    @property
    def state(self) -> LampState:
        return self.history[-1] if self.history else LampState.OFF

    def show(self, state: LampState) -> None:
        if self.history and state is self.history[-1]:
            return
        self.history.append(state)
        if self.path is not None:
            self._write(self.path, state)

    def close(self) -> None:
        self.show(LampState.OFF)

    @staticmethod
    def _write(path: Path, state: LampState) -> None:
        lamps = {name: asdict(light) for name, light in PATTERNS[state].lights()}
        aside = path.with_name(f".{path.name}.part")
        aside.write_text(json.dumps({"state": state.value, "lamps": lamps}), encoding="utf-8")
        aside.replace(path)
