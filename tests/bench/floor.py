"""The bare floor: an asyncio Unix-socket server that reads a request, runs the same statements, one commit each, and
answers as much. No checks, no sums, no codes, no chain.

`python -m tests.bench.floor DIRECTORY SOCKET` serves until it is ended.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import msgspec

from einvoiced.actions.issue_invoice import CURRENT_RANGE
from einvoiced.actions.keyed import FIND_KEY
from einvoiced.journal import outbox, projections, schema, store

SELLER, PERIOD, TRACK = "24634102", "11512", "NQ"
BODY = b"x" * 1560
RESULT = {"invoice": "x" * 890}


class Floor(asyncio.Protocol):
    """One client."""

    db: sqlite3.Connection
    sequence = 0
    number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            request = msgspec.json.decode(line)
            self._issue(request["params"]["key"])
            self._transport.write(
                msgspec.json.encode({"jsonrpc": "2.0", "id": request["id"], "result": RESULT}) + b"\n"
            )

    def _issue(self, text: str) -> None:
        db, cls = self.db, type(self)
        key = bytes.fromhex(text.replace("-", ""))
        db.execute("BEGIN IMMEDIATE")
        db.execute(FIND_KEY, (SELLER, key)).fetchone()
        db.execute(CURRENT_RANGE, (SELLER, PERIOD)).fetchone()
        db.execute("SAVEPOINT action")
        cls.sequence += 1
        db.execute("INSERT INTO entries VALUES (?, ?)", (cls.sequence, BODY))
        db.execute(projections.TAKE_NUMBER, (cls.number, SELLER, PERIOD, TRACK, 0))
        db.execute(projections.INSERT_INVOICE, (SELLER, PERIOD, TRACK, cls.number, cls.sequence, "till"))
        db.execute(projections.INSERT_KEY, (SELLER, key, cls.sequence))
        db.execute(outbox.INSERT_INVOICE, (cls.sequence,))
        db.execute("RELEASE action")
        db.execute("COMMIT")
        cls.number += 1


async def main(directory: Path, path: str) -> None:
    """Serve."""
    Floor.db = store.connect(directory)
    Floor.db.execute("PRAGMA wal_autocheckpoint = 1000")
    Floor.db.execute(
        "INSERT INTO ranges VALUES (?, ?, ?, 0, 99999999, '07', 0, 99999999, 'current', 1, 99999999, 1, 0, 0)",
        (SELLER, PERIOD, TRACK),
    )
    server = await asyncio.get_running_loop().create_unix_server(Floor, path)
    await server.serve_forever()


if __name__ == "__main__":
    assert schema.VERSION
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
