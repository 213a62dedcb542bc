"""`einvoicectl upload …` and `unused …` on a real box: what people read and decide."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from upload_helpers import CARRIER

from einvoiced import cli
from einvoiced.client import new_key
from tests.boxes import SALE
from tools.virtualbox import VirtualBox, this_period


def ctl(box: VirtualBox, *arguments: str) -> int:
    """Run the command; its exit code."""
    return cli.main(["--run", str(box.run), *arguments])


def sold_and_refused(box: VirtualBox) -> str:
    """An invoice that the platform refused; its number."""
    with box.client() as till:
        issued = till.call("invoice.issue", key=new_key(), **{**SALE, **CARRIER})
    number = str(issued["invoice"]["invoice_number"])
    (out,) = (each for each in box.call("upload.next")["uploads"] if each["reference"] == number)
    sent = {name: out[name] for name in ("entry", "message", "part", "changed")}
    box.call("upload.sent", uploads=[sent], way="folder", batch="0" * 16)
    said = {"message": "F0401", "reference": number, "accepted": False, "code": "E0102"}
    box.call("upload.answered", form="ProcessResult", answers=[said], source=number.ljust(64, "0"))
    return number


def test_what_is_refused_is_told_plainly_and_decided(
    shared_box: VirtualBox, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list names code, sentence and cure in both languages; again and settle take numbers."""
    number = sold_and_refused(shared_box)
    assert ctl(shared_box, "upload", "list", "--state", "refused") == 0
    told = capsys.readouterr().out
    assert number in told and "E0102" in told and "平台退回" in told and "配號" in told
    assert ctl(shared_box, "invoice", "show", number) == 0
    told = capsys.readouterr().out
    assert "E0102" in told and "配號" in told
    assert ctl(shared_box, "upload", "again", number, "--reason", "字軌已核對", "--by", "店長") == 0
    assert ctl(shared_box, "upload", "again", number, "--reason", "再送", "--by", "店長") == cli.REFUSED
    assert ctl(shared_box, "upload", "settle", number, "--reason", "平台已有", "--by", "店長") == 0
    assert ctl(shared_box, "upload", "settle", number, "--reason", "平台已有", "--by", "店長") == cli.WRONG_USE
    assert ctl(shared_box, "invoice", "show", number) == 0
    assert "accepted" in capsys.readouterr().out


def test_all_of_a_state_at_once(shared_box: VirtualBox, capsys: pytest.CaptureFixture[str]) -> None:
    """Only with its name; both a number and a state is a mistake."""
    numbers = [sold_and_refused(shared_box) for _ in range(2)]
    options = ("--reason", "平台已修復", "--by", "會計")
    assert ctl(shared_box, "upload", "again", *options) == cli.WRONG_USE
    assert ctl(shared_box, "upload", "again", numbers[0], "--all", "refused", *options) == cli.WRONG_USE
    assert ctl(shared_box, "--json", "upload", "again", "--all", "refused", *options) == 0
    assert json.loads(capsys.readouterr().out)["uploads"] == 2
    assert ctl(shared_box, "upload", "settle", *numbers, "--message", "F0401", *options) == 0
    assert ctl(shared_box, "upload", "list") == 0
    assert "沒有待上傳資料" in capsys.readouterr().out


def test_unused_numbers_are_listed_exported_and_refused(
    shared_box: VirtualBox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file that another box would take; this one, which is alone, takes none."""
    period = this_period()
    shared_box.set_clock(set=(period.ends + timedelta(days=1, hours=1)).isoformat())
    shared_box.call("period.close", year_month=period.year_month, person="店長")
    assert ctl(shared_box, "unused", "list") == 0
    assert period.label in capsys.readouterr().out
    assert ctl(shared_box, "unused", "export", period.year_month, "--output", str(tmp_path)) == 0
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["year_month"] == period.year_month
    assert ctl(shared_box, "unused", "take", str(file)) == cli.REFUSED
    assert "not_lead_box" in capsys.readouterr().err
