"""What is derived from entries: number ranges with their next number, invoices, keys.

`apply` is the only code that changes a projection; live appends and `rebuild` go the same way, so that both are equal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from einvoiced.journal import entries, schema
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.numbers import split_invoice_number


class _Seller(Struct, frozen=True):
    identifier: str


class _Issued(Struct, frozen=True):
    invoice_number: str
    year_month: str
    seller: _Seller


class _Result(Struct, frozen=True):
    """What a projection needs of an issued invoice's result."""

    invoice: _Issued


_read_result = msgspec.json.Decoder(_Result).decode


def _tracks_imported(db: sqlite3.Connection, sequence: int, data: entries.TracksImported) -> None:
    db.executemany(
        "INSERT INTO ranges VALUES (?, ?, ?, ?, ?, ?, ?, 'fresh', ?)",
        [(r.seller, r.year_month, r.track, r.begin, r.end, r.invoice_type, r.begin, sequence) for r in data.ranges],
    )


TAKE_NUMBER = """
UPDATE ranges SET next = ?1 + 1, state = iif(?1 = "end", 'spent', 'current')
WHERE seller = ?2 AND year_month = ?3 AND track = ?4 AND begin = ?5 AND next = ?1
"""
INSERT_INVOICE = "INSERT INTO invoices VALUES (?, ?, ?, ?, ?, ?)"
INSERT_KEY = "INSERT INTO keys VALUES (?, ?, ?)"


def _invoice_issued(db: sqlite3.Connection, sequence: int, data: entries.InvoiceIssued) -> None:
    issued = _read_result(data.result).invoice
    seller, period = issued.seller.identifier, issued.year_month
    track, number = split_invoice_number(issued.invoice_number)
    taken = db.execute(TAKE_NUMBER, (number, seller, period, track, data.range_begin)).rowcount
    if taken != 1:
        raise sqlite3.IntegrityError(f"{issued.invoice_number} is not the next number of its range")
    db.execute(INSERT_INVOICE, (seller, period, track, number, sequence, data.paper))
    db.execute(INSERT_KEY, (seller, key_bytes(data.key), sequence))


def _paper(state: entries.Paper) -> Callable[[sqlite3.Connection, int, Any], None]:
    def apply_state(db: sqlite3.Connection, _sequence: int, data: Any) -> None:
        row = db.execute("SELECT body FROM entries WHERE sequence = ?", (data.invoice,)).fetchone()
        envelope = entries.read(row[0])
        issued = _read_result(msgspec.json.decode(envelope.data, type=entries.InvoiceIssued).result).invoice
        track, number = split_invoice_number(issued.invoice_number)
        db.execute(
            "UPDATE invoices SET paper = ? WHERE seller = ? AND year_month = ? AND track = ? AND number = ?",
            (state, issued.seller.identifier, issued.year_month, track, number),
        )

    return apply_state


def _nothing(_db: sqlite3.Connection, _sequence: int, _data: entries.EntryData) -> None:
    pass


_APPLY: dict[str, Callable[[sqlite3.Connection, int, Any], None]] = {
    "journal_created": _nothing,
    "box_started": _nothing,
    "box_stopped": _nothing,
    "tracks_imported": _tracks_imported,
    "tracks_refused": _nothing,
    "invoice_issued": _invoice_issued,
    "proof_sending": _paper("sending"),
    "proof_printed": _paper("printed"),
    "proof_requeued": _paper("queued"),
    "proof_unconfirmed": _paper("unconfirmed"),
}


def apply(db: sqlite3.Connection, sequence: int, data: entries.EntryData) -> None:
    """Bring the projections up to an entry, inside the transaction that holds it (journal thread only).

    sqlite3.IntegrityError when the entry contradicts what is known, such as a number taken twice.
    """
    _APPLY[data.TYPE](db, sequence, data)


def rebuild(db: sqlite3.Connection, page: int = 1000) -> None:
    """Drop every projection and build it again from the entries, in the caller's transaction (offline only)."""
    for table in schema.PROJECTION_TABLES:
        db.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in schema.PROJECTIONS.split(";\n"):
        if statement.strip():
            db.execute(statement)
    last = 0
    while rows := db.execute(
        "SELECT sequence, body FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?", (last, page)
    ).fetchall():
        for last, body in rows:
            apply(db, last, entries.read_data(entries.read(body)))
