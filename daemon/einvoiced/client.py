"""What a Python till imports: a small client of the box's socket, standard library only; copy it if you like.

    from einvoiced.client import Client, new_key
    key = new_key()                      # store it with the sale before you send it
    with Client("/run/einvoice/till.sock") as box:
        lines = [{"description": "牛奶", "quantity": 1, "unit_price": 25}]
        invoice = box.issue(key, lines=lines, total_amount=25)["invoice"]

`issue` keeps its key through every repeat: after a broken connection, a restart or a power cut it asks again with the
same key and gets the same invoice, never a second one.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

DEFAULT_SOCKET = "/run/einvoice/till.sock"
ADMIN_SOCKET = "/run/einvoice/admin.sock"


class BoxError(Exception):
    """The box refused. `code`, `name`, `path`, `retry` and `zh` are the protocol manual's."""

    def __init__(self, error: dict[str, Any]) -> None:
        data = error.get("data") or {}
        self.error = error
        self.code: int = error["code"]
        self.name: str = data.get("name", "")
        self.path: str | None = data.get("path")
        self.retry: str = data.get("retry", "never")
        self.zh: str = data.get("zh", "")
        super().__init__(error["message"])


class BoxUnreachable(ConnectionError):
    """Nobody knows whether the box has done it: ask again with the same key."""


def new_key() -> str:
    """A key for a new sale. Store it before it is sent."""
    return str(uuid.uuid4())


class Client:
    """A connection that is made again when it breaks. Not for several threads at once."""

    def __init__(self, path: str = DEFAULT_SOCKET, *, timeout: float = 10.0) -> None:
        self.path, self.timeout = path, timeout
        self._socket: socket.socket | None = None
        self._received = b""
        self._last_id = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call makes a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._received = None, b""

    def call(self, method: str, **params: Any) -> Any:
        """One request, one answer. BoxError when refused; BoxUnreachable when no answer came. Decimals stay exact."""
        return json.loads(self.call_line(method, params), parse_float=Decimal)["result"]

    def call_line(self, method: str, params: dict[str, Any]) -> bytes:
        """Like `call`, but the answer's very bytes."""
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        line = json.dumps(request, ensure_ascii=False, default=_number).encode() + b"\n"
        try:
            answer = self._exchange(line)
            head = json.loads(answer)
            if head["id"] not in (self._last_id, None):
                raise ConnectionError("the box answered another request")
        except OSError as error:
            self.close()
            raise BoxUnreachable(f"{self.path}: {error}") from error
        except BaseException:
            self.close()  # an answer that comes later must not be taken for the next request's
            raise
        refusal = head.get("error")
        if refusal is not None:
            raise BoxError(refusal)
        return answer

    def issue(self, key: str, *, patience: float = 60.0, prices: str = "gross", **sale: Any) -> Any:
        """`invoice.issue`, repeated with the same key until the box has answered or `patience` seconds are over."""
        return self.repeat("invoice.issue", {"key": key, "prices": prices, **sale}, patience)

    def repeat(self, method: str, params: dict[str, Any], patience: float) -> Any:
        """A request that is safe to repeat, repeated while the box is away or says `retry: same_key`."""
        for pause in _pauses(patience):
            try:
                return self.call(method, **params)
            except BoxUnreachable:
                if pause is None:
                    raise
            except BoxError as error:
                if pause is None or error.retry != "same_key":
                    raise
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _exchange(self, line: bytes) -> bytes:
        sock = self._connected()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(line)  # a box that does not want to read all of it has said why
        while b"\n" not in self._received:
            part = sock.recv(65536)
            if not part:
                raise ConnectionResetError("the box closed the connection")
            self._received += part
        answer, _, self._received = self._received.partition(b"\n")
        return answer

    def _connected(self) -> socket.socket:
        if self._socket is None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(self.timeout)
            try:
                sock.connect(self.path)
            except OSError:
                sock.close()
                raise
            self._socket = sock
        return self._socket


def _pauses(patience: float) -> Iterator[float | None]:
    """Growing pauses between tries; None when patience is over: the last try."""
    deadline = time.monotonic() + patience
    pause = 0.05
    while time.monotonic() + pause < deadline:
        yield pause
        pause = min(pause * 2, 2.0)
    yield None


def _number(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"not JSON: {value!r}")
