"""The read model holds what the entries say, answers as a look at every invoice would, is built anew when bad."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from einvoiced.actions.find_invoices import FindParams, FoundInvoice, find_in_journal, question
from einvoiced.client import new_key
from einvoiced.errors import DiskNearlyFull, InvalidParams
from einvoiced.journal import entries, store
from einvoiced.journal.entries import Upload
from einvoiced.readmodel import follow
from einvoiced.readmodel.apply import Model
from einvoiced.readmodel.follow import ReadModel
from einvoiced.readmodel.questions import find
from tests.boxes import RANGE, Desk

TODAY = date(2026, 2, 10)


@pytest.fixture
def model(desk: Desk, durable: Path) -> Iterator[ReadModel]:
    """A read model of the desk's journal, and numbers to issue."""
    desk.take(RANGE)
    with closing(ReadModel(durable / "find.db", desk.directory / store.FILE)) as model:
        yield model


def ask(model: ReadModel, **params: Any) -> list[FoundInvoice]:
    """Every invoice that a question finds, page by page."""
    model.catch_up()
    found: list[FoundInvoice] = []
    cursor = None
    while True:
        q = question(FindParams(cursor=cursor, **{"limit": 7, **params}), of_till=False, today=TODAY)
        page = find(model.db, q)
        found += page.invoices
        cursor = page.cursor
        if cursor is None:
            return found
        assert len(page.invoices) == q.limit


def numbers(model: ReadModel, **params: Any) -> list[str]:
    """Their numbers."""
    return [each.invoice_number for each in ask(model, **params)]


def entry_of(desk: Desk, number: str) -> int:
    """The entry that issued a number."""
    row: tuple[int] = desk.call(lambda tx: tx.one("SELECT sequence FROM invoices WHERE number = ?", int(number[2:])))
    return row[0]


def append(desk: Desk, data: entries.EntryData) -> int:
    """An entry as an action would append it."""
    return desk.call(lambda tx: tx.append(data))


def cancel(desk: Desk, number: str) -> int:
    """The invoice is cancelled."""
    result = msgspec.Raw(b"{}")
    data = entries.InvoiceCancelled(new_key(), entry_of(desk, number), "退貨", "王", "paper", None, result)
    return append(desk, data)


def correct(desk: Desk, number: str, result: bytes, void: bool = False) -> int:
    """The invoice goes to a carrier."""
    content = json.loads(result)
    content["invoice"] |= {"carrier_type": "3J0002", "carrier_id": "/ABC1234", "print_mark": "N"}
    raw = msgspec.Raw(json.dumps(content).encode())
    return append(
        desk, entries.InvoiceCorrected(new_key(), entry_of(desk, number), "載具", "王", "none", void, None, raw)
    )


# -- equal to a look at everything -------------------------------------------------------------------------------------


