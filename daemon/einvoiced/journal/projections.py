"""What is derived from entries: number ranges with their next number, invoices, keys, numbers set aside, facts.

`apply` is the only code that changes a projection; live appends and `rebuild` go the same way, so that both are equal.

A range's `state`: `unreleased` (a technician must say what was used elsewhere), `fresh`, `current`, `spent`, `held`
(out of use), `closed`, `not_ours` (all of it is other boxes'). A set-aside run's `state`: `elsewhere`, `skipped`,
`in_doubt`, `reserved`: never issued, never reported unused by themselves; `unused`: of a closed period.

The rooms of single subjects are `number_ranges`, `lives`, `paper` and `outbox`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from einvoiced.journal import entries, lives, number_ranges, outbox, paper, schema
from einvoiced.journal.number_ranges import put_aside
from einvoiced.journal.places import place_in
from einvoiced.rules.identifiers import key_bytes

Db = sqlite3.Connection


TAKE_NUMBER = f"""
UPDATE ranges SET next = {number_ranges.NEXT}, taken = taken + 1
WHERE seller = ?2 AND year_month = ?3 AND track = ?4 AND begin = ?5 AND next = ?1 AND state = 'current' AND last > ?1
"""
TAKE_FIRST_OR_LAST = f"""
UPDATE ranges SET next = {number_ranges.NEXT}, taken = taken + 1, state = iif(?1 = last, 'spent', 'current')
WHERE seller = ?2 AND year_month = ?3 AND track = ?4 AND begin = ?5 AND next = ?1
"""
INSERT_INVOICE = "INSERT INTO invoices VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'issued', ?5)"
INSERT_KEY = "INSERT INTO keys VALUES (?, ?, ?)"
_WHERE_RANGE = "WHERE seller = ? AND year_month = ? AND track = ? AND begin = ?"
_WHERE_HOLDS = 'WHERE seller = ? AND year_month = ? AND track = ? AND begin <= ? AND "end" >= ?'


def _invoice_issued(db: Db, sequence: int, data: entries.InvoiceIssued) -> None:
    seller, period, track, number = place_in(data.result)
    place = (number, seller, period, track, data.range_begin)
    taken = db.execute(TAKE_NUMBER, place).rowcount or db.execute(TAKE_FIRST_OR_LAST, place).rowcount
    if taken != 1:
        raise sqlite3.IntegrityError(f"{track}{number:08d} is not the next number of its range")
    db.execute(INSERT_INVOICE, (seller, period, track, number, sequence, data.paper))
    db.execute(INSERT_KEY, (seller, key_bytes(data.key), sequence))
    db.execute(outbox.INSERT_INVOICE, (sequence,))
    if data.replaces:
        db.execute("INSERT INTO events VALUES (?, ?)", (data.replaces, sequence))


def _invoice_adopted(db: Db, sequence: int, data: entries.InvoiceAdopted) -> None:
    seller, period, track, number = place_in(data.result)
    db.execute(INSERT_INVOICE, (seller, period, track, number, sequence, "unconfirmed"))
    db.execute(INSERT_KEY, (seller, key_bytes(data.key), sequence))
    outbox.adopted(db, sequence)
    _take_from_aside(db, entries.Run(seller, period, track, number, number))
    place = (seller, period, track, number, number)
    db.execute(f"UPDATE ranges SET taken = taken + 1 {_WHERE_HOLDS}", place)


def _ceilings_raised(db: Db, _sequence: int, data: entries.CeilingsRaised) -> None:
    for c in data.ceilings:
        db.execute(
            f"UPDATE ranges SET ceiling = ? {_WHERE_RANGE}", (c.ceiling, c.seller, c.year_month, c.track, c.begin)
        )


def _epoch_opened(db: Db, sequence: int, data: entries.EpochOpened) -> None:
    put_aside(db, sequence, "in_doubt", data.in_doubt)
    put_aside(db, sequence, "elsewhere", data.elsewhere)
    for run in data.in_doubt + data.elsewhere:
        number_ranges.pass_over(db, run)
    outbox.forget_answers(db, sequence)
    if data.new_key:
        set_fact(db, sequence, "mac_key", "new")


def _take_from_aside(db: Db, run: entries.Run) -> None:
    """Cut a run's numbers out of the set-aside run that holds them."""
    key = (run.seller, run.year_month, run.track)
    row = db.execute(
        "SELECT first, last, state, entry FROM set_aside WHERE seller = ? AND year_month = ? AND track = ? "
        "AND first <= ? ORDER BY first DESC LIMIT 1",
        (*key, run.first),
    ).fetchone()
    if row is None or row[1] < run.last:
        return
    first, last, state, entry = row
    db.execute("DELETE FROM set_aside WHERE seller = ? AND year_month = ? AND track = ? AND first = ?", (*key, first))
    put_aside(db, entry, state, [entries.Run(*key, first, run.first - 1), entries.Run(*key, run.last + 1, last)])


def _clock_corrected(db: Db, _sequence: int, _data: entries.ClockCorrected) -> None:
    db.execute("UPDATE ranges SET state = 'held' WHERE state = 'current'")


def _restored(db: Db, sequence: int, _data: entries.JournalRestored) -> None:
    db.execute(
        "UPDATE invoices SET paper = iif(state = 'cancelled', 'none', 'unconfirmed') "
        f"WHERE {schema.WAITING_PAPER} AND paper IN ('queued', 'sending')"
    )
    db.execute("UPDATE copies SET state = 'unconfirmed' WHERE state IN ('queued', 'sending')")
    db.execute("UPDATE slips SET state = 'unconfirmed' WHERE state = 'queued'")
    outbox.forget_answers(db, sequence)


