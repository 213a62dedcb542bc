"""Reconciliation: what journal, mirror, backup, the file beside and the board say becomes entries of a new epoch.

Everything happens in one transaction of a stopped box's journal: its lost end is taken back byte for byte, the epoch is
opened with every unknown number in doubt, a new board or disk is noted, decided invoices are adopted, and every proof
that is not known as printed becomes unconfirmed. A dry run does the same and is rolled back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from einvoiced.errors import BoxChanged, InvalidParams, JournalForked
from einvoiced.journal import doubt, entries, histories, store
from einvoiced.journal.beside import Beside
from einvoiced.journal.doubt import Place
from einvoiced.journal.entries import Ceiling, Run
from einvoiced.journal.histories import History, KnownInvoice
from einvoiced.journal.mac import answer_mac
from einvoiced.journal.transaction import Transaction, WallClock
from einvoiced.journal.witnesses import Report, judge
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.numbers import invoice_number, split_invoice_number


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """What the technician found out about one number.

    `restored`: adopt the invoice as the mirror or backup holds it. `issued`: adopt `result` under its `key`, or, where
    nobody holds the invoice any more, know that the number was used. `in_doubt`: nobody knows, whatever others say.
    """

    seller: str
    year_month: str
    invoice_number: str
    decision: Literal["restored", "issued", "in_doubt"]
    key: str | None = None
    result: Raw = Raw()


class Decisions(Struct, frozen=True, forbid_unknown_fields=True):
    """The technician's file."""

    numbers: list[Decision]


class Situation(Struct, frozen=True):
    """What a reconciliation knows beside the journal and the other histories.

    `faults`: what locked the box otherwise, such as a WAL that is gone. `force`: open an epoch though all agree.
    `ceilings`: what is known of a journal that is lost for ever, beside `beside`. `new_key`: its MACs' key is lost.
    """

    technician: str
    board: str
    disk: str
    beside: Beside | None = None
    secret: bytes = b""
    accept_identity: bool = False
    decisions: tuple[Decision, ...] = ()
    faults: tuple[str, ...] = ()
    force: bool = False
    ceilings: tuple[Ceiling, ...] = ()
    new_key: bool = False


class Source(Struct, frozen=True):
    """How a history stands to the journal: it has `entries`, of which `common` are the journal's too."""

    name: str
    state: str
    entries: int
    common: int
    detail: str


class InvoiceSeen(Struct, frozen=True):
    """An invoice that only another history holds, and what became of its number here."""

    year_month: str
    invoice_number: str
    time: str
    key: str
    fate: str


class Outcome(Struct, frozen=True):
    """What a reconciliation did, or would do. `epoch` 0: there was nothing to reconcile, and nothing was done."""

    journal: str
    entries_before: int
    entries_after: int
    epoch: int
    reasons: list[str]
    sources: list[Source]
    restored: int
    in_doubt: list[Run]
    elsewhere: list[Run]
    duplicates: list[str]
    double_sales: list[str]
    adopted: list[str]
    invoices: list[InvoiceSeen]
    identity: list[str]


