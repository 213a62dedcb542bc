"""The bare floor: an asyncio Unix-socket server that reads a request, runs the same statements, one commit each, and
answers as much. No checks, no sums, no codes, no chain.

There are two. The floor that figures are gated on is what those words ask for and what anybody would write: asyncio's
own server (`asyncio.start_unix_server`), a reader and a writer a client. The other (`--protocol`) is the least that
asyncio can do at all, a bare `asyncio.Protocol` without flow control or tasks; it is measured beside, so that nobody
need take the choice of the floor on trust. Both decode the line, run the statements in the same connection with the
same settings, and write an answer of the same size.

`python -m tests.bench.floor [--protocol] DIRECTORY SOCKET` serves until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
from pathlib import Path

import msgspec

from einvoiced.actions.issue_invoice import CURRENT_RANGE
from einvoiced.actions.keyed import FIND_KEY
from einvoiced.journal import outbox, projections, store

SELLER, PERIOD, TRACK = "24634102", "11512", "NQ"
BODY = b"x" * 1265
RESULT = {"invoice": "x" * 905}
"""As many bytes as the entry and the answer of the sale that is measured, to a few."""


class Shop:
    """The statements of an issue, and the answer."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._sequence = self._number = 0

    def answer(self, line: bytes) -> bytes:
        """Issue what a line asks for."""
        request = msgspec.json.decode(line)
        self._issue(request["params"]["key"])
        return msgspec.json.encode({"jsonrpc": "2.0", "id": request["id"], "result": RESULT}) + b"\n"

    def _issue(self, text: str) -> None:
        db, number = self._db, self._number
        key = bytes.fromhex(text.replace("-", ""))
        db.execute("BEGIN IMMEDIATE")
        db.execute(FIND_KEY, (SELLER, key)).fetchone()
        db.execute(CURRENT_RANGE, (SELLER, PERIOD)).fetchone()
        self._sequence += 1
        db.execute("INSERT INTO entries VALUES (?, ?)", (self._sequence, BODY))
        db.execute(projections.TAKE_NUMBER, (number, SELLER, PERIOD, TRACK, 0))
        db.execute(projections.INSERT_INVOICE, (SELLER, PERIOD, TRACK, number, self._sequence, "till"))
        db.execute(projections.INSERT_KEY, (SELLER, key, self._sequence))
        db.execute(outbox.INSERT_INVOICE, (self._sequence,))
        db.execute("COMMIT")
        self._number += 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client of asyncio's own server."""
        while line := await reader.readline():
            writer.write(self.answer(line))
            await writer.drain()
        writer.close()


class Bare(asyncio.Protocol):
    """One client of the bare protocol."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._buffer = shop, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            self._transport.write(self._shop.answer(line))


async def main(directory: Path, path: str, *, bare: bool) -> None:
    """Serve."""
    db = store.connect(directory)
    db.execute("PRAGMA wal_autocheckpoint = 1000")
    db.execute(
        "INSERT INTO ranges VALUES (?, ?, ?, 0, 99999999, '07', 0, 99999999, 'current', 1, 99999999, 1, 0, 0)",
        (SELLER, PERIOD, TRACK),
    )
    shop = Shop(db)
    if bare:
        server = await asyncio.get_running_loop().create_unix_server(lambda: Bare(shop), path)
    else:
        server = await asyncio.start_unix_server(shop.serve, path)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", action="store_true")
    parser.add_argument("directory", type=Path)
    parser.add_argument("socket")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(given.directory, given.socket, bare=given.protocol))
