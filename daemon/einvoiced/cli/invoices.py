"""`issue`, `invoice show`; the later life of invoices is `lives`, questions are `find`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from einvoiced import cli
from einvoiced.cli import allowances, find, lives, sale, technician, uploads
from einvoiced.client import Client, new_key


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    issue = cli.verb(verbs, "issue", _issue, "Issue an invoice by hand.")
    issue.add_argument(
        "items", nargs="+", metavar="NAME*QTY@PRICE", help="an item, such as 牛奶*2@25; add %%3 for tax-exempt"
    )
    issue.add_argument("--key", help="the key of this sale (default: a new one, printed first)")
    sale.add_options(issue)
    invoice = verbs.add_parser("invoice", help="Invoices.").add_subparsers(metavar="VERB", required=True)
    technician.add_invoice_verbs(invoice)
    find.add_invoice_verbs(invoice)
    lives.add_invoice_verbs(invoice)
    shown = cli.verb(invoice, "show", _show, "An invoice by its number or its key, as it stands.")
    shown.add_argument("number_or_key")
    shown.add_argument("--period", metavar="YYYMM", help="ROC year and even month, where two periods share the number")


def _issue(options: argparse.Namespace) -> int:
    try:
        sold = sale.lines(options) | sale.receivers(options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return cli.WRONG_USE
    key = options.key or new_key()
    print(f"key {key} (repeat with --key {key} if no answer comes)", file=sys.stderr if options.json else sys.stdout)
    with Client(str(options.run_directory / "admin.sock")) as box:
        answer = box.issue(key, patience=15, **sold)
        return cli.show(options, answer, lambda told: sale.invoice_lines(told["invoice"]))


def _show(options: argparse.Namespace) -> int:
    asked = options.number_or_key
    by_key = len(asked.replace("-", "")) > 10
    params = {"key": asked} if by_key else {"invoice_number": asked, "year_month": options.period}
    return cli.show(options, cli.call(options, "invoice.get", **params), _shown_lines)


def _shown_lines(shown: Any) -> list[str]:
    labels = [f"{name:<10} {value}" for name, value in shown["labels"].items()]
    state = [f"key        {shown['key']}"]
    for name in ("state", "paper", "upload"):
        state.append(f"{name:<10} {shown[name]} {find.WORDS[name].get(shown[name], '')}".rstrip())
    state += [f"{name:<10} {shown[name]}" for name in ("replaces", "replaced_by") if name in shown]
    now = shown.get("correction", shown["result"])["invoice"]
    return [*sale.invoice_lines(now), *state, *_happened(shown), *labels]


def _happened(shown: Any) -> list[str]:
    """Why it was cancelled, what was taken back, what the platform refused and what to do about it."""
    lines = []
    if "cancellation" in shown:
        lines.append(f"reason     {shown['cancellation']['cancellation']['cancel_reason']}")
    if "document" in shown:
        lines.append(f"document   {shown['document']}")
    lines += [f"allowance  {allowances.row(each)}" for each in shown.get("allowances", [])]
    if "left" in shown:
        lines.append(f"left       {shown['left']} 尚可折讓")
    for each in shown.get("uploads", []):
        if each["state"] == "refused":
            lines += uploads.lines_of(each)
    return lines
