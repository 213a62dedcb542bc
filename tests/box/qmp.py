"""QEMU's own control socket (QMP): one JSON object a line, answers and events mixed."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class MachineError(Exception):
    """The virtual machine did not do what it was told; the text is its own."""


class Lines:
    """JSON objects, a line each, over a Unix socket; one thread."""

    def __init__(self, path: Path, timeout: float = 20.0) -> None:
        """Connect; MachineError when nobody listens within the time."""
        deadline = time.monotonic() + timeout
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                self._socket.close()
                if time.monotonic() > deadline:
                    raise MachineError(f"nobody listens on {path}") from error
                time.sleep(0.02)
        self._received = b""

    def send(self, content: dict[str, Any]) -> None:
        """Send one object; OSError when the other end is gone."""
        self._socket.sendall(json.dumps(content).encode() + b"\n")

    def receive(self, deadline: float) -> Any:
        """The next object; None when there is none by the deadline. MachineError when the other end is gone."""
        while b"\n" not in self._received:
            if not select.select([self._socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            try:
                part = self._socket.recv(1 << 20)
            except OSError:
                part = b""
            if not part:
                raise MachineError("the machine has hung up")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Qmp:
    """One connection to a running QEMU."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._events: list[dict[str, Any]] = []
        self._lines.receive(time.monotonic() + 20)
        self.call("qmp_capabilities")

    def call(self, command: str, arguments: dict[str, Any] | None = None, timeout: float = 30.0) -> Any:
        """One command and its answer; MachineError when it is refused or takes too long."""
        self._lines.send({"execute": command, "arguments": arguments or {}})
        deadline = time.monotonic() + timeout
        while True:
            answer = self._lines.receive(deadline)
            if answer is None:
                raise MachineError(f"{command}: no answer")
            if "event" in answer:
                self._events.append(answer)
            elif "error" in answer:
                raise MachineError(f"{command} {arguments}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def wait_event(self, name: str, fits: Callable[[Any], bool] = lambda _data: True, timeout: float = 10.0) -> None:
        """Wait until an event of this name, with fitting data, has come; MachineError when none does."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self._events:
                if event["event"] == name and fits(event.get("data", {})):
                    self._events.remove(event)
                    return
            event = self._lines.receive(deadline)
            if event is None:
                raise MachineError(f"no event {name}")
            self._events.append(event)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
