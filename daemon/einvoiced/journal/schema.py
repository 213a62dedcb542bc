"""The tables of the journal.

`entries` is the journal. `secrets` holds the key of the answers' MAC, which no entry may carry. Every other table is a
projection of the entries and can be dropped and built again (`projections`).
"""

from __future__ import annotations

VERSION = 2
"""`user_version` of the file; `migrations` brings an older one up to it."""

ENTRIES = """
CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

OUTBOX = """
CREATE TABLE outbox (
    entry INTEGER NOT NULL,
    message TEXT NOT NULL,
    part TEXT NOT NULL,
    subject INTEGER NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL,
    way TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (entry, place, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_later ON outbox (subject, entry, place) WHERE entry <> subject;
"""
"""What `outbox` works on: here, and in the read model's own file."""

PROJECTIONS = f"""
CREATE TABLE ranges (
    seller TEXT NOT NULL,
    year_month TEXT NOT NULL,
    track TEXT NOT NULL,
    begin INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    invoice_type TEXT NOT NULL,
    next INTEGER NOT NULL,
    ceiling INTEGER NOT NULL,
    state TEXT NOT NULL,
    entry INTEGER NOT NULL,
    last INTEGER NOT NULL,
    boxes INTEGER NOT NULL,
    part INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (seller, year_month, track, begin)
) STRICT, WITHOUT ROWID;
CREATE INDEX ranges_by_state ON ranges (seller, year_month, state, track, begin);

CREATE TABLE invoices (
    seller TEXT NOT NULL,
    year_month TEXT NOT NULL,
    track TEXT NOT NULL,
    number INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    paper TEXT NOT NULL,
    state TEXT NOT NULL,
    content INTEGER NOT NULL,
    PRIMARY KEY (seller, year_month, track, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX invoices_waiting_for_paper ON invoices (sequence, paper)
    WHERE paper IN ('queued', 'sending', 'unconfirmed', 'failed', 'to_replace');

CREATE TABLE events (
    invoice INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (invoice, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE allowances (
    entry INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    invoice INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;

{OUTBOX.strip()}
CREATE INDEX outbox_out ON outbox (state, entry) WHERE state <> 'waiting';

CREATE TABLE copies (
    entry INTEGER PRIMARY KEY,
    invoice INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX copies_of_invoice ON copies (invoice, number);
CREATE INDEX copies_waiting ON copies (entry, state) WHERE state IN ('queued', 'sending');

CREATE TABLE slips (
    key BLOB PRIMARY KEY,
    entry INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX slips_waiting ON slips (entry) WHERE state = 'queued';
CREATE INDEX slips_by_entry ON slips (entry);

CREATE TABLE set_aside (
    seller TEXT NOT NULL,
    year_month TEXT NOT NULL,
    track TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    state TEXT NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (seller, year_month, track, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    entry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE track_events (
    sequence INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE keys (
    seller TEXT NOT NULL,
    key BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (seller, key)
) STRICT, WITHOUT ROWID;
"""

PROJECTION_TABLES = (
    *("ranges", "invoices", "keys", "set_aside", "facts", "track_events", "copies", "slips"),
    *("events", "allowances", "outbox"),
)
WAITING_PAPER = "paper IN ('queued', 'sending', 'unconfirmed', 'failed', 'to_replace')"
"""What a question about waiting paper says word for word, so that its small index is used."""
