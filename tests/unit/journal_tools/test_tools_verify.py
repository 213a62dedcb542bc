"""Verify finds what is wrong with a journal, however it came about, and names the entry and the cure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forge import Forger, forge, lived, of_type, opened

from einvoiced.journal import store
from einvoiced.journal.export import export, whole_file
from einvoiced.journal.findings import CURES, Report
from einvoiced.journal.verify import verify_journal, verify_path
from tests.boxes import Desk

Rows = list[dict[str, Any]]


@pytest.fixture
def stopped(durable: Path) -> Path:
    """The directory of a stopped journal with some life in it."""
    desk = Desk(durable)
    lived(desk)
    desk.close()
    return desk.directory


def verified(directory: Path, macs: bool = True) -> Report:
    """The verdict on a journal."""
    return verify_journal(directory / store.FILE, directory.parent, macs=macs)


def checks(report: Report) -> set[str]:
    """The kinds of findings; each has its cure."""
    assert report.good == (not report.findings)
    assert all(finding.cure == CURES[finding.check] for finding in report.findings)
    return {finding.check for finding in report.findings}


def test_a_sound_journal_is_good(stopped: Path) -> None:
    """With its numbers, and nothing is left behind."""
    before = sorted(path.name for path in stopped.parent.rglob("*"))
    report = verified(stopped)
    assert (report.good, report.first, report.invoices) == (True, 1, 5)
    assert sorted(path.name for path in stopped.parent.rglob("*")) == before


def test_a_live_journal_is_verified_through_a_snapshot(desk: Desk) -> None:
    """While it is open and written."""
    lived(desk)
    assert verified(desk.directory).invoices == 5
    desk.issue()
    assert verified(desk.directory).invoices == 6


def invoice(rows: Rows, number: int) -> dict[str, Any]:
    """The entry of an invoice."""
    return of_type(rows, "invoice_issued")[number]


def renumber(rows: Rows, which: int, track: str, number: int, begin: int = 0) -> None:
    """Give an invoice another number."""
    data = invoice(rows, which)["data"]
    data["result"]["invoice"]["invoice_number"] = f"{track}{number:08d}"
    data["range_begin"] = begin


def move(rows: Rows, which: int, time: str) -> None:
    """Give an entry and all later ones another time, and an invoice its own."""
    for row in rows[rows.index(invoice(rows, which)) :]:
        row["time"] = time
        if row["type"] == "invoice_issued":
            told = row["data"]["result"]["invoice"]
            told["invoice_date"], told["invoice_time"] = time[:10].replace("-", ""), time[11:19]


def drop(rows: Rows, which: int) -> None:
    """Take an invoice out and close the ranks."""
    rows.remove(invoice(rows, which))
    for sequence, row in enumerate(rows, 1):
        row["sequence"] = sequence
        if row["type"] == "invoice_issued":
            row["data"]["result"]["sequence"] = sequence


def set_epoch(rows: Rows) -> None:
    """An epoch that nobody opened."""
    rows[-1]["epoch"] = 2
    rows[-1]["data"]["result"]["epoch"] = 2


FORGED: dict[str, tuple[Forger, set[str], str]] = {
    "number_twice": (lambda rows: renumber(rows, 3, "NQ", 1), {"number_twice", "projections"}, "NQ00000001"),
    "unknown range": (lambda rows: renumber(rows, 3, "ZZ", 7), {"outside_range", "contradiction"}, "ZZ00000007"),
    "beyond its range": (
        lambda rows: renumber(rows, 3, "NQ", 150),
        {"outside_range", "contradiction", "projections"},
        "NQ00000150",
    ),
    "other period": (lambda rows: move(rows, 2, "2026-03-01T00:00:00.000000+08:00"), {"outside_period"}, "11502"),
    "last instant": (lambda rows: move(rows, 2, "2026-02-28T23:59:59.999999+08:00"), set(), ""),
    "time back": (lambda rows: rows[2].update(time="2027-01-01T00:00:00.000000+08:00"), {"time"}, "2027"),
    "left out": (lambda rows: drop(rows, 1), {"contradiction", "mac"}, "not the next number"),
    "epoch": (set_epoch, {"epoch", "mac"}, "epoch 2 after 1"),
    "version": (lambda rows: rows[-1].update(v=9), {"version"}, "version 9"),
    "unknown type": (lambda rows: rows[-1].update(type="dance"), {"version", "projections"}, "dance"),
    "mac": (lambda rows: invoice(rows, 0)["data"]["result"].update(mac="0" * 32), {"mac"}, "NQ00000000"),
    "place": (lambda rows: invoice(rows, 0)["data"]["result"].update(sequence=99), {"place", "mac"}, "99"),
    "result": (lambda rows: invoice(rows, 4)["data"].update(result={}), {"unreadable"}, "result"),
    "sequence": (lambda rows: rows[-1].update(sequence=99), {"sequence", "place"}, "99"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_journal_is_found_out(stopped: Path, name: str) -> None:
    """The chain holds; what it says is against the law or itself."""
    change, wanted, words = FORGED[name]
    forge(stopped, change)
    report = verified(stopped)
    found = checks(report)
    assert wanted <= found or not wanted
    assert found <= wanted | {"gap", "contradiction", "projections"} if wanted else not found
    assert any(words in finding.detail for finding in report.findings) or not words


SPOILT: dict[str, tuple[str, set[str]]] = {
    "a byte": ("UPDATE entries SET body = CAST(replace(body, '牛奶', '牛妳') AS BLOB) WHERE sequence = 5", {"chain"}),
    "no json": ("UPDATE entries SET body = x'00' WHERE sequence = 5", {"unreadable", "projections"}),
    "a row gone": ("DELETE FROM entries WHERE sequence = 5", {"sequence"}),
    "next": ("UPDATE ranges SET next = 3", {"projections"}),
    "an invoice gone": ("DELETE FROM invoices WHERE number = 1", {"projections"}),
    "a key": ("UPDATE keys SET sequence = 4 WHERE sequence = 5", {"projections"}),
    "a paper": ("UPDATE invoices SET paper = 'printed' WHERE number = 1", {"projections"}),
    "a fact more": ("INSERT INTO facts VALUES ('x', 'y', 1)", {"projections"}),
    "an index": ("DROP INDEX ranges_by_state", {"projections"}),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_journal_is_found_out(stopped: Path, name: str) -> None:
    """Bytes, rows and tables that somebody or something changed."""
    statement, wanted = SPOILT[name]
    with opened(stopped) as db:
        db.execute(statement)
    assert wanted <= checks(verified(stopped))


def test_a_damaged_page_is_found_out(stopped: Path) -> None:
    """A page of zeros in the middle of the file."""
    with (stopped / store.FILE).open("r+b") as file:
        file.seek(4096 * 3)
        file.write(bytes(4096))
    assert "database" in checks(verified(stopped))


def test_numbers_that_went_missing_need_an_entry(stopped: Path) -> None:
    """A range that passed numbers nobody issued or set aside: a gap, with the runs named; set aside, it is none."""
    forge(stopped, _reconciled([{"first": 5, "last": 9}]))
    assert verified(stopped).good
    forge(stopped, _reconciled([{"first": 8, "last": 9}]))
    report = verified(stopped)
    assert checks(report) == {"gap"}
    assert "3 numbers of NQ 11502 are missing: 00000005-00000007" in report.findings[0].detail


def _reconciled(runs: list[dict[str, int]]) -> Forger:
    def change(rows: Rows) -> None:
        rows[:] = [row for row in rows if row["type"] != "epoch_opened"]
        place = {"seller": "24634102", "year_month": "11502", "track": "NQ"}
        data = {"reason": "x", "technician": "x", "restored": 0, "in_doubt": [{**place, **run} for run in runs]}
        rows.append({**rows[-1], "epoch": 2, "sequence": len(rows) + 1, "type": "epoch_opened", "data": data})

    return change


# -- files


@pytest.fixture
def exported(stopped: Path) -> Path:
    """An export of the whole journal."""
    to = stopped.parent / "all.jsonl"
    with whole_file(to) as file:
        export(stopped / store.FILE, file)
    return to


LINES: dict[str, tuple[Callable[[list[bytes]], object], set[str]]] = {
    "as it is": (lambda lines: None, set()),
    "a byte": (lambda lines: lines.__setitem__(4, lines[4].replace(b"25", b"26")), {"chain"}),
    "a line gone": (lambda lines: lines.pop(4), {"sequence"}),
    "two swapped": (lambda lines: lines.insert(4, lines.pop(5)), {"sequence"}),
    "a line doubled": (lambda lines: lines.insert(4, lines[4]), {"sequence", "number_twice"}),
    "no json": (lambda lines: lines.__setitem__(4, b"{}\n"), {"sequence", "unreadable"}),
    "torn": (lambda lines: lines.__setitem__(-1, lines[-1][:-20]), {"torn"}),
    "nested for ever": (lambda lines: lines.__setitem__(4, b'{"data":' * 100_000 + b"\n"), {"sequence", "unreadable"}),
    "nothing": (lambda lines: lines.clear(), {"file"}),
    "only the end": (lambda lines: lines.__delitem__(slice(0, 3)), set()),
    "the end with one doubled": (lambda lines: lines.__setitem__(slice(0, 4), [lines[4]]), {"sequence"}),
}


@pytest.mark.parametrize("name", LINES)
def test_files_are_verified_too(exported: Path, name: str) -> None:
    """JSON lines that somebody or something changed; a later part of a journal is good by itself."""
    change, wanted = LINES[name]
    lines = exported.read_bytes().splitlines(keepends=True)
    change(lines)
    exported.write_bytes(b"".join(lines))
    found = checks(verify_path(exported, exported.parent))
    assert (wanted <= found) if wanted else not found


def test_the_last_hash_is_told(exported: Path) -> None:
    """So that two copies can be compared by a glance."""
    report = verify_path(exported, exported.parent)
    assert re.fullmatch("[0-9a-f]{64}", report.hash)
    assert report.invoices == 5
