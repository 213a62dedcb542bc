"""A load of clients on a Unix socket, each with one request in flight; latencies as a till would see them."""

from __future__ import annotations

import json
import selectors
import socket
import statistics
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

THREE_LINES: list[dict[str, Any]] = [
    {"description": "牛奶", "quantity": "1", "unit_price": "25"},
    {"description": "乾電池", "quantity": "3", "unit_price": "35"},
    {"description": "口罩", "quantity": "1", "unit_price": "210"},
]


@dataclass(frozen=True)
class Result:
    """What a load measured; latencies in milliseconds."""

    latencies: list[float]
    seconds: float
    answers: list[bytes]

    @property
    def p50(self) -> float:
        return statistics.median(self.latencies)

    @property
    def p99(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def issue_line(number: int = 1, **more: Any) -> bytes:
    """A request for a three-line sale with a new key."""
    params = {
        "key": str(uuid.uuid4()),
        "lines": THREE_LINES,
        "total_amount": "340",
        "prices": "gross",
        "till_time": datetime.now(UTC).isoformat(),
        **more,
    }
    request = {"jsonrpc": "2.0", "id": number, "method": "invoice.issue", "params": params}
    return json.dumps(request, ensure_ascii=False).encode() + b"\n"


def run(path: str, clients: int, requests: int, **more: Any) -> Result:
    """Send `requests` sales in all from `clients` connections; RuntimeError when one is refused."""
    return _drive(path, clients, [issue_line(n, **more) for n in range(requests)], b'{"jsonrpc":"2.0","id":')


def _drive(path: str, clients: int, lines: list[bytes], good: bytes) -> Result:
    selector = selectors.DefaultSelector()
    sent: dict[socket.socket, float] = {}
    latencies: list[float] = []
    answers: list[bytes] = []

    def send(sock: socket.socket) -> None:
        if lines:
            line = lines.pop()
            sent[sock] = time.perf_counter()
            sock.sendall(line)
        else:
            selector.unregister(sock)
            sock.close()

    begin = time.perf_counter()
    for _ in range(clients):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(path)
        selector.register(sock, selectors.EVENT_READ)
        send(sock)
    while selector.get_map():
        for key, _ in selector.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            answer = sock.recv(65536)
            while not answer.endswith(b"\n"):
                answer += sock.recv(65536)
            latencies.append((time.perf_counter() - sent[sock]) * 1000)
            if not answer.startswith(good) or b'"error":' in answer[:80]:
                raise RuntimeError(answer.decode())
            answers.append(answer)
            send(sock)
    return Result(latencies, time.perf_counter() - begin, answers)


def redis(path: str, clients: int, requests: int) -> Result:
    """The same load on a Redis socket: SET of a value as large as an entry."""
    value = b"x" * 1300
    lines = [b"*3\r\n$3\r\nSET\r\n$36\r\n%s\r\n$1300\r\n%s\r\n" % (str(uuid.uuid4()).encode(), value)] * requests
    return _drive(path, clients, lines, b"+OK")
