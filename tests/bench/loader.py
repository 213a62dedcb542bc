"""A bulk loader: a journal with millions of invoices, as the real code would have written it, in minutes.

One invoice is issued by the real daemon; the others are its canonical bytes with their own number, key, place, MAC and
hash, and the projections that these give (its QR texts keep the sample's seal). `einvoicectl journal verify` finds
nothing wrong with the result.

The file is written page by page without a rollback journal or syncs: an hour of safe commits becomes minutes, and a
journal whose loading was cut short is thrown away.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from einvoiced.actions.box import Box
from einvoiced.client import Client
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import beside, entries, outbox, projections, store
from einvoiced.rules.numbers import BOOKLET
from tests.bench import load as clients
from tests.bench import rig
from tools.virtualbox import SELLER, VirtualBox

PAGE = 20_000
TOLD_EVERY = 50
"""Pages between two lines of progress."""

UNSAFE = ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -200000")


def load(folder: Path, invoices: int, page: int = PAGE) -> None:
    """Make a stopped box in `folder` whose journal holds so many invoices, `page` of them a transaction."""
    sample = _sample(folder)
    file = folder / "state" / "journal" / store.FILE
    with closing(store.connect(file.parent)) as db:
        head = store.prove(db)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        for pragma in UNSAFE:
            db.execute(f"PRAGMA {pragma}")
        writer = _Writer(db, head, sample)
        writer.write(invoices, page)
    with closing(store.connect(file.parent)) as db:
        store.prove(db)
    known = beside.read(folder / "state")
    assert known is not None
    beside.write(folder / "state", beside.Beside(known.journal, False, [writer.ceiling]))
    os.sync()


def _sample(folder: Path) -> entries.Envelope:
    """The entry of one invoice that the real daemon issued in a new box."""
    with VirtualBox(folder) as box:
        box.start()
        box.take_tracks(*rig.EVERYTHING)
        clients.run(box.socket("till"), 1, 1, print="till")
        with Client(box.socket("admin")) as admin:
            found = admin.call("journal.read", after=0)["entries"]
    return next(entries.read(body.encode()) for body in found if json.loads(body)["type"] == "invoice_issued")


class _Writer:
    """Appends copies of the sample to the chain."""

    def __init__(self, db: sqlite3.Connection, head: store.Head, sample: entries.Envelope) -> None:
        self.db, self.sequence, self.hash, self.time = db, head.sequence, head.hash, head.time
        self.period = json.loads(bytes(sample.data))["result"]["invoice"]["year_month"]
        self._box = Box(VirtualClock(), Path())
        self._box.journal_id = json.loads(db.execute("SELECT body FROM entries WHERE sequence = 1").fetchone()[0])[
            "data"
        ]["journal"]
        (self._box.secret,) = db.execute("SELECT value FROM secrets WHERE name = 'mac'").fetchone()
        self._template = self._split(sample)
        self._keys = [bytearray() for _ in range(256)]
        """Key and sequence, 24 bytes each, by the key's first byte: so they are sorted in parts, and cheaply."""

    def write(self, invoices: int, page: int) -> None:
        """Everything, a transaction a page, with a line of progress now and then."""
        begin = time.monotonic()
        self.raise_ceiling(invoices)
        for count, first in enumerate(range(1, invoices, page), start=1):
            self.db.execute("BEGIN")
            self.page(range(first, min(first + page, invoices)))
            self.db.execute("COMMIT")
            if count % TOLD_EVERY == 0:
                print(f"   loaded {count * page:,} of {invoices:,} ({time.monotonic() - begin:.0f} s)", flush=True)
        self.finish(invoices)

    def _split(self, sample: entries.Envelope) -> str:
        """The sample's data with a hole wherever a copy differs."""
        text = bytes(sample.data).decode().replace("%", "%%")
        result = json.loads(bytes(sample.data))["result"]
        holes = {
            json.loads(bytes(sample.data))["key"]: "%(key)s",
            f'"sequence":{sample.sequence}': '"sequence":%(sequence)d',
            result["mac"]: "%(mac)s",
            f'"invoice_time":"{result["invoice"]["invoice_time"]}"': f'"invoice_time":"{self.time[11:19]}"',
            result["invoice"]["invoice_number"]: "NQ%(number)08d",
        }
        for old, new in holes.items():
            assert old in text
            text = text.replace(old, new)
        return text

    def raise_ceiling(self, invoices: int) -> None:
        """The entry that allows them all."""
        wanted = invoices // BOOKLET * BOOKLET + 2 * BOOKLET - 1
        self.ceiling = entries.Ceiling(SELLER, self.period, "NQ", 0, wanted)
        data = entries.CeilingsRaised([self.ceiling])
        self.sequence += 1
        body = entries.seal(1, self.sequence, self.time, self.hash, data)
        self.hash = entries.digest(body)
        self.db.execute("INSERT INTO entries VALUES (?, ?)", (self.sequence, body))
        projections.apply(self.db, self.sequence, data)

    def page(self, numbers: range) -> None:
        """A page of invoices."""
        first = self.sequence + 1
        self.db.executemany("INSERT INTO entries VALUES (?, ?)", self._bodies(numbers))
        rows = ((SELLER, self.period, "NQ", number, first + n, "till") for n, number in enumerate(numbers))
        self.db.executemany(projections.INSERT_INVOICE, rows)
        self.db.executemany(outbox.INSERT_INVOICE, ((first + n,) for n in range(len(numbers))))

    def _bodies(self, numbers: range) -> Iterator[tuple[int, bytes]]:
        head = (
            f'{{"v":1,"epoch":1,"sequence":%d,"time":"{self.time}","type":"invoice_issued","previous":"%s","data":%s}}'
        )
        for number in numbers:
            self.sequence += 1
            bits = bytearray(os.urandom(16))
            bits[6], bits[8] = bits[6] & 0x0F | 0x40, bits[8] & 0x3F | 0x80
            k = bits.hex()
            key = f"{k[:8]}-{k[8:12]}-{k[12:16]}-{k[16:20]}-{k[20:]}"
            self._keys[bits[0]] += bits + self.sequence.to_bytes(8, "big")
            data = self._template % {
                "key": key,
                "sequence": self.sequence,
                "mac": self._box.mac(1, self.sequence),
                "number": number,
            }
            body = (head % (self.sequence, self.hash, data)).encode()
            self.hash = hashlib.sha256(body).hexdigest()
            yield self.sequence, body

    def finish(self, invoices: int) -> None:
        """The keys in their order, and the counter."""
        for part in self._keys:
            found = sorted(bytes(part[at : at + 24]) for at in range(0, len(part), 24))
            rows = ((SELLER, each[:16], int.from_bytes(each[16:], "big")) for each in found)
            self.db.execute("BEGIN")
            self.db.executemany(projections.INSERT_KEY, rows)
            self.db.execute("COMMIT")
            part.clear()
        self.db.execute("UPDATE ranges SET next = ?1, taken = ?1, state = 'current' WHERE track = 'NQ'", (invoices,))
