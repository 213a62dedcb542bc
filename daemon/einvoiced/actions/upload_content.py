"""A message of the outbox as the value that its file is made of: from the entry that it tells of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from einvoiced.actions.allowances import allowance_in
from einvoiced.actions.standing import content_now, first_content, issued_entry, later_entries, read_entry, standing_of
from einvoiced.errors import InvalidParams
from einvoiced.journal import entries
from einvoiced.journal.transaction import Transaction
from einvoiced.rules import messages
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.messages import Message, buyer_id


class _Undone(Struct, frozen=True):
    cancellation: messages.CancelledAllowance


_read_undone = msgspec.json.Decoder(_Undone).decode


class Told(Struct, frozen=True):
    """An invoice as the platform must have it now: its labels' order number, where its paper is, whether it stands."""

    invoice: Invoice
    order_no: str | None
    paper: entries.Paper
    cancelled: bool


def told_invoice(tx: Transaction, sequence: int) -> Told:
    """The invoice that an entry issued or adopted, as it stands now."""
    issued = issued_entry(tx, sequence)
    first = first_content(issued)
    row = standing_of(tx, first)
    invoice = content_now(tx, sequence, first, row)
    return Told(invoice, issued.labels.order_no, row.paper, row.state == "cancelled")


def content_of(tx: Transaction, entry: int, message: entries.Message, subject: int, part: str) -> Message:
    """The value of one message. Its dates and times are those of the entry that it tells of, Taipei."""
    if message == "F0401":
        told = told_invoice(tx, subject)
        return messages.IssuedInvoice(told.invoice, told.order_no)
    envelope, data = read_entry(tx, entry)
    day, time = envelope.time[:10].replace("-", ""), envelope.time[11:19]
    if message == "F0501":
        i = told_invoice(tx, subject).invoice
        seller, buyer = i.seller.identifier, buyer_id(i.buyer)
        document, remark = document_of(later for _, _, later in later_entries(tx, subject)), data.remark or None
        return messages.CancelledInvoice(
            i.invoice_number, i.invoice_date, buyer, seller, day, time, data.reason, document, remark
        )
    if message == "F0701":
        i = told_invoice(tx, subject).invoice
        seller, buyer = i.seller.identifier, buyer_id(i.buyer)
        return messages.VoidedInvoice(i.invoice_number, i.invoice_date, buyer, seller, day, time, data.reason)
    if message == "G0401":
        return allowance_in(data)
    if message == "G0501":
        return _read_undone(data.result).cancellation
    runs = [messages.Run(run.first, run.last) for run in data.unused if run.track == part]
    return messages.UnusedNumbers(data.seller, data.seller, data.year_month, part, runs)


def document_of(later: Iterable[Any]) -> str | None:
    """The newest number of a tax office's document among what happened to an invoice later."""
    kinds = (entries.InvoiceCancelled, entries.CancellationDocumented)
    said = [data.document for data in later if isinstance(data, kinds)]
    return (said[-1] or None) if said else None


def reference_of(message: Message) -> str:
    """What people call a message's subject: the invoice's or allowance's number, or period and track."""
    match message:
        case messages.IssuedInvoice():
            return message.invoice.invoice_number
        case messages.CancelledInvoice() | messages.VoidedInvoice():
            return message.invoice_number
        case messages.IssuedAllowance() | messages.CancelledAllowance():
            return message.allowance_number
        case messages.UnusedNumbers():
            return f"{message.year_month}{message.track}"


def cursor_place(cursor: str | None) -> tuple[int, int, str]:
    """The row that a cursor names; InvalidParams."""
    if cursor is None:
        return 0, 0, ""
    try:
        entry, place, part = cursor.split(".")
        return int(entry), int(place), part
    except ValueError:
        raise InvalidParams("after", detail="not a cursor of this method") from None
