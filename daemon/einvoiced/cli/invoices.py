"""`issue`, `invoice show`; the later life of invoices is `lives`."""

from __future__ import annotations

import argparse
import re
import sys
from decimal import Decimal, InvalidOperation
from typing import Any

from einvoiced import cli
from einvoiced.cli import find, lives, technician
from einvoiced.client import Client, new_key


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    issue = cli.verb(verbs, "issue", _issue, "Issue an invoice by hand.")
    issue.add_argument(
        "items", nargs="+", metavar="NAME*QTY@PRICE", help="an item, such as 牛奶*2@25; add %%3 for tax-exempt"
    )
    issue.add_argument("--key", help="the key of this sale (default: a new one, printed first)")
    issue.add_argument("--total", type=_amount, help="the total to check against (default: the items' sum)")
    issue.add_argument("--net", action="store_true", help="prices are without tax")
    issue.add_argument("--buyer", metavar="統編", help="the buyer's identifier")
    issue.add_argument("--buyer-name", metavar="NAME")
    issue.add_argument("--carrier", metavar="TYPE:ID", help="such as 3J0002:/ABC1234")
    issue.add_argument("--donate", metavar="愛心碼", help="the donation code")
    issue.add_argument("--order-no")
    invoice = verbs.add_parser("invoice", help="Invoices.").add_subparsers(metavar="VERB", required=True)
    technician.add_invoice_verbs(invoice)
    find.add_invoice_verbs(invoice)
    lives.add_invoice_verbs(invoice)
    shown = cli.verb(invoice, "show", _show, "An invoice by its number or its key, as it stands.")
    shown.add_argument("number_or_key")
    shown.add_argument("--period", metavar="YYYMM", help="ROC year and even month, where two periods share the number")


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


_ITEM = re.compile(r"(?P<name>.+?)(?:\*(?P<quantity>[^*@%]+))?@(?P<price>-?[0-9.]+)(?:%(?P<tax_type>[1-4]))?")


def _line(text: str) -> dict[str, Any]:
    found = _ITEM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not NAME*QTY@PRICE")
    return {
        "description": found["name"],
        "quantity": Decimal(found["quantity"] or "1"),
        "unit_price": Decimal(found["price"]),
        "tax_type": found["tax_type"] or "1",
    }


def _sale(options: argparse.Namespace) -> dict[str, Any]:
    """The sale's parameters; ValueError for what cannot be read."""
    lines = [_line(text) for text in options.items]
    total = options.total
    if total is None:
        total = sum(line["quantity"] * line["unit_price"] for line in lines)
        if options.net:
            raise ValueError("--net needs --total: the total with its tax")
    sale: dict[str, Any] = {"lines": lines, "total_amount": total, "prices": "net" if options.net else "gross"}
    if options.buyer:
        sale["buyer"] = {"identifier": options.buyer, "name": options.buyer_name}
    if options.carrier:
        kind, _, identifier = options.carrier.partition(":")
        sale["carrier"] = {"type": kind, "id": identifier}
    if options.donate:
        sale["npoban"] = options.donate
    if options.order_no:
        sale["labels"] = {"order_no": options.order_no}
    return sale


def _issue(options: argparse.Namespace) -> int:
    try:
        sale = _sale(options)
    except (ValueError, InvalidOperation) as error:
        print(error, file=sys.stderr)
        return cli.WRONG_USE
    key = options.key or new_key()
    print(f"key {key} (repeat with --key {key} if no answer comes)", file=sys.stderr if options.json else sys.stdout)
    with Client(str(options.run_directory / "admin.sock")) as box:
        return cli.show(options, box.issue(key, patience=15, **sale), lambda answer: _invoice_lines(answer["invoice"]))


def _show(options: argparse.Namespace) -> int:
    asked = options.number_or_key
    by_key = len(asked.replace("-", "")) > 10
    params = {"key": asked} if by_key else {"invoice_number": asked, "year_month": options.period}
    return cli.show(options, cli.call(options, "invoice.get", **params), _shown_lines)


def _shown_lines(shown: Any) -> list[str]:
    labels = [f"{name:<10} {value}" for name, value in shown["labels"].items()]
    state = [f"key        {shown['key']}", f"state      {shown['state']}", f"paper      {shown['paper']}"]
    state += [f"{name:<10} {shown[name]}" for name in ("replaces", "replaced_by") if name in shown]
    return [*_invoice_lines(shown["result"]["invoice"]), *state, *labels]


def _invoice_lines(invoice: Any) -> list[str]:
    day, number = invoice["invoice_date"], invoice["invoice_number"]
    lines = [
        f"{number[:2]}-{number[2:]}  {day[:4]}-{day[4:6]}-{day[6:]} {invoice['invoice_time']}"
        f"  隨機碼 {invoice['random_number']}  總計 {invoice['total_amount']}"
    ]
    if "buyer" in invoice:
        lines.append(
            f"買方 {invoice['buyer']['identifier']}  銷售額 {invoice['sales_amount']}  稅額 {invoice['tax_amount']}"
        )
    if "carrier_type" in invoice:
        lines.append(f"載具 {invoice['carrier_type']} {invoice['carrier_id']}")
    if "npoban" in invoice:
        lines.append(f"捐贈 {invoice['npoban']}")
    lines += [f"  {i['description']}  {i['quantity']} × {i['unit_price']} = {i['amount']}" for i in invoice["items"]]
    return lines
