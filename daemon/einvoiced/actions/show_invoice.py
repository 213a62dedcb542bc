"""`invoice.get`: one invoice as it stands, with all that happened to it."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from einvoiced.actions.allowances import AllowanceShown, allowances_of, left_now
from einvoiced.actions.ask import find_invoice
from einvoiced.actions.box import Box
from einvoiced.actions.find_invoices import worst
from einvoiced.actions.list_uploads import UploadShown, uploads_of
from einvoiced.actions.standing import (
    content_now,
    count_copies,
    first_content,
    issued_entry,
    later_entries,
    standing_of,
)
from einvoiced.actions.upload_content import document_of
from einvoiced.journal import entries
from einvoiced.journal.entries import Labels
from einvoiced.journal.transaction import Action, Transaction


class InvoiceShown(Struct, frozen=True, omit_defaults=True):
    """An invoice as it stands: `result` are the bytes that `invoice.issue` (or `invoice.replace`) answered.

    `correction`: those of the last `invoice.correct`, with the invoice as it is now; `cancellation`: those of
    `invoice.cancel`, and `document` the tax office's number for it; `replaces` and `replaced_by` are invoice numbers.
    `left`: what can still be taken back, whole NT$ with tax, and `lines_left` of each line; only where there were
    allowances. `uploads`: what the platform has not accepted of it, and `upload` that in a word, as `invoice.find`
    has it.
    """

    key: str
    state: str
    paper: entries.Paper
    copies: int
    labels: Labels
    result: Raw
    upload: str
    correction: Raw | None = None
    cancellation: Raw | None = None
    document: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    allowances: list[AllowanceShown] = []
    left: int | None = None
    lines_left: list[int] = []
    uploads: list[UploadShown] = []


def get_invoice(
    box: Box, *, key: str | None, invoice_number: str | None, year_month: str | None
) -> Action[InvoiceShown]:
    """An invoice by the till's key or by its number; errors as `find_invoice`."""
    find = find_invoice(box, key=key, invoice_number=invoice_number, year_month=year_month)
    return lambda tx: _shown(tx, find(tx))


def _shown(tx: Transaction, sequence: int) -> InvoiceShown:
    issued = issued_entry(tx, sequence)
    first = first_content(issued)
    row = standing_of(tx, first)
    later = [data for _, _, data in later_entries(tx, sequence)]
    allowed = any(isinstance(data, entries.AllowanceIssued) for data in later)
    left = left_now(tx, sequence, content_now(tx, sequence, first, row)) if allowed else None
    uploads = uploads_of(tx, sequence)
    return InvoiceShown(
        *(issued.key, row.state, row.paper, count_copies(tx, sequence), issued.labels, issued.result),
        worst(_word(each) for each in uploads if each.message.startswith("F")),
        next((data.result for data in reversed(later) if isinstance(data, entries.InvoiceCorrected)), None),
        next((data.result for data in later if isinstance(data, entries.InvoiceCancelled)), None),
        document_of(later),
        _number(tx, issued.replaces) if issued.replaces else None,
        next((_number_of(data) for data in later if isinstance(data, entries.InvoiceIssued)), None),
        allowances_of(tx, sequence) if allowed else [],
        left.total if left else None,
        left.lines if left else [],
        uploads,
    )


def _word(upload: UploadShown) -> str:
    return "sent" if upload.state == "handed_over" else upload.state


def _number(tx: Transaction, sequence: int) -> str:
    return _number_of(issued_entry(tx, sequence))


def _number_of(issued: Any) -> str:
    return first_content(issued).invoice_number
