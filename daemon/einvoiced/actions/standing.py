"""How an invoice stands now: its row, its content after corrections, what happened to it since it was issued."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from einvoiced.errors import InvoiceNotFound
from einvoiced.journal import entries
from einvoiced.journal.entries import Labels
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.numbers import split_invoice_number


class Standing(Struct, frozen=True):
    """An invoice's row: where its original is, `issued` or `cancelled`, and the entry that holds its content."""

    paper: entries.Paper
    state: str
    content: int


class _WithInvoice(Struct, frozen=True):
    invoice: Invoice


class _WithResult(Struct, frozen=True):
    result: Raw


_read_invoice = msgspec.json.Decoder(_WithInvoice).decode
_read_result = msgspec.json.Decoder(_WithResult).decode
_ROW = "SELECT paper, state, content FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"


def read_entry(tx: Transaction, sequence: int) -> tuple[entries.Envelope, Any]:
    """An entry that is known to be there, and its data."""
    envelope = entries.read(tx.one("SELECT body FROM entries WHERE sequence = ?", sequence)[0])
    return envelope, entries.read_data(envelope)


def issued_entry(tx: Transaction, sequence: int) -> entries.InvoiceIssued:
    """The entry of an invoice by its sequence, an adopted one as if it had been issued; InvoiceNotFound otherwise."""
    row = tx.one("SELECT body FROM entries WHERE sequence = ?", sequence)
    data = entries.read_data(entries.read(row[0])) if row else None
    if isinstance(data, entries.InvoiceAdopted):
        return entries.InvoiceIssued(data.key, 0, "unconfirmed", data.peer, Labels(), data.result)
    if not isinstance(data, entries.InvoiceIssued):
        raise InvoiceNotFound(asked=f"#{sequence}")
    return data


def first_content(issued: entries.InvoiceIssued) -> Invoice:
    """The invoice as it was issued."""
    return _read_invoice(issued.result).invoice


def standing_of(tx: Transaction, invoice: Invoice) -> Standing:
    """How an invoice of this journal stands."""
    track, number = split_invoice_number(invoice.invoice_number)
    return Standing(*tx.one(_ROW, invoice.seller.identifier, invoice.year_month, track, number))


def content_now(tx: Transaction, sequence: int, first: Invoice, standing: Standing) -> Invoice:
    """The invoice of an entry as its last correction left it."""
    if standing.content == sequence:
        return first
    body = tx.one("SELECT body FROM entries WHERE sequence = ?", standing.content)[0]
    return _read_invoice(_read_result(entries.read(body).data).result).invoice


def read_invoice(tx: Transaction, sequence: int) -> Invoice:
    """The invoice of an entry as it is now; InvoiceNotFound when it holds none."""
    first = first_content(issued_entry(tx, sequence))
    return content_now(tx, sequence, first, standing_of(tx, first))


def paper_of(tx: Transaction, issued: entries.InvoiceIssued) -> entries.Paper:
    """Where the original of an issued invoice is."""
    return standing_of(tx, first_content(issued)).paper


def count_copies(tx: Transaction, sequence: int) -> int:
    """How many marked copies were ordered of the invoice of an entry, whoever printed them."""
    return int(tx.one("SELECT coalesce(max(number), 0) FROM copies WHERE invoice = ?", sequence)[0])


def later_entries(tx: Transaction, sequence: int) -> list[tuple[int, entries.Envelope, Any]]:
    """What happened to an invoice after it was issued, oldest first: sequence, envelope, data."""
    found = tx.all("SELECT entry FROM events WHERE invoice = ? ORDER BY entry", sequence)
    return [(entry, *read_entry(tx, entry)) for (entry,) in found]


def standing_allowances(tx: Transaction, sequence: int) -> list[tuple[int, str]]:
    """The allowances of an invoice that were not cancelled: entry and number, oldest first."""
    question = (
        "SELECT entry, number FROM allowances WHERE state = 'issued' "
        "AND entry IN (SELECT entry FROM events WHERE invoice = ?) ORDER BY entry"
    )
    return [(entry, number) for entry, number in tx.all(question, sequence)]
