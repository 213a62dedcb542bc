"""`invoice.find` (發票查詢): what may be asked, by whom, and the answer; by number or key the journal itself answers.

Everything else is answered by the read model (`einvoiced.readmodel`), which takes a checked `Question`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from msgspec import Struct

from einvoiced.actions.ask import find_invoice
from einvoiced.actions.box import Box
from einvoiced.actions.standing import content_now, first_content, issued_entry, standing_of
from einvoiced.errors import InvalidParams, InvoiceNotFound
from einvoiced.journal.entries import Labels
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.period import Period

MOST, MOST_OF_TILL = 500, 50
"""Invoices of a page, over the admin socket and over the till's."""

MOST_AMOUNT = 10**12 - 1
"""Whole NT$: no sale has a number of more digits (`rules.amounts`)."""

UploadState = Literal["waiting", "sent", "accepted", "refused", "unknown"]
"""`accepted`: nothing of the invoice is in the outbox any more."""

_WORST = ("refused", "unknown", "waiting", "sent")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class FindParams(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the invoices must have, all of it at once; dates YYYY-MM-DD, both ends included."""

    invoice_number: str | None = None
    key: str | None = None
    year_month: str | None = None
    date_from: str | None = None
    date_to: str | None = None
    amount: int | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    buyer: str | None = None
    carrier: str | None = None
    state: Literal["issued", "cancelled"] | None = None
    upload: UploadState | None = None
    order_no: str | None = None
    till: str | None = None
    cashier: str | None = None
    limit: int = 50
    cursor: str | None = None


class Question(Struct, frozen=True, kw_only=True):
    """A checked question to the read model; `before`: the place that the last page ended with, 0 for the first."""

    date_from: date | None
    date_to: date | None
    amount_from: int | None
    amount_to: int | None
    buyer: str | None
    carrier: str | None
    state: str | None
    upload: str | None
    order_no: str | None
    till: str | None
    cashier: str | None
    limit: int
    before: int


class FoundInvoice(Struct, frozen=True):
    """One line of the answer; `invoice.get` has all of it. `replaces`: whether it stands for a cancelled one."""

    key: str
    invoice_number: str
    year_month: str
    date: str
    time: str
    state: str
    paper: str
    upload: str
    tax_type: str
    total_amount: int
    buyer: str | None
    carrier_type: str | None
    carrier_id: str | None
    npoban: str | None
    labels: Labels
    replaces: int


class FoundPage(Struct, frozen=True):
    """Invoices, the newest first, and the cursor of the next page; None at the end."""

    invoices: list[FoundInvoice]
    cursor: str | None


def needs_journal(params: FindParams) -> bool:
    """Whether the journal itself answers: by number or by key."""
    return params.invoice_number is not None or params.key is not None


def question(params: FindParams, *, of_till: bool, today: date) -> Question:
    """The checked question; InvalidParams. A till sees this period and the one before, in small pages."""
    begin, end = _days(params)
    if of_till:
        oldest = Period.of(today).previous().begins.date()
        if begin is not None and begin < oldest:
            raise InvalidParams("date_from", detail=f"a till may ask from {oldest} on; older ones: einvoicectl")
        begin = begin or oldest
    most = MOST_OF_TILL if of_till else MOST
    if not 1 <= params.limit <= most:
        raise InvalidParams("limit", detail=f"1 to {most}")
    low, high = params.amount_from, params.amount_to
    if params.amount is not None:
        if low is not None or high is not None:
            raise InvalidParams("amount", detail="give either amount or amount_from and amount_to")
        low = high = params.amount
    for name, value in (("amount_from", low), ("amount_to", high)):
        if value is not None and abs(value) > MOST_AMOUNT:
            raise InvalidParams(name if params.amount is None else "amount", detail=f"at most {MOST_AMOUNT}")
    return Question(
        date_from=begin,
        date_to=end,
        amount_from=low,
        amount_to=high,
        buyer=params.buyer,
        carrier=params.carrier,
        state=params.state,
        upload=params.upload,
        order_no=params.order_no,
        till=params.till,
        cashier=params.cashier,
        limit=params.limit,
        before=_place(params.cursor),
    )


def _days(params: FindParams) -> tuple[date | None, date | None]:
    """The span of days; a period is the days of its two months."""
    begin, end = read_day(params.date_from, "date_from"), read_day(params.date_to, "date_to")
    if params.year_month is None:
        return begin, end
    period = read_period(params.year_month)
    first, last = period.begins.date(), date.fromordinal(period.ends.toordinal() - 1)
    return max(begin or first, first), min(end or last, last)


def read_period(text: str) -> Period:
    """A period by MIG's YearMonth; InvalidParams."""
    try:
        return Period.from_year_month(text)
    except ValueError as error:
        raise InvalidParams("year_month", detail=str(error)) from None


def read_day(text: str | None, path: str) -> date | None:
    """A day as it is written in parameters; InvalidParams."""
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidParams(path, detail="a date is written YYYY-MM-DD")


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,19}", cursor):
        raise InvalidParams("cursor", detail="not the cursor of a page")
    return min(int(cursor), (1 << 62) - 1)


def find_in_journal(box: Box, params: FindParams) -> Action[FoundPage]:
    """By number or key: a page of one invoice or none. InvalidParams when both or anything else is asked besides."""
    if params != FindParams(
        invoice_number=params.invoice_number, key=params.key, year_month=params.year_month, limit=params.limit
    ):
        raise InvalidParams(detail="a number or a key says all: ask for nothing else besides, but the number's period")
    locate = find_invoice(box, key=params.key, invoice_number=params.invoice_number, year_month=params.year_month)

    def action(tx: Transaction) -> FoundPage:
        try:
            return FoundPage([_from_journal(tx, locate(tx))], None)
        except InvoiceNotFound:
            return FoundPage([], None)

    return action


_LEFT = """
SELECT state FROM outbox WHERE entry = ?1 AND message LIKE 'F%'
UNION ALL SELECT state FROM outbox WHERE subject = ?1 AND entry <> subject AND message LIKE 'F%'
"""


def _from_journal(tx: Transaction, sequence: int) -> FoundInvoice:
    issued = issued_entry(tx, sequence)
    first = first_content(issued)
    row = standing_of(tx, first)
    now = content_now(tx, sequence, first, row)
    day = now.invoice_date
    return FoundInvoice(
        *(issued.key, now.invoice_number, now.year_month, f"{day[:4]}-{day[4:6]}-{day[6:]}", now.invoice_time),
        *(row.state, row.paper, worst([left for (left,) in tx.all(_LEFT, sequence)]), now.tax_type, now.total_amount),
        *(now.buyer.identifier if now.buyer else None, now.carrier_type, now.carrier_id, now.npoban),
        *(issued.labels, issued.replaces),
    )


def worst(states: Iterable[str]) -> str:
    """One word for the messages that are still in the outbox."""
    found = set(states)
    return next((state for state in _WORST if state in found), "accepted")
