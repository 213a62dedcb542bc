"""`report period|day|snapshot`: sums for accountants, the day's slip, a copy for spreadsheets."""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from einvoiced import cli
from einvoiced.cli.find import as_csv, patiently, table
from einvoiced.cli.progress import Bar
from einvoiced.client import Client

_GROUPS = ("period", "day", "tax_type", "buyer", "till", "cashier", "business_day", "order_no")
_SUMS = (
    *("count", "sales_amount", "free_tax_sales_amount", "zero_tax_sales_amount", "tax_amount", "total_amount"),
    *("consumer_sales_amount", "tax_within"),
)
_SHOWN = (
    *(("valid", "count", "張數"), ("valid", "sales_amount", "銷售額"), ("valid", "free_tax_sales_amount", "免稅")),
    *(("valid", "tax_amount", "稅額"), ("valid", "tax_within", "內含稅"), ("valid", "total_amount", "總計")),
    *(("cancelled", "count", "作廢"), ("cancelled", "total_amount", "作廢金額"), ("allowances", "count", "折讓")),
    *(("allowances", "net_amount", "折讓額"), ("allowances", "tax_amount", "折讓稅額")),
)


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    group = verbs.add_parser("report", help="Sums and copies.").add_subparsers(metavar="VERB", required=True)
    period = cli.verb(group, "period", _period, "Sums of a period or of days; cancelled and allowances apart.")
    period.add_argument("period", nargs="?", metavar="YYYMM", help="ROC year and even month, such as 11512")
    period.add_argument("--from", dest="date_from", help="the first day, YYYY-MM-DD")
    period.add_argument("--to", dest="date_to", help="the last day, YYYY-MM-DD")
    period.add_argument("--by", default="day", help=f"how to split it, such as day,tax_type: {', '.join(_GROUPS)}")
    period.add_argument("--business-day", help="only this business day of the till's, YYYY-MM-DD")
    day = cli.verb(group, "day", _day, "A day's sums (日結).")
    day.add_argument("date", nargs="?", help="YYYY-MM-DD (default: today)")
    day.add_argument("--print", action="store_true", help="on a slip too")
    for each in (period, day):
        each.add_argument("--csv", action="store_true", help="as CSV, for a spreadsheet")
    snapshot = cli.verb(group, "snapshot", _snapshot, "Fetch a copy with views for sqlite-utils, a spreadsheet, BI.")
    snapshot.add_argument("file", type=Path)


def _client(options: argparse.Namespace) -> Client:
    return Client(str(options.run_directory / "admin.sock"), timeout=120)


def _period(options: argparse.Namespace) -> int:
    params = {"year_month": options.period, "date_from": options.date_from, "date_to": options.date_to}
    by = [name for name in options.by.split(",") if name]
    with _client(options) as box:
        answer = patiently(box, "report.period", **params, by=by, business_day=options.business_day)
    return _show(options, answer, by)


def _day(options: argparse.Namespace) -> int:
    with _client(options) as box:
        answer = patiently(box, "report.day", date=options.date, print=options.print)
    return _show(options, answer, ["tax_type", "buyer"])


def _show(options: argparse.Namespace, answer: Any, by: list[str]) -> int:
    if not options.csv:
        return cli.show(options, answer, lambda report: _lines(report, by))
    columns = [*by, *(f"{state}_{name}" for state in ("valid", "cancelled") for name in _SUMS)]
    columns += ["allowances_count", "allowances_net_amount", "allowances_tax_amount", "net_total"]
    sys.stdout.write(as_csv(columns, (_flat(row) for row in answer["rows"])))
    return cli.DONE


def _flat(row: Any) -> dict[str, Any]:
    parts = ("valid", "cancelled", "allowances")
    sums = {f"{part}_{name}": value for part in parts for name, value in row[part].items()}
    return {**row["group"], **sums, "net_total": row["net_total"]}


def _lines(report: Any, by: list[str]) -> list[str]:
    head = [*by, *(title for _, _, title in _SHOWN), "淨額"]
    rows = [[*(row["group"][name] for name in by), *_cells(row)] for row in report["rows"]] if by else []
    total = [*(["合計"] + [""] * (len(by) - 1))[: len(by)], *_cells(report["total"])]
    return table(head, [*rows, total])


def _cells(row: Any) -> list[int]:
    return [*(row[part][name] for part, name, _ in _SHOWN), row["net_total"]]


def _snapshot(options: argparse.Namespace) -> int:
    target: Path = options.file
    if target.exists():
        print(f"{target} is there already; choose another name. 檔案已存在，請換一個檔名。", file=sys.stderr)
        return cli.WRONG_USE
    bar = Bar()
    with _client(options) as box:
        now = box.call("report.snapshot")
        while now["state"] == "building":
            bar("snapshot", now["done"], max(now["of"], 1))
            now = box.call("report.snapshot", snapshot=now["snapshot"], wait=2.0)
        if now["state"] == "failed":
            bar.end()
            print(f"The snapshot could not be made: {now['detail']}", file=sys.stderr)
            return cli.REFUSED
        _fetch(box, now, target, bar)
    bar.end()
    answer = {"file": str(target), "size": now["size"], "sha256": now["sha256"]}
    return cli.show(options, answer, lambda a: [f"{a['file']}: {a['size']:,} bytes, sha256 {a['sha256']}"])


def _fetch(box: Client, now: Any, target: Path, bar: Bar) -> None:
    """The bytes, checked, synced, and only then under the name; what they hold is nobody else's business."""
    aside = target.with_name(f".{target.name}.part")
    digest, offset = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            while offset is not None:
                part = box.call("report.read", snapshot=now["snapshot"], offset=offset)
                content = base64.b64decode(part["content"])
                digest.update(content)
                file.write(content)
                bar("fetch", offset, max(now["size"], 1))
                offset = part["next"]
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != now["sha256"]:
            raise OSError(f"{target}: the copy came damaged; try again")
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
