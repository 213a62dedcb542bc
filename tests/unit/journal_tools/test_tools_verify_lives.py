"""Verify holds the later lives of invoices against the law too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forge import Forger, forge, of_type

from einvoiced.journal import store
from einvoiced.journal.verify import verify_journal
from tests.boxes import RANGE, SALE, Desk
from tests.unit.actions.lives import allow, cancel, correct, document_bytes, put_on_paper, replace, undo

HUNDRED = {"lines": [{**SALE["lines"][0], "unit_price": 100}], "total_amount": 100}
MOBILE = {"type": "3J0002", "id": "/ABC+123"}


@pytest.fixture
def stopped(durable: Path) -> Path:
    """A stopped journal in which an invoice met each fate."""
    desk = Desk(durable)
    desk.box.secret, desk.box.journal_id = desk.journal.secret, desk.journal.id
    desk.take(RANGE)
    corrected, allowed, replaced, printed = (desk.number(**HUNDRED) for _ in range(4))
    correct(desk, corrected, carrier=MOBILE)
    undo(desk, allow(desk, allowed, (1, 60))["allowance"]["allowance_number"])
    for amount in (40, 60):
        allow(desk, allowed, (1, amount))
    allow(desk, None, original={"invoice_number": "AB12345678", "invoice_date": "20260115", "lines": [_POT]})
    replace(desk, replaced)
    put_on_paper(desk, printed, "printed")
    cancel(desk, printed)
    document_bytes(desk, printed)
    desk.close()
    return desk.directory


_POT = {"description": "電鍋", "amount": 1050}


def findings(directory: Path) -> list[tuple[str, str]]:
    """Kind and detail of what verify finds."""
    report = verify_journal(directory / store.FILE, directory.parent, macs=True)
    return [(finding.check, finding.detail) for finding in report.findings]


def first(rows: Any, name: str) -> Any:
    """The data of the first entry of a type."""
    return of_type(rows, name)[0]["data"]


def last(rows: Any, name: str) -> Any:
    """The data of the last one."""
    return of_type(rows, name)[-1]["data"]


def too_late(rows: Any) -> None:
    """The last cancellation, and all after it, long after the time."""
    at = rows.index(of_type(rows, "invoice_cancelled")[-1])
    for row in rows[at:]:
        row["time"] = "2026-03-16T00:00:00.000000+08:00"


def more_than_was_left(rows: Any) -> None:
    """A dollar more of net than there was."""
    data = of_type(rows, "allowance_issued")[2]["data"]
    line = data["result"]["allowance"]["lines"][0]
    line["amount"] = str(int(line["amount"]) + 1)


def never_undone(rows: Any) -> None:
    """The undoing is of the foreign allowance instead."""
    foreign = of_type(rows, "allowance_issued")[-1]
    undone = of_type(rows, "allowance_cancelled")[0]
    rows.remove(undone)
    undone["data"]["allowance"] = foreign["sequence"] - 1
    rows.insert(rows.index(foreign) + 1, undone)
    for number, row in enumerate(rows, start=1):
        row["sequence"] = number


FORGED: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "too late": (too_late, "unlawful", "too late"),
    "another's": (
        lambda rows: first(rows, "invoice_cancelled")["result"]["cancellation"].update(invoice_number="NQ00000000"),
        "unlawful",
        "its answer says NQ00000000",
    ),
    "another's document": (
        lambda rows: first(rows, "cancellation_documented")["result"]["cancellation"].update(invoice_number="NQ0"),
        "unlawful",
        "its answer says NQ0",
    ),
    "a document of nothing": (
        lambda rows: first(rows, "cancellation_documented").update(invoice=first(rows, "allowance_issued")["invoice"]),
        "unlawful",
        "was not cancelled",
    ),
    "under its allowances": (
        lambda rows: last(rows, "invoice_cancelled").update(invoice=first(rows, "allowance_issued")["invoice"]),
        "unlawful",
        "under its allowances",
    ),
    "twice": (
        lambda rows: last(rows, "invoice_cancelled").update(invoice=first(rows, "invoice_cancelled")["invoice"]),
        "contradiction",
        "has been cancelled",
    ),
    "more than was left": (more_than_was_left, "unlawful", "more than was left"),
    "never undone": (never_undone, "unlawful", "more than was left"),
    "another number": (
        lambda rows: first(rows, "allowance_issued").update(number="A10100000099"),
        "unlawful",
        "A10100000099",
    ),
    "another total": (
        lambda rows: first(rows, "invoice_corrected")["result"]["invoice"].update(total_amount=1),
        "unlawful",
        "more of NQ42519550 was corrected",
    ),
    "after its paper": (
        lambda rows: first(rows, "invoice_corrected").update(invoice=last(rows, "proof_printed")["invoice"]),
        "unlawful",
        "",
    ),
    "replaces one that stands": (
        lambda rows: last(rows, "invoice_issued").update(replaces=first(rows, "invoice_corrected")["invoice"]),
        "unlawful",
        "was not cancelled",
    ),
    "a place": (lambda rows: first(rows, "allowance_cancelled")["result"].update(sequence=1), "place", "(1, 1)"),
    "a mac": (lambda rows: first(rows, "invoice_corrected")["result"].update(mac="0" * 32), "mac", ""),
    "nothing": (lambda rows: first(rows, "allowance_issued").update(result={}), "unreadable", ""),
}


def test_a_lawful_life_is_good(stopped: Path) -> None:
    """Corrected, allowed and undone, replaced, cancelled."""
    assert findings(stopped) == []


@pytest.mark.parametrize("name", FORGED)
def test_an_unlawful_life_is_found_out(stopped: Path, name: str) -> None:
    """The chain holds; what it says is against the law."""
    change, check, words = FORGED[name]
    forger: Forger = change
    forge(stopped, forger)
    assert any(kind == check and words in detail for kind, detail in findings(stopped)), findings(stopped)
