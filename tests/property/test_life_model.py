"""A model of invoices' later lives against the real journal: cancelled, replaced, corrected, taken back in part,
printed, uploaded, in any order, with repeats and restarts in between.

What it must never see: an original that is begun of a cancelled invoice, of one that needs no paper, or twice; a key
whose bytes change; more taken back than there was; a message that the platform would refuse for its order; a platform
that in the end holds something else than the journal says; a journal that does not verify.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from einvoiced import errors
from einvoiced.actions import print_proof
from einvoiced.actions.upload_content import content_of
from einvoiced.actions.upload_next import earlier_waits
from einvoiced.client import new_key
from einvoiced.journal import entries, store
from einvoiced.journal.verify import verify_journal
from einvoiced.rules import messages
from einvoiced.rules.deadlines import may_cancel
from einvoiced.rules.period import Period
from tests.boxes import SALE, Desk, fresh_folder
from tests.unit.actions.lives import (
    allow_bytes,
    append,
    cancel_bytes,
    correct_bytes,
    document_bytes,
    entry_of,
    replace_bytes,
    shown,
    undo_bytes,
)

RECEIVERS: list[dict[str, Any]] = [
    {},
    {"buyer": {"identifier": "04595257"}},
    {"carrier": {"type": "3J0002", "id": "/ABC+123"}},
    {"npoban": "919"},
]
CORRECTIONS: list[dict[str, Any]] = [{"print_mark": "Y"}, *RECEIVERS[2:]]
REFUSALS = (errors.CorrectAfterPaper, errors.NothingToCorrect, errors.BuyerCannotDonate)


class LifeMachine(RuleBasedStateMachine):
    """One box, its printer, a platform that accepts what it may.

    `filed`: the period's sales were filed, so that a cancellation needs the tax office's number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = fresh_folder("lives")
        self.desk = Desk(self.folder)
        self.desk.take(("NQ", 0, 499))
        self.numbers: list[str] = []
        self.cancelled: set[str] = set()
        self.allowances: dict[str, dict[str, int]] = {}
        self.totals: dict[str, int] = {}
        self.asked: list[tuple[Callable[[], bytes], bytes]] = []
        self.begun: set[str] = set()
        self.filed = False
        self.documented: set[str] = set()
        self.platform: dict[str, messages.IssuedInvoice] = {}
        self.platform_cancelled: set[str] = set()
        self.platform_allowances: set[str] = set()

    @initialize(receivers=st.sampled_from(RECEIVERS), filed=st.booleans())
    def open_the_shop(self, receivers: dict[str, Any], filed: bool) -> None:
        """Two sales."""
        self.filed = filed
        self.sell(100, RECEIVERS[2])
        self.sell(105, receivers)

    # -- tills

    def _ask(self, ask: Callable[[], bytes]) -> Any:
        answer = ask()
        self.asked.append((ask, answer))
        return json.loads(answer)

    def _new(self, answer: Any) -> None:
        number = answer["invoice"]["invoice_number"]
        assert number not in self.numbers
        self.numbers.append(number)
        self.totals[number] = answer["invoice"]["total_amount"]
        self.allowances[number] = {}

    @precondition(lambda self: self._in_period())
    @rule(price=st.integers(1, 300), receivers=st.sampled_from(RECEIVERS))
    def sell(self, price: int, receivers: dict[str, Any]) -> None:
        """A sale of one line."""
        lines = [{**SALE["lines"][0], "unit_price": price}]
        key = new_key()
        self._new(self._ask(lambda: self.desk.issue(key=key, lines=lines, total_amount=price, **receivers)))

    def _in_period(self) -> bool:
        """Whether there are numbers today."""
        return Period.of(self.desk.clock.now()).year_month == "11502"

    def _any(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self.numbers[-6:]))

    def _why_not(self, number: str) -> type[errors.EinvoicedError] | None:
        """What must keep an invoice from being cancelled."""
        if number in self.cancelled:
            return errors.InvoiceIsCancelled
        if self.allowances[number]:
            return errors.AllowancesStand
        return None if may_cancel(Period.from_year_month("11502"), self.desk.clock.now()) else errors.CancelTooLate

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), anew=st.booleans(), receivers=st.sampled_from(RECEIVERS))
    def cancel(self, data: st.DataObject, anew: bool, receivers: dict[str, Any]) -> None:
        """Or replace: exactly while nothing keeps it from that."""
        number, key = self._any(data), new_key()
        why_not = self._why_not(number)
        desk = self.desk
        if anew and not self._in_period():
            why_not = why_not or errors.NoNumbersLeft

        def ask() -> bytes:
            return replace_bytes(desk, number, key=key, **receivers) if anew else cancel_bytes(desk, number, key=key)

        before = len(desk.types())
        try:
            answer = self._ask(ask)
        except errors.EinvoicedError as error:
            assert why_not is not None and isinstance(error, why_not), error
            assert len(desk.types()) == before
            return
        assert why_not is None
        self.cancelled.add(number)
        if anew:
            self._new(answer)
            assert answer["invoice"]["total_amount"] == self.totals[number]

    @precondition(lambda self: self.numbers)
    @rule(data=st.data())
    def document(self, data: st.DataObject) -> None:
        """Of a cancellation that the platform does not have: it leaves with the number, again if it was refused."""
        number, key = self._any(data), new_key()
        try:
            self._ask(lambda: document_bytes(self.desk, number, key=key))
        except errors.InvoiceNotCancelled:
            assert number not in self.cancelled
        except (errors.UploadNotFound, errors.UploadUnderWay):
            assert number in self.platform_cancelled
        else:
            assert number in self.cancelled - self.platform_cancelled
            self.documented.add(number)

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), receivers=st.sampled_from(CORRECTIONS))
    def correct(self, data: st.DataObject, receivers: dict[str, Any]) -> None:
        """Never once it was begun."""
        number, key = self._any(data), new_key()
        try:
            self._ask(lambda: correct_bytes(self.desk, number, key=key, **receivers))
        except errors.InvoiceIsCancelled:
            assert number in self.cancelled
        except errors.AllowancesStand:
            assert self.allowances[number]
        except REFUSALS:
            return
        else:
            assert number not in self.cancelled | self.begun and not self.allowances[number]

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), amount=st.integers(1, 200))
    def allow(self, data: st.DataObject, amount: int) -> None:
        """Exactly what is left, or less."""
        number, key = self._any(data), new_key()
        left = self.totals[number] - sum(self.allowances[number].values())
        try:
            answer = self._ask(lambda: allow_bytes(self.desk, number, (1, amount), key=key))
        except errors.InvoiceIsCancelled:
            assert number in self.cancelled
        except errors.AllowanceTooMuch:
            assert amount > left
        except errors.AllowanceOnlyTax:
            assert amount <= left
        else:
            assert amount <= left and number not in self.cancelled
            self.allowances[number][answer["allowance"]["allowance_number"]] = amount
            assert answer["left"] == left - amount == shown(self.desk, number).left

    @precondition(lambda self: any(self.allowances.values()))
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        """An allowance that stands."""
        standing = [(number, each) for number, found in self.allowances.items() for each in found]
        number, allowance = data.draw(st.sampled_from(standing))
        key = new_key()
        self._ask(lambda: undo_bytes(self.desk, allowance, key=key))
        del self.allowances[number][allowance]

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Any request, whatever happened since."""
        ask, answer = data.draw(st.sampled_from(self.asked))
        assert ask() == answer

    # -- the printer

    @rule(outcome=st.sampled_from(["printed", "requeued", "unconfirmed"]), gone=st.booleans())
    def print_next(self, outcome: str, gone: bool) -> None:
        """The oldest original that waits; sometimes its invoice is cancelled while the strip is made or leaves."""
        waiting = self.desk.call(print_proof.next_waiting)
        if waiting is None:
            return
        number, at = waiting.invoice.invoice_number, waiting.sequence
        assert number not in self.cancelled | self.begun
        assert waiting.invoice.print_mark == "Y"
        if not self.desk.call(print_proof.begin(waiting, "0" * 64)):
            raise AssertionError("nobody took it out of the queue")
        if gone and self._why_not(number) is None:
            cancel_bytes(self.desk, number)
            self.cancelled.add(number)
        if outcome == "requeued":
            append(self.desk, entries.ProofRequeued(at, "缺紙"))
            return
        self.begun.add(number)
        became: entries.EntryData = entries.ProofPrinted(at, "status")
        append(self.desk, became if outcome == "printed" else entries.ProofUnconfirmed(at, "斷電"))

    # -- the platform

    @rule(count=st.integers(1, 5), sent_only=st.booleans())
    def upload(self, count: int, sent_only: bool) -> None:
        """Messages that may leave, in order; some reach the platform and its answer does not come yet."""
        for _ in range(count):
            if not self._upload_one(sent_only):
                return

    def _upload_one(self, sent_only: bool) -> bool:
        question = "SELECT entry, message, subject, place, state FROM outbox ORDER BY entry, place"
        for entry, message, subject, place, state in self.desk.call(lambda tx: tx.all(question)):
            asked = (subject, entry, place)
            if self.desk.call(lambda tx, asked=asked: earlier_waits(tx, *asked)):  # type: ignore[misc]
                continue
            upload = entries.Upload(entry, message)
            if state == "waiting":
                named = (entry, message, subject, "")
                content = self.desk.call(lambda tx, named=named: content_of(tx, *named))  # type: ignore[misc]
                append(self.desk, entries.UploadsSent([upload], "folder", None))
                if self._refuses(content):
                    refused = entries.Answer(upload, False, "E0213")
                    append(self.desk, entries.UploadsAnswered([refused], "0" * 64, None))
                    return True
                self._accept(content)
            elif sent_only or state == "refused":
                continue
            if not sent_only:
                append(self.desk, entries.UploadsAnswered([entries.Answer(upload, True)], "0" * 64, None))
            return True
        return False

    def _refuses(self, message: messages.Message) -> bool:
        """What only a person can help: the period was filed, and the tax office's number is missing (E0213)."""
        if not isinstance(message, messages.CancelledInvoice):
            return False
        assert (message.return_tax_document_number is not None) == (message.invoice_number in self.documented)
        return self.filed and message.invoice_number not in self.documented

    def _accept(self, message: messages.Message) -> None:
        """As the platform would: nothing twice, nothing of what it does not hold."""
        match message:
            case messages.IssuedInvoice():
                assert message.invoice.invoice_number not in self.platform, "E0201"
                self.platform[message.invoice.invoice_number] = message
            case messages.VoidedInvoice():
                assert message.invoice_number not in self.platform_cancelled
                del self.platform[message.invoice_number]
            case messages.CancelledInvoice():
                assert message.invoice_number in self.platform, "E0213"
                assert message.invoice_number not in self.platform_cancelled, "E0402"
                self.platform_cancelled.add(message.invoice_number)
            case messages.IssuedAllowance():
                original = message.lines[0].original_invoice_number
                assert original in self.platform and original not in self.platform_cancelled
                assert message.allowance_number not in self.platform_allowances
                self.platform_allowances.add(message.allowance_number)
            case messages.CancelledAllowance():
                self.platform_allowances.remove(message.allowance_number)

    # -- time and power

    @precondition(lambda self: may_cancel(Period.from_year_month("11502"), self.desk.clock.now()))
    @rule(days=st.sampled_from([1, 3, 34]))
    def wait(self, days: int) -> None:
        """Time goes by, until after the fifteenth of March."""
        self.desk.clock.move(timedelta(days=days).total_seconds())

    @rule()
    def restart(self) -> None:
        """Off and on."""
        self.desk.reopen()

    def teardown(self) -> None:
        """The platform gets the rest, then holds what the journal holds; and that verifies."""
        try:
            while self._upload_one(False):
                pass
            for number in self.cancelled - self.platform_cancelled:
                assert self.filed and shown(self.desk, number).upload == "refused"
                document_bytes(self.desk, number)
                self.documented.add(number)
            while self._upload_one(False):
                pass
            assert set(self.platform) == set(self.numbers)
            assert self.platform_cancelled == self.cancelled
            assert self.platform_allowances == {each for found in self.allowances.values() for each in found}
            for number, told in self.platform.items():
                at = entry_of(self.desk, number)
                now = self.desk.call(lambda tx, at=at: content_of(tx, at, "F0401", at, ""))  # type: ignore[misc]
                assert told == now
            self.desk.reopen()
            report = verify_journal(self.desk.directory / store.FILE, self.folder)
            assert report.good, report.findings
        finally:
            self.desk.close()
            shutil.rmtree(self.folder, ignore_errors=True)


TestLifeModel = LifeMachine.TestCase
TestLifeModel.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
