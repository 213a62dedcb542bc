"""The host's end of the hand in the guest (`guest/hand.py`), and of the paper outside the box."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.box.qmp import Lines, MachineError

TILL, ADMIN = "/run/einvoice/till.sock", "/run/einvoice/admin.sock"


class Refused(Exception):
    """The box refused; `name` is the error's."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.name: str = (error.get("data") or {}).get("name", "")


class Hand:
    """Orders to the process in the guest; one thread, one order at a time but for those that are started."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._last = 0
        self._answers: dict[int, Any] = {}

    def start(self, what: str, **order: Any) -> int:
        """Give an order; the number to `finish` it with."""
        self._last += 1
        self._lines.send({"id": self._last, "do": what, **order})
        return self._last

    def finish(self, number: int, timeout: float = 60.0) -> Any:
        """The answer to an order; MachineError when it failed or does not come."""
        deadline = time.monotonic() + timeout
        while number not in self._answers:
            answer = self._lines.receive(deadline)
            if answer is None:
                raise MachineError(f"the hand in the guest does not answer within {timeout:.0f} s")
            self._answers[answer["id"]] = answer
        answer = self._answers.pop(number)
        if "error" in answer:
            raise MachineError(f"the hand in the guest: {answer['error']}")
        return answer["result"]

    def do(self, what: str, timeout: float = 60.0, **order: Any) -> Any:
        """An order and its answer."""
        return self.finish(self.start(what, **order), timeout)

    def call(self, method: str, params: dict[str, Any] | None = None, timeout: float = 60.0) -> Any:
        """One request to the admin's socket; Refused, or MachineError when the box cannot be asked."""
        return answered(self.ask([(method, params or {})], socket=ADMIN, timeout=timeout)[0])

    def ask(self, requests: list[tuple[str, Any]], *, socket: str = TILL, timeout: float = 60.0) -> list[Any]:
        """Requests in one piece; the JSON-RPC answers in their order."""
        return list(self.finish(self.start_asking(requests, socket=socket, timeout=timeout), timeout + 10))

    def start_asking(self, requests: list[tuple[str, Any]], *, socket: str = TILL, timeout: float = 60.0) -> int:
        """Like `ask`, for `finish` later."""
        lines = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(requests)
        ]
        return self.start("ask", path=socket, requests=lines, timeout=timeout)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()


def answered(answer: dict[str, Any]) -> Any:
    """The result of a JSON-RPC answer, or raise Refused."""
    if "error" in answer:
        raise Refused(answer["error"])
    return answer["result"]


class Acknowledged:
    """What the tills in the guest were answered: key → number, kept outside the box. `refused`: other answers."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self.refused: list[str] = []
        self._received = b""
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def listen(self, path: Path) -> None:
        """Read the port of a running machine, until it is gone."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._received = b""
        self._thread = threading.Thread(target=self._read, args=(self._socket,), daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """After the machine has gone: take in what still lay in the socket."""
        if self._thread is not None:
            self._thread.join(10)
        if self._socket is not None:
            self._socket.close()

    def _read(self, port: socket.socket) -> None:
        with suppress(OSError):
            while part := port.recv(65536):
                *lines, self._received = (self._received + part).split(b"\n")
                for line in lines:
                    self._note(line.decode())

    def _note(self, line: str) -> None:
        first, _, rest = line.partition(" ")
        if first == "refused":
            self.refused.append(rest)
        elif self.numbers.setdefault(first, rest) != rest:
            self.refused.append(f"{first} was answered {self.numbers[first]}, then {rest}")