def sales(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Sales of every kind."""
    for n in range(120):
        price = rng.choice([25, 25, 25, 40, 99, 1000 + n])
        sale: dict[str, Any] = {
            "lines": [{"description": "牛奶", "quantity": 1, "unit_price": price}],
            "total_amount": price,
            "labels": {"order_no": f"S{n // 2}", "till": rng.choice("12"), "cashier": rng.choice(["王", "李"])},
        }
        kind = rng.randrange(4)
        if kind == 0:
            sale["buyer"] = {"identifier": rng.choice(["04595257", "12345675"])}
        elif kind == 1:
            sale["carrier"] = {"type": "3J0002", "id": rng.choice(["/ABC1234", "/XYZ1234"])}
        yield sale


QUESTIONS: list[tuple[dict[str, Any], Callable[[FoundInvoice], bool]]] = [
    ({}, lambda i: True),
    ({"amount": 25}, lambda i: i.total_amount == 25),
    ({"amount": 26}, lambda i: False),
    ({"amount_from": 40, "amount_to": 1050}, lambda i: 40 <= i.total_amount <= 1050),
    ({"amount_from": 1000}, lambda i: i.total_amount >= 1000),
    ({"buyer": "04595257"}, lambda i: i.buyer == "04595257"),
    ({"carrier": "/ABC1234"}, lambda i: i.carrier_id == "/ABC1234"),
    ({"carrier": "/ABC1234", "amount": 25}, lambda i: i.carrier_id == "/ABC1234" and i.total_amount == 25),
    ({"state": "cancelled"}, lambda i: i.state == "cancelled"),
    ({"state": "issued", "amount": 99}, lambda i: i.state == "issued" and i.total_amount == 99),
    ({"upload": "waiting"}, lambda i: i.upload == "waiting"),
    ({"upload": "accepted", "amount": 25}, lambda i: i.upload == "accepted" and i.total_amount == 25),
    ({"upload": "refused"}, lambda i: i.upload == "refused"),
    ({"order_no": "S7"}, lambda i: i.labels.order_no == "S7"),
    ({"till": "2", "cashier": "李"}, lambda i: (i.labels.till, i.labels.cashier) == ("2", "李")),
    ({"date_from": "2026-02-12", "date_to": "2026-02-14"}, lambda i: "2026-02-12" <= i.date <= "2026-02-14"),
    ({"date_to": "2026-02-11", "buyer": "12345675"}, lambda i: i.date <= "2026-02-11" and i.buyer == "12345675"),
    ({"year_month": "11502"}, lambda i: True),
    ({"year_month": "11504"}, lambda i: False),
    ({"year_month": "11502", "date_from": "2026-02-15"}, lambda i: i.date >= "2026-02-15"),
]


def test_every_question_finds_what_a_look_at_each_invoice_would(desk: Desk, model: ReadModel) -> None:
    """Pages hold no invoice twice, miss none, and are ordered from the newest; whatever index they were found by."""
    rng = random.Random(6)
    made = []
    for sale in sales(rng):
        made.append(desk.number(**sale))
        if rng.random() < 0.1:
            desk.clock.set(desk.clock.now() + timedelta(days=1))
    for number in rng.sample(made, 20):
        cancel(desk, number)
    kinds = ["accepted"] * 40 + ["refused"] * 5 + ["sent"] * 10
    for number, kind in zip(rng.sample(made, len(kinds)), kinds, strict=True):
        upload = Upload(entry_of(desk, number), "F0401")
        append(desk, entries.UploadsSent([upload], "folder", None))
        if kind != "sent":
            answer = entries.Answer(upload, kind == "accepted", "" if kind == "accepted" else "E0103")
            append(desk, entries.UploadsAnswered([answer], "x", None))
    everything = ask(model, limit=500)
    assert [each.invoice_number for each in everything] == made[::-1]
    assert {each.upload for each in everything} == {"waiting", "accepted", "refused", "sent"}
    for params, fits in QUESTIONS:
        assert ask(model, **params) == [each for each in everything if fits(each)], params
    for each in everything:  # the journal itself says the same
        by_number = find_in_journal(desk.box, FindParams(invoice_number=each.invoice_number))
        assert desk.call(by_number).invoices == [each]


def test_a_page_stays_where_it_was(desk: Desk, model: ReadModel) -> None:
    """Invoices that are issued between two pages are not on the second, and move nothing."""
    old = [desk.number() for _ in range(10)]
    model.catch_up()
    first = find(model.db, question(FindParams(limit=4), of_till=False, today=TODAY))
    desk.number()
    model.catch_up()
    rest = find(model.db, question(FindParams(limit=50, cursor=first.cursor), of_till=False, today=TODAY))
    assert [each.invoice_number for each in first.invoices + rest.invoices] == old[::-1]
    assert rest.cursor is None


# -- what entries do ---------------------------------------------------------------------------------------------------


def one(model: ReadModel, number: str) -> FoundInvoice:
    """An invoice as the model has it."""
    return next(each for each in ask(model) if each.invoice_number == number)


def test_paper_and_uploads_follow_the_entries(desk: Desk, model: ReadModel) -> None:
    """Every state of a proof, and the worst of an invoice's messages."""
    number = desk.number(print="box")
    entry = entry_of(desk, number)
    assert (one(model, number).paper, one(model, number).upload) == ("queued", "waiting")
    append(desk, entries.ProofSending(entry, "x"))
    assert one(model, number).paper == "sending"
    append(desk, entries.ProofPrinted(entry, "none"))
    assert one(model, number).paper == "sent"
    first = Upload(entry, "F0401")
    append(desk, entries.UploadsSent([first], "folder", None))
    append(desk, entries.UploadsAnswered([entries.Answer(first, True)], "x", None))
    assert one(model, number).upload == "accepted"
    second = cancel(desk, number)
    assert (one(model, number).state, one(model, number).upload) == ("cancelled", "waiting")
    append(desk, entries.UploadsAnswered([entries.Answer(Upload(second, "F0501"), False, "E0402")], "x", None))
    assert one(model, number).upload == "refused"
    raw = msgspec.Raw(b"{}")
    append(desk, entries.CancellationDocumented(new_key(), entry, "財北國稅字第1號", "王", None, raw))
    assert one(model, number).upload == "waiting"
    append(desk, entries.UploadsSettled([Upload(second, "F0501")], "已作廢", "王", None))
    assert one(model, number).upload == "accepted"


def test_a_correction_is_what_is_found(desk: Desk, model: ReadModel) -> None:
    """By its new carrier; in the model and by its number."""
    result = desk.issue()
    number = json.loads(result)["invoice"]["invoice_number"]
    correct(desk, number, result)
    assert numbers(model, carrier="/ABC1234") == [number]
    (found,) = desk.call(find_in_journal(desk.box, FindParams(invoice_number=number))).invoices
    assert found == one(model, number)
    assert (found.carrier_id, found.paper) == ("/ABC1234", "none")


def test_after_a_restore_nobody_knows(desk: Desk, model: ReadModel) -> None:
    """What waits may have left in a history that is lost; what was accepted stays so."""
    done, waits = desk.number(print="box"), desk.number(print="box")
    append(desk, entries.UploadsAnswered([entries.Answer(Upload(entry_of(desk, done), "F0401"), True)], "x", None))
    append(desk, entries.JournalRestored("backup", "陳技師", 1))
    assert (one(model, done).upload, one(model, waits).upload) == ("accepted", "unknown")
    assert one(model, waits).paper == "unconfirmed"


# -- the file ----------------------------------------------------------------------------------------------------------


def test_an_answer_holds_everything_that_was_committed_before(desk: Desk, model: ReadModel) -> None:
    """One by one, without ever missing the last."""
    for _ in range(20):
        number = desk.number()
        assert ask(model)[0].invoice_number == number


def test_a_model_that_was_closed_goes_on(desk: Desk, model: ReadModel, durable: Path) -> None:
    """It takes only what is new, and the file is private."""
    desk.number()
    model.catch_up()
    at = model.sequence
    number = desk.number()
    with closing(ReadModel(durable / "find.db", desk.directory / store.FILE)) as again:
        assert again.sequence == at
        assert numbers(again)[0] == number
    assert (durable / "find.db").stat().st_mode & 0o777 == 0o600


def test_the_tables_leave_the_journal_its_room(desk: Desk, model: ReadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they would not fit beside it, they are not built, and the reason is told."""
    desk.number()
    monkeypatch.setattr(follow, "PACED_FROM", 0)
    monkeypatch.setattr(follow, "ENTRY_BYTES", 1 << 50)
    with pytest.raises(DiskNearlyFull):
        model.catch_up()
    assert model.sequence == 0


def test_a_building_that_was_cut_goes_on_where_it_was(
    desk: Desk, durable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a page: what was in stays, nothing is in twice."""
    desk.take(RANGE)
    made = [desk.number() for _ in range(30)]
    file, journal = durable / "find.db", desk.directory / store.FILE
    monkeypatch.setattr(follow, "PAGE", 7)
    take = Model.take

    def cut(self: Model, sequence: int, body: bytes) -> None:
        if sequence == 20:
            raise KeyboardInterrupt
        take(self, sequence, body)

    monkeypatch.setattr(Model, "take", cut)
    with closing(ReadModel(file, journal)) as model, pytest.raises(KeyboardInterrupt):
        model.catch_up()
    monkeypatch.setattr(Model, "take", take)
    with closing(ReadModel(file, journal)) as again:
        assert 0 < again.sequence < 20
        assert numbers(again) == made[::-1]


@pytest.mark.parametrize("harm", ["bytes", "version", "other journal"])
def test_a_bad_model_is_built_anew(desk: Desk, model: ReadModel, durable: Path, harm: str) -> None:
    """Damaged, of another version, or of a journal that is not this one."""
    made = [desk.number() for _ in range(3)]
    model.catch_up()
    model.close()
    file = durable / "find.db"
    if harm == "bytes":
        file.write_bytes(b"\xff" * 8192)
    else:
        with closing(sqlite3.connect(file)) as db:
            db.execute("PRAGMA user_version = 99" if harm == "version" else "UPDATE meta SET value = 'x'")
            db.execute("DELETE FROM invoices WHERE rowid IN (SELECT rowid FROM invoices LIMIT 1)")
            if harm == "other journal":
                db.execute("UPDATE meta SET value = '3' WHERE name = 'sequence'")
            db.commit()
    with closing(ReadModel(file, desk.directory / store.FILE)) as again:
        assert numbers(again) == made[::-1]


def test_the_model_holds_nothing_open_between_questions(desk: Desk, model: ReadModel) -> None:
    """The checkpoint at the end of a box's life, which needs everybody out, empties the whole WAL."""
    desk.number()
    ask(model)
    desk.journal.close()
    assert (desk.directory / f"{store.FILE}-wal").stat().st_size == 0
    desk.open()


# -- who may ask what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 51}, "limit"),
        ({"date_from": "2025-10-31"}, "date_from"),
        ({"year_month": "11410"}, "date_from"),
        ({"date_from": "2026-2-1"}, "date_from"),
        ({"date_to": "20260201"}, "date_to"),
        ({"year_month": "11501"}, "year_month"),
        ({"cursor": "x"}, "cursor"),
        ({"amount": 1, "amount_to": 2}, "amount"),
        ({"amount": 1 << 70}, "amount"),
        ({"amount_from": -(1 << 63) - 1}, "amount_from"),
        ({"amount_from": 1, "amount_to": 10**12}, "amount_to"),
    ],
)
def test_what_a_till_may_not_ask_is_named(params: dict[str, Any], path: str) -> None:
    """Periods before the last one, long pages, and what cannot be read."""
    with pytest.raises(InvalidParams) as refused:
        question(FindParams(**params), of_till=True, today=TODAY)
    assert refused.value.path == path


def test_a_till_sees_this_period_and_the_one_before() -> None:
    """Unless it asks for less; the admin socket sees everything."""
    assert question(FindParams(), of_till=True, today=TODAY).date_from == date(2025, 11, 1)
    assert question(FindParams(), of_till=False, today=TODAY).date_from is None


def test_a_number_stands_for_itself(desk: Desk) -> None:
    """Another condition besides is an error, not ignored; a number that was never issued finds nothing."""
    desk.take(RANGE)
    with pytest.raises(InvalidParams):
        find_in_journal(desk.box, FindParams(invoice_number="NQ42519550", amount=25))
    assert desk.call(find_in_journal(desk.box, FindParams(invoice_number="NQ42519550"))).invoices == []
