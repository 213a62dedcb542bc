"""What the tests share: folders that keep what they sync, a journal with a shop on it, raw sockets, sales.

A whole box, the real daemon on virtual hardware, is `tools.virtualbox`; `conftest.py` has it as fixtures.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from einvoiced.actions.box import Box, Shop
from einvoiced.actions.import_tracks import Imported, import_tracks
from einvoiced.actions.issue_invoice import IssueParams, issue_invoice
from einvoiced.actions.release_tracks import release_tracks
from einvoiced.client import new_key
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import entries, store
from einvoiced.journal.transaction import Action
from einvoiced.journal.writer import Journal
from einvoiced.rules.barcodes import aes_sealer
from einvoiced.rules.invoice import Seller
from einvoiced.rules.period import TAIPEI, Period
from einvoiced.rules.sale import Policy
from tools.virtualbox import QR_KEY, SELLER, VirtualBox, durable_folder, track_file

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
RANGE = ("NQ", 42_519_550, 42_522_049)
"""The range of the published sample: 2,500 numbers."""

SALE: dict[str, Any] = {
    "prices": "gross",
    "lines": [{"description": "牛奶", "quantity": 1, "unit_price": 25}],
    "total_amount": 25,
}

_numbers = iter(range(1_000_000))


def fresh_folder(name: str) -> Path:
    """A new, short-named folder on a file system that keeps what it was told to sync. The caller removes it."""
    folder = durable_folder(ROOT / "build" / "tmp") / f"{os.getpid()}-{next(_numbers)}-{name[:30]}"
    folder.mkdir(parents=True)
    return folder


PATIENCE = 4
"""How much longer than on an idle machine a test waits before it gives up: others may work there too."""


def until(condition: Callable[[], object], seconds: float = 10.0, what: str = "a condition") -> None:
    """Wait until the condition holds; TimeoutError when it does not within `seconds` (of an idle machine)."""
    VirtualBox.wait_for(condition, PATIENCE * seconds, what)


def import_rows(box: VirtualBox, rows: str, name: str = "invnoapply.csv") -> Any:
    """Give a track file to a running box over its admin socket."""
    return box.call("tracks.import", file_name=name, content=base64.b64encode(rows.encode()).decode())


def result_of(line: bytes) -> bytes:
    """The very bytes of an answer's result, without the request's id."""
    _, found, rest = line.strip().partition(b',"result":')
    assert found, line
    return rest.removesuffix(b"}")


# -- a journal and a shop, without sockets ---------------------------------------------------------------------------


class Desk:
    """A real journal on disk and the actions' box, worked from the test's own thread.

    Its clock begins on 10 February 2026, inside the period 11502, and can be moved.
    """

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        self.directory = folder / "journal"
        self.clock = VirtualClock()
        self.clock.set(datetime(2026, 2, 10, 12, tzinfo=TAIPEI))
        self.box = Box(self.clock, self.directory)
        self.box.id = "A1"
        seal = aes_sealer(QR_KEY)
        self.shop = Shop(Seller(SELLER, "示範商店"), policy or Policy(), seal)
        self.box.shop = self.shop
        self.loop = asyncio.new_event_loop()
        self.open()

    def open(self) -> None:
        """Open the journal (again)."""
        self.journal = Journal(self.directory, self.clock)
        self.journal.open()

    def close(self) -> None:
        """Close the journal and its loop."""
        self.journal.close()
        self.loop.close()

    def reopen(self) -> None:
        """As after a restart in order."""
        self.journal.close()
        self.open()

    def call(self, action: Action[T]) -> T:
        """Run an action."""
        return self.journal.call(action)

    def take(self, *ranges: tuple[str, int, int], period: Period | None = None, name: str = "f.csv") -> Imported:
        """Import a track file; `period` is the clock's unless given."""
        rows = track_file(*ranges, period=period or Period.of(self.clock.now()))
        verdict = self.call(import_tracks(self.box, name, rows.encode(), source="socket", peer=None))
        for r in verdict.to_release:
            self.call(release_tracks(self.box, r.year_month, r.track, r.begin, "none", "測試", None))
        return verdict

    def issue(self, **params: Any) -> bytes:
        """The bytes of the result of `invoice.issue`; a plain sale with a new key unless told otherwise."""
        wire = json.dumps({"key": new_key(), **SALE, **params}, default=str).encode()
        decoded = msgspec.json.decode(wire, type=IssueParams)
        return bytes(self.call(issue_invoice(self.box, decoded, None)))

    def number(self, **params: Any) -> str:
        """The number that `issue` took."""
        return str(json.loads(self.issue(**params))["invoice"]["invoice_number"])

    def entries(self) -> list[entries.Envelope]:
        """All entries."""
        rows = self.call(lambda tx: tx.all("SELECT body FROM entries ORDER BY sequence"))
        return [entries.read(body) for (body,) in rows]

    def types(self) -> list[str]:
        """The types of all entries, in order."""
        return [envelope.type for envelope in self.entries()]