def _retired(db: Db, sequence: int, data: entries.BoxRetired) -> None:
    db.execute("UPDATE ranges SET state = 'closed' WHERE state <> 'spent'")
    set_fact(db, sequence, "retired", data.technician)


def _identified(db: Db, sequence: int, data: entries.BoxIdentified) -> None:
    set_fact(db, sequence, "board", data.board)
    set_fact(db, sequence, "disk", data.disk)


def _started(db: Db, sequence: int, data: entries.BoxStarted) -> None:
    set_fact(db, sequence, "unclean_stops", str(data.unclean_stops))
    if data.company is not None:
        _company(db, sequence, data.company)


def _company(db: Db, sequence: int, company: entries.Company) -> None:
    set_fact(db, sequence, "company", msgspec.json.encode(company).decode())


def _sealed(db: Db, sequence: int, data: entries.SegmentSealed) -> None:
    set_fact(db, sequence, f"segment {data.year_month}", f"{data.first}-{data.last}")


def _unused_queued(db: Db, sequence: int, data: entries.UnusedQueued) -> None:
    number_ranges.queued(db, sequence, data)
    outbox.unused_queued(db, sequence, data)


def _answered(db: Db, sequence: int, data: entries.UploadsAnswered) -> None:
    outbox.answered(db, sequence, data)
    set_fact(
        db, sequence, f"answers {data.source}", str(sequence)
    )  # read again, it must not decide what was sent since


def set_fact(db: Db, sequence: int, name: str, value: str) -> None:
    """Keep the newest value of a fact."""
    db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (name, value, sequence))


def _nothing(_db: Db, _sequence: int, _data: entries.EntryData) -> None:
    pass


_APPLY: dict[str, Callable[[Db, int, Any], None]] = {
    "journal_created": _nothing,
    "box_started": _started,
    "box_stopped": _nothing,
    "box_identified": _identified,
    "box_retired": _retired,
    "company_changed": lambda db, sequence, data: _company(db, sequence, data.company),
    "epoch_opened": _epoch_opened,
    "ceilings_raised": _ceilings_raised,
    "tracks_imported": number_ranges.imported,
    "tracks_refused": _nothing,
    "tracks_released": number_ranges.released,
    "tracks_reserved": number_ranges.reserved,
    "tracks_held": number_ranges.held,
    "tracks_unheld": number_ranges.unheld,
    "tracks_typed": number_ranges.typed,
    "typing_differed": number_ranges.typing_differed,
    "tracks_exported": number_ranges.exported,
    "share_changed": number_ranges.share_changed,
    "period_closed": number_ranges.closed,
    "period_reopened": number_ranges.reopened,
    "unused_taken": number_ranges.leftovers_taken,
    "unused_reported": number_ranges.reported,
    "invoice_issued": _invoice_issued,
    "invoice_adopted": _invoice_adopted,
    "invoice_cancelled": lives.cancelled,
    "cancellation_documented": lives.documented,
    "invoice_corrected": lives.corrected,
    "allowance_issued": lives.allowance_issued,
    "allowance_cancelled": lives.allowance_cancelled,
    "unused_queued": _unused_queued,
    "uploads_sent": outbox.sent,
    "uploads_answered": _answered,
    "uploads_requeued": outbox.requeued,
    "uploads_settled": outbox.settled,
    "proof_sending": paper.proof("sending"),
    "proof_printed": paper.proof_printed,
    "proof_requeued": paper.proof("queued"),
    "proof_unconfirmed": paper.proof("unconfirmed"),
    "proof_failed": paper.proof("failed"),
    "proof_ordered": paper.proof("queued"),
    "proof_handed_out": paper.proof("handed_out"),
    "proof_reported": paper.proof_reported,
    "proof_resolved": paper.proof_resolved,
    "copy_ordered": paper.copy_ordered,
    "copy_sending": paper.copy("sending"),
    "copy_printed": paper.copy("printed"),
    "copy_requeued": paper.copy_requeued,
    "copy_unconfirmed": paper.copy("unconfirmed"),
    "slip_queued": paper.slip_queued,
    "allowance_slip_queued": lives.allowance_slip_queued,
    "slip_printed": paper.slip("printed"),
    "slip_unconfirmed": paper.slip("unconfirmed"),
    "drawer_opened": _nothing,
    "clock_corrected": _clock_corrected,
    "clock_jumped": _nothing,
    "segment_sealed": _sealed,
    "journal_restored": _restored,
}


TRACK_EVENTS = frozenset(
    name for name in entries.TYPES if name.startswith(("tracks_", "typing_", "share_", "period_", "unused_"))
)
"""What `tracks.history` tells."""


def apply(db: Db, sequence: int, data: entries.EntryData) -> None:
    """Bring the projections up to an entry, inside the transaction that holds it (journal thread only).

    sqlite3.IntegrityError when the entry contradicts what is known, such as a number taken twice.
    """
    _APPLY[data.TYPE](db, sequence, data)
    if data.TYPE in TRACK_EVENTS:
        db.execute("INSERT INTO track_events VALUES (?)", (sequence,))


def rebuild(db: Db, page: int = 1000, told: Callable[[int], None] = lambda _sequence: None) -> None:
    """Drop every projection and build it again from the entries, in the caller's transaction (offline only).

    `told` hears how far it got, after each page.
    """
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
        told(last)
