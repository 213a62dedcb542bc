"""Histories: what else may know the entries of a journal (a mirror, a backup), and how they compare with it.

Two histories that hold the same entry hold the same entries before it: the chain says so. A history that goes on where
the journal ends is its lost end and can be taken back, byte for byte; one that parts from it earlier is a fork.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from msgspec import Raw, Struct

from einvoiced.errors import JournalBroken
from einvoiced.journal import entries, projections, reading, store
from einvoiced.journal.entries import Ceiling, Run
from einvoiced.journal.lines import Reader, period_files
from einvoiced.rules.numbers import split_invoice_number

Relation = Literal["agrees", "ahead", "fork", "other_journal", "empty"]


class History(Protocol):
    """Somebody else's entries. `damaged` is filled while they are read."""

    name: str
    damaged: list[str]

    def bodies(self, after: int = 0) -> Iterator[bytes]:
        """The entries after a sequence, in order; what cannot be read is left out and noted."""
        ...


class LinesHistory:
    """A mirror's directory, or files of JSON lines."""

    def __init__(self, name: str, files: Iterable[Path]) -> None:
        self.name, self._reader = name, Reader(files)
        self.damaged: list[str] = []

    @classmethod
    def of_mirror(cls, directory: Path) -> LinesHistory:
        """A mirror; OSError when it is away."""
        return cls(f"mirror {directory}", period_files(directory))

    def bodies(self, after: int = 0) -> Iterator[bytes]:
        for line in self._reader:
            if line.envelope.sequence > after:
                yield line.body
        self.damaged = list(self._reader.damaged)


class DatabaseHistory:
    """A journal's database that nobody writes: a backup, or a damaged journal as far as it can be read."""

    def __init__(self, name: str, file: Path) -> None:
        self.name, self.file = name, file
        self.damaged: list[str] = []

    def bodies(self, after: int = 0) -> Iterator[bytes]:
        self.damaged = []
        try:
            db = reading.open_read_only(self.file)
        except sqlite3.DatabaseError as error:
            self.damaged.append(str(error))
            return
        try:
            for sequence, body in reading.bodies(db, after):
                if _is_entry(body):
                    yield body
                else:
                    self.damaged.append(f"entry {sequence}")
        except sqlite3.DatabaseError as error:
            self.damaged.append(str(error))
        finally:
            db.close()

    def secret(self) -> bytes | None:
        """The key of the answers' MACs; None when it cannot be read."""
        try:
            db = reading.open_read_only(self.file)
            try:
                row = db.execute("SELECT value FROM secrets WHERE name = 'mac'").fetchone()
            finally:
                db.close()
        except (sqlite3.DatabaseError, OSError):
            return None
        return row[0] if row else None