class Reconciler:
    """One reconciliation of one journal that nobody else has open. `run` once, between BEGIN and COMMIT or ROLLBACK."""

    def __init__(self, db: sqlite3.Connection, head: store.Head, journal: str, clock: WallClock) -> None:
        """`journal`: the id that every history must have."""
        self.db, self.head, self._journal, self._clock = db, head, journal, clock
        self._before = head.sequence
        self._reasons: list[str] = []
        self._sources: list[Source] = []
        self._theirs: dict[Place, KnownInvoice] = {}
        self._allowed: list[Ceiling] = []
        self._aside: list[Run] = []
        self._since: list[str] = []
        self._restored = 0

    def run(self, others: Iterable[History], situation: Situation) -> Outcome:
        """Everything, in order.

        JournalForked for another journal's history or file beside, BoxChanged for a new board or disk that was not
        accepted, InvalidParams for a decision that does not fit, JournalBroken for entries that cannot be taken back.
        """
        self._reasons += situation.faults
        self._allowed += situation.ceilings
        for history in others:
            self._hear(history)
        if situation.beside is not None:
            self._hear_beside(situation.beside)
        identity = self._identity(situation)
        if not self._reasons and not situation.force:
            return self._outcome(Sorted(), [], identity, 0)
        return self._write(self._sort(situation), situation, identity)

    # -- listening

    def _hear(self, history: History) -> None:
        found = histories.compare(self.db, self.head, history)
        if found.relation == "other_journal" or found.journal not in ("", self._journal):
            raise JournalForked(who=f"The {history.name}", detail=f"it is of journal {found.journal or 'unknown'}")
        known = found.common
        if found.relation == "ahead" and found.whole > self.head.sequence:
            self.head = histories.take_back(self.db, self.head, history, found.whole)
            self._restored += found.whole - found.common
            known = found.whole
        if found.relation in ("ahead", "fork"):
            self._reasons.append(f"{history.name}: {found.relation}, entries {found.common + 1} to {found.last}")
            rest = histories.remainder(history, known)
            self._theirs.update({(i.seller, i.year_month, i.track, i.number): i for i in rest.invoices})
            self._allowed += rest.ceilings
            self._aside += rest.aside
            self._since.append(self._time_of(known))
        detail = f"{len(history.damaged)} places damaged, the first: {history.damaged[0]}" if history.damaged else ""
        self._sources.append(Source(history.name, found.relation, found.last, found.common, detail))

    def _time_of(self, sequence: int) -> str:
        row = self.db.execute("SELECT body FROM entries WHERE sequence = ?", (sequence,)).fetchone()
        return entries.read(row[0]).time if row else ""

    def _hear_beside(self, beside: Beside) -> None:
        if beside.journal != self._journal:
            raise JournalForked(who="The file beside the journal", detail=f"it names journal {beside.journal}")
        self._allowed += beside.ceilings
        held = Report("beside", beside.journal, beside.epoch, beside.sequence, beside.hash)
        verdict = judge(self.db, self.head, self._journal, held)
        if verdict != "agrees":
            self._reasons.append(f"the file beside the journal: {verdict}, it knows entry {beside.sequence}")
        higher = [c for c in beside.ceilings if not doubt.allows(self.db, c)]
        if higher:
            shown = ", ".join(f"{c.track} {c.year_month} up to {c.ceiling:08d}" for c in higher[:5])
            self._reasons.append(f"the file beside the journal: it allowed {shown}")

    def _identity(self, situation: Situation) -> list[str]:
        """What changed of board and disk."""
        facts = dict(self.db.execute("SELECT name, value FROM facts WHERE name IN ('board', 'disk')").fetchall())
        changed = []
        for name, zh, now in (("board", "主機板", situation.board), ("disk", "磁碟", situation.disk)):
            was = facts.get(name)
            if was is not None and was != now:
                if not situation.accept_identity:
                    raise BoxChanged(what=name, what_zh=zh, was=was, now=now)
                changed.append(f"{name}: {was} → {now}")
        if changed:
            self._reasons.append("another " + ", another ".join(changed))
        return changed

    # -- deciding

    def _sort(self, situation: Situation) -> Sorted:
        """What becomes of every number that is unknown here or known elsewhere."""
        allowed = self._allowed + [doubt.ceiling_of_run(self.db, run) for run in self._aside]
        unknown = doubt.unknown_numbers(self.db, allowed, min([*self._since, self.head.time]))
        found = Sorted()
        for place, invoice in self._theirs.items():
            mine = doubt.invoice_entry(self.db, place)
            if mine is not None:
                if not self._holds(mine, invoice):
                    found.duplicates.add(place)
            elif doubt.aside_state(self.db, place) is None:
                found.elsewhere.add(place)
            self._look_for_double_sale(invoice, found)
        for number, decision in enumerate(situation.decisions):
            self._decide(f"numbers[{number}]", decision, unknown, found)
        found.in_doubt |= unknown - found.elsewhere
        return found

    def _holds(self, sequence: int, invoice: KnownInvoice) -> bool:
        """Whether an entry is of this very invoice."""
        (body,) = self.db.execute("SELECT body FROM entries WHERE sequence = ?", (sequence,)).fetchone()
        data = entries.read_data(entries.read(body))
        assert isinstance(data, (entries.InvoiceIssued, entries.InvoiceAdopted))
        return bytes(data.result) == bytes(invoice.result)

    def _look_for_double_sale(self, invoice: KnownInvoice, found: Sorted) -> None:
        """One key with a number here and another one there: the same sale has two invoices."""
        mine = self._entry_of_key(invoice.seller, invoice.key)
        if mine is not None and not self._holds(mine, invoice):
            name = invoice_number(invoice.track, invoice.number)
            found.double_sales.append(f"key {invoice.key}: entry {mine} here, {name} ({invoice.year_month}) there")

    def _entry_of_key(self, seller: str, key: str) -> int | None:
        row = self.db.execute(
            "SELECT sequence FROM keys WHERE seller = ? AND key = ?", (seller, key_bytes(key))
        ).fetchone()
        return None if row is None else int(row[0])

    def _decide(self, path: str, decision: Decision, unknown: set[Place], found: Sorted) -> None:
        try:
            track, number = split_invoice_number(decision.invoice_number)
        except ValueError as error:
            raise InvalidParams(f"{path}.invoice_number", detail=str(error)) from None
        place = (decision.seller, decision.year_month, track, number)
        theirs = self._theirs.get(place)
        aside = doubt.aside_state(self.db, place)
        if place not in unknown and place not in found.elsewhere and aside != "in_doubt":
            raise InvalidParams(path, detail=f"{decision.invoice_number} is neither in doubt nor lost")
        if decision.decision == "in_doubt":
            found.elsewhere.discard(place)
            found.in_doubt |= {place} if aside is None else set()
            return
        invoice = theirs if not bytes(decision.result) else self._given(path, decision, place)
        if invoice is None and decision.decision == "restored":
            raise InvalidParams(path, detail=f"no history that was given holds {decision.invoice_number}")
        if invoice is None:
            found.elsewhere |= {place} if aside is None else set()
            return
        if not doubt.has_range(self.db, place):
            raise InvalidParams(path, detail=f"{decision.invoice_number} is of no range here; import its track file")
        if self._entry_of_key(invoice.seller, invoice.key) is not None:
            raise InvalidParams(path, detail=f"the key {invoice.key} has another invoice in this journal")
        found.elsewhere.discard(place)
        found.in_doubt |= {place} if aside is None else set()
        found.adopted[place] = invoice

    def _given(self, path: str, decision: Decision, place: Place) -> KnownInvoice:
        if decision.key is None:
            raise InvalidParams(f"{path}.key", detail="a result needs the key that it was issued under")
        try:
            invoice = histories.invoice_in(decision.key, decision.result)
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidParams(f"{path}.result", detail=f"no answer of invoice.issue: {error}") from None
        if (invoice.seller, invoice.year_month, invoice.track, invoice.number) != place:
            raise InvalidParams(f"{path}.result", detail="it is of another number")
        return invoice

    # -- writing

    def _write(self, found: Sorted, situation: Situation, identity: list[str]) -> Outcome:
        by = situation.technician
        runs = [doubt.runs_of(self.db, each) for each in (found.in_doubt, found.elsewhere, found.duplicates)]
        reason = "; ".join(self._reasons) or "the technician asked for it"
        tx = Transaction(self.db, self.head, self._clock)
        in_doubt, elsewhere, duplicates = runs
        tx.open_epoch(
            entries.EpochOpened(
                reason[:2000], by, self._restored, in_doubt, elsewhere, duplicates, new_key=situation.new_key
            )
        )
        if identity:
            tx.append(entries.BoxIdentified(situation.board, situation.disk))
        for invoice in found.adopted.values():
            valid = self._mac_valid(invoice, situation.secret)
            tx.append(entries.InvoiceAdopted(invoice.key, by, None, valid, invoice.result))
        sources = [s.name for s in self._sources if s.state in ("ahead", "fork")]
        tx.append(entries.JournalRestored(", ".join(sources) or "reconciliation", by, self.head.sequence))
        self.head = tx.finish()
        return self._outcome(found, runs, identity, self.head.epoch)

    def _mac_valid(self, invoice: KnownInvoice, secret: bytes) -> bool:
        answer = msgspec.json.decode(invoice.result)
        made = answer_mac(self._journal, secret, answer.get("epoch", 0), answer.get("sequence", 0))
        return bool(answer.get("mac") == made)

    def _outcome(self, found: Sorted, runs: list[list[Run]], identity: list[str], epoch: int) -> Outcome:
        return Outcome(
            journal=self._journal,
            entries_before=self._before,
            entries_after=self.head.sequence,
            epoch=epoch,
            reasons=self._reasons,
            sources=self._sources,
            restored=self._restored,
            in_doubt=runs[0] if runs else [],
            elsewhere=runs[1] if runs else [],
            duplicates=[invoice_number(p[2], p[3]) for p in sorted(found.duplicates)],
            double_sales=found.double_sales,
            adopted=[invoice_number(p[2], p[3]) for p in sorted(found.adopted)],
            invoices=[self._seen(place, invoice, found) for place, invoice in sorted(self._theirs.items())],
            identity=identity,
        )

    def _seen(self, place: Place, invoice: KnownInvoice, found: Sorted) -> InvoiceSeen:
        fates = (("duplicate", found.duplicates), ("adopted", found.adopted), ("elsewhere", found.elsewhere))
        fate = next((name for name, places in fates if place in places), "in_doubt")
        name = invoice_number(invoice.track, invoice.number)
        return InvoiceSeen(invoice.year_month, name, invoice.time, invoice.key, fate)


class Sorted:
    """What becomes of numbers: sets of places, and what is told of them."""

    def __init__(self) -> None:
        self.in_doubt: set[Place] = set()
        self.elsewhere: set[Place] = set()
        self.duplicates: set[Place] = set()
        self.adopted: dict[Place, KnownInvoice] = {}
        self.double_sales: list[str] = []
