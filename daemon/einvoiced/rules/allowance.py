"""Allowances (折讓): what of an invoice is taken back, net and tax apart, and never more than is left of it.

Amounts that go back to a buyer are whole NT$ with tax, for consumers and for buyers with a 統一編號 alike. Each is
split as what is left of the invoice is: two returns of 50 from 100 are 48 + 2 and 47 + 3, together its 95 + 5, and the
last one takes what remains to the dollar. The platform adds allowances up and refuses more (E0221).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from einvoiced import errors
from einvoiced.rules.amounts import EXACT, ONE, ZERO, gross_of, plain, without_tax
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.messages import AllowanceLine, IssuedAllowance
from einvoiced.rules.sale import EXEMPT, TAXED, Item

_SEVENTH = Decimal("1E-7")


@dataclass(slots=True)
class Left:
    """What of an invoice was not taken back: of each line with tax, and of the whole by tax type. Whole NT$."""

    lines: list[int]
    net: int
    tax: int
    exempt: int

    @property
    def total(self) -> int:
        """All of it, with tax."""
        return self.net + self.tax + self.exempt


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of an invoice, counted from 1, the amount with tax that goes back, and for how much of its quantity."""

    line: int
    amount: int
    quantity: Decimal = ONE


def left_of(invoice: Invoice, taken: Iterable[IssuedAllowance]) -> Left:
    """What is left after the allowances that stand."""
    taxed = invoice.sales_amount + invoice.tax_amount
    net = without_tax(taxed) if invoice.buyer is None else invoice.sales_amount
    left = Left([_most(invoice, item) for item in invoice.items], net, taxed - net, invoice.free_tax_sales_amount)
    for allowance in taken:
        for line in allowance.lines:
            _take(left, line)
    return left


def _most(invoice: Invoice, item: Item) -> int:
    """The line with tax, a fraction of a dollar as a whole one; nothing of a discount."""
    amount = Decimal(item.amount)
    if invoice.prices == "net" and item.tax_type == TAXED:
        amount = gross_of(amount)
    return max(0, int(amount.quantize(ONE, ROUND_CEILING, context=EXACT)))


def _take(left: Left, line: AllowanceLine) -> None:
    amount = int(line.amount)
    if line.original_sequence_number is not None:
        left.lines[line.original_sequence_number - 1] -= amount + line.tax
    if line.tax_type == EXEMPT:
        left.exempt -= amount
    else:
        left.net, left.tax = left.net - amount, left.tax - line.tax


def take_back(invoice: Invoice, left: Left, asked: list[Asked]) -> list[AllowanceLine]:
    """The lines of an allowance; `left` is what is left after it.

    AllowanceLineUnknown, or AllowanceTooMuch for a line, or for the whole where discounts or rounding left less of it;
    AllowanceOnlyTax where no net amount is left beside the tax: MIG's TotalAmount is net, and none is 0 (E0105).
    """
    tax = left.tax
    lines = [_taken(invoice, left, each, f"lines[{index}]") for index, each in enumerate(asked)]
    if not any(Decimal(line.amount) for line in lines):
        amount = sum(each.amount for each in asked)
        raise errors.AllowanceOnlyTax("lines", invoice_number=invoice.invoice_number, left=tax, asked=amount)
    return lines


def _taken(invoice: Invoice, left: Left, asked: Asked, path: str) -> AllowanceLine:
    number = invoice.invoice_number
    if not 1 <= asked.line <= len(invoice.items):
        raise errors.AllowanceLineUnknown(
            f"{path}.line", invoice_number=number, line=asked.line, count=len(invoice.items)
        )
    item = invoice.items[asked.line - 1]
    whole = left.exempt if item.tax_type == EXEMPT else left.net + left.tax
    most = min(left.lines[asked.line - 1], whole)
    if asked.amount > most:
        raise errors.AllowanceTooMuch(
            f"{path}.amount", invoice_number=number, line=asked.line, left=most, asked=asked.amount
        )
    net = asked.amount if item.tax_type == EXEMPT else _share(asked.amount, left.net, left.net + left.tax)
    line = allowance_line(
        invoice.invoice_date,
        number,
        asked.line,
        item.description,
        asked.quantity,
        net,
        asked.amount - net,
        item.tax_type,
        item.unit,
    )
    _take(left, line)
    return line


def _share(amount: int, net: int, gross: int) -> int:
    """The net part of an amount, in the proportion of what is left, half up; all of it when nothing else is left.

    At least 1 while there is any: many returns of a dollar would leave some of tax alone.
    """
    return max((2 * amount * net + gross) // (2 * gross), min(net, 1))


def allowance_line(
    day: str,
    number: str,
    line: int | None,
    description: str,
    quantity: Decimal,
    net: int,
    tax: int,
    tax_type: str,
    unit: str | None,
) -> AllowanceLine:
    """One line as MIG has it: the unit price is the net amount by the quantity, with 7 decimals at most."""
    price = EXACT.divide(Decimal(net), quantity).quantize(_SEVENTH, context=EXACT)
    return AllowanceLine(day, number, line, description, plain(quantity), plain(price), str(net), tax, tax_type, unit)


def sum_up(lines: list[AllowanceLine]) -> tuple[int, int]:
    """TotalAmount (net) and TaxAmount."""
    return int(sum((Decimal(line.amount) for line in lines), ZERO)), sum(line.tax for line in lines)


def tax_within(amount: int, tax_type: str) -> int:
    """The tax that an amount with tax holds where nothing is known of its invoice."""
    return 0 if tax_type == EXEMPT else amount - without_tax(amount)
