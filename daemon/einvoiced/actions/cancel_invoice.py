"""`invoice.cancel` (作廢): the number stays used, the sale is undone, the paper comes back.

Only while the law lets it: the buyer agreed, no allowance stands, and until the 15th of the next odd month; later
with the tax office's document number.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from einvoiced import errors
from einvoiced.actions.box import Box, need_zone
from einvoiced.actions.keyed import compare, stored_result
from einvoiced.actions.named import Found, Subject, find_subject
from einvoiced.actions.standing import standing_allowances
from einvoiced.actions.take_back import what_to_do
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.deadlines import cancel_until, may_cancel
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.messages import CancelledInvoice, buyer_id
from einvoiced.rules.sale import check_text


class WithdrawParams(Subject, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why an invoice is cancelled, who does it, how the buyer agreed; `document`: the tax office's, after the time.

    `till_time`: the till's own clock, with its zone.
    """

    reason: str
    by: str
    consent: str
    document: str | None = None
    remark: str | None = None
    till_time: datetime | None = None


class Cancelled(Struct, frozen=True):
    """The result: its place in the journal with the place's MAC, the cancellation, and what to do with the paper.

    `paper` and `copies`: where the original was, and how many copies of it were ordered.
    """

    epoch: int
    sequence: int
    mac: str
    cancellation: CancelledInvoice
    paper: entries.Paper
    copies: int
    todo: str
    todo_zh: str


class Withdrawal(Struct, frozen=True):
    """Checked texts of a cancellation; empty where they were left out."""

    reason: str
    by: str
    consent: str
    document: str
    remark: str


_encode = msgspec.json.Encoder().encode


def cancel_invoice(box: Box, params: WithdrawParams, peer: Peer | None) -> Action[Raw]:
    """Cancel it and give the result's bytes; the same key gives them again.

    BadText, InvalidParams; the action raises InvoiceNotFound, KeyConflict, BoxLocked, ClockUntrusted, ClockWasAhead,
    and what `withdraw` refuses. None of them burns the key.
    """
    key, wanted = key_bytes(params.key), checked_withdrawal(params)
    locate = find_subject(box, params)

    def action(tx: Transaction) -> Raw:
        found = locate(tx)
        stored = stored_result(tx, found.invoice.seller.identifier, key, "invoice.cancel")
        if stored is not None:
            data = entries.read_data(stored[1])
            assert isinstance(data, entries.InvoiceCancelled)
            compare_withdrawal(data, found, wanted)
            return stored[0]
        box.need_shop()
        moment = box.trusted_moment(tx, params.till_time)
        return withdraw(tx, box, found, wanted, moment, params.key, peer)[1]

    return action


def withdraw(
    tx: Transaction, box: Box, found: Found, wanted: Withdrawal, moment: datetime, key: str, peer: Peer | None
) -> tuple[Cancelled, Raw]:
    """Append the cancellation; gives it, and the result's bytes.

    InvoiceIsCancelled, AllowancesStand, CancelTooLate or DiskNearlyFull.
    """
    _need_lawful(tx, found, wanted, moment)
    tx.check_space()
    invoice = found.invoice
    iso = moment.isoformat(timespec="seconds")
    cancellation = CancelledInvoice(
        invoice.invoice_number,
        invoice.invoice_date,
        buyer_id(invoice.buyer),
        invoice.seller.identifier,
        iso[:10].replace("-", ""),
        iso[11:19],
        wanted.reason,
        wanted.document or None,
        wanted.remark or None,
    )
    epoch, sequence = tx.next_place
    mac = box.mac(epoch, sequence)
    told = Cancelled(
        epoch, sequence, mac, cancellation, found.paper, found.copies, *what_to_do(found.paper, found.copies)
    )
    result = Raw(_encode(told))
    w = wanted
    tx.append(
        entries.InvoiceCancelled(key, found.sequence, w.reason, w.by, w.consent, peer, result, w.document, w.remark),
        moment,
    )
    return told, result


def checked_withdrawal(params: WithdrawParams) -> Withdrawal:
    """The texts: MIG allows a reason of 20 characters, a document number of 60, a remark of 200; BadText."""
    need_zone(params.till_time)
    return Withdrawal(
        check_text(params.reason, 20, "reason", "reason"),
        check_text(params.by, 40, "by", "by"),
        check_text(params.consent, 40, "consent", "consent"),
        "" if params.document is None else check_text(params.document, 60, "document", "document"),
        "" if params.remark is None else check_text(params.remark, 200, "remark", "remark"),
    )


def compare_withdrawal(data: entries.InvoiceCancelled, found: Found, wanted: Withdrawal) -> None:
    """KeyConflict unless the stored cancellation is this one."""
    number = found.invoice.invoice_number
    compare(number, [("invoice_number", data.invoice, found.sequence)])
    compare(number, [(name, getattr(data, name), getattr(wanted, name)) for name in Withdrawal.__struct_fields__])


def _need_lawful(tx: Transaction, found: Found, wanted: Withdrawal, moment: datetime) -> None:
    number, period = found.invoice.invoice_number, found.invoice.period
    found.need_standing()
    allowances = standing_allowances(tx, found.sequence)
    if allowances:
        raise errors.AllowancesStand(invoice_number=number, allowances=", ".join(each for _, each in allowances))
    if not wanted.document and not may_cancel(period, moment):
        until = cancel_until(period).isoformat()
        raise errors.CancelTooLate("document", invoice_number=number, period=period.label, until=until)
