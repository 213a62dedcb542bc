"""Reports over a real box's socket and by command: sums, the day's slip, the copy for spreadsheets."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from einvoiced.client import BoxError, new_key
from tests.boxes import SALE, until
from tests.sessions.test_sessions_cli import WRONG_USE, ctl, ctl_json
from tools.virtualbox import VirtualBox

pytestmark = pytest.mark.sessions


def test_sums_as_a_table_as_csv_and_as_json(shared_box: VirtualBox) -> None:
    """What was issued is in it at once."""
    with shared_box.client() as client:
        for till in ("1", "2", "2"):
            client.issue(new_key(), **SALE, labels={"till": till}, print="none")
    answer = ctl_json(shared_box, "report", "period", "--by", "till")
    assert [(row["group"]["till"], row["valid"]["total_amount"]) for row in answer["rows"]] == [("1", 25), ("2", 50)]
    assert answer["total"]["net_total"] == 75
    assert "合計" in ctl(shared_box, "report", "period", "--by", "day,tax_type").stdout
    text = ctl(shared_box, "report", "period", "--by", "till", "--csv", PYTHONIOENCODING="utf-8").stdout
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [(row["till"], row["valid_count"], row["net_total"]) for row in rows] == [("1", "1", "25"), ("2", "2", "50")]
    with pytest.raises(BoxError, match="period or days"):
        shared_box.call("report.period", year_month="11512", date_from="2026-01-01")


def test_a_day_goes_on_a_slip(shared_box: VirtualBox) -> None:
    """And on the screen."""
    printed = len(shared_box.prints())
    assert "合計" in ctl(shared_box, "report", "day", "--print").stdout
    until(lambda: len(shared_box.prints()) > printed, what="the slip")


def test_a_snapshot_is_fetched_whole(shared_box: VirtualBox, tmp_path: Path) -> None:
    """Into a private file that was not there before; the box throws its own copy away with the next."""
    file = tmp_path / "shop.db"
    answer = ctl_json(shared_box, "report", "snapshot", str(file))
    assert (answer["size"], file.stat().st_mode & 0o777) == (file.stat().st_size, 0o600)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT sum(total) FROM totals_by_day").fetchone() == (75,)
        assert db.execute("SELECT identifier, name FROM company").fetchall() == [("24634102", "示範商店")]
    ctl(shared_box, "report", "snapshot", str(file), code=WRONG_USE)
    first = shared_box.call("report.snapshot")["snapshot"]
    until(lambda: shared_box.call("report.snapshot", snapshot=first, wait=5.0)["state"] == "ready")
    assert shared_box.call("report.snapshot")["snapshot"] != first
    with pytest.raises(BoxError) as gone:
        shared_box.call("report.read", snapshot=first)
    assert gone.value.name == "snapshot_gone"
