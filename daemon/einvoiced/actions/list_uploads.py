"""`upload.list`: every message that the platform has not accepted, with what to do; and how one invoice's stand."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from msgspec import Struct

from einvoiced.actions.standing import read_entry
from einvoiced.actions.upload_content import content_of, cursor_place, reference_of, told_invoice
from einvoiced.actions.upload_next import earlier_waits, waits_for_paper
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules import deadlines, messages
from einvoiced.rules.messages import NO_BUYER, Message
from einvoiced.rules.period import Period
from einvoiced.rules.platform_codes import meaning

State = Literal["waiting", "sent", "handed_over", "refused", "unknown"]
Asked = Literal["waiting", "sent", "handed_over", "refused", "unknown", "overdue"]
PAGE = 100
LOOKED_AT = 200

_ROWS = "SELECT entry, place, part, message, subject, state, way, changed FROM outbox"
_WHERE: dict[str, str] = {
    "": "",
    "overdue": "",
    "waiting": "state = 'waiting' AND ",
    "sent": "state = 'sent' AND way = 'folder' AND ",
    "handed_over": "state = 'sent' AND way = 'stick' AND ",
    "refused": "state = 'refused' AND ",
    "unknown": "state = 'unknown' AND ",
}
_FIRST = f"{_ROWS} WHERE entry = ? AND subject = entry"
_LATER = f"{_ROWS} WHERE subject = ? AND entry <> subject ORDER BY entry, place"


class UploadShown(Struct, frozen=True, omit_defaults=True):
    """One message: since when it is so, by when the platform must have it, why it waits, and what the platform said.

    `waits_for`: `proof` or `earlier` (an earlier message of the same invoice). `code` and `description` are the
    platform's; `sentence` and `to_do` say it plainly.
    """

    entry: int
    message: entries.Message
    part: str
    reference: str
    state: State
    since: str
    due: str
    overdue: bool
    waits_for: str = ""
    code: str = ""
    description: str = ""
    sentence: str = ""
    sentence_zh: str = ""
    to_do: str = ""
    to_do_zh: str = ""
    cure: str = ""


class UploadsPage(Struct, frozen=True):
    """`cursor` goes into the next question; None at the end."""

    uploads: list[UploadShown]
    cursor: str | None


def list_uploads(state: Asked | None, after: str | None, limit: int = PAGE) -> Action[UploadsPage]:
    """A page of the outbox after a cursor, the oldest first; InvalidParams for a cursor that is none."""
    begin = cursor_place(after)
    where = f"{_WHERE[state or '']}(entry, place, part) > (?, ?, ?) ORDER BY entry, place, part LIMIT ?"
    most = max(1, min(limit, PAGE))

    def action(tx: Transaction) -> UploadsPage:
        found: list[UploadShown] = []
        for at, row in enumerate(tx.all(f"{_ROWS} WHERE {where}", *begin, LOOKED_AT), start=1):
            shown = _shown(tx, *row)
            if state != "overdue" or shown.overdue:
                found.append(shown)
            if len(found) == most or at == LOOKED_AT:
                return UploadsPage(found, f"{row[0]}.{row[1]}.{row[2]}")
        return UploadsPage(found, None)

    return action


def uploads_of(tx: Transaction, subject: int) -> list[UploadShown]:
    """What the platform has not accepted yet of one invoice (or of an allowance against a stranger's)."""
    return [_shown(tx, *row) for question in (_FIRST, _LATER) for row in tx.all(question, subject)]


def state_name(state: str, way: str) -> State:
    """A message's state as people call it: what left on a stick is handed over, and nobody knows how far it got."""
    return "handed_over" if (state, way) == ("sent", "stick") else state  # type: ignore[return-value]


def due_of(message: Message, told_at: date) -> date:
    """By when the platform must have a message that tells of that day (rules.deadlines)."""
    match message:
        case messages.UnusedNumbers():
            return deadlines.unused_due(Period.from_year_month(message.year_month))
        case messages.IssuedInvoice():
            business = message.invoice.buyer is not None
        case messages.IssuedAllowance():
            business = message.buyer is not None
        case _:
            business = message.buyer_id != NO_BUYER
    return deadlines.upload_due(told_at, business)


def _shown(
    tx: Transaction,
    entry: int,
    place: int,
    part: str,
    message: entries.Message,
    subject: int,
    state: str,
    way: str,
    changed: int,
) -> UploadShown:
    content = content_of(tx, entry, message, subject, part)
    due = due_of(content, date.fromisoformat(read_entry(tx, entry)[0].time[:10]))
    since, change = read_entry(tx, changed)
    waits_for = _waits_for(tx, message, subject, entry, place) if state == "waiting" else ""
    return UploadShown(
        entry,
        message,
        part,
        reference_of(content),
        state_name(state, way),
        since.time[:19],
        due.isoformat(),
        tx.now().date() > due,
        waits_for,
        **_said(change, entry, message, part) if state == "refused" else {},
    )


def _waits_for(tx: Transaction, message: entries.Message, subject: int, entry: int, place: int) -> str:
    if earlier_waits(tx, subject, entry, place):
        return "earlier"
    return "proof" if message == "F0401" and waits_for_paper(told_invoice(tx, subject), tx.now()) else ""


def _said(change: Any, entry: int, message: str, part: str) -> dict[str, str]:
    """What the platform said, in its words and in plain ones."""
    if not isinstance(change, entries.UploadsAnswered):
        return {}
    upload = entries.Upload(entry, message, part)  # type: ignore[arg-type]
    answer = next(each for each in change.answers if each.upload == upload)
    means = meaning(answer.code)
    return {
        "code": answer.code,
        "description": answer.description,
        "sentence": means.en,
        "sentence_zh": means.zh,
        "to_do": means.do_en,
        "to_do_zh": means.do_zh,
        "cure": means.cure,
    }
