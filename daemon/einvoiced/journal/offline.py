"""What is done to the journal of a stopped box: reconcile, replace a dead box, restore a backup.

Each takes the journal's lock as a daemon does. A new journal is made whole in a folder of its own and then takes the
place of the old one, which is kept (`journal.set-aside-…`): cut short, the box finds the old one or none, and locks.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from einvoiced.errors import JournalBehind, JournalBroken, JournalForked, JournalMissing, RestoreRefused
from einvoiced.journal import beside, doubt, entries, histories, reading, store
from einvoiced.journal.beside import Beside
from einvoiced.journal.histories import DatabaseHistory, History
from einvoiced.journal.reading import Progress, silent
from einvoiced.journal.reconcile import Outcome, Reconciler, Situation
from einvoiced.journal.transaction import Transaction, WallClock
from einvoiced.journal.verify import verify_database
from einvoiced.journal.witnesses import Report, judge
from einvoiced.rules.period import Period

_EMPTY = store.Head(1, 0, entries.NO_PREVIOUS, "")
_SECRET = "SELECT value FROM secrets WHERE name = 'mac'"


@contextmanager
def stopped_journal(state: Path) -> Iterator[tuple[sqlite3.Connection, store.Head]]:
    """The journal of a stopped box, locked, open and proven. JournalMissing, JournalInUse or JournalBroken.

    Proving it empties the WAL of a box that was not stopped in order; from then on the file beside says that it was.
    """
    directory, known = state / "journal", beside.read(state)
    gone = wal_is_gone(state, known)
    if not (directory / store.FILE).exists():
        raise JournalMissing(detail=str(directory / store.FILE))
    with reading.locked(directory):
        db = store.connect(directory)
        try:
            head = store.prove(db)
            if not head.sequence:
                raise JournalBroken(detail="it has no entry at all; use setup")
            if known is not None and known.running and not gone:
                beside.write(state, msgspec.structs.replace(known, running=False))
            yield db, head
        finally:
            db.close()
            give_to_owner(state, directory)
            if known is not None:
                give_to_owner(state, state / beside.FILE)


def journal_id(db: sqlite3.Connection) -> str:
    """The id in the first entry; JournalBroken when there is none."""
    row = db.execute("SELECT body FROM entries WHERE sequence = 1").fetchone()
    if row is None:
        raise JournalBroken(detail="it has no first entry")
    return histories.journal_of(entries.read(row[0]))


def wal_is_gone(state: Path, known: Beside | None) -> bool:
    """Whether the WAL of a box that was not stopped in order is missing. Ask before anything is opened."""
    return known is not None and known.running and not reading.wal_of(state / "journal" / store.FILE).exists()


def reconcile(
    state: Path, others: Sequence[History], situation: Situation, clock: WallClock, *, dry_run: bool = False
) -> Outcome:
    """Reconcile a stopped box; nothing is changed by a dry run, or when there is nothing to reconcile."""
    known = beside.read(state)
    faults = ("the WAL is gone though the box was not stopped",) if wal_is_gone(state, known) else ()
    with stopped_journal(state) as (db, head):
        if known is None:
            faults = ("the file beside the journal is gone",)
        situation = msgspec.structs.replace(
            situation, beside=known, faults=situation.faults + faults, secret=db.execute(_SECRET).fetchone()[0]
        )
        reconciler = Reconciler(db, head, journal_id(db), clock)
        db.execute("BEGIN IMMEDIATE")
        try:
            outcome = reconciler.run(others, situation)
        except BaseException:
            db.execute("ROLLBACK")
            raise
        if dry_run or not outcome.epoch:
            db.execute("ROLLBACK")
            return outcome
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _write_beside(state, db, reconciler.head, outcome.journal)
    return outcome


def _write_beside(state: Path, db: sqlite3.Connection, head: store.Head, journal: str) -> None:
    last = datetime.fromisoformat(head.time)
    ceilings = doubt.remembered(db, Period.of(last))
    beside.write(state, Beside(journal, False, ceilings).at(head, running=False))
    give_to_owner(state, state / beside.FILE)


def replace_box(
    state: Path,
    journal: str,
    others: Sequence[History],
    situation: Situation,
    clock: WallClock,
    *,
    set_aside: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """Make the journal of a dead box (or a lost one of this box) anew from its mirror or backup.

    RestoreRefused when a journal with invoices or ranges is here already, unless it may be `set_aside`; what such a
    journal of the same id holds is heard too.
    """
    directory, new = state / "journal", state / "journal.new"
    present = _present(directory, journal, set_aside)
    known = beside.read(state)
    if known is not None and known.journal == journal:
        situation = msgspec.structs.replace(situation, beside=known)
    with _made_anew(state, new) as db:
        secret = next((s for h in others if isinstance(h, DatabaseHistory) and (s := h.secret())), None)
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO secrets VALUES ('mac', ?)", (secret or secrets.token_bytes(32),))
        reconciler = Reconciler(db, _EMPTY, journal, clock)
        situation = msgspec.structs.replace(
            situation, accept_identity=True, force=True, secret=secret or b"", new_key=secret is None
        )
        outcome = reconciler.run([*others, *present], situation)
        if not outcome.restored:
            raise RestoreRefused(detail="neither the mirror nor the backup holds an entry")
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        if not dry_run:
            swap_in(state, new, clock.now())
            with closing(reading.open_read_only(directory / store.FILE)) as there:
                _write_beside(state, there, reconciler.head, journal)
    return outcome


def begin_anew(state: Path, situation: Situation, clock: WallClock) -> Outcome:
    """A new journal for a box whose own is lost for ever; what the file beside allowed is in doubt in it.

    RestoreRefused when a journal that can be read is here: that one is reconciled.
    """
    known, new = beside.read(state), state / "journal.new"
    if _readable(state / "journal" / store.FILE):
        raise RestoreRefused(detail="there is a journal here that can be read; use journal reconcile")
    journal = str(uuid.uuid4())
    reasons = ("the journal was lost, and nobody had a copy",)
    ceilings = tuple(known.ceilings) if known is not None else ()
    situation = msgspec.structs.replace(situation, faults=reasons, ceilings=ceilings, beside=None, new_key=True)
    with _made_anew(state, new) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO secrets VALUES ('mac', ?)", (secrets.token_bytes(32),))
        tx = Transaction(db, _EMPTY, clock)
        tx.append(entries.JournalCreated(journal))
        reconciler = Reconciler(db, tx.finish(), journal, clock)
        outcome = reconciler.run([], situation)
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        swap_in(state, new, clock.now())
        with closing(reading.open_read_only(state / "journal" / store.FILE)) as there:
            _write_beside(state, there, reconciler.head, journal)
    return outcome


def _readable(file: Path) -> bool:
    """Whether a database has a first entry and a whole tail."""
    try:
        with closing(reading.open_read_only(file)) as db:
            journal_id(db)
            store.prove_tail(db)
    except (sqlite3.DatabaseError, JournalMissing, JournalBroken, msgspec.DecodeError):
        return False
    return True


def _present(directory: Path, journal: str, set_aside: bool) -> list[History]:
    """The journal that is here, as a history where it may know something; RestoreRefused when it may not be moved."""
    file = directory / store.FILE
    if reading.is_running(directory):
        with reading.locked(directory):  # JournalInUse
            pass
    if not file.exists() or not file.stat().st_size:
        return []
    try:
        with closing(reading.open_read_only(file)) as db:
            (used,) = db.execute("SELECT (SELECT count(*) FROM ranges) + (SELECT count(*) FROM invoices)").fetchone()
            here = journal_id(db)
    except (sqlite3.DatabaseError, JournalBroken, msgspec.DecodeError):
        used, here = 1, journal
    if used and not set_aside:
        detail = f"{file} holds numbers or cannot be read; use journal reconcile, or --set-aside to keep it apart"
        raise RestoreRefused(detail=detail)
    return [DatabaseHistory("journal that was here", file)] if used and here == journal else []


@contextmanager
def _made_anew(state: Path, new: Path) -> Iterator[sqlite3.Connection]:
    """A new journal's database in `new`, which goes away again unless it was renamed meanwhile."""
    shutil.rmtree(new, ignore_errors=True)
    state.mkdir(parents=True, exist_ok=True)
    with reading.locked(new):
        db = store.connect(new)
        try:
            yield db
        finally:
            db.close()
            shutil.rmtree(new, ignore_errors=True)


