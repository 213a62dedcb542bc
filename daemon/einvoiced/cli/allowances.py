"""`allowance issue`, `allowance cancel`, `allowance list`, `allowance print` (折讓)."""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal, InvalidOperation
from typing import Any

from einvoiced import cli
from einvoiced.cli.lives import keyed, subject_of

STATES = {"issued": "開立", "cancelled": "作廢"}
SLIPS = {"queued": "單據待列印", "printed": "單據已列印", "unconfirmed": "單據是否印出不明", "dropped": "單據不再列印"}


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    group = verbs.add_parser("allowance", help="Allowances (折讓).").add_subparsers(metavar="VERB", required=True)
    issue = cli.verb(group, "issue", _issue, "Take part of an invoice back.")
    issue.add_argument("number_or_key", help="the invoice's number, or the key of its sale")
    issue.add_argument(
        "lines",
        nargs="+",
        metavar="LINE=AMOUNT",
        help="a line of the invoice, counted from 1, and what goes back with tax",
    )
    issue.add_argument("--period", metavar="YYYMM", help="ROC year and even month, where two periods share the number")
    issue.add_argument("--original-date", metavar="YYYYMMDD", help="this journal has no such invoice: its date")
    issue.add_argument("--original-buyer", metavar="統編", help="and its buyer; then LINE is a description (品名)")
    issue.add_argument("--original-total", type=int, metavar="N", help="its total: allowances never take back more")
    issue.add_argument("--no-slip", action="store_true", help="print no slip")
    cancel = cli.verb(group, "cancel", _cancel, "Undo an allowance.")
    cancel.add_argument("allowance_number")
    cancel.add_argument("--reason", required=True, help="why, at most 20 characters")
    for parser in (issue, cancel):
        parser.add_argument("--by", required=True, metavar="NAME", help="who does it")
        parser.add_argument("--key", help="the key of this request (default: a new one, printed first)")
    listed = cli.verb(group, "list", _list, "Allowances of an invoice, or the newest.")
    listed.add_argument("invoice_number", nargs="?")
    listed.add_argument("--period", metavar="YYYMM", help="where two periods share the number")
    again = cli.verb(group, "print", _print, "Print an allowance's slip again.")
    again.add_argument("allowance_number")


def _issue(options: argparse.Namespace) -> int:
    try:
        asked = _original(options) if options.original_date else {**subject_of(options), "lines": _lines(options)}
    except (ValueError, InvalidOperation) as error:
        print(f"LINE=AMOUNT: {error}", file=sys.stderr)
        return cli.WRONG_USE
    printed = "none" if options.no_slip else "box"
    answer = keyed(options, "allowance.issue", **asked, by=options.by, print=printed)
    return cli.show(options, answer, _issued_lines)


def _lines(options: argparse.Namespace) -> list[dict[str, Any]]:
    pairs = (text.partition("=") for text in options.lines)
    return [{"line": int(line), "amount": Decimal(amount)} for line, _, amount in pairs]


def _original(options: argparse.Namespace) -> dict[str, Any]:
    pairs = (text.rpartition("=") for text in options.lines)
    original: dict[str, Any] = {
        "invoice_number": options.number_or_key,
        "invoice_date": options.original_date,
        "lines": [{"description": name, "amount": Decimal(amount)} for name, _, amount in pairs],
    }
    if options.original_total is not None:
        original["total_amount"] = options.original_total
    if options.original_buyer:
        original["buyer"] = {"identifier": options.original_buyer}
    return {"original": original}


def _issued_lines(answer: Any) -> list[str]:
    a = answer["allowance"]
    left = f"  left 尚可折讓 {answer['left']}" if "left" in answer else ""
    left += "" if answer["verified"] else "  原發票未經查核"
    if "taken_before" in answer:
        left += f"  before 先前已折讓 {answer['taken_before']}"
    original = a["lines"][0]["original_invoice_number"]
    head = f"{a['allowance_number']}  {original}  {a['total_amount']} + {a['tax_amount']}{left}"
    return [head, *(f"  {ln['original_description']}  {ln['amount']} + {ln['tax']}" for ln in a["lines"])]


def _cancel(options: argparse.Namespace) -> int:
    params = {name: getattr(options, name) for name in ("allowance_number", "reason", "by")}
    answer = keyed(options, "allowance.cancel", **params)
    number = answer["cancellation"]["allowance_number"]
    return cli.show(options, answer, lambda _: [f"{number} cancelled 已作廢"])


def _list(options: argparse.Namespace) -> int:
    params = {"invoice_number": options.invoice_number, "year_month": options.period}
    return cli.show(options, cli.call(options, "allowance.list", **params), lambda found: [row(a) for a in found])


def _print(options: argparse.Namespace) -> int:
    answer = cli.call(options, "allowance.print", allowance_number=options.allowance_number)
    return cli.show(options, answer, lambda a: [row(a)])


def row(a: Any) -> str:
    """An allowance in a line."""
    sums = f"{a['total_amount']} + {a['tax_amount']}"
    unknown = "" if a["verified"] else "  原發票未經查核"
    slip = f"  slip {a['slip']} {SLIPS[a['slip']]}" if a["slip"] in SLIPS else ""
    head = f"{a['allowance_number']}  {a['allowance_date']}  {a['invoice_number']}"
    return f"{head}  {sums}  {STATES[a['state']]}  {a['by']}{unknown}{slip}"
