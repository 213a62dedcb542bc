"""What a stick made to hurt costs the box: ten thousand files, the largest that are let in among them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from einvoiced.intake import MAX_BYTES

CHILD = Path(__file__).with_name("hostile_child.py")
ROW = "24634102,7,,110/11 ~ 110/12,{},{:08d},{:08d}\r\n"
MESSAGE = '<InvoiceAssignNo xmlns="urn:GEINV:E0501:4.0">'


def filled(piece: str, tail: str = "") -> bytes:
    """As many pieces as fit into the largest file that is let in."""
    return (piece * ((MAX_BYTES - len(tail.encode())) // len(piece.encode())) + tail).encode()


def good_rows() -> bytes:
    """The most rows that a file can have, all good: nothing is refused before all of it was read."""
    rows = (ROW.format("AB", number * 50, number * 50 + 49) for number in range(MAX_BYTES // 50))
    return "".join(rows).encode()[:MAX_BYTES].rsplit(b"\n", 1)[0]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "good rows": good_rows,
    "bad rows": lambda: filled(ROW.format("ab", 1, 2)),
    "one line": lambda: filled("x"),
    "commas": lambda: filled(","),
    "quotes": lambda: filled('"'),
    "lines": lambda: filled("\n", "x"),
    "elements": lambda: filled("<a/>", "</InvoiceAssignNo>").replace(b"<a/>" * 12, MESSAGE.encode() + b"<a>", 1),
    "nested": lambda: filled("<InvoiceAssignNo>"),
    "references": lambda: MESSAGE.encode() + filled("&#65;")[:-100],
    "brackets": lambda: filled("<", "InvoiceAssignNo"),
}


@pytest.fixture
def stick(tmp_path: Path) -> Callable[[Callable[[int], bytes]], Path]:
    """Makes a stick of 10,000 files: 64 large ones, told to it, and small ones of every kind in many folders."""

    def make(large: Callable[[int], bytes]) -> Path:
        folder = tmp_path / "stick"
        for number in range(100):
            (folder / f"{number % 10}" / f"{number}").mkdir(parents=True)
        for number in range(64):
            (folder / f"{number:02d}.csv").write_bytes(large(number))
        for number in range(10_000 - 64):
            where = folder / f"{number % 100 % 10}" / f"{number % 100}"
            small = (b"a,b\r\n", b"\xff\xd8\xff\0", b"<html>", b"", b"\0" * 5000)[number % 5]
            (where / f"{number}.csv").write_bytes(small)
        return folder

    return make


def cost(stick: Path, inbox: Path) -> dict[str, float]:
    inbox.mkdir()
    command = [sys.executable, str(CHILD), str(stick), str(inbox)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    result: dict[str, float] = json.loads(done.stdout)
    print(result)
    return result


def test_ten_thousand_files_cost_three_seconds_and_twenty_mebibytes(
    stick: Callable[[Callable[[int], bytes]], Path], tmp_path: Path
) -> None:
    """64 of them of 1 MiB each and of every kind that is hard to read; copying, checking and reading included.

    The first 3 MiB are read, and small files behind them.
    """
    kinds = [make() for make in HOSTILE.values()]
    assert all(MAX_BYTES // 2 < len(kind) <= MAX_BYTES for kind in kinds)
    result = cost(stick(lambda number: kinds[number % len(kinds)]), tmp_path / "inbox")
    assert 3 <= result["files"] <= 64
    assert 9_800 < result["files"] + result["left_out"] <= 10_000  # folders count too
    assert result["refused"] == result["files"] - 1  # all but the good rows
    assert result["collecting"] + result["reading"] <= 3
    assert result["grown_kib"] <= 20 * 1024


def test_the_costliest_stick_costs_no_more(stick: Callable[[Callable[[int], bytes]], Path], tmp_path: Path) -> None:
    """64 MiB in which every row is good: three files are read, the rest is left out as too much."""
    rows = good_rows()
    result = cost(stick(lambda _number: rows), tmp_path / "inbox")
    assert result["files"] - result["refused"] == 3
    assert result["collecting"] + result["reading"] <= 3
    assert result["grown_kib"] <= 20 * 1024
