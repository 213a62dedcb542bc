"""What the tests of actions share: requests on a real journal, refusals, printing by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from einvoiced import errors
from einvoiced.actions.cancel_allowance import AllowanceCancelParams, cancel_allowance
from einvoiced.actions.cancel_invoice import WithdrawParams, cancel_invoice
from einvoiced.actions.correct_invoice import CorrectParams, correct_invoice
from einvoiced.actions.document_cancellation import DocumentParams, document_cancellation
from einvoiced.actions.issue_allowance import AllowanceParams, issue_allowance
from einvoiced.actions.replace_invoice import ReplaceParams, replace_invoice
from einvoiced.actions.show_invoice import InvoiceShown, get_invoice
from einvoiced.client import new_key
from einvoiced.journal import entries
from einvoiced.rules.period import TAIPEI
from tests.boxes import Desk

WHY: dict[str, Any] = {"reason": "退貨", "by": "王店員", "consent": "買方同意，已收回證明聯"}


def at(desk: Desk, *moment: int) -> None:
    """Move the clock to a moment of 2026 in Taipei: month, day, hour, minute, second."""
    desk.clock.set(datetime(2026, *moment, tzinfo=TAIPEI))


def refusal_of(desk: Desk, kind: type[errors.EinvoicedError], ask: Callable[[], object]) -> errors.EinvoicedError:
    """The refusal of a request; nothing was appended by it."""
    before = desk.entries()
    with pytest.raises(kind) as caught:
        ask()
    assert desk.entries() == before
    return caught.value


def decoded(kind: type[Any], params: dict[str, Any]) -> Any:
    """Parameters as they come over the wire, with a new key unless there is one."""
    return msgspec.json.decode(json.dumps({"key": new_key(), **params}, default=str).encode(), type=kind)


def cancel(desk: Desk, number: str, **params: Any) -> Any:
    """`invoice.cancel`, its result decoded."""
    return json.loads(cancel_bytes(desk, number, **params))


def cancel_bytes(desk: Desk, number: str, **params: Any) -> bytes:
    """The bytes of `invoice.cancel`."""
    sent = decoded(WithdrawParams, {"invoice_number": number, **WHY, **params})
    return bytes(desk.call(cancel_invoice(desk.box, sent, None)))


def document_bytes(desk: Desk, number: str, **params: Any) -> bytes:
    """The bytes of `invoice.document`."""
    sent = {"invoice_number": number, "document": "財北國稅字第1150012345號", "by": "王店長", **params}
    return bytes(desk.call(document_cancellation(desk.box, decoded(DocumentParams, sent), None)))


def shown(desk: Desk, number: str) -> InvoiceShown:
    """`invoice.get`."""
    return desk.call(get_invoice(desk.box, key=None, invoice_number=number, year_month=None))


def append(desk: Desk, data: entries.EntryData) -> int:
    """One entry."""
    return desk.call(lambda tx: tx.append(data))


def entry_of(desk: Desk, number: str) -> int:
    """The sequence of an invoice's entry."""
    return int(desk.call(lambda tx: tx.one("SELECT sequence FROM invoices WHERE number = ?", int(number[2:])))[0])


def put_on_paper(desk: Desk, number: str, paper: str) -> None:
    """Bring an original to a state by the entries that lead there."""
    at = entry_of(desk, number)
    steps: dict[str, list[entries.EntryData]] = {
        "queued": [],
        "sending": [entries.ProofSending(at, "0" * 64)],
        "printed": [entries.ProofSending(at, "0" * 64), entries.ProofPrinted(at, "status")],
        "sent": [entries.ProofSending(at, "0" * 64), entries.ProofPrinted(at, "none")],
        "unconfirmed": [entries.ProofSending(at, "0" * 64), entries.ProofUnconfirmed(at, "斷電")],
        "failed": [entries.ProofFailed(at, "字型")],
        "to_replace": [
            entries.ProofUnconfirmed(at, "斷電"),
            entries.ProofResolved(at, "nothing_usable", "王店員", None),
        ],
        "handed_out": [entries.ProofHandedOut(at, "0" * 64, None)],
    }
    for data in steps[paper]:
        append(desk, data)
    assert shown(desk, number).paper == paper


def outbox(desk: Desk) -> list[tuple[str, str]]:
    """Messages and their states, in the order in which they may leave."""
    question = "SELECT message, state FROM outbox ORDER BY entry, place, part"
    return [(message, state) for message, state in desk.call(lambda tx: tx.all(question))]


def replace(desk: Desk, number: str, **params: Any) -> Any:
    """`invoice.replace`, its result decoded."""
    return json.loads(replace_bytes(desk, number, **params))


def replace_bytes(desk: Desk, number: str, **params: Any) -> bytes:
    """The bytes of `invoice.replace`."""
    sent = decoded(ReplaceParams, {"invoice_number": number, **WHY, **params})
    return bytes(desk.call(replace_invoice(desk.box, sent, None)))


def correct(desk: Desk, number: str, **params: Any) -> Any:
    """`invoice.correct`, its result decoded."""
    return json.loads(correct_bytes(desk, number, **params))


def correct_bytes(desk: Desk, number: str, **params: Any) -> bytes:
    """The bytes of `invoice.correct`."""
    why = {"invoice_number": number, "reason": "存入載具", "by": "王店員"}
    return bytes(desk.call(correct_invoice(desk.box, decoded(CorrectParams, {**why, **params}), None)))


def answered(desk: Desk, entry: int, message: entries.Message, code: str = "") -> None:
    """The platform accepted a message, or refused it with a code."""
    upload = entries.Upload(entry, message)
    append(desk, entries.UploadsSent([upload], "folder", None))
    append(desk, entries.UploadsAnswered([entries.Answer(upload, not code, code)], "0" * 64, None))


def allow(desk: Desk, number: str | None, *lines: tuple[int, int], **params: Any) -> Any:
    """`allowance.issue` of (line, amount), its result decoded."""
    return json.loads(allow_bytes(desk, number, *lines, **params))


def allow_bytes(desk: Desk, number: str | None, *lines: tuple[int, int], **params: Any) -> bytes:
    """The bytes of `allowance.issue`."""
    sent: dict[str, Any] = {"by": "王店員", "invoice_number": number}
    if lines:
        sent["lines"] = [{"line": line, "amount": amount} for line, amount in lines]
    return bytes(desk.call(issue_allowance(desk.box, decoded(AllowanceParams, {**sent, **params}), None)))


def undo(desk: Desk, number: str, **params: Any) -> Any:
    """`allowance.cancel`, its result decoded."""
    return json.loads(undo_bytes(desk, number, **params))


def undo_bytes(desk: Desk, number: str, **params: Any) -> bytes:
    """The bytes of `allowance.cancel`."""
    sent = {"allowance_number": number, "reason": "誤開", "by": "王店員", **params}
    return bytes(desk.call(cancel_allowance(desk.box, decoded(AllowanceCancelParams, sent), None)))
