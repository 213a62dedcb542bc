"""Judges a disk that a cut has left: opened by the journal's own start, compared with what had been promised.

What is judged, and where the yardstick comes from:

* opens: `store.lock`, `connect`, `prove`, and the start checks that decide whether the box locks itself;
* nothing acknowledged is lost: each entry that stood when a future was done, each answer that left through a socket and
  each strip that left for the printer before the cut has its entry on the disk, byte for byte;
* nothing is invented: every entry is one of the life's own, in its place;
* the chain holds from the first entry to the last;
* no number twice, none outside an imported range or its period, no original sent twice (read from the entries alone);
* the projections are what a replay of the entries gives, and SQLite's own integrity check is content.

Nothing here knows a particular entry's table: new projections are compared as soon as `schema` names them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from einvoiced.actions import start_checks
from einvoiced.actions.box import Box
from einvoiced.errors import EinvoicedError, JournalBehind, JournalForked, JournalMissing
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import beside, entries, projections, schema, store
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.period import Period
from tests.crash.record import ANSWER, NOTE, Event, Record

LOCKS = (JournalMissing, JournalBehind, JournalForked)
"""What a start raises when it takes the journal for the wrong one."""

Rows = dict[str, list[tuple[Any, ...]]]

FAULTS = (
    "acknowledged lost",
    "unopenable",
    "locked",
    "invented",
    "chain broken",
    "numbers twice",
    "numbers outside",
    "originals twice",
    "projections differ",
    "integrity",
)
"""What may be wrong with a disk; `locked`: the box would refuse to work on it though it is the right one."""


# -- opening


@contextlib.contextmanager
def anywhere() -> Iterator[None]:
    """For as long as this lasts the journal may live on any file system."""
    place, store.check_place = store.check_place, lambda _directory: None
    try:
        yield
    finally:
        store.check_place = place


@contextlib.contextmanager
def opened(state: Path) -> Iterator[tuple[sqlite3.Connection, list[EinvoicedError]]]:
    """The database as the daemon's start opens it, and what would make the daemon lock itself.

    EinvoicedError or OSError when it cannot be opened at all; on tmpfs only within `anywhere`.
    """
    directory = state / "journal"
    known = beside.read(state)
    start_checks.check_files(directory, known)
    lock = store.lock(directory)
    try:
        db = store.connect(directory)
        try:
            head = store.prove(db)
            yield db, _faults(db, head, directory, known)
        finally:
            db.close()
    finally:
        os.close(lock)


def _faults(
    db: sqlite3.Connection, head: store.Head, directory: Path, known: beside.Beside | None
) -> list[EinvoicedError]:
    if not head.sequence:
        return []
    tx = Transaction(db, head, VirtualClock())
    first = entries.read_data(entries.read(tx.one("SELECT body FROM entries WHERE sequence = 1")[0]))
    assert isinstance(first, entries.JournalCreated)
    identity = start_checks.Identity(start_checks.fact(tx, "board") or "", start_checks.fact(tx, "disk") or "")
    return start_checks.find_faults(Box(VirtualClock(), directory), first.journal, known, identity)(tx)


def bodies(db: sqlite3.Connection) -> list[bytes]:
    """Every entry, in order."""
    return [body for (body,) in db.execute("SELECT body FROM entries ORDER BY sequence")]


def rows(db: sqlite3.Connection) -> Rows:
    """Every projection, whole and ordered."""
    return {table: sorted(db.execute(f"SELECT * FROM {table}")) for table in schema.PROJECTION_TABLES}


def replayed(db: sqlite3.Connection) -> Rows:
    """The projections that a replay of this database's entries gives, made on a copy."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.backup(copy)
        copy.execute("BEGIN")
        projections.rebuild(copy)
        return rows(copy)
    finally:
        copy.close()


# -- what entries say of themselves


def chain_broken(chain: Sequence[bytes]) -> int:
    """How many links of a chain from its first entry do not hold."""
    broken, previous = 0, entries.NO_PREVIOUS
    for number, body in enumerate(chain, 1):
        try:
            envelope = entries.read(body)
        except Exception:
            broken += 1
            continue
        broken += envelope.previous != previous or envelope.sequence != number
        previous = entries.digest(body)
    return broken


@dataclass
class Numbers:
    """What the law forbids, found in entries alone (no projection is asked)."""

    twice: int = 0
    outside: int = 0
    originals_twice: int = 0


def numbers(chain: Sequence[bytes]) -> Numbers:
    """Look through a chain for numbers issued twice, or outside their range or period, and originals sent twice."""
    found, ranges, issued, sent = Numbers(), [], set(), set()
    for body in chain:
        entry = json.loads(body)
        data = entry["data"]
        match entry["type"]:
            case "tracks_imported":
                ranges += [(r["year_month"], r["track"], r["begin"], r["end"]) for r in data["ranges"]]
            case "invoice_issued":
                number, period = data["result"]["invoice"]["invoice_number"], data["result"]["invoice"]["year_month"]
                found.twice += (period, number) in issued
                issued.add((period, number))
                found.outside += not _allowed(ranges, period, number, entry["time"])
            case "proof_sending":
                found.originals_twice += data["invoice"] in sent
                sent.add(data["invoice"])
            case "proof_requeued":
                sent.discard(data["invoice"])
    return found


def _allowed(ranges: list[tuple[str, str, int, int]], period: str, number: str, time: str) -> bool:
    track, digits = number[:2], int(number[2:])
    held = any(p == period and t == track and begin <= digits <= end for p, t, begin, end in ranges)
    return held and Period.of(datetime.fromisoformat(time)).year_month == period


# -- what was promised


NOWHERE = 1 << 60
"""The place of an answer that no entry of the whole life holds: it counts as lost at once."""


