"""`invoice.adopt`: take back an invoice whose answer a till still holds and which this journal has lost."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import msgspec
from msgspec import Raw

from einvoiced.actions.box import Box
from einvoiced.actions.cancel_invoice import Withdrawal, withdraw
from einvoiced.actions.issue_invoice import Issued
from einvoiced.actions.named import found_at
from einvoiced.errors import AllowancesStand, CancelTooLate, InvalidParams, NotConfigured, NumberNotLost
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.messages import CancelledInvoice
from einvoiced.rules.numbers import split_invoice_number
from einvoiced.rules.period import Period
from einvoiced.rules.sale import check_text
from einvoiced.rules.share import Share

_RANGE = """
SELECT next, part, boxes FROM ranges WHERE seller = ? AND year_month = ? AND track = ? AND begin <= ? AND "end" >= ?
"""
_CONSENT = "原作廢已遺失，依收銀機保有的回覆補登"
_KNOWN = "SELECT sequence FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"


def adopt_invoice(box: Box, key: str, result: Raw, technician: str, peer: Peer | None) -> Action[int]:
    """Adopt the `result` of an old answer under its key; gives the entry's sequence. What it replaced is cancelled
    again where this journal lost that too.

    InvalidParams when it is no answer of `invoice.issue`; NumberNotLost when the number is known, still to be issued,
    of no range of this box, or the key has another invoice; ClockUntrusted or ClockWasAhead of a cancellation.
    """
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    by, bits = check_text(technician, 40, "technician", "technician"), key_bytes(key)
    try:
        issued = msgspec.json.decode(result, type=Issued)
        invoice = issued.invoice
        track, number = split_invoice_number(invoice.invoice_number)
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidParams("result", detail=f"no answer of invoice.issue: {error}") from None
    seller = box.shop.seller.identifier
    if invoice.seller.identifier != seller:
        raise NumberNotLost("result", invoice_number=invoice.invoice_number, detail="another seller's")
    mac_valid = issued.mac == box.mac(issued.epoch, issued.sequence)
    place = (seller, invoice.year_month, track, number)

    def action(tx: Transaction) -> int:
        detail = _why_not(tx, place, bits)
        if detail is not None:
            raise NumberNotLost("result", invoice_number=invoice.invoice_number, detail=detail)
        sequence = tx.append(entries.InvoiceAdopted(key, by, peer, mac_valid, result))
        if issued.replaced is not None:
            _cancel_again(tx, box, issued.replaced.cancellation, by, peer)
        return sequence

    return action


def _cancel_again(tx: Transaction, box: Box, was: CancelledInvoice, by: str, peer: Peer | None) -> None:
    """Cancel what the adopted invoice had replaced, where this journal holds it as standing and the law lets it."""
    day = date.fromisoformat(f"{was.invoice_date[:4]}-{was.invoice_date[4:6]}-{was.invoice_date[6:]}")
    row = tx.one(_KNOWN, was.seller_id, Period.of(day).year_month, *split_invoice_number(was.invoice_number))
    if row is None or (found := found_at(tx, row[0])).state == "cancelled":
        return
    texts = (was.return_tax_document_number or "", was.remark or "")
    wanted = Withdrawal(was.cancel_reason, by, _CONSENT, *texts)
    with suppress(AllowancesStand, CancelTooLate):
        withdraw(tx, box, found, wanted, box.trusted_moment(tx, None), "", peer)


def _why_not(tx: Transaction, place: tuple[str, str, str, int], key: bytes) -> str | None:
    row = tx.one(_RANGE, *place, place[3])
    if row is None:
        return "it is of no range of this box"
    if not Share(row[1] + 1, row[2]).has(place[3]):
        return "it is another box's share of its range"
    if row[0] <= place[3]:
        return "it is still to be issued"
    if tx.one(_KNOWN, *place):
        return "the journal holds it"
    if tx.one("SELECT 1 FROM keys WHERE seller = ? AND key = ?", place[0], key):
        return "its key has another invoice"
    return None