def _is_entry(body: bytes) -> bool:
    try:
        entries.read(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


class Compared(Struct, frozen=True):
    """How a history stands to a journal: `common` entries are the same, `whole` is where its own chain holds to."""

    relation: Relation
    journal: str
    common: int
    whole: int
    last: int


def compare(db: sqlite3.Connection, head: store.Head, history: History) -> Compared:
    """Read all of a history beside the journal (offline only). A damaged line does not part what holds around it."""
    ours = reading.bodies(db)
    mine = (0, b"")
    common = whole = last = 0
    previous, journal = entries.NO_PREVIOUS, ""
    for body in history.bodies():
        envelope = entries.read(body)
        number = last = envelope.sequence
        while mine[0] < number <= head.sequence:
            mine = next(ours)
        if mine == (number, body):
            common = number
        elif (number, envelope.previous) != (whole + 1, previous):
            continue
        whole, previous = number, entries.digest(body)
        if number == 1:
            journal = journal_of(envelope)
    return Compared(_relation(head.sequence, common, last), journal, common, whole, last)


def _relation(head: int, common: int, last: int) -> Relation:
    if not last:
        return "empty"
    if head and not common:
        return "other_journal"
    if common == last:
        return "agrees"
    return "ahead" if common == head else "fork"


def journal_of(first: entries.Envelope) -> str:
    """The journal's id in its first entry; JournalBroken when it is no journal's first entry."""
    data = entries.read_data(first) if first.type in entries.TYPES else None
    if not isinstance(data, entries.JournalCreated):
        raise JournalBroken(detail="the first entry is not journal_created")
    return data.journal


def take_back(db: sqlite3.Connection, head: store.Head, history: History, upto: int) -> store.Head:
    """Append a history's entries after the head, byte for byte, in the caller's transaction; the new head.

    JournalBroken when one of them does not follow or contradicts those before.
    """
    for body in history.bodies(head.sequence):
        envelope = entries.read(body)
        if envelope.sequence > upto:
            break
        if (envelope.sequence, envelope.previous) != (head.sequence + 1, head.hash):
            raise JournalBroken(detail=f"entry {envelope.sequence} of the {history.name} does not follow")
        try:
            db.execute("INSERT INTO entries VALUES (?, ?)", (envelope.sequence, body))
            projections.apply(db, envelope.sequence, entries.read_data(envelope))
        except (KeyError, msgspec.DecodeError, sqlite3.IntegrityError) as error:
            raise JournalBroken(detail=f"entry {envelope.sequence} of the {history.name}: {error}") from error
        head = store.Head(envelope.epoch, envelope.sequence, entries.digest(body), envelope.time)
    return head


class KnownInvoice(Struct, frozen=True):
    """An invoice that a history holds beyond what it has in common with the journal."""

    seller: str
    year_month: str
    track: str
    number: int
    key: str
    sequence: int
    time: str
    result: Raw


class Remainder(Struct, frozen=True):
    """What a history knows beyond the common entries: invoices, how high its ranges might count, what it set aside."""

    invoices: list[KnownInvoice]
    ceilings: list[Ceiling]
    aside: list[Run]


def remainder(history: History, after: int) -> Remainder:
    """Read what follows the common entries, whole or not."""
    found = Remainder([], [], [])
    for body in history.bodies(after):
        envelope = entries.read(body)
        if envelope.type not in entries.TYPES:
            continue
        try:
            _note(envelope, entries.read_data(envelope), found)
        except (msgspec.DecodeError, ValueError):
            history.damaged.append(f"entry {envelope.sequence}")
    return found


def _note(envelope: entries.Envelope, data: entries.EntryData, found: Remainder) -> None:
    if isinstance(data, (entries.InvoiceIssued, entries.InvoiceAdopted)):
        known = invoice_in(data.key, data.result, envelope.sequence, envelope.time)
        found.invoices.append(known)
        found.aside.append(Run(known.seller, known.year_month, known.track, known.number, known.number))
        if isinstance(data, entries.InvoiceIssued):
            place = (known.seller, known.year_month, known.track)
            found.ceilings.append(Ceiling(*place, data.range_begin, known.number))
    elif isinstance(data, entries.CeilingsRaised):
        found.ceilings.extend(data.ceilings)
    elif isinstance(data, entries.TracksReserved):
        found.aside.append(data.run)
    elif isinstance(data, entries.EpochOpened):
        found.aside.extend(data.in_doubt + data.elsewhere)


class _Seller(Struct, frozen=True):
    identifier: str


class _Invoice(Struct, frozen=True):
    invoice_number: str
    year_month: str
    seller: _Seller


class _Result(Struct, frozen=True):
    invoice: _Invoice


_read_result = msgspec.json.Decoder(_Result).decode


def invoice_in(key: str, result: Raw, sequence: int = 0, time: str = "") -> KnownInvoice:
    """The invoice of an answer's `result`; msgspec.DecodeError or ValueError when it is none."""
    invoice = _read_result(result).invoice
    track, number = split_invoice_number(invoice.invoice_number)
    place = (invoice.seller.identifier, invoice.year_month, track, number)
    return KnownInvoice(*place, key, sequence, time, result)