@dataclass
class Promises:
    """What a life had promised by any moment: each promise is the sequence of an entry that must stand from then on.

    `inherited`: promises of an earlier life on the same disk, by their bodies.
    """

    record: Record
    inherited: Sequence[bytes] = ()
    history: list[bytes] = field(init=False)
    secrets: Any = field(init=False)
    promised: list[set[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.history, self.secrets = _last(self.record)
        if chain_broken(self.history):
            raise AssertionError("the life's own chain is broken")
        if self.history[: len(self.inherited)] != list(self.inherited):
            raise AssertionError("a life lost what an earlier one had promised")
        self._answers = {_digest(result_of(body)): n for n, body in enumerate(self.history, 1) if result_of(body)}
        self._strips = _strips(self.history)
        standing = set(range(1, len(self.inherited) + 1))
        self.promised = []
        for event in [None, *self.record.events]:
            if event is not None and (new := self._made(event) - standing):
                standing = standing | new
            self.promised.append(standing)

    def _made(self, event: Event) -> set[int]:
        """The sequences that an event promises."""
        if event.op == ANSWER:
            return set(self._answered(event.data))
        if event.op != NOTE:
            return set()
        note = json.loads(event.data)
        if "strip" in note:
            return {self._strips[note["strip"]]} if note["strip"] in self._strips else set()
        return set(range(1, note["acked"] + 1))

    def _answered(self, data: bytes) -> Iterator[int]:
        for line in data.splitlines():
            _, found, result = line.partition(b'"result":')
            if found and b'"mac"' in result and (b'"invoice":' in result or b'"cancellation":' in result):
                answer = json.loads(line)["result"]
                yield self._answers.get(_digest(answer.get("result", answer)), NOWHERE)


def _last(record: Record) -> tuple[list[bytes], Any]:
    """All entries and secrets at the end of a life."""
    db = sqlite3.connect(":memory:")
    image = bytearray(record.after["journal/journal.db"])
    if any(record.after.get(f"journal/journal.db-{name}") for name in ("wal", "journal")):
        raise AssertionError("a recorded life must end with a stop, so that its database is whole")
    image[18:20] = b"\x01\x01"  # the header's versions: read a WAL database without its WAL
    db.deserialize(bytes(image))
    try:
        return bodies(db), _secrets(db)
    finally:
        db.close()


def _secrets(db: sqlite3.Connection) -> Any:
    return db.execute("SELECT * FROM secrets ORDER BY 1").fetchall()


def result_of(body: bytes) -> Any:
    """The result that an entry of an issued or cancelled invoice holds; None of any other entry."""
    entry = json.loads(body)
    return entry["data"]["result"] if entry["type"] in ("invoice_issued", "invoice_cancelled") else None


def _digest(result: Any) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()


def originals(record: Record, until: int | None = None) -> set[str]:
    """SHA-256 of each proof that left for the printer; every proof has its own, for its number is on it."""
    notes = [json.loads(event.data) for event in record.events[:until] if event.op == NOTE]
    return {note["strip"] for note in notes if "strip" in note} & _strips(_last(record)[0]).keys()


def _strips(history: Sequence[bytes]) -> dict[str, int]:
    """SHA-256 of a strip → the sequence of the entry that said that it was about to leave."""
    found = {}
    for number, body in enumerate(history, 1):
        entry = json.loads(body)
        if entry["type"] == "proof_sending":
            found.setdefault(entry["data"]["sha256"], number)
    return found


# -- the judge


class Judge:
    """Judges disks of one life. What depends on the entries alone is worked out once for each head."""

    def __init__(self, promises: Promises) -> None:
        self.promises = promises
        self.reason = ""
        """Why the last disk could not be opened, or locks."""
        self._replays: dict[str, Rows] = {}
        self._numbers: dict[str, Numbers] = {}

    def disk(self, state: Path, moment: int) -> Counter[str]:
        """What is wrong with a disk that a cut after `moment` events has left; empty when all is well."""
        try:
            with opened(state) as (db, faults):
                found = self._database(db, moment)
                found["locked"] += bool(faults)
        except LOCKS as error:
            self.reason = repr(error)
            return Counter({"locked": 1})
        except Exception as error:  # whatever damage does: the daemon's start says then that it cannot be opened
            self.reason = repr(error)
            return +Counter({"unopenable": 1, "acknowledged lost": len(self.promises.promised[moment])})
        self.reason = "; ".join(repr(fault) for fault in faults)
        return +found

    def _database(self, db: sqlite3.Connection, moment: int) -> Counter[str]:
        chain = bodies(db)
        head = entries.digest(chain[-1]) if chain else ""
        found = self._entries(chain, head, moment)
        if head not in self._replays:
            self._replays[head] = replayed(db)
        found["projections differ"] += rows(db) != self._replays[head]
        if chain:
            found["projections differ"] += _secrets(db) != self.promises.secrets
        found["integrity"] += db.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
        return found

    def _entries(self, chain: list[bytes], head: str, moment: int) -> Counter[str]:
        found: Counter[str] = Counter()
        history = self.promises.history
        promised = self.promises.promised[moment]
        if chain == history[: len(chain)]:
            found["acknowledged lost"] = sum(1 for sequence in promised if sequence > len(chain))
        else:
            same = {n for n, (a, b) in enumerate(zip(chain, history, strict=False), 1) if a == b}
            found["invented"] = len(chain) - len(same)
            found["acknowledged lost"] = len(promised - same)
            found["chain broken"] = chain_broken(chain)
        if head not in self._numbers:
            self._numbers[head] = numbers(chain)
        wrong = self._numbers[head]
        found["numbers twice"], found["numbers outside"] = wrong.twice, wrong.outside
        found["originals twice"] = wrong.originals_twice
        return found
