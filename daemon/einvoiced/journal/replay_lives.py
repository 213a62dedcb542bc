"""The later lives of invoices held against the law, while entries are played again (called by `replay` only).

That nothing is cancelled twice, and no number given twice, the projections see themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from einvoiced.journal import entries
from einvoiced.journal.findings import Findings
from einvoiced.journal.lives import NOT_BEGUN
from einvoiced.journal.mac import MacKey
from einvoiced.rules.allowance import left_of
from einvoiced.rules.deadlines import may_cancel
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.messages import CancelledInvoice, IssuedAllowance
from einvoiced.rules.numbers import split_invoice_number

Db = sqlite3.Connection
_ROW = "SELECT paper, state, content FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"
_STANDING = """
SELECT entry, number FROM allowances WHERE state = 'issued' AND entry IN (SELECT entry FROM events WHERE invoice = ?)
"""
_RECEIVERS = {"carrier_type": None, "carrier_id": None, "npoban": None, "print_mark": "Y"}


class _Place(Struct, frozen=True):
    epoch: int
    sequence: int
    mac: str


class _WithInvoice(Struct, frozen=True):
    invoice: Invoice


class _WithAllowance(Struct, frozen=True):
    allowance: IssuedAllowance


class _WithCancellation(Struct, frozen=True):
    cancellation: CancelledInvoice


_read_place = msgspec.json.Decoder(_Place).decode
_read_invoice = msgspec.json.Decoder(_WithInvoice).decode
_read_allowance = msgspec.json.Decoder(_WithAllowance).decode
_read_cancellation = msgspec.json.Decoder(_WithCancellation).decode


class Lives:
    """Checks each entry before it is played. `key`: that of the answers' MACs, where they are to be checked."""

    def __init__(self, db: Db, findings: Findings, key: MacKey | None) -> None:
        self._db, self._findings, self._key = db, findings, key

    def check(self, envelope: entries.Envelope, data: entries.EntryData, journal: str, place: str) -> None:
        """Add what is wrong with it to the findings."""
        if data.TYPE not in _CHECKS:
            return
        where: dict[str, Any] = {"entry": envelope.sequence, "place": place}
        try:
            if data.TYPE != "invoice_issued":
                self._check_answer(envelope, data, journal, where)
            for detail in _CHECKS[data.TYPE](self._db, envelope, data):
                self._findings.add("unlawful", detail, **where)
        except (msgspec.DecodeError, ValueError, TypeError, LookupError) as error:
            self._findings.add("unreadable", f"what it tells of: {error}", **where)

    def _check_answer(self, envelope: entries.Envelope, data: Any, journal: str, where: dict[str, Any]) -> None:
        told = _read_place(data.result)
        if (told.epoch, told.sequence) != (envelope.epoch, envelope.sequence):
            self._findings.add("place", f"the answer says ({told.epoch}, {told.sequence})", **where)
        if self._key is not None and not self._key.may_have_made(journal, told.epoch, told.sequence, told.mac):
            self._findings.add("mac", "the MAC of its answer is not this journal's", **where)


def _result_of(db: Db, sequence: int) -> Raw:
    (body,) = db.execute("SELECT body FROM entries WHERE sequence = ?", (sequence,)).fetchone()
    data: Any = entries.read_data(entries.read(body))
    result: Raw = data.result
    return result


def _standing(db: Db, sequence: int) -> tuple[Invoice, str, str]:
    """The invoice of an entry as it is now, where its original is, and its state."""
    first = _read_invoice(_result_of(db, sequence)).invoice
    track, number = split_invoice_number(first.invoice_number)
    row = db.execute(_ROW, (first.seller.identifier, first.year_month, track, number)).fetchone()
    return _read_invoice(_result_of(db, row[2])).invoice, row[0], row[1]


def _cancelled(db: Db, envelope: entries.Envelope, data: entries.InvoiceCancelled) -> list[str]:
    invoice, _, _ = _standing(db, data.invoice)
    number, found = invoice.invoice_number, []
    told = _read_cancellation(data.result).cancellation.invoice_number
    if told != number:
        found.append(f"it cancels {number}, its answer says {told}")
    allowances = [name for _, name in db.execute(_STANDING, (data.invoice,)).fetchall()]
    if allowances:
        found.append(f"{number} was cancelled under its allowances {', '.join(allowances)}")
    if not data.document and not may_cancel(invoice.period, datetime.fromisoformat(envelope.time)):
        found.append(f"{number} of {invoice.year_month} was cancelled too late, without the tax office's document")
    return found


def _documented(db: Db, _envelope: entries.Envelope, data: entries.CancellationDocumented) -> list[str]:
    invoice, _, state = _standing(db, data.invoice)
    number, found = invoice.invoice_number, []
    told = _read_cancellation(data.result).cancellation.invoice_number
    if told != number:
        found.append(f"it documents the cancellation of {number}, its answer says {told}")
    if state != "cancelled":
        found.append(f"{number} got a document for its cancellation, but was not cancelled")
    return found


def _corrected(db: Db, _envelope: entries.Envelope, data: entries.InvoiceCorrected) -> list[str]:
    before, paper, _ = _standing(db, data.invoice)
    after = _read_invoice(data.result).invoice
    number, found = before.invoice_number, []
    if structs.replace(before, **_RECEIVERS) != structs.replace(after, **_RECEIVERS):
        found.append(f"more of {number} was corrected than carrier, donation and print mark")
    if paper not in NOT_BEGUN:
        found.append(f"{number} was corrected after its original was {paper}")
    return found


def _allowed(db: Db, _envelope: entries.Envelope, data: entries.AllowanceIssued) -> list[str]:
    allowance, found = _read_allowance(data.result).allowance, []
    if allowance.allowance_number != data.number:
        found.append(f"it is the allowance {data.number}, its answer says {allowance.allowance_number}")
    if not data.invoice:
        return found
    invoice, _, state = _standing(db, data.invoice)
    if state != "issued":
        found.append(f"the allowance {data.number} is of {invoice.invoice_number}, which was cancelled")
    rows = db.execute(_STANDING, (data.invoice,)).fetchall()
    standing = [_read_allowance(_result_of(db, entry)).allowance for entry, _ in rows]
    left = left_of(invoice, [*standing, allowance])
    if min(left.net, left.tax, left.exempt, *left.lines) < 0:
        found.append(f"the allowance {data.number} takes back more than was left of {invoice.invoice_number}")
    return found


def _issued(db: Db, _envelope: entries.Envelope, data: entries.InvoiceIssued) -> list[str]:
    """Only one that replaces another has an earlier life to answer for."""
    if not data.replaces:
        return []
    invoice, _, state = _standing(db, data.replaces)
    return [] if state == "cancelled" else [f"it replaces {invoice.invoice_number}, which was not cancelled"]


def _nothing(_db: Db, _envelope: entries.Envelope, _data: entries.AllowanceCancelled) -> list[str]:
    return []


_CHECKS: dict[str, Callable[[Db, entries.Envelope, Any], list[str]]] = {
    "invoice_issued": _issued,
    "invoice_cancelled": _cancelled,
    "cancellation_documented": _documented,
    "invoice_corrected": _corrected,
    "allowance_issued": _allowed,
    "allowance_cancelled": _nothing,
}
