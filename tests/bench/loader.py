"""A bulk loader: a journal with a million invoices, as the real code would have written it, in a minute.

One invoice is issued by the real daemon; the others are its canonical bytes with their own number, key, place, MAC and
hash. `einvoicectl journal verify` finds nothing wrong with the result.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
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


def load(folder: Path, invoices: int) -> None:
    """Make a stopped box in `folder` whose journal holds so many invoices."""
    sample = _sample(folder)
    directory = folder / "state" / "journal"
    db = store.connect(directory)
    head = store.prove(db)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -400000")
    writer = _Writer(db, head, sample)
    db.execute("BEGIN IMMEDIATE")
    writer.raise_ceiling(invoices)
    for begin in range(1, invoices, PAGE):
        writer.page(range(begin, min(begin + PAGE, invoices)))
    writer.finish(invoices)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
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
        self._keys: list[tuple[str, bytes, int]] = []

    def _split(self, sample: entries.Envelope) -> str:
        """The sample's data with a hole wherever a copy differs."""
        text = bytes(sample.data).decode().replace("%", "%%")
        result = json.loads(bytes(sample.data))["result"]
        holes = {
            json.loads(bytes(sample.data))["key"]: "%(key)s",
            f'"sequence":{sample.sequence}': '"sequence":%(sequence)d',
            result["mac"]: "%(mac)s",
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
            self._keys.append((SELLER, bytes(bits), self.sequence))
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
        self._keys.sort()
        self.db.executemany(projections.INSERT_KEY, self._keys)
        self.db.execute("UPDATE ranges SET next = ?1, taken = ?1, state = 'current' WHERE track = 'NQ'", (invoices,))
