"""A sale as it is typed on the command line, and an invoice as it is shown there."""

from __future__ import annotations

import argparse
import re
from decimal import Decimal, InvalidOperation
from typing import Any

_ITEM = re.compile(r"(?P<name>.+?)(?:\*(?P<quantity>[^*@%]+))?@(?P<price>-?[0-9.]+)(?:%(?P<tax_type>[1-4]))?")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a sale beside its items."""
    parser.add_argument("--total", type=_amount, help="the total to check against (default: the items' sum)")
    parser.add_argument("--net", action="store_true", help="prices are without tax")
    parser.add_argument("--buyer", metavar="統編", help="the buyer's identifier")
    parser.add_argument("--buyer-name", metavar="NAME")
    parser.add_argument("--carrier", metavar="TYPE:ID", help="such as 3J0002:/ABC1234")
    parser.add_argument("--donate", metavar="愛心碼", help="the donation code")
    parser.add_argument("--order-no")


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def lines(options: argparse.Namespace) -> dict[str, Any]:
    """Items, total and prices; ValueError for what cannot be read."""
    items = [_line(text) for text in options.items]
    total = options.total
    if total is None:
        total = sum(line["quantity"] * line["unit_price"] for line in items)
        if options.net:
            raise ValueError("--net needs --total: the total with its tax")
    return {"lines": items, "total_amount": total, "prices": "net" if options.net else "gross"}


def _line(text: str) -> dict[str, Any]:
    found = _ITEM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not NAME*QTY@PRICE")
    try:
        return {
            "description": found["name"],
            "quantity": Decimal(found["quantity"] or "1"),
            "unit_price": Decimal(found["price"]),
            "tax_type": found["tax_type"] or "1",
        }
    except InvalidOperation:
        raise ValueError(f"{text!r} holds no number") from None


def receivers(options: argparse.Namespace) -> dict[str, Any]:
    """Who gets the invoice, and the order's number; only what was given."""
    found: dict[str, Any] = {}
    if options.buyer:
        found["buyer"] = {"identifier": options.buyer, "name": options.buyer_name}
    if options.carrier:
        found["carrier"] = carrier(options.carrier)
    if options.donate:
        found["npoban"] = options.donate
    if options.order_no:
        found["labels"] = {"order_no": options.order_no}
    return found


def carrier(text: str | None) -> dict[str, str] | None:
    """TYPE:ID."""
    if text is None:
        return None
    kind, _, identifier = text.partition(":")
    return {"type": kind, "id": identifier}


def invoice_lines(invoice: Any) -> list[str]:
    """An invoice for people."""
    day, number = invoice["invoice_date"], invoice["invoice_number"]
    shown = [
        f"{number[:2]}-{number[2:]}  {day[:4]}-{day[4:6]}-{day[6:]} {invoice['invoice_time']}"
        f"  隨機碼 {invoice['random_number']}  總計 {invoice['total_amount']}"
    ]
    if "buyer" in invoice:
        shown.append(
            f"買方 {invoice['buyer']['identifier']}  銷售額 {invoice['sales_amount']}  稅額 {invoice['tax_amount']}"
        )
    if "carrier_type" in invoice:
        shown.append(f"載具 {invoice['carrier_type']} {invoice['carrier_id']}")
    if "npoban" in invoice:
        shown.append(f"捐贈 {invoice['npoban']}")
    items = invoice["items"]
    return [*shown, *(f"  {i['description']}  {i['quantity']} × {i['unit_price']} = {i['amount']}" for i in items)]
