"""A sale as the till states it, and its settlement: the checks and sums that the law asks for (domain: amounts).

Paths in errors are inside the request's params, such as `lines[2].quantity`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from msgspec import Struct, structs

from einvoiced import errors
from einvoiced.rules.amounts import (
    EXACT,
    MAX_TOTAL,
    ZERO,
    agrees,
    dollars,
    exact,
    gross_of,
    plain,
    spell,
    times,
    without_tax,
)
from einvoiced.rules.identifiers import (
    CITIZEN_CERTIFICATE,
    MOBILE_BARCODE,
    carrier_type_known,
    check_buyer_id,
    check_carrier,
    check_npoban,
)

TAXED, ZERO_RATED, EXEMPT, SPECIAL, MIXED = "1", "2", "3", "4", "9"
"""MIG's TaxType."""

MAX_LINES = 999
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2060\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


class Line(Struct, forbid_unknown_fields=True, frozen=True):
    """One item; a discount is a line of quantity 1 and a negative price, of the tax type that it reduces."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal | None = None
    tax_type: Literal["1", "2", "3", "4"] = "1"
    unit: str | None = None
    remark: str | None = None


class Buyer(Struct, forbid_unknown_fields=True, frozen=True):
    """A buyer with a 統一編號; `confirmed` says that somebody checked one whose check digit is wrong."""

    identifier: str
    name: str | None = None
    confirmed: bool = False


class Carrier(Struct, forbid_unknown_fields=True, frozen=True):
    """Where a consumer keeps invoices instead of paper: MIG's CarrierType and CarrierId1."""

    type: str
    id: str