def swap_in(state: Path, new: Path, now: datetime) -> None:
    """Let a new journal take the place of the one that is here, which is kept under another name."""
    directory = state / "journal"
    give_to_owner(state, new)
    if directory.exists():
        directory.rename(state / f"journal.set-aside-{now:%Y%m%d-%H%M%S}")
    new.rename(directory)
    reading.sync(state)


def restore(
    state: Path,
    backup: Path,
    technician: str,
    others: Sequence[History],
    clock: WallClock,
    progress: Progress = silent,
) -> store.Head:
    """Put a backup in the journal's place when nobody knows more than the backup; the head after it.

    RestoreRefused, JournalBehind or JournalForked otherwise, and nothing is changed: that is reconciliation's work.
    """
    found = verify_database(backup, state, str(backup), progress=progress)
    if not found.good:
        raise RestoreRefused(detail=f"{backup} is not whole: {found.findings[0].detail}")
    known, new = beside.read(state), state / "journal.new"
    if known is None or wal_is_gone(state, known):
        gone = "file beside the journal" if known is None else "journal's WAL"
        raise RestoreRefused(detail=f"the {gone} is gone; use journal reconcile --backup")
    with closing(reading.open_read_only(backup)) as db:
        head = store.prove_tail(db, 1)
        _nobody_knows_more(state, db, head, known, others)
    with _made_anew(state, new) as db:
        db.close()
        (new / store.FILE).unlink()
        reading.snapshot(backup, new / store.FILE, progress)
        with closing(store.connect(new)) as db:
            head = _note_restored(db, backup.name, technician, clock)
        with reading.locked(state / "journal"):
            swap_in(state, new, clock.now())
        with closing(reading.open_read_only(state / "journal" / store.FILE)) as there:
            _write_beside(state, there, head, found.journal)
    return head


