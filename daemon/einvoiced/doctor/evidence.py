"""What the journal shows for the self-check form: the last invoices, the last start, where the numbers came from."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from einvoiced.doctor.site import Site
from einvoiced.doctor.uploads import Outbox, outbox
from einvoiced.journal import entries
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.invoice import Invoice

SAMPLE = 2000
"""Invoices that are looked at one by one: the newest."""

LOOK_BACK = 50_000
"""Entries that are looked through for the last start."""

PAGE = 500
_OUTSIDE = """
SELECT count(*) FROM invoices AS i WHERE i.seller = ?1 AND i.year_month = ?2 AND NOT EXISTS (
    SELECT 1 FROM ranges AS r WHERE r.seller = i.seller AND r.year_month = i.year_month AND r.track = i.track
    AND i.number BETWEEN r.begin AND r."end")
"""
_BY_PERIOD = (
    "SELECT year_month, count(*) FROM invoices WHERE seller = ? GROUP BY year_month ORDER BY year_month DESC LIMIT 2"
)


@dataclass
class Evidence:
    """What was found in `count` entries. `sample`: issued invoices with the time of their entry, the newest first."""

    count: int = 0
    started: tuple[str, entries.BoxStarted] | None = None
    imports: list[tuple[str, entries.TracksImported]] = field(default_factory=list)
    sample: list[tuple[str, Invoice]] = field(default_factory=list)
    periods: dict[str, int] = field(default_factory=dict)
    outside: int = 0
    numbers_unique: bool = False
    outbox: Outbox = field(default_factory=lambda: Outbox({}, 0))
    accepted: int = 0


def gather(site: Site) -> Evidence:
    """Read it all. As `Site.read`."""
    seller = site.config.seller.identifier

    def question(tx: Transaction) -> Evidence:
        found = Evidence(count=tx.next_place[1] - 1)
        _walk_back(tx, found)
        found.imports = list(_imports(tx))
        found.periods = dict(tx.all(_BY_PERIOD, seller))
        found.outside = sum(tx.one(_OUTSIDE, seller, year_month)[0] for year_month in found.periods)
        found.numbers_unique = _unique(tx.db)
        found.outbox = outbox(site.box)(tx)
        return found

    return site.read(question)


def _walk_back(tx: Transaction, found: Evidence) -> None:
    """The newest invoices and the newest start."""
    before, seen = found.count + 1, 0
    while seen < LOOK_BACK and (len(found.sample) < SAMPLE or found.started is None):
        page = tx.all("SELECT body FROM entries WHERE sequence < ? ORDER BY sequence DESC LIMIT ?", before, PAGE)
        if not page:
            return
        for (body,) in page:
            envelope = entries.read(body)
            before, seen = envelope.sequence, seen + 1
            _note(found, envelope)


def _note(found: Evidence, envelope: entries.Envelope) -> None:
    if envelope.type not in (entries.InvoiceIssued.TYPE, entries.BoxStarted.TYPE, entries.UploadsAnswered.TYPE):
        return
    data = entries.read_data(envelope)
    if isinstance(data, entries.UploadsAnswered):
        found.accepted += sum(answer.accepted for answer in data.answers)
    if isinstance(data, entries.BoxStarted) and found.started is None:
        found.started = (envelope.time, data)
    elif isinstance(data, entries.InvoiceIssued) and len(found.sample) < SAMPLE:
        invoice = msgspec.json.decode(data.result, type=dict[str, msgspec.Raw])["invoice"]
        found.sample.append((envelope.time, msgspec.json.decode(invoice, type=Invoice)))


def _imports(tx: Transaction) -> Iterator[tuple[str, entries.TracksImported]]:
    """Where the numbers of the newest ranges came from, the newest first."""
    for (body,) in tx.all(
        "SELECT body FROM entries WHERE sequence IN (SELECT DISTINCT entry FROM ranges) ORDER BY sequence DESC LIMIT 20"
    ):
        envelope = entries.read(body)
        data = entries.read_data(envelope)
        if isinstance(data, entries.TracksImported):
            yield envelope.time, data


def _unique(db: sqlite3.Connection) -> bool:
    """Whether the table of invoices cannot hold a number twice, as SQLite itself says."""
    key = [row[1] for row in sorted(db.execute("PRAGMA table_info(invoices)"), key=lambda row: int(row[5])) if row[5]]
    return key == ["seller", "year_month", "track", "number"]
