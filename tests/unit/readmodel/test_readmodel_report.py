"""Sums for accountants: equal to adding up the invoices one by one; and the copy with its views."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from einvoiced.actions.ask_report import Report, ReportParams, report_question
from einvoiced.actions.issue_allowance import AllowanceParams, issue_allowance
from einvoiced.client import new_key
from einvoiced.errors import DiskNearlyFull, InvalidParams
from einvoiced.journal import reading, store
from einvoiced.readmodel import snapshot
from einvoiced.readmodel.follow import ReadModel
from einvoiced.readmodel.totals import report
from einvoiced.rules.sale import Policy
from tests.boxes import RANGE, ROOT, Desk
from tests.unit.readmodel.test_readmodel_find import cancel


@pytest.fixture
def desk(durable: Path) -> Iterator[Desk]:
    """A shop with two days of sales: consumers, businesses, exempt goods, two tills, cancelled ones, an allowance."""
    desk = Desk(durable, Policy(mixed_tax=True))
    desk.take(RANGE)
    for day in range(2):
        for n in range(6):
            lines = [{"description": "牛奶", "quantity": 1, "unit_price": 33 + n}]
            if n == 3:
                lines.append({"description": "米", "quantity": 1, "unit_price": 50, "tax_type": "3"})
            total = sum(int(str(line["unit_price"])) for line in lines)
            labels = {"till": str(n % 2), "cashier": "王", "business_day": "2026-02-10"}
            buyer = {"buyer": {"identifier": "04595257"}} if n == 4 else {}
            number = desk.number(lines=lines, total_amount=total, labels=labels, **buyer)
            if n == 5:
                cancel(desk, number)
            if n == 4 and day == 1:
                allow(desk, number)
        desk.clock.set(desk.clock.now() + timedelta(days=1))
    yield desk
    desk.close()


def allow(desk: Desk, number: str) -> None:
    """11 dollars of an invoice go back: 10 and their tax."""
    wire = {
        "key": new_key(),
        "invoice_number": number,
        "lines": [{"line": 1, "amount": 11}],
        "by": "王",
        "print": "none",
    }
    params = {**wire, "labels": {"till": "0", "business_day": "2026-02-10"}}
    desk.call(issue_allowance(desk.box, msgspec.convert(params, AllowanceParams), None))


@pytest.fixture
def model(desk: Desk, durable: Path) -> Iterator[ReadModel]:
    """Its read model, level."""
    with closing(ReadModel(durable / "find.db", desk.directory / store.FILE)) as model:
        model.catch_up()
        yield model


def asked(model: ReadModel, **params: Any) -> Report:
    """A report."""
    answer = report(model.db, report_question(ReportParams(**params)))
    assert answer is not None
    return answer


def invoices(desk: Desk) -> list[dict[str, Any]]:
    """Every invoice as it was issued, with whether it was cancelled."""
    found: dict[int, dict[str, Any]] = {}
    for each in desk.entries():
        data = json.loads(bytes(each.data))
        if each.type == "invoice_issued":
            found[each.sequence] = {**data["result"]["invoice"], "labels": data["labels"], "cancelled": False}
        elif each.type == "invoice_cancelled":
            found[data["invoice"]]["cancelled"] = True
    return list(found.values())


def test_the_sums_are_those_of_the_invoices(desk: Desk, model: ReadModel) -> None:
    """By any groups; the tax inside consumers' sales is counted of the sum, not of each invoice."""
    all_ = invoices(desk)
    for by, key in (
        ([], lambda i: ()),
        (["day"], lambda i: (i["invoice_date"],)),
        (["tax_type", "buyer"], lambda i: (i["tax_type"], "B2B" if "buyer" in i else "B2C")),
        (["till"], lambda i: (i["labels"]["till"],)),
    ):
        answer = asked(model, year_month="11502", by=by)
        assert len(answer.rows) == len({key(i) for i in all_})
        for row in answer.rows:
            group = tuple(
                (value or "").replace("-", "") if name == "day" else value for name, value in row.group.items()
            )
            for part, cancelled in ((row.valid, False), (row.cancelled, True)):
                mine = [i for i in all_ if key(i) == group and i["cancelled"] is cancelled]
                consumers = sum(i["sales_amount"] for i in mine if "buyer" not in i)
                net = int((Decimal(consumers) / Decimal("1.05")).quantize(Decimal(1), ROUND_HALF_UP))
                assert part.count == len(mine)
                for name in ("sales_amount", "free_tax_sales_amount", "tax_amount", "total_amount"):
                    assert getattr(part, name) == sum(i[name] for i in mine), (by, name)
                assert (part.consumer_sales_amount, part.tax_within) == (consumers, consumers - net)
        whole = asked(model, year_month="11502")
        assert answer.total == whole.total
        assert whole.rows == [whole.total]