def _nobody_knows_more(
    state: Path, backup: sqlite3.Connection, head: store.Head, known: Beside | None, others: Sequence[History]
) -> None:
    journal = journal_id(backup)
    try:
        with stopped_journal(state) as (db, here):
            reports = [("The journal", Report("", journal_id(db), here.epoch, here.sequence, here.hash))]
    except (JournalMissing, JournalBroken) as error:
        cure = f"use setup --replaces {journal} --backup, which puts in doubt what nobody knows"
        raise RestoreRefused(detail=f"{error.message} What it issued last is unknown: {cure}") from None
    if known is not None:
        held = Report("", known.journal, known.epoch, known.sequence, known.hash)
        reports.append(("The file beside the journal", held))
        _check_ceilings(backup, known)
    for who, report in reports:
        verdict = "other_journal" if report.journal != journal else judge(backup, head, journal, report)
        _must_agree(who, verdict, f"entry {report.sequence}, the backup ends with {head.sequence}")
    for history in others:
        found = histories.compare(backup, head, history)
        if found.relation != "empty":
            _must_agree(
                f"The {history.name}", found.relation, f"entry {found.last}, the backup ends with {head.sequence}"
            )


def _must_agree(who: str, verdict: str, detail: str) -> None:
    if verdict in ("journal_behind", "ahead"):
        raise JournalBehind(who=who, detail=f"{detail}; use journal reconcile --backup")
    if verdict != "agrees":
        raise JournalForked(who=who, detail=f"{verdict}: {detail}")


def _check_ceilings(backup: sqlite3.Connection, known: Beside) -> None:
    for c in known.ceilings:
        if not doubt.allows(backup, c):
            detail = f"{c.track} {c.year_month} up to {c.ceiling:08d}; use journal reconcile --backup"
            raise JournalBehind(who="The file beside the journal", detail=detail)


def _note_restored(db: sqlite3.Connection, source: str, technician: str, clock: WallClock) -> store.Head:
    head = store.prove(db)
    db.execute("BEGIN IMMEDIATE")
    tx = Transaction(db, head, clock)
    tx.append(entries.JournalRestored(source, technician, head.sequence))
    head = tx.finish()
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return head


def give_to_owner(state: Path, path: Path) -> None:
    """What root made belongs to whom the state belongs to: the daemon's user."""
    if os.geteuid() != 0:
        return
    owner = state.stat()
    for each in (path, *(path.rglob("*") if path.is_dir() else ())):
        os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)
