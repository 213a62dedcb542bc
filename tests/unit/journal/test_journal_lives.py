"""An invoice's later life and its uploads, as the projections keep them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from einvoiced.client import new_key
from einvoiced.journal import entries, migrations, projections, schema, store
from einvoiced.journal.entries import Answer, Upload
from tests.boxes import RANGE, Desk, dump

NOBODY = None


@pytest.fixture
def sold(desk: Desk) -> int:
    """The entry of one invoice."""
    desk.take(RANGE)
    return int(json.loads(desk.issue())["sequence"])


def append(desk: Desk, data: entries.EntryData) -> int:
    """One entry."""
    return desk.call(lambda tx: tx.append(data))


def outbox(desk: Desk) -> list[tuple[Any, ...]]:
    """Message, subject, state, in the order in which they may leave."""
    question = "SELECT message, subject, state FROM outbox ORDER BY entry, place, part"
    return desk.call(lambda tx: tx.all(question))


def invoice(desk: Desk) -> tuple[Any, ...]:
    """State, content and paper of the only invoice."""
    row: tuple[Any, ...] = desk.call(lambda tx: tx.one("SELECT state, content, paper FROM invoices"))
    return row


def cancelled(sold: int) -> entries.InvoiceCancelled:
    """A cancellation."""
    return entries.InvoiceCancelled(new_key(), sold, "退貨", "王小明", "已收回", NOBODY, Raw(b"{}"))


def corrected(sold: int, *, void: bool) -> entries.InvoiceCorrected:
    """A correction."""
    return entries.InvoiceCorrected(new_key(), sold, "改載具", "王小明", "none", void, NOBODY, Raw(b"{}"))


def allowance(sold: int, number: str = "A10100000001") -> entries.AllowanceIssued:
    """An allowance."""
    labels = entries.Labels()
    return entries.AllowanceIssued("24634102", new_key(), number, sold, "王小明", NOBODY, labels, Raw(b"{}"))


def test_an_issued_invoice_waits_to_be_uploaded(desk: Desk, sold: int) -> None:
    """From the transaction that took its number."""
    assert outbox(desk) == [("F0401", sold, "waiting")]


def test_an_invoice_is_cancelled_once(desk: Desk, sold: int) -> None:
    """Its number stays, its cancellation follows it to the platform, and another is a contradiction."""
    append(desk, cancelled(sold))
    assert invoice(desk)[0] == "cancelled"
    assert outbox(desk) == [("F0401", sold, "waiting"), ("F0501", sold, "waiting")]
    with pytest.raises(sqlite3.IntegrityError):
        append(desk, cancelled(sold))
    with pytest.raises(sqlite3.IntegrityError):
        append(desk, corrected(sold, void=False))


def test_an_accepted_message_leaves_the_outbox(desk: Desk, sold: int) -> None:
    """A refused one stays, until it is sent again."""
    upload = Upload(sold, "F0401")
    append(desk, entries.UploadsSent([upload], "folder", NOBODY))
    assert outbox(desk) == [("F0401", sold, "sent")]
    append(desk, entries.UploadsAnswered([Answer(upload, False, "E0103", "")], "0" * 64, NOBODY))
    assert outbox(desk) == [("F0401", sold, "refused")]
    append(desk, entries.UploadsRequeued([upload], "已更正", "王小明", NOBODY))
    assert outbox(desk) == [("F0401", sold, "waiting")]
    append(desk, entries.UploadsAnswered([Answer(upload, True)], "0" * 64, NOBODY))
    assert outbox(desk) == []


def test_a_correction_before_the_upload_changes_what_is_uploaded(desk: Desk, sold: int) -> None:
    """No other message is needed; a refused one waits again."""
    upload = Upload(sold, "F0401")
    append(desk, entries.UploadsAnswered([Answer(upload, False, "E1005")], "0" * 64, NOBODY))
    sequence = append(desk, corrected(sold, void=False))
    assert invoice(desk) == ("issued", sequence, "none")
    assert outbox(desk) == [("F0401", sold, "waiting")]


def test_a_correction_after_the_upload_erases_first(desk: Desk, sold: int) -> None:
    """F0701, then F0401, in this order, behind what is on its way; one before those leave changes them only."""
    append(desk, entries.UploadsSent([Upload(sold, "F0401")], "folder", NOBODY))
    first = append(desk, corrected(sold, void=True))
    assert outbox(desk) == [("F0401", sold, "sent"), ("F0701", sold, "waiting"), ("F0401", sold, "waiting")]
    append(desk, entries.UploadsSent([Upload(first, "F0701"), Upload(first, "F0401")], "folder", NOBODY))
    append(desk, entries.UploadsAnswered([Answer(Upload(first, "F0401"), False, "E0201")], "0" * 64, NOBODY))
    append(desk, corrected(sold, void=False))
    assert outbox(desk) == [("F0401", sold, "sent"), ("F0701", sold, "sent"), ("F0401", sold, "waiting")]


def test_an_allowance_and_its_cancelling_follow_their_invoice(desk: Desk, sold: int) -> None:
    """To the platform, and among its events; one of a foreign invoice stands for itself."""
    mine = append(desk, allowance(sold))
    foreign = append(desk, allowance(0, "A10100000002"))
    gone = append(desk, entries.AllowanceCancelled("24634102", new_key(), mine, "誤開", "王小明", NOBODY, Raw(b"{}")))
    append(desk, entries.AllowanceCancelled("24634102", new_key(), foreign, "誤開", "王小明", NOBODY, Raw(b"{}")))
    waiting = [("F0401", sold), ("G0401", sold), ("G0401", foreign), ("G0501", sold), ("G0501", foreign)]
    assert [(message, subject) for message, subject, _ in outbox(desk)] == waiting
    assert desk.call(lambda tx: tx.all("SELECT invoice, entry FROM events")) == [(sold, mine), (sold, gone)]


def test_an_allowances_number_is_used_once(desk: Desk, sold: int) -> None:
    """Over all invoices."""
    append(desk, allowance(sold))
    with pytest.raises(sqlite3.IntegrityError):
        append(desk, allowance(0))


def test_unused_numbers_are_a_message_a_track(desk: Desk) -> None:
    """And the period's closing cannot be undone any more."""
    runs = [entries.Run("24634102", "11502", track, 100, 149) for track in ("AB", "AC")]
    runs.append(entries.Run("24634102", "11502", "AB", 200, 249))
    sequence = append(desk, entries.UnusedQueued("24634102", "11502", runs, ["A1"], "einvoiced", NOBODY))
    rows = desk.call(lambda tx: tx.all("SELECT message, part, subject FROM outbox ORDER BY part"))
    assert rows == [("E0402", "AB", sequence), ("E0402", "AC", sequence)]
    assert desk.call(lambda tx: tx.one("SELECT value FROM facts WHERE name = 'period 24634102 11502'")) == ("queued",)


