"""What entries of an invoice's later life do: cancelled, corrected, taken back in part (called by `projections` only).

`events` lists the later entries of an invoice, `invoices.content` is the entry that holds it as it is now.
"""

from __future__ import annotations

import sqlite3

from einvoiced.journal import entries, outbox
from einvoiced.journal.paper import KNOWN_OUT
from einvoiced.journal.places import place_at
from einvoiced.rules.identifiers import key_bytes

Db = sqlite3.Connection

_INSERT_KEY = "INSERT INTO keys VALUES (?, ?, ?)"
_INVOICE = "WHERE sequence = ? AND seller = ? AND year_month = ? AND track = ? AND number = ?"
NOT_BEGUN: tuple[entries.Paper, ...] = ("none", "queued", "till", "unprinted", "failed")
"""Where an original is while its invoice may be corrected: surely nothing of it came out (a till reports what did)."""


def cancelled(db: Db, sequence: int, data: entries.InvoiceCancelled) -> None:
    """The number stays used, and nothing of it is printed any more; sqlite3.IntegrityError unless the invoice stood."""
    place = place_at(db, data.invoice)
    change = f"UPDATE invoices SET state = 'cancelled', paper = {KNOWN_OUT} {_INVOICE} AND state = 'issued'"
    _one(db.execute(change, (data.invoice, *place)))
    db.execute("UPDATE copies SET state = 'dropped' WHERE invoice = ? AND state = 'queued'", (data.invoice,))
    _happened(db, sequence, data.invoice, place[0], data.key)
    outbox.put(db, sequence, data.invoice, "F0501")


def documented(db: Db, sequence: int, data: entries.CancellationDocumented) -> None:
    """The same cancellation, to be sent with the tax office's number."""
    _happened(db, sequence, data.invoice, place_at(db, data.invoice)[0], data.key)
    outbox.documented(db, sequence, data)


def corrected(db: Db, sequence: int, data: entries.InvoiceCorrected) -> None:
    """The same number with other content; sqlite3.IntegrityError unless the invoice stood."""
    place = place_at(db, data.invoice)
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
    """As if it had not been, and no slip of it comes any more; sqlite3.IntegrityError unless the allowance stood."""
    change = "UPDATE allowances SET state = 'cancelled' WHERE entry = ? AND state = 'issued'"
    _one(db.execute(change, (data.allowance,)))
    drop = "UPDATE slips SET state = 'dropped' WHERE key = ? AND state = 'queued'"
    db.execute(drop, (allowance_slip_key(data.allowance),))
    (invoice,) = db.execute("SELECT invoice FROM allowances WHERE entry = ?", (data.allowance,)).fetchone()
    _happened(db, sequence, invoice, data.seller, data.key)
    outbox.put(db, sequence, invoice or data.allowance, "G0501")


def allowance_slip_key(allowance: int) -> bytes:
    """The key of the newest slip of an allowance among those of tills, which have 16 bytes."""
    return b"allowance %d" % allowance


def allowance_slip_queued(db: Db, sequence: int, data: entries.AllowanceSlipQueued) -> None:
    """It waits; an earlier one is not asked about any more."""
    key = allowance_slip_key(data.allowance)
    db.execute("INSERT OR REPLACE INTO slips VALUES (?, ?, 'queued')", (key, sequence))


def _happened(db: Db, sequence: int, invoice: int, seller: str, key: str) -> None:
    if invoice:
        db.execute("INSERT INTO events VALUES (?, ?)", (invoice, sequence))
    if key:  # a cancellation within `invoice.replace` has none of its own
        db.execute(_INSERT_KEY, (seller, key_bytes(key), sequence))


def _one(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount != 1:
        raise sqlite3.IntegrityError("it is not there, or has been cancelled")
