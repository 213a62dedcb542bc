"""A model of a box against the real journal: sales, repeats, cancellations, clocks, crashes, old copies, witnesses,
reconciliation.

The harness does what the daemon does at a start, a stop and a raise of the ceilings, with the real journal, actions,
file beside, mirror files and reconciliation, in one thread's order. What it must never see: a number that comes twice
among acknowledged answers, a key whose bytes change, a number in doubt that is issued, a journal that does not verify.
"""

from __future__ import annotations

import json
import shutil
import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from einvoiced.actions.ask import list_tracks
from einvoiced.actions.box import BEHIND, Ceilings
from einvoiced.actions.box_life import start_box, stop_box
from einvoiced.actions.cancel_invoice import WithdrawParams, cancel_invoice
from einvoiced.actions.correct_clock import correct_clock
from einvoiced.actions.find_invoices import FindParams, find_in_journal, question
from einvoiced.actions.follow import judge_report, read_entries
from einvoiced.actions.import_tracks import import_tracks
from einvoiced.actions.issue_invoice import IssueParams, issue_invoice
from einvoiced.actions.raise_ceilings import raise_ceilings, remembered_ceilings, usable_ceilings
from einvoiced.actions.release_tracks import release_tracks
from einvoiced.actions.start_checks import Identity, check_files, find_faults
from einvoiced.errors import (
    BoxLocked,
    CancelTooLate,
    CeilingReached,
    ClockWasAhead,
    EinvoicedError,
    JournalBehind,
    KeyConflict,
    NoNumbersLeft,
)
from einvoiced.followers.mirror_copy import MirrorCopy, initialise
from einvoiced.journal import beside, offline, store
from einvoiced.journal.histories import LinesHistory
from einvoiced.journal.reconcile import Situation
from einvoiced.journal.transaction import NotYet, Transaction
from einvoiced.journal.verify import verify_files, verify_journal
from einvoiced.journal.witnesses import Report
from einvoiced.readmodel.follow import ReadModel
from einvoiced.readmodel.questions import find
from einvoiced.rules.period import Period
from tests.boxes import SALE, Desk, fresh_folder
from tools.virtualbox import track_file

AHEAD = 60
"""Numbers below the ceiling after a raise: little more than a booklet, so that ceilings are met often."""

IDENTITY = Identity("pi:1", "mmc:1")


