"""The outbox: every upload message that the platform has not accepted yet (called by `projections` only).

A row is one message: of `entry`, in its `place` among the entry's messages (a correction has F0701, then F0401), and
for E0402 of one track (`part`). `subject` is what messages stand in line for: an invoice's entry, or the entry itself.
A message may leave when no earlier one of its subject is in the outbox.

`state`: `waiting`; `sent` (`way` says how, `changed` which entry says so); `refused`; `unknown`: sent in a history that
was lost, or not, and only a person can find out. An accepted message has no row any more: the table stays small.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from einvoiced.journal import entries

Db = sqlite3.Connection

INSERT = "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, '', ?)"
INSERT_INVOICE = "INSERT INTO outbox VALUES (?1, 'F0401', '', ?1, 0, 'waiting', '', ?1)"
_WHERE = "WHERE entry = ? AND message = ? AND part = ?"


def put(db: Db, sequence: int, subject: int, *messages: entries.Message, part: str = "") -> None:
    """Messages of an entry, in this order."""
    for place, message in enumerate(messages):
        db.execute(INSERT, (sequence, message, part, subject, place, "waiting", sequence))


def adopted(db: Db, sequence: int) -> None:
    """An invoice that was lost: nobody knows what the platform has of it."""
    db.execute(INSERT, (sequence, "F0401", "", sequence, 0, "unknown", sequence))


def corrected(db: Db, sequence: int, data: entries.InvoiceCorrected) -> None:
    """The platform's copy is erased and sent anew, or the one that has not left leaves as it is now."""
    if data.void:
        put(db, sequence, data.invoice, "F0701", "F0401")
        return
    entry, place, _ = newest_invoice(db, data.invoice) or (data.invoice, 0, "")
    db.execute(
        "UPDATE outbox SET state = 'waiting', way = '', changed = ? WHERE entry = ? AND place = ? AND part = ''",
        (sequence, entry, place),
    )


def documented(db: Db, sequence: int, data: entries.CancellationDocumented) -> None:
    """The cancellation leaves anew; sqlite3.IntegrityError unless the platform lacks it."""
    change = (
        "UPDATE outbox SET state = 'waiting', way = '', changed = ? "
        "WHERE subject = ? AND entry <> subject AND message = 'F0501'"
    )
    if db.execute(change, (sequence, data.invoice)).rowcount != 1:
        raise sqlite3.IntegrityError("no cancellation of it waits for the platform")


def newest_invoice(db: Db, invoice: int) -> tuple[int, int, str] | None:
    """The last F0401 of an invoice that was not accepted: its entry, place and state; None when the last one was."""
    later = (
        "SELECT entry, place, state FROM outbox WHERE subject = ? AND entry <> subject AND message = 'F0401' "
        "ORDER BY entry DESC, place DESC LIMIT 1"
    )
    first = "SELECT entry, place, state FROM outbox WHERE entry = ? AND place = 0 AND part = '' AND message = 'F0401'"
    row: tuple[int, int, str] | None = None
    for question in (later, first):
        row = row or db.execute(question, (invoice,)).fetchone()
    return row


def unused_queued(db: Db, sequence: int, data: entries.UnusedQueued) -> None:
    """A message a track."""
    for track in sorted({run.track for run in data.unused}):
        put(db, sequence, sequence, "E0402", part=track)


def sent(db: Db, sequence: int, data: entries.UploadsSent) -> None:
    """On their way."""
    _set(db, sequence, data.uploads, "sent", data.way)


def requeued(db: Db, sequence: int, data: entries.UploadsRequeued) -> None:
    """To be sent again."""
    _set(db, sequence, data.uploads, "waiting", "")


def _set(db: Db, sequence: int, uploads: list[entries.Upload], state: str, way: str) -> None:
    db.executemany(
        f"UPDATE outbox SET state = ?, way = ?, changed = ? {_WHERE}",
        ((state, way, sequence, u.entry, u.message, u.part) for u in uploads),
    )


def answered(db: Db, sequence: int, data: entries.UploadsAnswered) -> None:
    """Accepted ones leave, refused ones wait for somebody to mend them."""
    for answer in data.answers:
        u = answer.upload
        if answer.accepted:
            db.execute(f"DELETE FROM outbox {_WHERE}", (u.entry, u.message, u.part))
        else:
            db.execute(
                f"UPDATE outbox SET state = 'refused', changed = ? {_WHERE}", (sequence, u.entry, u.message, u.part)
            )


def settled(db: Db, _sequence: int, data: entries.UploadsSettled) -> None:
    """Out of our hands."""
    db.executemany(f"DELETE FROM outbox {_WHERE}", ((u.entry, u.message, u.part) for u in data.uploads))


def forget_answers(db: Db, sequence: int, _data: Any = None) -> None:
    """The journal is an older copy, or another history's heir: whatever waits may have left in the meantime."""
    db.execute("UPDATE outbox SET state = 'unknown', way = '', changed = ?", (sequence,))
