"""Commands in the guest, through qemu-guest-agent: as root, without a network, before any unit of ours runs."""

from __future__ import annotations

import base64
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.box.qmp import Lines, MachineError

_ENVIRONMENT = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    *("LANG=C.UTF-8", "HOME=/root", "TERM=dumb", "SYSTEMD_PAGER="),
]
_PIECE = 1 << 18


@dataclass(frozen=True)
class Result:
    """What a command in the guest came to; a signal is a negative code."""

    code: int
    out: str
    err: str


class Agent:
    """One connection to the guest's agent, made anew where it broke. One thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: Lines | None = None

    def wait(self, timeout: float) -> None:
        """Wait until the agent answers; MachineError when it does not."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.call("guest-sync", {"id": random.getrandbits(31)}, timeout=2)
                return
            except (OSError, MachineError):
                if time.monotonic() > deadline:
                    raise MachineError(f"the guest's agent is silent after {timeout:.0f} s") from None
                time.sleep(0.05)

    def call(self, command: str, arguments: dict[str, Any] | None = None, timeout: float = 30.0) -> Any:
        """One order to the agent and its answer; MachineError when refused or silent."""
        if self._lines is None:
            self._lines = Lines(self._path, timeout=2)
        arguments = arguments or {}
        deadline = time.monotonic() + timeout
        try:
            self._lines.send({"execute": command, "arguments": arguments})
            while True:
                answer = self._lines.receive(deadline)
                if answer is None:
                    raise MachineError(f"the guest's agent does not answer {command}")
                if command != "guest-sync" or answer.get("return") == arguments["id"]:
                    break
        except (OSError, MachineError):
            self.close()
            raise
        if "error" in answer:
            raise MachineError(f"agent, {command}: {answer['error']['desc']}")
        return answer["return"]

    def close(self) -> None:
        """Hang up."""
        if self._lines is not None:
            self._lines.close()
        self._lines = None

    def spawn(self, command: str) -> int:
        """Start a shell command in the guest; its number, for `wait_for`."""
        arguments = {"path": "/bin/sh", "arg": ["-c", command], "capture-output": True, "env": _ENVIRONMENT}
        return int(self.call("guest-exec", arguments)["pid"])

    def poll(self, pid: int) -> Result | None:
        """What a command came to; None while it runs."""
        status = self.call("guest-exec-status", {"pid": pid})
        if not status["exited"]:
            return None
        out, err = (
            base64.b64decode(status.get(name, "")).decode(errors="replace") for name in ("out-data", "err-data")
        )
        return Result(status.get("exitcode", -status.get("signal", 0)), out, err)

    def wait_for(self, pid: int, timeout: float) -> Result:
        """Wait for a command; MachineError when it runs past its time."""
        deadline, pause = time.monotonic() + timeout, 0.01
        while (result := self.poll(pid)) is None:
            if time.monotonic() > deadline:
                raise MachineError(f"a command in the guest runs past {timeout:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)
        return result

    def put(self, path: str, data: bytes) -> None:
        """Write a file in the guest."""
        handle = self.call("guest-file-open", {"path": path, "mode": "w"})
        for begin in range(0, len(data), _PIECE):
            piece = base64.b64encode(data[begin : begin + _PIECE]).decode()
            self.call("guest-file-write", {"handle": handle, "buf-b64": piece})
        self.call("guest-file-close", {"handle": handle})