# -- a journal that nobody has open ----------------------------------------------------------------------------------


def whole_chain(directory: Path) -> int:
    """Check every link of a stopped box's journal with code of the tests' own; returns how many entries there are."""
    import hashlib

    db = sqlite3.connect(directory / store.FILE)
    try:
        previous, time_before, count = "0" * 64, "", 0
        for sequence, body in db.execute("SELECT sequence, body FROM entries ORDER BY sequence"):
            entry = json.loads(body)
            count += 1
            assert (entry["sequence"], sequence, entry["previous"]) == (count, count, previous)
            assert entry["time"] >= time_before
            previous, time_before = hashlib.sha256(body).hexdigest(), entry["time"]
        return count
    finally:
        db.close()


def dump(db: sqlite3.Connection, *tables: str) -> list[str]:
    """Tables as text: their SQL, and every row in the order of all its columns."""
    lines: list[str] = []
    for table in tables:
        lines += [row[0] or "" for row in db.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ?", (table,))]
        lines += sorted(repr(row) for row in db.execute(f"SELECT * FROM {table}"))
    return lines


# -- sockets, as a rude till uses them -------------------------------------------------------------------------------


class Wire:
    """A raw connection: any bytes out, lines in, everything with a deadline."""

    def __init__(self, path: str | Path, timeout: float = 10.0) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))  # a full backlog makes it wait; with a timeout it would fail at once
        self.socket.settimeout(timeout)
        self._heard = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Any bytes."""
        self.socket.sendall(data)

    def request(self, identifier: object, method: str, params: object | None = None) -> None:
        """A request, without waiting for its answer."""
        request = {"jsonrpc": "2.0", "id": identifier, "method": method}
        if params is not None:
            request["params"] = params
        self.send(json.dumps(request).encode() + b"\n")

    def line(self) -> bytes:
        """The next line; EOFError when the other side has hung up."""
        while b"\n" not in self._heard:
            part = self.socket.recv(65536)
            if not part:
                raise EOFError
            self._heard += part
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def answer(self) -> Any:
        """The next line as JSON."""
        return json.loads(self.line())

    def ask(self, method: str, params: object | None = None) -> Any:
        """One request and its answer."""
        self.request(1, method, params)
        return self.answer()

    def hung_up(self) -> bool:
        """Whether the other side ends the connection before the deadline, whatever it says until then."""
        try:
            while True:
                self.line()
        except (EOFError, ConnectionResetError):
            return True
        except TimeoutError:
            return False


class Latency:
    """Asks something again and again beside a test; `worst` and `median` are in seconds."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self.seconds: list[float] = []
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Latency:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                begin = time.monotonic()
                self._ask()
                self.seconds.append(time.monotonic() - begin)
        except BaseException as error:
            self.error = error

    @property
    def worst(self) -> float:
        """The longest wait."""
        return max(self.seconds)

    @property
    def median(self) -> float:
        """The usual wait."""
        return sorted(self.seconds)[len(self.seconds) // 2]


ROOT_IS_A_MOUNT = any(line.split()[4] == "/" for line in Path("/proc/self/mountinfo").read_text().splitlines())
"""False in a plain chroot: the kernel's table of mounts does not tell there what lies under the root."""
