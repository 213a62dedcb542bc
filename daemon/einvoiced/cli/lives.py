"""`invoice cancel`, `invoice document`, `invoice replace`, `invoice correct`: the later life of invoices."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from einvoiced import cli
from einvoiced.cli import sale
from einvoiced.client import Client, new_key
from einvoiced.errors import PAPER_ZH


def add_invoice_verbs(invoice: Any) -> None:
    """Add the verbs under `invoice`."""
    cancel = cli.verb(invoice, "cancel", _cancel, "Cancel an invoice (作廢); says what to do with its paper.")
    _name_subject(cancel)
    _say_why(cancel)
    document = cli.verb(invoice, "document", _document, "Add the tax office's number to a cancellation.")
    _name_subject(document)
    document.add_argument("--document", required=True, metavar="NUMBER", help="the tax office's (專案作廢核准文號)")
    replace = cli.verb(invoice, "replace", _replace, "Cancel an invoice and issue it anew, in one step.")
    _name_subject(replace)
    _say_why(replace)
    replace.add_argument("items", nargs="*", metavar="NAME*QTY@PRICE", help="the new items (default: the same lines)")
    sale.add_options(replace)
    correct = cli.verb(invoice, "correct", _correct, "Carrier, donation or print mark of an invoice not yet printed.")
    _name_subject(correct)
    correct.add_argument("--reason", required=True, help="why, at most 20 characters")
    correct.add_argument("--carrier", metavar="TYPE:ID", help="such as 3J0002:/ABC1234")
    correct.add_argument("--donate", metavar="愛心碼", help="the donation code")
    correct.add_argument("--paper", action="store_true", help="on paper: its original is printed")


def _name_subject(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number_or_key", help="its number, or the key of its sale")
    parser.add_argument("--period", metavar="YYYMM", help="ROC year and even month, where two periods share the number")
    parser.add_argument("--key", help="the key of this request (default: a new one, printed first)")
    parser.add_argument("--by", required=True, metavar="NAME", help="who does it")


def _say_why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="why, at most 20 characters")
    parser.add_argument("--consent", required=True, help="how the buyer agreed")
    parser.add_argument("--document", metavar="NUMBER", help="the tax office's document, once the time is over")
    parser.add_argument("--remark")


def subject_of(options: argparse.Namespace) -> dict[str, Any]:
    """Which invoice is meant."""
    asked = options.number_or_key
    if len(asked.replace("-", "")) > 10:
        return {"invoice_key": asked}
    return {"invoice_number": asked, "year_month": options.period}


def keyed(options: argparse.Namespace, method: str, **params: Any) -> Any:
    """A request with a key, repeated with it until the box has answered; the key is printed first."""
    key = options.key or new_key()
    print(f"key {key} (repeat with --key {key} if no answer comes)", file=sys.stderr if options.json else sys.stdout)
    given = {name: value for name, value in params.items() if value is not None}
    with Client(str(options.run_directory / "admin.sock")) as box:
        return box.repeat(method, {"key": key, **given}, 15)


def _withdrawal(options: argparse.Namespace) -> dict[str, Any]:
    names = ("reason", "by", "consent", "document", "remark")
    return {**subject_of(options), **{name: getattr(options, name) for name in names}}


def _cancel(options: argparse.Namespace) -> int:
    answer = keyed(options, "invoice.cancel", **_withdrawal(options))
    return cli.show(options, answer, _withdrawn_lines)


def _document(options: argparse.Namespace) -> int:
    answer = keyed(options, "invoice.document", **subject_of(options), document=options.document, by=options.by)
    number, document = options.number_or_key, answer["cancellation"]["return_tax_document_number"]
    return cli.show(options, answer, lambda _: [f"{number} leaves for the platform with {document} 將以此核准文號上傳"])


def _replace(options: argparse.Namespace) -> int:
    try:
        new = sale.receivers(options) | (sale.lines(options) if options.items else {})
    except ValueError as error:
        print(error, file=sys.stderr)
        return cli.WRONG_USE
    answer = keyed(options, "invoice.replace", **_withdrawal(options), **new)
    return cli.show(options, answer, _replaced_lines)


def _replaced_lines(answer: Any) -> list[str]:
    return [*_withdrawn_lines(answer["replaced"]), *sale.invoice_lines(answer["invoice"])]


def _correct(options: argparse.Namespace) -> int:
    answer = keyed(
        options,
        "invoice.correct",
        **subject_of(options),
        reason=options.reason,
        by=options.by,
        carrier=sale.carrier(options.carrier),
        npoban=options.donate,
        print_mark="Y" if options.paper else None,
    )
    return cli.show(
        options,
        answer,
        lambda told: [*sale.invoice_lines(told["invoice"]), f"paper      {told['paper']} {PAPER_ZH[told['paper']]}"],
    )


def _withdrawn_lines(answer: Any) -> list[str]:
    return [f"{answer['cancellation']['invoice_number']} cancelled 已作廢", answer["todo"], answer["todo_zh"]]
