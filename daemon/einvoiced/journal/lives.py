"""What entries of an invoice's later life do: cancelled, corrected, taken back in part (called by `projections` only).

`events` lists the later entries of an invoice, `invoices.content` is the entry that holds it as it is now.
"""

from __future__ import annotations

import sqlite3

from einvoiced.journal import entries, outbox
from einvoiced.rules.identifiers import key_bytes

Db = sqlite3.Connection

_INSERT_KEY = "INSERT INTO keys VALUES (?, ?, ?)"
_INVOICE = "WHERE sequence = ? AND seller = ? AND year_month = ? AND track = ? AND number = ?"
Place = tuple[str, str, str, int]
"""Seller, period, track, number."""


def cancelled(db: Db, sequence: int, data: entries.InvoiceCancelled, place: Place) -> None:
    """The number stays used; sqlite3.IntegrityError unless the invoice stood."""
    _one(db.execute(f"UPDATE invoices SET state = 'cancelled' {_INVOICE} AND state = 'issued'", (data.invoice, *place)))
    _happened(db, sequence, data.invoice, place[0], data.key)
    outbox.put(db, sequence, data.invoice, "F0501")


def corrected(db: Db, sequence: int, data: entries.InvoiceCorrected, place: Place) -> None:
    """The same number with other content; sqlite3.IntegrityError unless the invoice stood."""
    change = f"UPDATE invoices SET content = ?, paper = ? {_INVOICE} AND state = 'issued'"
    _one(db.execute(change, (sequence, data.paper, data.invoice, *place)))
    _happened(db, sequence, data.invoice, place[0], data.key)
    outbox.corrected(db, sequence, data)


def allowance_issued(db: Db, sequence: int, data: entries.AllowanceIssued) -> None:
    """Against an invoice of this journal, or (0) of nobody's here."""
    db.execute("INSERT INTO allowances VALUES (?, ?, ?, 'issued')", (sequence, data.number, data.invoice))
    _happened(db, sequence, data.invoice, data.seller, data.key)
    outbox.put(db, sequence, data.invoice or sequence, "G0401")


def allowance_cancelled(db: Db, sequence: int, data: entries.AllowanceCancelled) -> None:
    """As if it had not been; sqlite3.IntegrityError unless the allowance stood."""
    change = "UPDATE allowances SET state = 'cancelled' WHERE entry = ? AND state = 'issued'"
    _one(db.execute(change, (data.allowance,)))
    (invoice,) = db.execute("SELECT invoice FROM allowances WHERE entry = ?", (data.allowance,)).fetchone()
    _happened(db, sequence, invoice, data.seller, data.key)
    outbox.put(db, sequence, invoice or data.allowance, "G0501")


def _happened(db: Db, sequence: int, invoice: int, seller: str, key: str) -> None:
    if invoice:
        db.execute("INSERT INTO events VALUES (?, ?)", (invoice, sequence))
    db.execute(_INSERT_KEY, (seller, key_bytes(key), sequence))


def _one(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount != 1:
        raise sqlite3.IntegrityError("it is not there, or has been cancelled")
