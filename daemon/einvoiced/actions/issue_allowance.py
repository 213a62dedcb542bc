"""`allowance.issue` (折讓): part of an invoice goes back to its buyer; also of one that this journal does not hold."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from einvoiced import errors
from einvoiced.actions.allowance_slips import queue_allowance_slip
from einvoiced.actions.allowances import allowance_in, left_now
from einvoiced.actions.box import Box, need_zone
from einvoiced.actions.issue_invoice import checked_labels
from einvoiced.actions.keyed import compare, stored_result
from einvoiced.actions.named import Found, Subject, find_subject
from einvoiced.actions.typed_original import (
    Original,
    check_original,
    need_foreign,
    need_left,
    original_lines,
    positive,
    taken_before,
    whole,
)
from einvoiced.journal import entries
from einvoiced.journal.entries import Labels, Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.allowance import Asked, sum_up, take_back
from einvoiced.rules.amounts import ONE, spell
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.invoice import InvoiceBuyer
from einvoiced.rules.messages import IssuedAllowance
from einvoiced.rules.sale import MAX_LINES, check_text

_BOX_ID = re.compile("[A-Za-z0-9]{1,4}")
_COUNTER = 8
_LAST = "SELECT max(number) FROM allowances WHERE number BETWEEN ? AND ? AND length(number) = ?"


class LineBack(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the invoice, counted from 1; the amount with tax that goes back, whole NT$; of how much of it."""

    line: int
    amount: Decimal
    quantity: Decimal = ONE


class AllowanceParams(Subject, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lines of an invoice of this journal, or a typed `original`. `print`: who prints the slip."""

    by: str
    lines: list[LineBack] | None = None
    original: Original | None = None
    print: Literal["box", "none"] = "box"
    till_time: datetime | None = None
    labels: Labels = Labels()


class AllowanceResult(Struct, frozen=True, omit_defaults=True):
    """The result: the allowance; `left`: what can still be taken back of the invoice, whole NT$ with tax.

    `verified`: this journal holds the invoice. `taken_before`: of a typed one, what allowances of this box took back.
    """

    epoch: int
    sequence: int
    mac: str
    allowance: IssuedAllowance
    verified: bool
    left: int | None = None
    taken_before: int = 0


_encode = msgspec.json.Encoder().encode


def issue_allowance(box: Box, params: AllowanceParams, peer: Peer | None) -> Action[Raw]:
    """Issue it and give the result's bytes; the same key gives them again.

    BadText, BadNumber, InvalidParams; the action raises InvoiceNotFound, KeyConflict, BoxLocked, InvoiceIsCancelled,
    AllowanceLineUnknown, AllowanceTooMuch, AllowanceOnlyTax, OriginalIsHere, OriginalTakenBack, ClockUntrusted,
    ClockWasAhead, NotConfigured or DiskNearlyFull. None of them burns the key.
    """
    key, by, labels = key_bytes(params.key), check_text(params.by, 40, "by", "by"), checked_labels(params.labels)
    need_zone(params.till_time)
    if params.original is None:
        locate, asked = find_subject(box, params), _asked(params)
    else:
        _only_original(params)
        locate, asked = None, []
        check_original(params.original)

    def action(tx: Transaction) -> Raw:
        found = locate(tx) if locate else None
        seller = found.invoice.seller if found else (box.shop or box.need_shop()).seller
        stored = stored_result(tx, seller.identifier, key, "allowance.issue")
        if stored is not None:
            _compare(stored, found, asked, params.original, by)
            return stored[0]
        box.need_shop()
        tx.check_space()
        moment = box.trusted_moment(tx, params.till_time)
        if found is None:
            assert params.original is not None
            need_foreign(tx, seller.identifier, params.original, moment)
            before = taken_before(tx, params.original)
            left = need_left(params.original, before)
            lines, buyer = original_lines(params.original), _buyer(params.original)
        else:
            found.need_standing()
            before = 0
            remains = left_now(tx, found.sequence, found.invoice)
            lines, buyer = take_back(found.invoice, remains, asked), found.invoice.buyer
            left = remains.total
        net, tax = sum_up(lines)
        number, day = _next_number(tx, box), f"{moment:%Y%m%d}"
        allowance = IssuedAllowance(number, day, seller, buyer, lines, tax, net)
        epoch, sequence = tx.next_place
        told = AllowanceResult(epoch, sequence, box.mac(epoch, sequence), allowance, found is not None, left, before)
        at, result = found.sequence if found else 0, Raw(_encode(told))
        tx.append(entries.AllowanceIssued(seller.identifier, params.key, number, at, by, peer, labels, result), moment)
        if params.print == "box" and box.prints:
            queue_allowance_slip(tx, sequence, peer)
            box.paper_waits = True
        return result

    return action


def _asked(params: AllowanceParams) -> list[Asked]:
    """The lines; at least one, whole dollars, no quantity of 0."""
    lines = params.lines or []
    if not 1 <= len(lines) <= MAX_LINES:
        raise errors.BadLineCount("lines", limit=MAX_LINES, count=len(lines))
    return [
        Asked(
            line.line,
            whole(line.amount, f"lines[{at}].amount"),
            positive(line.quantity, f"lines[{at}].quantity"),
        )
        for at, line in enumerate(lines)
    ]


def _only_original(params: AllowanceParams) -> None:
    for name in ("invoice_number", "invoice_key", "year_month", "lines"):
        if getattr(params, name) is not None:
            raise errors.InvalidParams(name, detail="it does not go with a typed original")


def _next_number(tx: Transaction, box: Box) -> str:
    """Unique over all boxes of a seller, restored ones too: box id, epoch (2 digits), counter (8 digits)."""
    if not _BOX_ID.fullmatch(box.id):
        detail = "box.id: allowances need one of 1 to 4 letters and digits"
        raise errors.NotConfigured(detail=detail, detail_zh="box.id 須為 1 到 4 個英文字母或數字，才能開立折讓單")
    prefix = f"{box.id}{tx.next_place[0]:02d}"
    (last,) = tx.one(_LAST, prefix + "0" * _COUNTER, prefix + "9" * _COUNTER, len(prefix) + _COUNTER)
    return f"{prefix}{int(last[-_COUNTER:]) + 1 if last else 1:0{_COUNTER}d}"


def _buyer(original: Original) -> InvoiceBuyer | None:
    buyer = original.buyer
    return InvoiceBuyer(buyer.identifier, buyer.name.strip() if buyer.name else None) if buyer else None


def _compare(
    stored: tuple[Raw, entries.Envelope], found: Found | None, asked: list[Asked], original: Original | None, by: str
) -> None:
    """KeyConflict unless the stored allowance is this one."""
    data = entries.read_data(stored[1])
    assert isinstance(data, entries.AllowanceIssued)
    was = allowance_in(data)
    number = was.lines[0].original_invoice_number
    if found is not None:
        compare(number, [("invoice_number", data.invoice, found.sequence)])
        old = [(ln.original_sequence_number, int(ln.amount) + ln.tax, ln.quantity) for ln in was.lines]
        compare(number, [("lines", old, [(a.line, a.amount, spell(a.quantity, "quantity")) for a in asked])])
    elif original is not None:
        compare(number, [("original", (was.buyer, was.lines), (_buyer(original), original_lines(original)))])
    compare(number, [("by", data.by, by)])
