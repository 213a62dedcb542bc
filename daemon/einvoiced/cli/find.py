"""`invoice find` (發票查詢): pages put together, as a table, CSV or JSON."""

from __future__ import annotations

import argparse
import re
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from einvoiced import cli
from einvoiced.client import BoxError, Client
from einvoiced.errors import PAPER_ZH
from einvoiced.spreadsheet import BYTE_ORDER_MARK, to_csv

PAGE = 500
_COLUMNS = (
    *("invoice_number", "date", "time", "state", "paper", "upload", "tax_type", "total_amount", "buyer"),
    *("carrier_type", "carrier_id", "npoban", "order_no", "business_day", "till", "cashier", "key"),
)
_SHOWN = (
    *(("invoice_number", "發票號碼"), ("date", "日期"), ("time", "時間"), ("total_amount", "總計"), ("state", "狀態")),
    *(("upload", "上傳"), ("paper", "列印"), ("buyer", "買方"), ("carrier_id", "載具"), ("order_no", "單號")),
)
WORDS: dict[str, dict[Any, str]] = {
    "state": {"issued": "開立", "cancelled": "作廢"},
    "upload": {"waiting": "待上傳", "sent": "已送出", "accepted": "已接受", "refused": "退件", "unknown": "不確定"},
    "paper": PAPER_ZH,
}
_FILTERS = (
    ("--number", "invoice_number", "the number, such as NQ12345678"),
    ("--key", "key", "the till's key"),
    ("--period", "year_month", "ROC year and even month, such as 11512"),
    ("--from", "date_from", "the first day, YYYY-MM-DD"),
    ("--to", "date_to", "the last day, YYYY-MM-DD"),
    ("--buyer", "buyer", "the buyer's 統一編號"),
    ("--carrier", "carrier", "the carrier's id, such as /ABC1234"),
    ("--order-no", "order_no", "the till's order number"),
    ("--till", "till", "the till's label"),
    ("--cashier", "cashier", "the cashier's label"),
)


def add_invoice_verbs(group: Any) -> None:
    """Add `invoice find`."""
    find = cli.verb(group, "find", _find, "Invoices by what is known of them, the newest first (發票查詢).")
    for option, name, text in _FILTERS:
        find.add_argument(option, dest=name, help=text)
    find.add_argument("--amount", type=_amount, metavar="N or N-M", help="the total, or from a total to another")
    find.add_argument("--state", choices=("issued", "cancelled"))
    find.add_argument("--upload", choices=("waiting", "sent", "accepted", "refused", "unknown"))
    find.add_argument("--limit", type=int, default=50, metavar="N", help="most invoices; 0: all (default: 50)")
    find.add_argument("--csv", action="store_true", help="as CSV, for a spreadsheet")


def _amount(text: str) -> dict[str, int]:
    found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not N or N-M")
    if found[2] is None:
        return {"amount": int(found[1])}
    return {"amount_from": int(found[1]), "amount_to": int(found[2])}


def _find(options: argparse.Namespace) -> int:
    names = [name for _, name, _ in _FILTERS] + ["state", "upload"]
    params = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    params |= options.amount or {}
    with Client(str(options.run_directory / "admin.sock"), timeout=120) as box:
        found = _pages(box, params, options.limit or sys.maxsize)
    if options.csv:
        sys.stdout.write(as_csv(_COLUMNS, (_flat(each) for each in found)))
        return cli.DONE
    return cli.show(options, {"invoices": found}, _lines)


def _pages(box: Client, params: dict[str, Any], most: int) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while len(found) < most:
        page = patiently(box, "invoice.find", **params, limit=min(PAGE, most - len(found)), cursor=cursor)
        found += page["invoices"]
        cursor = page["cursor"]
        if cursor is None:
            break
    return found


def patiently(box: Client, method: str, **params: Any) -> Any:
    """A question that waits for the tables to be built, with progress on stderr where that is a terminal."""
    while True:
        try:
            return box.call(method, **params)
        except BoxError as error:
            if error.name != "answers_building":
                raise
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{error.zh}  {error}  ")
            time.sleep(0.2)


def as_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    """CSV of these columns with a byte order mark."""
    return BYTE_ORDER_MARK + to_csv(columns, ([row.get(name) for name in columns] for row in rows))


def _flat(invoice: Any) -> dict[str, Any]:
    return {**invoice, **invoice["labels"]}


def _lines(answer: Any) -> list[str]:
    rows = [_flat(each) for each in answer["invoices"]]
    if not rows:
        return ["沒有符合的發票。 No invoice fits."]
    cells = [[WORDS.get(name, {}).get(row.get(name), row.get(name)) for name, _ in _SHOWN] for row in rows]
    return table([title for _, title in _SHOWN], cells)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Aligned columns, numbers to the right; a Chinese character is two wide."""
    cells = [list(head)] + [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(_width(row[n]) for row in cells) for n in range(len(head))]
    right = [any(isinstance(row[n], int) for row in rows) for n in range(len(head))]
    return ["  ".join(_padded(*each) for each in zip(row, widths, right, strict=True)).rstrip() for row in cells]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _padded(text: str, width: int, right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if right else text + blanks
