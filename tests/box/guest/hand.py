"""The tests' hand in the guest: one process that is always there, because starting a Python costs a second under TCG.

Orders come over a virtio port, a JSON object a line: `{"id": 1, "do": "ask", …}`; answers go back the same way. The
tills' load writes what was answered to another port at once, a line an invoice: that paper lies outside the box.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

ORDERS, ACKNOWLEDGED = "/dev/virtio-ports/box.hand", "/dev/virtio-ports/box.ack"
PINS = "/run/pins/sim_gpio{}/value"
AT_ONCE = 24
"""Requests that wait for their answers: the box allows 32 a connection."""

ENOUGH = threading.Event()
ADJ_MAXERROR, ADJ_STATUS, STA_PLL, STA_UNSYNC = 0x0004, 0x0010, 0x0001, 0x0040


def ask(path: str, requests: list[Any], timeout: float = 30.0) -> list[Any]:
    """Send JSON-RPC requests over a socket of the box, many at a time; the answers, in the requests' order.

    A box that hangs up while it stops is asked again with the same keys, as every till does.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return _ask(path, requests, timeout)
        except (ConnectionError, EOFError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _ask(path: str, requests: list[Any], timeout: float) -> list[Any]:
    found = []
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout)
        sock.connect(path)
        with sock.makefile("r", encoding="utf-8") as answers:
            for begin in range(0, len(requests), AT_ONCE):
                some = requests[begin : begin + AT_ONCE]
                sock.sendall("".join(json.dumps(each) + "\n" for each in some).encode())
                found += [json.loads(_line(answers.readline())) for _ in some]
    return sorted(found, key=lambda answer: int(answer["id"]))


def _line(text: str) -> str:
    if not text:
        raise EOFError("the box hung up")
    return text


def pins(numbers: list[int], seconds: float) -> list[Any]:
    """The levels of pins over time, until `enough`: [seconds since 1970, [level …]] at the start and at each change."""
    ENOUGH.clear()
    files = [os.open(PINS.format(number), os.O_RDONLY) for number in numbers]
    seen: list[Any] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not ENOUGH.is_set():
        levels = [int(os.pread(file, 8, 0)) for file in files]
        if not seen or seen[-1][1] != levels:
            seen.append([time.time(), levels])
        time.sleep(0.02)
    for file in files:
        os.close(file)
    return [*seen, [time.time(), seen[-1][1]]]


def enough() -> None:
    """End `pins`."""
    ENOUGH.set()


def set_clock(seconds: float, synchronised: bool) -> int:
    """Set the clock, and tell the kernel what an NTP daemon would: that it is synchronised, or not."""
    time.clock_settime(time.CLOCK_REALTIME, seconds)
    buffer = ctypes.create_string_buffer(208)
    status = STA_PLL if synchronised else STA_UNSYNC
    struct.pack_into("<I4xqqqqi", buffer, 0, ADJ_STATUS | ADJ_MAXERROR, 0, 0, 1000, 1000, status)
    return int(ctypes.CDLL(None, use_errno=True).adjtimex(buffer))


def load(path: str, tills: int, run: str, seconds: float) -> int:
    """Tills that sell as fast as they are answered; returns how many sales were answered."""
    counts = [0] * tills
    with open(ACKNOWLEDGED, "wb", buffering=0) as paper:
        threads = [
            threading.Thread(target=_sell, args=(path, f"{run}-{n}", seconds, paper, counts, n)) for n in range(tills)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sum(counts)


def _sell(path: str, till: str, seconds: float, paper: Any, counts: list[int], n: int) -> None:
    deadline, number = time.monotonic() + seconds, 0
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(path)
        answers = sock.makefile("r", encoding="utf-8")
        while time.monotonic() < deadline:
            sale = make_sale(till, number)
            request = {"jsonrpc": "2.0", "id": number, "method": "invoice.issue", "params": sale}
            sock.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(answers.readline())
            if "error" in answer:
                paper.write(f"refused {sale['key']} {answer['error']['message']}\n".encode())
                time.sleep(0.2)
            else:
                paper.write(f"{sale['key']} {answer['result']['invoice']['invoice_number']}\n".encode())
                counts[n] += 1
            number += 1


def make_sale(till: str, number: int) -> dict[str, Any]:
    """A sale of its own for every number, the first of each till and one in sixteen printed."""
    made: dict[str, Any] = {
        "key": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{till}/{number}")),
        "prices": "gross",
        "lines": [{"description": f"品項{number}", "quantity": 1 + number % 3, "unit_price": 25}],
        "total_amount": 25 * (1 + number % 3),
    }
    if number % 16:
        made["carrier"] = {"type": "3J0002", "id": "/ABC+123"}
    return made


DO: dict[str, Callable[..., Any]] = {"ask": ask, "pins": pins, "enough": enough, "set_clock": set_clock, "load": load}


def obey(order: dict[str, Any], answer: Any) -> None:
    """One order, in a thread of its own; whatever goes wrong is the answer."""
    name, number = order.pop("do"), order.pop("id")
    try:
        answer({"id": number, "result": DO[name](**order)})
    except Exception as error:
        answer({"id": number, "error": f"{type(error).__name__}: {error}"})


def main() -> None:
    """Obey for ever. A port without a host reads as ended: the host comes back after a thaw."""
    port = os.open(ORDERS, os.O_RDWR)
    lock = threading.Lock()

    def answer(content: dict[str, Any]) -> None:
        data = json.dumps(content).encode() + b"\n"
        with lock:
            while data:
                data = data[os.write(port, data) :]

    received = b""
    while True:
        part = os.read(port, 65536)
        if not part:
            time.sleep(0.05)
            received = b""
            continue
        *lines, received = (received + part).split(b"\n")
        for line in lines:
            threading.Thread(target=obey, args=(json.loads(line), answer), daemon=True).start()


if __name__ == "__main__":
    main()
