"""Entries played again into projections of their own, each held against the law on its way.

Every invoice's number comes from a range that was in use, inside that range, inside its period, and once; every number
that a range has passed was issued or set aside by an entry.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from einvoiced.journal import entries, projections, schema
from einvoiced.journal.findings import Findings
from einvoiced.journal.mac import MacKey
from einvoiced.journal.replay_lives import Lives
from einvoiced.rules.numbers import invoice_number, split_invoice_number
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share

BATCH = 5000
_RANGE = """
SELECT "end", state, part, boxes FROM ranges WHERE seller = ? AND year_month = ? AND track = ? AND begin = ?
"""
_INVOICE = "SELECT sequence FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"


class _Identity(Struct, frozen=True):
    identifier: str


class _Invoice(Struct, frozen=True):
    invoice_number: str
    year_month: str
    seller: _Identity
    invoice_date: str
    invoice_time: str


class _Answer(Struct, frozen=True):
    epoch: int
    sequence: int
    mac: str
    invoice: _Invoice


_read_answer = msgspec.json.Decoder(_Answer).decode


@lru_cache(maxsize=16)
def _bounds(year_month: str) -> tuple[str, str]:
    period = Period.from_year_month(year_month)
    return entries.stamp(period.begins), entries.stamp(period.ends)


class Replay:
    """A scratch database with projections built by `projections.apply`. Close it, then remove its file.

    `beside` is a database whose `entries` are those that are played (attached as `snap`); None: they are kept here.
    `key`: that of the answers' MACs, where they are to be checked.
    """

    def __init__(self, file: Path, findings: Findings, beside: Path | None, key: MacKey | None = None) -> None:
        self._findings, self._key, self._keep = findings, key, beside is None
        self.db = sqlite3.connect(file, isolation_level=None, cached_statements=128)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536", "locking_mode = EXCLUSIVE"):
            self.db.execute(f"PRAGMA {pragma}")
        if beside is not None:
            self.db.execute("ATTACH DATABASE ? AS snap", (str(beside),))
        for statement in ((schema.ENTRIES if self._keep else "") + schema.PROJECTIONS).split(";\n"):
            if statement.strip():
                self.db.execute(statement)
        self.partial = False
        """Whether it does not begin with entry 1: then only what can be said of each invoice alone is checked."""
        self._journal = ""
        self._lives = Lives(self.db, findings, key)
        self._since = self.invoices = 0
        self.db.execute("BEGIN")

    def close(self) -> None:
        """Let the scratch file go."""
        self.db.close()

    def take(self, envelope: entries.Envelope, data: entries.EntryData, body: bytes, place: str) -> None:
        """Play one entry."""
        if self._keep:
            self.db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?)", (envelope.sequence, body))
        if isinstance(data, entries.JournalCreated):
            self._journal = data.journal
        elif isinstance(data, (entries.InvoiceIssued, entries.InvoiceAdopted)):
            self.invoices += 1
            if not self._lawful(envelope, data, place):
                return
        elif isinstance(data, entries.SegmentSealed) and not self.partial:
            self._check_seal(envelope, data, place)
        if self.partial:
            return
        self._lives.check(envelope, data, self._journal, place)
        try:
            projections.apply(self.db, envelope.sequence, data)
        except (sqlite3.IntegrityError, TypeError, ValueError) as error:
            self._findings.add("contradiction", str(error), entry=envelope.sequence, place=place)
        self._since += 1
        if self._since >= BATCH:
            self._since = 0
            self.db.execute("COMMIT")
            self.db.execute("BEGIN")

    def finish(self) -> None:
        """All entries were played: look for numbers that went missing."""
        self.db.execute("COMMIT")
        if self.partial:
            return
        sql = 'SELECT seller, year_month, track, begin, next - 1, "end", part, boxes FROM ranges'
        for *key, begin, used, end, part, boxes in self.db.execute(sql).fetchall():
            for first, last in Share(part + 1, boxes).runs(begin, min(used, end)):
                self._check_gaps(key, first, last)

    def _lawful(self, envelope: entries.Envelope, data: Any, place: str) -> bool:
        """Whether the invoice may be played; what is wrong with it is a finding either way."""
        try:
            answer = _read_answer(data.result)
            seller, period = answer.invoice.seller.identifier, answer.invoice.year_month
            track, number = split_invoice_number(answer.invoice.invoice_number)
            begins, ends = _bounds(period)
        except (msgspec.DecodeError, ValueError) as error:
            self._findings.add("unreadable", f"the result: {error}", entry=envelope.sequence, place=place)
            return False
        name = invoice_number(track, number)
        where: dict[str, Any] = {"entry": envelope.sequence, "place": place}
        known = self.db.execute(_INVOICE, (seller, period, track, number)).fetchone()
        if known is not None:
            self._findings.add("number_twice", f"{name} of {period} was entry {known[0]}'s already", **where)
            return False
        if isinstance(data, entries.InvoiceAdopted):
            return True
        if not begins <= envelope.time < ends:
            self._findings.add("outside_period", f"{name} of {period} at {envelope.time}", **where)
        self._check_answer(envelope, answer, where)
        if self.partial:
            self.db.execute(projections.INSERT_INVOICE, (seller, period, track, number, envelope.sequence, data.paper))
        else:
            self._check_range((seller, period, track, data.range_begin), number, name, where)
        return True

    def _check_range(self, key: tuple[str, str, str, int], number: int, name: str, where: Any) -> None:
        row = self.db.execute(_RANGE, key).fetchone()
        if row is None or not key[3] <= number <= row[0]:
            self._findings.add("outside_range", f"{name} is not of the range that begins with {key[3]:08d}", **where)
        elif not Share(row[2] + 1, row[3]).has(number):
            self._findings.add("outside_range", f"{name} is another box's share of its range", **where)
        elif row[1] not in ("current", "fresh"):
            self._findings.add("outside_range", f"{name}: its range was {row[1]} then", **where)

    def _check_answer(self, envelope: entries.Envelope, answer: _Answer, where: Any) -> None:
        stated, time = answer.invoice, envelope.time
        if (answer.epoch, answer.sequence) != (envelope.epoch, envelope.sequence):
            self._findings.add("place", f"the answer says ({answer.epoch}, {answer.sequence})", **where)
        if (stated.invoice_date, stated.invoice_time) != (time[:10].replace("-", ""), time[11:19]):
            self._findings.add("place", f"the invoice says {stated.invoice_date} {stated.invoice_time}", **where)
        place = (self._journal, answer.epoch, answer.sequence)
        if self._key is not None and not self._key.may_have_made(*place, answer.mac):
            self._findings.add("mac", f"the MAC of {stated.invoice_number} is not this journal's", **where)

    def _check_seal(self, envelope: entries.Envelope, data: entries.SegmentSealed, place: str) -> None:
        row = self.db.execute("SELECT body FROM entries WHERE sequence = ?", (data.last,)).fetchone()
        if row is None or entries.digest(row[0]) != data.hash:
            detail = f"entry {data.last} is not the one that ended the segment {data.year_month}"
            self._findings.add("seal", detail, entry=envelope.sequence, place=place)

    def _check_gaps(self, key: list[str], first: int, last: int) -> None:
        """Every number from `first` to `last` is issued or set aside, and none is both."""
        if last < first:
            return
        one = "WHERE seller = ? AND year_month = ? AND track = ? AND"
        (issued,) = self.db.execute(
            f"SELECT count(*) FROM invoices {one} number BETWEEN ? AND ?", (*key, first, last)
        ).fetchone()
        aside = self.db.execute(
            f"SELECT max(first, ?), min(last, ?) FROM set_aside {one} first <= ? AND last >= ? ORDER BY first",
            (first, last, *key, last, first),
        ).fetchall()
        missing = last - first + 1 - issued - sum(b - a + 1 for a, b in aside)
        overlap = sum(
            self.db.execute(f"SELECT count(*) FROM invoices {one} number BETWEEN ? AND ?", (*key, a, b)).fetchone()[0]
            for a, b in aside
        )
        if overlap:
            detail = f"{overlap} numbers of {key[2]} {key[1]} are issued and set aside"
            self._findings.add("contradiction", detail)
        if missing + overlap:
            runs = self._missing(key, first, last, aside)
            self._findings.add("gap", f"{missing + overlap} numbers of {key[2]} {key[1]} are missing: {runs}")

    def _missing(self, key: list[str], first: int, last: int, aside: list[tuple[int, int]]) -> str:
        """The first few missing runs."""
        taken = [
            (n, n)
            for (n,) in self.db.execute(
                "SELECT number FROM invoices WHERE seller = ? AND year_month = ? AND track = ? "
                "AND number BETWEEN ? AND ?",
                (*key, first, last),
            )
        ]
        runs, expected = [], first
        for a, b in sorted(taken + aside):
            if a > expected:
                runs.append(f"{expected:08d}-{a - 1:08d}")
            expected = max(expected, b + 1)
        if expected <= last:
            runs.append(f"{expected:08d}-{last:08d}")
        return ", ".join(runs[:5]) + (" …" if len(runs) > 5 else "")
