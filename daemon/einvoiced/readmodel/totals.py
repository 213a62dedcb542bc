"""`report.period` on the read model: sums by groups; cancelled invoices and allowances apart.

An invoice counts on the day it was issued, an allowance on its own day. Valid and cancelled are as they stand now.
"""

from __future__ import annotations

import sqlite3
from datetime import date
from typing import Any, TypeVar

import msgspec

from einvoiced.actions.ask_report import MOST_ROWS, AllowanceSums, Report, ReportQuestion, ReportRow, Sums
from einvoiced.readmodel.tables import ENTRY_BITS, first_place
from einvoiced.rules.amounts import without_tax
from einvoiced.rules.period import Period

_INVOICES = {
    "period": "year_month",
    "day": "day",
    "tax_type": "tax_type",
    "buyer": "iif(buyer IS NULL, 'B2C', 'B2B')",
    "till": "till",
    "cashier": "cashier",
    "business_day": "business_day",
    "order_no": "order_no",
}
_ALLOWANCES = {**_INVOICES, "period": "year_month(day)"}
_SUMS = """
count(*), sum(sales_amount), sum(free_tax_sales_amount), sum(zero_tax_sales_amount), sum(tax_amount),
sum(total_amount), sum(iif(buyer IS NULL, sales_amount, 0))
"""

Key = tuple[str | None, ...]
S = TypeVar("S", Sums, AllowanceSums)


def report(db: sqlite3.Connection, q: ReportQuestion) -> Report | None:
    """The sums; None beyond MOST_ROWS rows."""
    db.create_function("year_month", 1, _year_month, deterministic=True)
    where, values = _where(q)
    valid: dict[Key, Sums] = {}
    cancelled: dict[Key, Sums] = {}
    for state, *row in _grouped(db, q, "invoices", _INVOICES, ["state"], _SUMS, where, values):
        key = tuple(row[: len(q.by)])
        (cancelled if state == "cancelled" else valid)[key] = _sums(row[len(q.by) :])
    taken: dict[Key, AllowanceSums] = {}
    sums_of = "count(*), sum(net_amount), sum(tax_amount)"
    for found in _grouped(db, q, "allowances", _ALLOWANCES, [], sums_of, f"{where} AND state = 'issued'", values):
        taken[tuple(found[: len(q.by)])] = AllowanceSums(*found[len(q.by) :])
    keys = sorted({*valid, *cancelled, *taken}, key=lambda key: [each or "" for each in key])
    if len(keys) > MOST_ROWS:
        return None
    rows = [_row(dict(zip(q.by, key, strict=True)), valid.get(key), cancelled.get(key), taken.get(key)) for key in keys]
    begin, end = (str(day) if day else None for day in (q.date_from, q.date_to))
    return Report(begin, end, rows, _total(rows))


def _total(rows: list[ReportRow]) -> ReportRow:
    """The sum of all, with the tax inside it counted of the sum: it is not the sum of the groups' taxes."""
    valid, cancelled = ([getattr(row, name) for row in rows] for name in ("valid", "cancelled"))
    taken = _added(AllowanceSums, [row.allowances for row in rows])
    return _row({}, _summed(valid), _summed(cancelled), taken)


def _where(q: ReportQuestion) -> tuple[str, list[Any]]:
    low = first_place(q.date_from) if q.date_from else 0
    high = first_place(q.date_to) + (1 << ENTRY_BITS) - 1 if q.date_to else (1 << 62)
    where, values = "place BETWEEN ? AND ?", [low, high]
    if q.business_day is None:
        return where, values
    return f"{where} AND business_day = ?", [*values, q.business_day]


def _grouped(
    db: sqlite3.Connection,
    q: ReportQuestion,
    table: str,
    groups: dict[str, str],
    more: list[str],
    sums: str,
    where: str,
    values: list[Any],
) -> list[tuple[Any, ...]]:
    columns = more + [groups[name] for name in q.by]
    shown = "".join(f"{column}, " for column in columns)
    grouped = f" GROUP BY {', '.join(columns)}" if columns else " HAVING count(*) > 0"
    return db.execute(f"SELECT {shown}{sums} FROM {table} WHERE {where}{grouped}", values).fetchall()


def _sums(row: list[int]) -> Sums:
    return _with_tax(Sums(*row))


def _summed(rows: list[Sums]) -> Sums:
    return _with_tax(_added(Sums, rows))


def _with_tax(sums: Sums) -> Sums:
    consumers = sums.consumer_sales_amount
    return msgspec.structs.replace(sums, tax_within=consumers - without_tax(consumers))


def _added(kind: type[S], rows: list[S]) -> S:
    return kind(*(sum(getattr(row, name) for row in rows) for name in kind.__struct_fields__))


def _row(
    group: dict[str, str | None], valid: Sums | None, cancelled: Sums | None, taken: AllowanceSums | None
) -> ReportRow:
    stands, back = valid or Sums(), taken or AllowanceSums()
    return ReportRow(group, stands, cancelled or Sums(), back, stands.total_amount - back.net_amount - back.tax_amount)


def _year_month(day: str) -> str:
    return Period.of(date.fromisoformat(day)).year_month