def test_allowances_are_apart_and_taken_from_the_net(model: ReadModel) -> None:
    """On their own day, with the labels of the till that gave them."""
    by_day = {row.group["day"]: row for row in asked(model, by=["day"]).rows}
    assert [by_day[day].allowances.count for day in ("2026-02-10", "2026-02-11")] == [0, 1]
    second = by_day["2026-02-11"]
    assert (second.allowances.net_amount, second.allowances.tax_amount) == (10, 1)
    assert second.net_total == second.valid.total_amount - 11
    assert {row.group["period"] for row in asked(model, by=["period"]).rows} == {"11502"}


def test_nothing_is_a_report_too(model: ReadModel) -> None:
    """An empty time has no rows and sums of 0; a business day picks its own."""
    empty = asked(model, date_from="2026-03-01", by=["day"])
    assert (empty.rows, empty.total.valid.count, empty.total.net_total) == ([], 0, 0)
    assert asked(model, business_day="2026-02-10").total.valid.count == 10
    assert asked(model, business_day="2026-02-11").total.valid.count == 0


@pytest.mark.parametrize(
    "params", [{"year_month": "11502", "date_from": "2026-02-01"}, {"by": ["day", "day"]}, {"business_day": "2.10."}]
)
def test_a_question_that_makes_no_sense_is_refused(params: dict[str, Any]) -> None:
    """With what is wrong."""
    with pytest.raises(InvalidParams):
        report_question(ReportParams(**params))


# -- the copy ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(desk: Desk, durable: Path) -> Path:
    """A snapshot."""
    told: list[tuple[int, int]] = []
    snapshot.make(durable, durable / "copy.db", lambda done, of: told.append((done, of)))
    return durable / "copy.db"


def test_the_views_say_what_the_report_says(model: ReadModel, copy: Path) -> None:
    """Day by day; every line of every invoice is there with its numbers as numbers."""
    with closing(sqlite3.connect(copy)) as db:
        views = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
        assert views == set(snapshot.VIEW_NAMES)
        rows = db.execute(
            "SELECT day, issued, cancelled, total, cancelled_total, net_total FROM totals_by_day"
        ).fetchall()
        assert rows == [
            (
                row.group["day"],
                row.valid.count + row.cancelled.count,
                row.cancelled.count,
                row.valid.total_amount,
                row.cancelled.total_amount,
                row.net_total,
            )
            for row in asked(model, by=["day"]).rows
        ]
        (lines, amount) = db.execute("SELECT count(*), sum(amount) FROM invoice_lines WHERE tax_type = '3'").fetchone()
        assert (lines, amount) == (2, 100)
        assert db.execute("SELECT year_month, sum(allowances) FROM documents").fetchall() == [("11502", 1)]


def test_sqlite_utils_reads_the_copy(copy: Path) -> None:
    """Its command line lists the views and gives their rows as CSV."""
    command = [sys.executable, "-m", "sqlite_utils"]
    views = subprocess.run([*command, "views", copy], capture_output=True, text=True, check=True).stdout
    assert {each["view"] for each in json.loads(views)} == set(snapshot.VIEW_NAMES)
    done = subprocess.run([*command, "rows", copy, "invoice_list", "--csv"], capture_output=True, text=True, check=True)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 12
    assert {row["cashier"] for row in rows} == {"王"}


def test_the_copy_is_private_whole_and_without_secrets(desk: Desk, copy: Path) -> None:
    """One file, 0600; neither the answers' MAC key nor the tills' keys nor random codes are in it."""
    assert [each.name for each in copy.parent.glob("*copy*")] == ["copy.db"]
    assert copy.stat().st_mode & 0o777 == 0o600
    content = copy.read_bytes()
    assert desk.journal.secret not in content
    for each in desk.entries():
        if each.type == "invoice_issued":
            data = json.loads(bytes(each.data))
            assert data["key"].encode() not in content
            assert data["result"]["mac"].encode() not in content
            assert data["result"]["invoice"]["qr_left"].encode() not in content


def test_a_copy_that_does_not_fit_is_refused_first(desk: Desk, durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of it."""
    monkeypatch.setattr(reading, "size_of", lambda _file: 1 << 60)
    with pytest.raises(DiskNearlyFull):
        snapshot.make(durable, durable / "copy.db")
    assert not list(durable.glob("*copy*"))


def test_every_view_is_documented_with_its_columns(copy: Path) -> None:
    """docs/reports.md names them all; the totals have the sums of `documents`."""
    page = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.MULTILINE))
    with closing(sqlite3.connect(copy)) as db:
        for view in snapshot.VIEW_NAMES:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({view})")]
            told = documented[view] if view not in snapshot.TOTALS else documented["documents"] + "`net_total`"
            assert [name for name in columns if f"`{name}`" not in told] == [], view
