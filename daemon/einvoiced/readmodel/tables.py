"""The tables of `find.db`, and of a snapshot besides: what the read model keeps of each entry.

`place` orders invoices by day, then by entry: a day's ordinal, 40 bits of the entry. So a span of days, a page's end
and the newest first are all one comparison, and every index ends with it by itself.
"""

from __future__ import annotations

from datetime import date

from einvoiced.journal.schema import OUTBOX

VERSION = 1
"""Raised with every change of the tables: an older file is thrown away and built anew."""

ENTRY_BITS = 40

TABLES = f"""
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invoices (
    place INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    invoice_number TEXT NOT NULL,
    year_month TEXT NOT NULL,
    day TEXT NOT NULL,
    time TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    paper TEXT NOT NULL,
    upload TEXT NOT NULL,
    tax_type TEXT NOT NULL,
    sales_amount INTEGER NOT NULL,
    free_tax_sales_amount INTEGER NOT NULL,
    zero_tax_sales_amount INTEGER NOT NULL,
    tax_amount INTEGER NOT NULL,
    total_amount INTEGER NOT NULL,
    buyer TEXT,
    buyer_name TEXT,
    carrier_type TEXT,
    carrier_id TEXT,
    npoban TEXT,
    print_mark TEXT NOT NULL,
    order_no TEXT,
    business_day TEXT,
    till TEXT,
    cashier TEXT,
    copies INTEGER NOT NULL,
    replaces INTEGER NOT NULL,
    cancelled_day TEXT,
    cancel_reason TEXT
) STRICT;
CREATE UNIQUE INDEX invoices_by_entry ON invoices (entry);

CREATE TABLE allowances (
    place INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    allowance_number TEXT NOT NULL,
    day TEXT NOT NULL,
    state TEXT NOT NULL,
    upload TEXT NOT NULL,
    invoice INTEGER NOT NULL,
    invoice_number TEXT NOT NULL,
    buyer TEXT,
    tax_type TEXT NOT NULL,
    net_amount INTEGER NOT NULL,
    tax_amount INTEGER NOT NULL,
    order_no TEXT,
    business_day TEXT,
    till TEXT,
    cashier TEXT,
    cancelled_day TEXT,
    cancelled_entry INTEGER
) STRICT;
CREATE UNIQUE INDEX allowances_by_entry ON allowances (entry);
CREATE INDEX allowances_by_invoice ON allowances (invoice);

CREATE TABLE company (
    identifier TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT,
    telephone TEXT,
    tax_registration TEXT
) STRICT;

{OUTBOX.strip()}
"""

ITEMS = """
CREATE TABLE items (
    entry INTEGER NOT NULL,
    line INTEGER NOT NULL,
    description TEXT NOT NULL,
    quantity TEXT NOT NULL,
    unit TEXT,
    unit_price TEXT NOT NULL,
    amount TEXT NOT NULL,
    tax_type TEXT NOT NULL,
    remark TEXT,
    PRIMARY KEY (entry, line)
) STRICT, WITHOUT ROWID;
"""
"""In a snapshot only."""

INDEXES = """
CREATE INDEX IF NOT EXISTS invoices_by_total ON invoices (total_amount);
CREATE INDEX IF NOT EXISTS invoices_by_buyer ON invoices (buyer) WHERE buyer IS NOT NULL;
CREATE INDEX IF NOT EXISTS invoices_by_carrier ON invoices (carrier_id) WHERE carrier_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS invoices_by_order ON invoices (order_no) WHERE order_no IS NOT NULL;
CREATE INDEX IF NOT EXISTS invoices_cancelled ON invoices (state) WHERE state = 'cancelled';
CREATE INDEX IF NOT EXISTS invoices_by_upload ON invoices (upload);
"""
"""Made once the model has caught up for the first time: one by one they would cost ten times as much."""


def place_of(day: str, entry: int) -> int:
    """Where an invoice of a day (YYYY-MM-DD) stands."""
    return date.fromisoformat(day).toordinal() << ENTRY_BITS | entry


def first_place(day: date) -> int:
    """Below every invoice of a day and above all earlier ones."""
    return day.toordinal() << ENTRY_BITS