class BoxMachine(RuleBasedStateMachine):
    """One box, its mirror, its tills."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = fresh_folder("model")
        self.state = self.folder / "box"
        self.copies: list[tuple[Path, bool]] = []
        self.desk = Desk(self.state)
        self.running, self.lock = True, ""
        self.required = self.mirror_answers = True
        self.identity = IDENTITY
        self.answers: dict[str, bytes] = {}
        self.sales: dict[str, dict[str, Any]] = {}
        self.cancelled: dict[str, tuple[str, bytes]] = {}
        """A sale's key → its cancellation's key and result."""
        self.numbers: set[tuple[str, str]] = set()
        self.in_doubt: set[tuple[str, str]] = set()
        self.files: list[tuple[tuple[str, int, int], Period]] = []
        self.tracks = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        self.mirror = self.folder / "mirror"
        self.mirror.mkdir()
        initialise(self.mirror, self.desk.directory, self.desk.journal.id, same_disk=True)
        self.desk.journal.close()
        self.running = False

    @initialize(required=st.booleans())
    def first_start(self, required: bool) -> None:
        """The mirror is required or optional for the whole life."""
        self.required = required
        self.start()
        self.import_tracks(2, 0)

    # -- what the daemon does

    def start(self) -> None:
        """`JournalKeeper.open` and `begin`."""
        known = beside.read(self.state)
        self.lock = ""
        try:
            check_files(self.desk.directory, known)
        except EinvoicedError as error:
            self.lock = error.name
            return
        self.desk.open()
        self.running = True
        journal, box = self.desk.journal, self.desk.box
        journal.freeze(NotYet())
        box.journal_id, box.secret = journal.id, journal.secret
        box.ceilings = Ceilings(known.ceilings if known else [])
        faults = journal.call(find_faults(box, journal.id, known, self.identity))
        if faults:
            self._freeze(faults[0])
        if self.mirror_answers:
            self._hear_mirror()
        if self.lock:
            return
        journal.thaw(start_box(box, self.identity, {})).result()
        ceilings = known.ceilings if known else []
        beside.write(self.state, beside.Beside(journal.id, True, ceilings).at(self._head(), running=True))
        self.raise_now()

    def _head(self) -> store.Head:
        return self.desk.call(lambda tx: tx.head)

    def _freeze(self, error: EinvoicedError) -> None:
        self.lock = error.name
        self.desk.journal.freeze(error)

    def _hear_mirror(self) -> bool:
        """The mirror opens its copy and reports; whether it agrees."""
        copy = MirrorCopy(self.mirror)
        report = Report("mirror", copy.marker.journal, copy.epoch, copy.sequence, copy.hash)
        verdict = self.desk.call(judge_report(self.desk.journal.id, report)).verdict
        if verdict != "agrees" and not self.lock:
            self._freeze(JournalBehind(who="mirror", detail=verdict))
        return verdict == "agrees"

    def _copy_to_mirror(self, pages: int = 1 << 30) -> None:
        copy = MirrorCopy(self.mirror)
        while pages and (page := self.desk.call(read_entries(copy.sequence, 7)).entries):
            copy.append(body.encode() for body in page)
            pages -= 1

    def raise_now(self) -> None:
        """`CeilingKeeper.raise_now`."""
        journal, box = self.desk.journal, self.desk.box
        journal.call(raise_ceilings(box, AHEAD))
        known, remembered, head = journal.call(usable_ceilings(box)), journal.call(remembered_ceilings), self._head()
        if self.required:
            if not self.mirror_answers or not self._hear_mirror():
                return
            self._copy_to_mirror()
        beside.write(self.state, beside.Beside(journal.id, True, remembered).at(head, running=True))
        assert box.ceilings is not None
        box.ceilings.allow(known)

    def close(self) -> None:
        """The process ends; what it does to the files is undone by whoever crashes it."""
        self.desk.journal.close()
        self.running = False

    # -- sales

    def ask(self, key: str, sale: dict[str, Any]) -> bytes:
        """`invoice.issue`; CeilingReached instead of waiting."""
        wire = json.dumps({"key": key, **sale}).encode()
        action = issue_invoice(self.desk.box, msgspec.json.decode(wire, type=IssueParams), None)

        def now(tx: Transaction) -> bytes:
            try:
                return bytes(action(tx))
            except NotYet:
                raise CeilingReached(witnesses="mirror") from None

        return self.desk.call(now)

    @precondition(lambda self: self.running)
    @rule(count=st.integers(1, 25), price=st.integers(1, 3))
    def sell(self, count: int, price: int) -> None:
        """New sales; each acknowledged number is new and was never in doubt."""
        for _ in range(count):
            key = str(uuid.uuid4())
            sale = {**SALE, "lines": [{**SALE["lines"][0], "unit_price": price}], "total_amount": price}
            try:
                answer = self.ask(key, sale)
            except CeilingReached:
                self.raise_now()
                return
            except (NoNumbersLeft, BoxLocked):
                return
            except EinvoicedError as error:
                assert self.lock, error
                return
            assert not self.lock
            invoice = json.loads(answer)["invoice"]
            number = (invoice["year_month"], invoice["invoice_number"])
            assert number not in self.numbers, f"{number} came twice"
            assert number not in self.in_doubt, f"{number} was in doubt"
            self.numbers.add(number)
            self.answers[key], self.sales[key] = answer, sale

    @precondition(lambda self: self.running and self.answers)
    @rule(data=st.data(), other=st.booleans())
    def repeat(self, data: st.DataObject, other: bool) -> None:
        """A key gives its very bytes, locked or not; with another sale it is a conflict."""
        key = data.draw(st.sampled_from(sorted(self.answers)))
        sale = self.sales[key]
        if not other:
            try:
                assert self.ask(key, sale) == self.answers[key]
            except EinvoicedError:
                assert self.lock  # an old copy that has lost it says nothing new
            return
        try:
            self.ask(key, {**sale, "total_amount": 9, "lines": [{**SALE["lines"][0], "unit_price": 9}]})
        except KeyConflict:
            return
        except EinvoicedError:
            assert self.lock
            return
        raise AssertionError("another sale got an old key's answer")

    @precondition(lambda self: self.running and self.answers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """An invoice is cancelled once; its cancellation's key gives its very bytes, locked or not."""
        sold = data.draw(st.sampled_from(sorted(self.answers)))
        before = self.cancelled.get(sold)
        key = before[0] if before else str(uuid.uuid4())
        params = WithdrawParams(key=key, invoice_key=sold, reason="商品退回", by="王小明", consent="口頭同意")
        try:
            result = bytes(self.desk.call(cancel_invoice(self.desk.box, params, None)))
        except CancelTooLate:
            assert before is None
            return
        except EinvoicedError:
            assert self.lock  # an old copy may have lost it, and appends nothing
            return
        assert before is None or result == before[1]
        assert not self.lock or before is not None
        self.cancelled[sold] = (key, result)

    @precondition(lambda self: self.running and not self.lock)
    @rule(hours=st.integers(1, 48), corrected=st.booleans())
    def clock_ran_ahead(self, hours: int, corrected: bool) -> None:
        """The clock is set back: nothing is issued until it is right again, or a technician says that it was ahead."""
        clock = self.desk.clock
        clock.move(-3600 * hours)
        last = self.desk.call(lambda tx: tx.last_time())
        if last is not None and last - clock.now() > BEHIND:
            try:
                self.ask(str(uuid.uuid4()), SALE)
            except ClockWasAhead:
                pass
            else:
                raise AssertionError("an invoice was issued behind the journal's time")
            if corrected:
                self.desk.call(correct_clock("測試", None))
                return
        clock.move(3600 * hours)

    @precondition(lambda self: self.running and not self.lock)
    @rule(booklets=st.integers(1, 3), later=st.integers(0, 1))
    def import_tracks(self, booklets: int, later: int) -> None:
        """A track file of a track of its own."""
        track = next(self.tracks, None)
        if track is None:
            return
        period = Period(Period.of(self.desk.clock.now()).index + later)
        self.files.append(((f"Q{track}", 0, booklets * 50 - 1), period))
        self._take(*self.files[-1])

    def _take(self, numbers: tuple[str, int, int], period: Period) -> None:
        content = track_file(numbers, period=period).encode()
        self.desk.call(import_tracks(self.desk.box, "f.csv", content, source="socket", peer=None))
        for r in self.desk.call(list_tracks(self.desk.box)):
            if r.state == "unreleased":
                self.desk.call(release_tracks(self.desk.box, r.year_month, r.track, r.begin, "none", "測試", None))
        self.raise_now()

    @precondition(lambda self: self.running and not self.lock and self.files)
    @rule(data=st.data())
    def import_again(self, data: st.DataObject) -> None:
        """The same file once more: known, or lost with an old copy and taken again, without its used numbers."""
        numbers, period = data.draw(st.sampled_from(self.files))
        if period.ends > self.desk.clock.now():
            self._take(numbers, period)

    @rule(days=st.integers(1, 30))
    def wait(self, days: int) -> None:
        """Time goes by."""
        self.desk.clock.move(timedelta(days=days).total_seconds())

    # -- faults

    @precondition(lambda self: self.running)
    @rule()
    def stop(self) -> None:
        """In order."""
        known = beside.read(self.state)
        if not self.lock:
            self.desk.call(stop_box)
            assert known is not None
            known = known.at(self._head(), running=False)
        if known is not None:
            beside.write(self.state, msgspec.structs.replace(known, running=False))
        self.close()

    @precondition(lambda self: self.running)
    @rule()
    def crash(self) -> None:
        """The plug: the disk is what it was at this moment."""
        image = self.folder / "image"
        shutil.copytree(self.state, image)
        self.close()
        shutil.rmtree(self.state)
        image.rename(self.state)

    @precondition(lambda self: not self.running)
    @rule()
    def start_again(self) -> None:
        """Off and on."""
        self.start()

    @precondition(lambda self: not self.running and not self.lock and (self.state / "journal" / store.FILE).exists())
    @rule(whole=st.booleans())
    def keep_copy(self, whole: bool) -> None:
        """A helpful person copies the journal of a stopped box, or its whole state."""
        known = beside.read(self.state)
        if known is not None and known.running:
            return  # not stopped in order: who copies then copies a WAL, which is a crash image
        copy = self.folder / f"copy-{len(self.copies)}"
        shutil.copytree(self.state if whole else self.state / "journal", copy)
        self.copies.append((copy, whole))

    @precondition(lambda self: not self.running and self.copies)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        """And puts it back. Of the whole state only where the mirror knows all and is asked: else nobody can know."""
        copy, whole = data.draw(st.sampled_from(self.copies))
        to = self.state if whole else self.state / "journal"
        if whole:
            self._mirror_knows_all()
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(copy, to)

    @precondition(lambda self: self.running and not self.lock)
    @rule(before=st.integers(1, 40), days=st.sampled_from([0, 0, 1, 30]))
    def old_copy_after_some_sales(self, before: int, days: int) -> None:
        """All of it in one night: copied, sold on, put back, started, sold on. Only the file beside may know."""
        self.stop()
        copy = self.folder / f"copy-{len(self.copies)}"
        shutil.copytree(self.state / "journal", copy)
        self.copies.append((copy, False))
        self.start()
        if not self.lock:
            self.sell(before, 1)
            self.wait(days)
        if self.running:
            self.stop()
        shutil.rmtree(self.state / "journal")
        shutil.copytree(copy, self.state / "journal")
        self.start()
        if self.running:
            self.sell(3, 2)

    def _mirror_knows_all(self) -> None:
        """The mirror has every acknowledged entry: it was asked until the end."""
        self.mirror_answers = True
        if not self.running:
            self.start()
        if self.running:
            if not self.lock:
                self._copy_to_mirror()
            self.close()

    @precondition(lambda self: not self.running and (self.state / "journal").exists())
    @rule()
    def delete_journal(self) -> None:
        """A helpful person deletes it."""
        shutil.rmtree(self.state / "journal")

    @rule(answers=st.booleans())
    def mirror_comes_or_goes(self, answers: bool) -> None:
        """The disk is pulled, or plugged in again; a mirror that comes back reports."""
        back = answers and not self.mirror_answers
        self.mirror_answers = answers
        if back and self.running:
            self._hear_mirror()

    @precondition(lambda self: self.running and not self.lock and self.mirror_answers)
    @rule(pages=st.integers(1, 3))
    def mirror_copies(self, pages: int) -> None:
        """A lagging mirror gets further."""
        if self._hear_mirror():
            self._copy_to_mirror(pages)

    @precondition(lambda self: not self.running)
    @rule()
    def another_board(self) -> None:
        """The card is put into another box."""
        self.identity = Identity(f"pi:{len(self.identity.board)}{self.identity.board[3:]}", "mmc:1")

    # -- the technician

    @precondition(lambda self: self.lock)
    @rule()
    def reconcile(self) -> None:
        """The technician mounts the mirror, reconciles (or sets up anew what was lost) and starts the box."""
        self.mirror_answers = True
        if self.running:
            self.stop()
        others = [LinesHistory.of_mirror(self.mirror)]
        situation = Situation("測試", self.identity.board, self.identity.disk, accept_identity=True)
        marker = MirrorCopy(self.mirror).marker
        if not (self.state / "journal" / store.FILE).exists():
            if not MirrorCopy(self.mirror).sequence:
                return
            outcome = offline.replace_box(self.state, marker.journal, others, situation, self.desk.clock)
        else:
            outcome = offline.reconcile(self.state, others, situation, self.desk.clock)
        for source in outcome.sources:
            if source.state == "fork":
                MirrorCopy(self.mirror).cut_after(source.common)
        assert not outcome.duplicates
        self.in_doubt |= {
            (r.year_month, f"{r.track}{n:08d}") for r in outcome.in_doubt for n in range(r.first, r.last + 1)
        }
        self.start()
        assert not self.lock, self.lock
        self._forget_what_was_lost()

    def _forget_what_was_lost(self) -> None:
        """Keys that no copy gave back: a repeat of theirs is a new sale (their numbers are in doubt)."""
        for key in list(self.answers):
            if not self._knows(key):
                invoice = json.loads(self.answers.pop(key))["invoice"]
                assert (invoice["year_month"], invoice["invoice_number"]) in self.in_doubt
        for sold, (key, _) in list(self.cancelled.items()):
            if not self._knows(key):
                del self.cancelled[sold]

    def _knows(self, key: str) -> bool:
        bits = uuid.UUID(key).bytes
        return self.desk.call(lambda tx: tx.one("SELECT 1 FROM keys WHERE key = ?", bits)) is not None

    @precondition(lambda self: self.running)
    @rule()
    def look_everything_up(self) -> None:
        """The read model, which lives through copies and reconciliations, says what the journal says."""
        with closing(ReadModel(self.folder / "find.db", self.desk.directory / store.FILE)) as model:
            model.catch_up()
            everything = question(FindParams(limit=500), of_till=False, today=self.desk.clock.now().date())
            found = find(model.db, everything).invoices
        (count,) = self.desk.call(lambda tx: tx.one("SELECT count(*) FROM invoices"))
        assert len(found) == min(count, 500)
        for each in found[:: max(1, len(found) // 20)]:
            named = FindParams(invoice_number=each.invoice_number, year_month=each.year_month)
            assert self.desk.call(find_in_journal(self.desk.box, named)).invoices == [each]

    # -- always

    @invariant()
    def only_what_is_known_may_be_used(self) -> None:
        """Every ceiling in use stands in the file beside; a required mirror holds the entry that says so."""
        if not self.running or self.lock or self.desk.box.ceilings is None:
            return
        known = beside.read(self.state)
        assert known is not None
        allowed = self.desk.box.ceilings.allowed
        assert allowed.items() <= {(c.year_month, c.track, c.begin): c.ceiling for c in known.ceilings}.items()
        if self.required and allowed:
            assert MirrorCopy(self.mirror).sequence > 0

    def teardown(self) -> None:
        """The journal and the mirror verify."""
        try:
            if self.running:
                self.close()
            file = self.state / "journal" / store.FILE
            if file.exists():
                report = verify_journal(file, self.folder)
                assert report.good, report.findings
            mirror = verify_files(sorted(self.mirror.glob("*.jsonl")), self.folder, "mirror")
            assert mirror.good, mirror.findings
        finally:
            if self.running:
                self.close()
            self.desk.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)


TestBoxModel = BoxMachine.TestCase
TestBoxModel.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
