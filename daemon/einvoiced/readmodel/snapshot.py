"""A copy for accountants and spreadsheets: `python -m einvoiced.readmodel.snapshot STATE TARGET`.

The read model with every line of every invoice and the documented views (docs/reports.md), in one file without secrets.
Says `{"progress": [done, of]}` a line; ends with 0 when the file is whole and synced.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec

from einvoiced.journal import reading, store
from einvoiced.readmodel.child import give_way
from einvoiced.readmodel.follow import Progress, ReadModel, discard

TRIES = 5

VIEWS = """
CREATE VIEW invoice_list AS
SELECT entry, invoice_number, year_month, day, time, state, cancelled_day, cancel_reason, tax_type, sales_amount,
    free_tax_sales_amount, zero_tax_sales_amount, tax_amount, total_amount, buyer, buyer_name, carrier_type, carrier_id,
    npoban, print_mark, paper, upload, order_no, business_day, till, cashier, copies,
    (SELECT invoice_number FROM invoices AS other WHERE other.entry = invoices.replaces) AS replaces
FROM invoices;

CREATE VIEW invoice_lines AS
SELECT invoices.invoice_number, invoices.day, invoices.state, items.line, items.description,
    CAST(items.quantity AS REAL) AS quantity, items.unit, CAST(items.unit_price AS REAL) AS unit_price,
    CAST(items.amount AS REAL) AS amount, items.tax_type, items.remark, invoices.till, invoices.cashier
FROM items JOIN invoices USING (entry);

CREATE VIEW allowance_list AS
SELECT allowance_number, day, state, cancelled_day, invoice_number, buyer, tax_type, net_amount, tax_amount,
    net_amount + tax_amount AS total_amount, upload, order_no, business_day, till, cashier
FROM allowances;

CREATE VIEW documents AS
SELECT day, year_month, tax_type, iif(buyer IS NULL, 'B2C', 'B2B') AS kind, till, cashier, business_day,
    1 AS issued, state = 'cancelled' AS cancelled, 0 AS allowances,
    iif(state = 'cancelled', 0, sales_amount) AS sales,
    iif(state = 'cancelled', 0, free_tax_sales_amount) AS free_tax_sales,
    iif(state = 'cancelled', 0, tax_amount) AS tax,
    iif(state = 'cancelled', 0, total_amount) AS total,
    iif(state = 'cancelled', total_amount, 0) AS cancelled_total,
    0 AS allowance_net, 0 AS allowance_tax
FROM invoices
UNION ALL
SELECT day,
    printf('%03d%02d', substr(day, 1, 4) - 1911, (substr(day, 6, 2) + 1) / 2 * 2),
    tax_type, iif(buyer IS NULL, 'B2C', 'B2B'), till, cashier, business_day,
    0, 0, 1, 0, 0, 0, 0, 0, net_amount, tax_amount
FROM allowances WHERE state = 'issued';
"""

_TOTALS = """
CREATE VIEW {name} AS
SELECT {group}, sum(issued) AS issued, sum(cancelled) AS cancelled, sum(sales) AS sales,
    sum(free_tax_sales) AS free_tax_sales, sum(tax) AS tax, sum(total) AS total,
    sum(cancelled_total) AS cancelled_total,
    sum(allowances) AS allowances, sum(allowance_net) AS allowance_net, sum(allowance_tax) AS allowance_tax,
    sum(total) - sum(allowance_net) - sum(allowance_tax) AS net_total
FROM documents GROUP BY {group};
"""
TOTALS = {
    "totals_by_day": "day",
    "totals_by_period": "year_month",
    "totals_by_tax_type": "year_month, tax_type, kind",
    "totals_by_till": "day, till",
    "totals_by_cashier": "day, cashier",
    "totals_by_business_day": "business_day",
}
VIEW_NAMES = ("invoice_list", "invoice_lines", "allowance_list", "documents", *TOTALS)


def make(state: Path, target: Path, progress: Progress = lambda _done, _of: None) -> None:
    """Write the copy, whole or not at all, 0600. DiskNearlyFull where it does not fit; OwnerChanged when daemons come
    and go too fast; sqlite3.Error.
    """
    journal, aside = state / "journal" / store.FILE, target.with_name(f".{target.name}.new")
    reading.need_space(target.parent, reading.size_of(journal))
    discard(aside)
    try:
        _follow(aside, journal, progress)
        reading.sync(aside)
        aside.replace(target)
        reading.sync(target.parent)
    finally:
        discard(aside)


def _follow(file: Path, journal: Path, progress: Progress) -> None:
    """Up to the journal's last entry; a daemon that takes the journal over meanwhile is let through first."""
    for last in [False] * (TRIES - 1) + [True]:
        try:
            with closing(ReadModel(file, journal, lines=True)) as model:
                model.catch_up(progress)
                _finish(model.db)
            return
        except reading.OwnerChanged:
            if last:
                raise
            time.sleep(1.0)


def _finish(db: sqlite3.Connection) -> None:
    """Views, nothing that only the box needs, and one file without a WAL."""
    db.executescript(VIEWS)
    for name, group in TOTALS.items():
        db.execute(_TOTALS.format(name=name, group=group))
    db.execute("ALTER TABLE invoices DROP COLUMN key")
    db.execute("DROP TABLE outbox")
    db.execute("PRAGMA journal_mode = DELETE")


def main() -> int:
    """Make one."""
    give_way()

    def told(done: int, of: int) -> None:
        sys.stdout.buffer.write(msgspec.json.encode({"progress": [done, of]}) + b"\n")
        sys.stdout.buffer.flush()

    make(Path(sys.argv[1]), Path(sys.argv[2]), told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
