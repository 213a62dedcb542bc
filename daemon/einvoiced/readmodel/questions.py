"""`invoice.find` on the read model: the fewest rows that can answer are looked at, newest first.

Every index ends with `place`, so a condition of equality gives its matches in order. Where a question has several, each
is counted (up to a limit) and the rarest leads. A span of amounts may lead only when it is rare, since its matches must
be sorted; where it is all that is asked, the index alone is sorted and may have more.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec import Struct

from einvoiced.actions.find_invoices import FoundInvoice, FoundPage, Question
from einvoiced.journal.entries import Labels
from einvoiced.readmodel.tables import ENTRY_BITS, first_place

MOST_COUNTED, MOST_SORTED = 1000, 20_000
_LAST_PLACE = (1 << 62) - 1

_COLUMNS = """
place, key, invoice_number, year_month, day, time, state, paper, upload, tax_type, total_amount, buyer, carrier_type,
carrier_id, npoban, order_no, business_day, till, cashier, replaces
"""


class _Condition(Struct, frozen=True):
    """One part of a question. `leads`: an index has its matches; `ordered`: newest first, too."""

    sql: str
    values: tuple[Any, ...]
    leads: bool = True
    ordered: bool = True


def find(db: sqlite3.Connection, q: Question) -> FoundPage:
    """A page of invoices, the newest first, and the cursor of the next one."""
    low = first_place(q.date_from) if q.date_from else 0
    high = first_place(q.date_to) + (1 << ENTRY_BITS) - 1 if q.date_to else _LAST_PLACE
    if q.before:
        high = min(high, q.before - 1)
    conditions = _conditions(q)
    leader = _leader(db, conditions, low, high)
    where = ["place BETWEEN ? AND ?"] if leader is None or leader.ordered else ["+place BETWEEN ? AND ?"]
    values: list[Any] = [low, high]
    for condition in conditions:
        where.append(condition.sql if condition is leader else condition.sql.replace("{", "+{"))
        values += condition.values
    text = " AND ".join(where).replace("{", "").replace("}", "")
    places = f"SELECT place FROM invoices WHERE {text} ORDER BY place DESC LIMIT ?"
    sql = f"SELECT {_COLUMNS} FROM invoices WHERE place IN ({places}) ORDER BY place DESC"
    rows = db.execute(sql, (*values, q.limit + 1)).fetchall()
    shown = rows[: q.limit]
    return FoundPage([_shown(row) for row in shown], str(shown[-1][0]) if len(rows) > q.limit else None)


def _conditions(q: Question) -> list[_Condition]:
    found = []
    for column, value in (
        ("order_no", q.order_no),
        ("carrier_id", q.carrier),
        ("buyer", q.buyer),
        ("upload", q.upload),
    ):
        if value is not None:
            found.append(_Condition(f"{{{column}}} = ?", (value,)))
    for column, value in (("till", q.till), ("cashier", q.cashier)):
        if value is not None:
            found.append(_Condition(f"{{{column}}} = ?", (value,), leads=False))
    if q.state == "cancelled":
        found.append(_Condition("{state} = 'cancelled'", ()))  # word for word, so that its small index is used
    elif q.state is not None:
        found.append(_Condition("{state} = ?", (q.state,), leads=False))
    if q.amount_from is not None and q.amount_from == q.amount_to:
        found.append(_Condition("{total_amount} = ?", (q.amount_from,)))
    elif q.amount_from is not None or q.amount_to is not None:
        span = (q.amount_from or 0, q.amount_to if q.amount_to is not None else 1 << 62)
        found.append(_Condition("{total_amount} BETWEEN ? AND ?", span, ordered=False))
    return found


def _leader(db: sqlite3.Connection, conditions: list[_Condition], low: int, high: int) -> _Condition | None:
    """The condition whose index is walked; None for the invoices themselves, newest first."""
    leading = [condition for condition in conditions if condition.leads]
    if len(leading) == 1 and leading[0].ordered:
        return leading[0]
    most = MOST_SORTED if len(conditions) == 1 else MOST_COUNTED
    counted = sorted(((_count(db, each, most, low, high), n) for n, each in enumerate(leading)), key=lambda c: c[0])
    for count, n in counted:
        if leading[n].ordered or count < most:
            return leading[n]
    return None


def _count(db: sqlite3.Connection, condition: _Condition, most: int, low: int, high: int) -> int:
    """How many it has, `most` at most; of a span of amounts all days count, since they do not shorten its walk."""
    where, values = condition.sql.replace("{", "").replace("}", ""), condition.values
    if condition.ordered:
        where, values = f"{where} AND place BETWEEN ? AND ?", (*values, low, high)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM invoices WHERE {where} LIMIT {most})"
    return int(db.execute(sql, values).fetchone()[0])


def _shown(row: tuple[Any, ...]) -> FoundInvoice:
    _, key, number, period, day, time, state, paper, upload, tax_type, total, buyer, *rest = row
    carrier_type, carrier_id, npoban, order_no, business_day, till, cashier, replaces = rest
    labels = Labels(order_no, business_day, till, cashier)
    return FoundInvoice(
        *(key, number, period, day, time, state, paper, upload, tax_type, total, buyer),
        *(carrier_type, carrier_id, npoban, labels, replaces),
    )