def test_after_a_restore_nobody_knows_what_the_platform_has(desk: Desk, sold: int) -> None:
    """Everything that is not known as accepted is unknown."""
    append(desk, cancelled(sold))
    append(desk, entries.JournalRestored("backup", "王小明", 1))
    assert {state for _, _, state in outbox(desk)} == {"unknown"}
    append(desk, entries.UploadsSettled([Upload(sold, "F0401")], "平台已有", "王小明", NOBODY))
    assert outbox(desk) == [("F0501", sold, "unknown")]


def test_a_replay_gives_the_same_lives(desk: Desk, sold: int) -> None:
    """All of it can be thrown away."""
    append(desk, corrected(sold, void=True))
    append(desk, allowance(sold))
    append(desk, entries.UploadsSent([Upload(sold, "F0401")], "stick", NOBODY))
    append(desk, cancelled(sold))
    live = desk.call(lambda tx: dump(tx.db, *schema.PROJECTION_TABLES))

    def again(tx: Any) -> list[str]:
        projections.rebuild(tx.db)
        return dump(tx.db, *schema.PROJECTION_TABLES)

    assert desk.call(again) == live


def test_a_journal_of_the_first_version_gets_the_new_tables(desk: Desk, sold: int, tmp_path: Path) -> None:
    """From its entries, in a process of its own that tells how far it is."""
    live = desk.call(lambda tx: dump(tx.db, *schema.PROJECTION_TABLES))
    desk.journal.close()
    file = desk.directory / store.FILE
    db = sqlite3.connect(file, isolation_level=None)
    for table in ("events", "allowances", "outbox"):
        db.execute(f"DROP TABLE {table}")
    db.execute("ALTER TABLE invoices DROP COLUMN state")
    db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm002_lives_of_invoices'")
    db.execute("PRAGMA user_version = 1")
    db.close()
    told: list[int] = []
    migrations.migrate_apart(file, told.append)
    desk.open()
    assert desk.call(lambda tx: dump(tx.db, *schema.PROJECTION_TABLES)) == live
    assert told and told[-1] >= sold


def test_the_entries_keep_their_bytes() -> None:
    """A field with its default is left out: an invoice is written as it was before it could replace another."""
    data = entries.InvoiceIssued(new_key(), 0, "none", None, entries.Labels(), Raw(b"{}"))
    assert b"replaces" not in msgspec.json.encode(data)
