"""An invoice that this journal does not hold, typed from its proof for an allowance: checked as far as anybody can."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from einvoiced import errors
from einvoiced.actions.allowances import allowance_in
from einvoiced.actions.standing import read_entry
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.allowance import allowance_line, tax_within
from einvoiced.rules.amounts import ONE, spell
from einvoiced.rules.identifiers import check_buyer_id
from einvoiced.rules.messages import AllowanceLine
from einvoiced.rules.numbers import invoice_number, split_invoice_number
from einvoiced.rules.period import Period
from einvoiced.rules.sale import MAX_LINES, Buyer, check_text

_DAY = re.compile("[0-9]{8}")
_TYPED = "SELECT entry FROM allowances WHERE invoice = 0 AND state = 'issued'"
_KNOWN = "SELECT 1 FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"


class OriginalLine(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of it: the amount with tax that goes back, whole NT$; `tax`: how much of it is tax, where it is known."""

    description: str
    amount: Decimal
    tax: int | None = None
    tax_type: Literal["1", "3"] = "1"
    quantity: Decimal = ONE
    unit: str | None = None
    line: int | None = None


class Original(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The invoice's number, date (YYYYMMDD), buyer and total (whole NT$ with tax) as they stand on its proof."""

    invoice_number: str
    invoice_date: str
    lines: list[OriginalLine]
    buyer: Buyer | None = None
    total_amount: Decimal | None = None


def check_original(original: Original) -> None:
    """InvalidParams, BadBuyerId, BuyerIdSuspect, BadText, BadNumber or BadLineCount, with paths."""
    try:
        _number(original)
        _date(original)
        if original.buyer is not None:
            _check_buyer(original.buyer)
        if not 1 <= len(original.lines) <= MAX_LINES:
            raise errors.BadLineCount("lines", limit=MAX_LINES, count=len(original.lines))
        if original.total_amount is not None:
            whole(original.total_amount, "total_amount")
        for at, line in enumerate(original.lines):
            _check_line(line, f"lines[{at}]")
    except errors.EinvoicedError as error:
        raise error.within("original") from None


def need_foreign(tx: Transaction, seller: str, original: Original, moment: datetime) -> None:
    """OriginalIsHere when this journal holds it; InvalidParams for a date to come."""
    day, (track, number) = _date(original), _number(original)
    if day > moment.date():
        raise errors.InvalidParams("original.invoice_date", detail="it is in the future")
    if tx.one(_KNOWN, seller, Period.of(day).year_month, track, number) is not None:
        raise errors.OriginalIsHere("original.invoice_number", invoice_number=invoice_number(track, number))


def taken_before(tx: Transaction, original: Original) -> int:
    """What this box's allowances that stand took back of it before, with tax. Reads every typed one that stands."""
    period, number = Period.of(_date(original)).year_month, invoice_number(*_number(original))
    taken = 0
    for (entry,) in tx.all(_TYPED):
        a = allowance_in(read_entry(tx, entry)[1])
        line = a.lines[0]
        if line.original_invoice_number == number and period == _period_of(line.original_invoice_date):
            taken += a.total_amount + a.tax_amount
    return taken


def need_left(original: Original, before: int) -> int | None:
    """What is left of its total after this allowance, None where nobody told the total; OriginalTakenBack."""
    if original.total_amount is None:
        return None
    left, asked = int(original.total_amount) - before, sum(int(line.amount) for line in original.lines)
    if asked > left:
        facts = {"total": int(original.total_amount), "left": max(left, 0), "asked": asked}
        raise errors.OriginalTakenBack("original.total_amount", invoice_number=original.invoice_number, **facts)
    return left - asked


def original_lines(original: Original) -> list[AllowanceLine]:
    """Its lines for the allowance."""
    number = invoice_number(*_number(original))
    found = []
    for line in original.lines:
        amount = int(line.amount)
        tax = tax_within(amount, line.tax_type) if line.tax is None else line.tax
        unit = line.unit.strip() if line.unit else None
        rest = (line.quantity, amount - tax, tax, line.tax_type, unit)
        found.append(allowance_line(original.invoice_date, number, line.line, line.description.strip(), *rest))
    return found


def whole(amount: Decimal, path: str) -> int:
    """Whole NT$, 1 or more; BadNumber or InvalidParams."""
    spell(amount, path)
    if amount < 1 or amount != amount.to_integral_value():
        raise errors.InvalidParams(path, detail="whole NT$ with tax, 1 or more")
    return int(amount)


def positive(quantity: Decimal, path: str) -> Decimal:
    """A quantity above 0 (E0106); BadNumber or ZeroQuantity."""
    spell(quantity, path)
    if quantity <= 0:
        raise errors.ZeroQuantity(path)
    return quantity


def _check_line(line: OriginalLine, path: str) -> None:
    check_text(line.description, 500, f"{path}.description", "description")
    if line.unit is not None:
        check_text(line.unit, 6, f"{path}.unit", "unit")
    amount = whole(line.amount, f"{path}.amount")
    positive(line.quantity, f"{path}.quantity")
    if line.tax is not None and not 0 <= line.tax < amount:
        raise errors.InvalidParams(f"{path}.tax", detail="from 0 to less than the amount")
    if line.tax and line.tax_type != "1":
        raise errors.InvalidParams(f"{path}.tax", detail="an exempt line holds none")
    if line.line is not None and not 1 <= line.line <= MAX_LINES:
        raise errors.InvalidParams(f"{path}.line", detail="lines are counted from 1")


def _check_buyer(buyer: Buyer) -> None:
    try:
        check_buyer_id(buyer.identifier, confirmed=buyer.confirmed)
    except errors.EinvoicedError as error:
        raise error.within("buyer") from None
    if buyer.name is not None:
        check_text(buyer.name, 60, "buyer.name", "name")


def _number(original: Original) -> tuple[str, int]:
    try:
        return split_invoice_number(original.invoice_number)
    except ValueError as error:
        raise errors.InvalidParams("invoice_number", detail=str(error)) from None


def _period_of(day: str) -> str:
    return Period.of(date(int(day[:4]), int(day[4:6]), int(day[6:]))).year_month


def _date(original: Original) -> date:
    text = original.invoice_date
    try:
        if not _DAY.fullmatch(text):
            raise ValueError("not eight digits")
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    except ValueError as error:
        raise errors.InvalidParams("invoice_date", detail=f"YYYYMMDD: {error}") from None