class Sale(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the till states. `prices` says whether unit prices hold the tax (gross) or not (net)."""

    lines: list[Line]
    total_amount: Decimal
    prices: Literal["gross", "net"]
    buyer: Buyer | None = None
    carrier: Carrier | None = None
    npoban: str | None = None
    print_mark: Literal["Y", "N"] | None = None


class Policy(Struct, frozen=True):
    """What this shop's configuration allows."""

    mixed_tax: bool = False
    carriers: frozenset[str] = frozenset()


class Item(Struct, omit_defaults=True, frozen=True):
    """A checked line; numbers in their plain spelling. `amount` is what the line adds to the sum."""

    description: str
    quantity: str
    unit_price: str
    amount: str
    tax_type: str
    unit: str | None = None
    remark: str | None = None


class Settlement(Struct, frozen=True):
    """The sums of a sale, whole NT$, as MIG's Amount wants them, and its print mark."""

    items: list[Item]
    sales_amount: int
    free_tax_sales_amount: int
    tax_type: str
    tax_rate: str
    tax_amount: int
    total_amount: int
    net_amount: int
    print_mark: str


def check_text(value: str, limit: int, path: str, what: str) -> str:
    """The text without blanks around it; BadText if it is empty, too long or holds control characters."""
    text = value.strip()
    if not 1 <= len(text) <= limit or not (text.isprintable() or not _UNPRINTABLE.search(text)):
        raise errors.BadText(path, what=what, limit=limit, length=len(text))
    return text


def settle(sale: Sale) -> Settlement:
    """Check the sale and compute its sums; every refusal is an error of `einvoiced.errors` with its path.

    What only this shop's policy forbids is `permit`'s to refuse.
    """
    print_mark = check_receivers(sale)
    if not 1 <= len(sale.lines) <= MAX_LINES:
        raise errors.BadLineCount("lines", limit=MAX_LINES, count=len(sale.lines))
    gross_up = sale.prices == "net" and sale.buyer is None
    items: list[Item] = []
    sums = {TAXED: ZERO, EXEMPT: ZERO}
    for index, line in enumerate(sale.lines):
        try:
            item, amount = _item(line, gross_up and line.tax_type == TAXED)
        except errors.EinvoicedError as error:
            raise error.within(f"lines[{index}]") from None
        items.append(item)
        sums[line.tax_type] = EXACT.add(sums[line.tax_type], amount)
    return _sum_up(sale, items, sums, print_mark)


def settle_again(sale: Sale, items: list[Item], prices: str) -> Settlement:
    """Settle the items of an invoice, whose `prices` were gross or net, for the sale's receivers and its total.

    The sale's own lines are not looked at. Refusals as `settle`.
    """
    print_mark = check_receivers(sale)
    if prices == "net" and sale.buyer is None:
        items = [_grossed_up(item) if item.tax_type == TAXED else item for item in items]
    sums = {TAXED: ZERO, EXEMPT: ZERO}
    for item in items:
        sums[item.tax_type] = EXACT.add(sums[item.tax_type], Decimal(item.amount))
    return _sum_up(sale, items, sums, print_mark)


def _grossed_up(item: Item) -> Item:
    price, amount = gross_of(Decimal(item.unit_price)), gross_of(Decimal(item.amount))
    return structs.replace(item, unit_price=spell(price, "lines"), amount=spell(amount, "lines"))


def permit(sale: Sale, settled: Settlement, policy: Policy) -> None:
    """MixedTaxNotApproved or CarrierNotConfigured where the law allows the sale but the configuration does not."""
    if settled.tax_type == MIXED and not policy.mixed_tax:
        raise errors.MixedTaxNotApproved("lines")
    permit_carrier(sale.carrier, policy)


def permit_carrier(carrier: Carrier | None, policy: Policy) -> None:
    """CarrierNotConfigured for a member's carrier that brings duties nobody has taken on."""
    if carrier is not None and carrier.type not in policy.carriers | {MOBILE_BARCODE, CITIZEN_CERTIFICATE}:
        raise errors.CarrierNotConfigured("carrier.type", value=carrier.type)


def check_receivers(sale: Sale) -> str:
    """Buyer, carrier and donation against each other; returns MIG's PrintMark (domain: F0401, rules)."""
    buyer, carrier = sale.buyer, sale.carrier
    if buyer is not None:
        _located("buyer", check_buyer_id, buyer.identifier, confirmed=buyer.confirmed)
        if buyer.name is not None:
            check_text(buyer.name, 60, "buyer.name", "name")
        if sale.npoban is not None:
            raise errors.BuyerCannotDonate("npoban")
    if sale.npoban is not None:
        check_npoban(sale.npoban)
    if carrier is not None:
        if not carrier_type_known(carrier.type):
            raise errors.CarrierNotConfigured("carrier.type", value=carrier.type[:20])
        if buyer is not None and carrier.type not in (MOBILE_BARCODE, CITIZEN_CERTIFICATE):
            raise errors.BuyerCarrierRefused("carrier.type", value=carrier.type)
        _located("carrier", check_carrier, carrier.type, carrier.id)
    allowed = _print_marks(sale)
    if sale.print_mark is not None and sale.print_mark not in allowed:
        raise errors.PrintMarkRefused("print_mark", allowed=allowed)
    return sale.print_mark or allowed[0]


def _located(prefix: str, check: Callable[..., None], *args: object, **named: object) -> None:
    try:
        check(*args, **named)
    except errors.EinvoicedError as error:
        raise error.within(prefix) from None


def _print_marks(sale: Sale) -> str:
    """The print marks the law allows, the usual one first."""
    if sale.carrier is None:
        return "N" if sale.npoban is not None else "Y"
    return "NY" if sale.buyer is not None and sale.carrier.type == MOBILE_BARCODE else "N"


def _item(line: Line, gross_up: bool) -> tuple[Item, Decimal]:
    if line.tax_type == ZERO_RATED:
        raise errors.ZeroRateUnsupported("tax_type")
    if line.tax_type == SPECIAL:
        raise errors.SpecialTaxUnsupported("tax_type")
    description = check_text(line.description, 500, "description", "description")
    unit = None if line.unit is None else check_text(line.unit, 6, "unit", "unit")
    remark = None if line.remark is None else check_text(line.remark, 120, "remark", "remark")
    quantity, unit_price = line.quantity, line.unit_price
    shown_quantity, shown_price = spell(quantity, "quantity"), spell(unit_price, "unit_price")
    if not quantity:
        raise errors.ZeroQuantity("quantity")
    amount = times(quantity, unit_price)
    if line.amount is not None:
        stated = exact(line.amount, "amount")
        if not agrees(stated, amount):
            raise errors.LineAmountMismatch("amount", computed=plain(amount), stated=plain(stated))
        amount = stated
    if gross_up:
        unit_price, amount = gross_of(unit_price), gross_of(amount)
        shown_price = spell(unit_price, "unit_price")
    shown_amount = spell(amount, "amount")
    return Item(description, shown_quantity, shown_price, shown_amount, line.tax_type, unit, remark), amount


def _sum_up(sale: Sale, items: list[Item], sums: dict[str, Decimal], print_mark: str) -> Settlement:
    for tax_type, subtotal in sums.items():
        if subtotal < 0:
            raise errors.NegativeSubtotal("lines", tax_type=tax_type, computed=plain(subtotal))
    kinds = {item.tax_type for item in items}
    net_lines = sale.prices == "net" and sale.buyer is not None
    taxed = dollars(gross_of(sums[TAXED]) if net_lines else sums[TAXED])
    exempt = dollars(sums[EXEMPT])
    total = taxed + exempt
    stated = exact(sale.total_amount, "total_amount")
    if stated != total:
        raise errors.TotalMismatch("total_amount", computed=total, stated=plain(stated))
    if total == 0:
        raise errors.NoInvoiceNeeded("total_amount")
    if total > MAX_TOTAL:
        raise errors.TotalTooLarge("total_amount", computed=total, limit=MAX_TOTAL)
    net = without_tax(taxed)
    tax = taxed - net if sale.buyer is not None else 0
    tax_type = MIXED if len(kinds) > 1 else kinds.pop()
    rate = "0" if tax_type == EXEMPT else "0.05"
    return Settlement(items, taxed - tax, exempt, tax_type, rate, tax, total, net + exempt, print_mark)
