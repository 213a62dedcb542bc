"""einvoicectl as a technician and a script use it: its verbs, `--json`, its exit codes, its errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import BoxError, new_key
from tests.boxes import SALE, Wire
from tools.virtualbox import VirtualBox, track_file

pytestmark = pytest.mark.sessions

DONE, REFUSED, WRONG_USE, UNREACHABLE = 0, 1, 2, 3


def ctl(box: VirtualBox, *arguments: str, code: int = DONE, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run einvoicectl; its exit code must be `code`, and nothing looks like a fault of the program."""
    command = [sys.executable, "-m", "einvoiced.cli", "--run", str(box.run), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, env={**os.environ, **environment}, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def ctl_json(box: VirtualBox, *arguments: str, code: int = DONE) -> Any:
    """The same with `--json`: stdout is JSON and nothing else."""
    return json.loads(ctl(box, "--json", *arguments, code=code).stdout)


def test_status_is_one_screen_for_people_and_json_for_programs(shared_box: VirtualBox) -> None:
    """Both languages, the numbers, and with --json exactly what the socket answers."""
    told = ctl(shared_box, "status").stdout
    assert "可以開立發票。" in told
    assert "Ready." in told
    assert len(told.splitlines()) < 25
    assert ctl_json(shared_box, "status").keys() == shared_box.status().keys()
    assert json.loads(ctl(shared_box, "status", "--json").stdout).keys() == shared_box.status().keys()


def test_info_lists_the_methods(shared_box: VirtualBox) -> None:
    """Every method of the admin socket by name."""
    told = ctl(shared_box, "info").stdout
    methods = shared_box.call("box.info")["methods"]
    assert all(name in told for name in methods)
    assert ctl_json(shared_box, "info")["methods"].keys() == methods.keys()


def test_an_invoice_by_hand_and_back(shared_box: VirtualBox) -> None:
    """Items, buyer and order number; found again by number, by hyphenated number and by key."""
    key = new_key()
    told = ctl(shared_box, "issue", "牛奶*2@25", "Pen@10", "--key", key, "--order-no", "A-1").stdout
    assert "總計 60" in told
    shown = ctl_json(shared_box, "invoice", "show", key)
    number = shown["result"]["invoice"]["invoice_number"]
    assert (shown["key"], shown["labels"]["order_no"]) == (key, "A-1")
    by_number = ctl_json(shared_box, "invoice", "show", number)
    assert {**by_number, "paper": ""} == {**shown, "paper": ""}, "its proof may come out in between"
    hyphened = f"{number[:2]}-{number[2:]}"
    assert hyphened in ctl(shared_box, "invoice", "show", hyphened).stdout
    assert hyphened in told


def test_a_repeat_by_hand_is_a_repeat(shared_box: VirtualBox) -> None:
    """The same key gives the same invoice; other items are refused; without a key each call is a sale of its own."""
    key = new_key()
    first = ctl_json(shared_box, "issue", "牛奶@25", "--key", key)
    assert ctl_json(shared_box, "issue", "牛奶*1@25.00", "--key", key) == first
    refusal = ctl_json(shared_box, "issue", "牛奶@26", "--key", key, code=REFUSED)
    assert refusal["data"]["name"] == "key_conflict"
    assert ctl_json(shared_box, "issue", "牛奶@25")["invoice"] != first["invoice"]


def test_the_key_is_told_before_the_answer(shared_box: VirtualBox) -> None:
    """Also to a script: on stderr then, so that stdout stays JSON."""
    assert ctl(shared_box, "issue", "牛奶@25").stdout.startswith("key ")
    done = ctl(shared_box, "--json", "issue", "牛奶@25")
    assert done.stderr.startswith("key ")
    assert json.loads(done.stdout)["invoice"]


@pytest.mark.parametrize(
    ("arguments", "member"),
    [
        (
            ["--buyer", "04595257", "--buyer-name", "示範公司"],
            ("buyer", {"identifier": "04595257", "name": "示範公司"}),
        ),
        (["--carrier", "3J0002:/ABC+123"], ("carrier_id", "/ABC+123")),
        (["--donate", "919"], ("npoban", "919")),
        (["--total", "25"], ("total_amount", 25)),
    ],
    ids=lambda value: value[0],
)
def test_receivers_by_hand(shared_box: VirtualBox, arguments: list[str], member: tuple[str, Any]) -> None:
    """Buyer, carrier, donation and a stated total reach the invoice."""
    name, value = member
    assert ctl_json(shared_box, "issue", "牛奶@25", *arguments)["invoice"][name] == value


def test_tracks_by_hand(shared_box: VirtualBox, tmp_path: Path) -> None:
    """A file is taken, taken again it is known; the list shows its ranges."""
    file = tmp_path / "字軌.csv"
    file.write_text(track_file(("AB", 0, 49)))
    assert "taken" in ctl(shared_box, "tracks", "import", str(file)).stdout
    assert [r["track"] for r in ctl_json(shared_box, "tracks", "import", str(file))["already_known"]] == ["AB"]
    assert "AB" in ctl(shared_box, "tracks", "list").stdout
    assert {"AB", "NQ"} <= {r["track"] for r in ctl_json(shared_box, "tracks", "list")}


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["issue", "牛奶@25", "--total", "24"], "total_mismatch"),
        (["issue", "牛奶@25", "--key", "7"], "bad_key"),
        (["issue", "牛奶*0@25"], "zero_quantity"),
        (["issue", "牛奶@25", "--buyer", "12345678"], "buyer_id_suspect"),
        (["issue", "牛奶@25", "--carrier", "3J0002"], "bad_carrier"),
        (["invoice", "show", "ZZ00000000"], "invoice_not_found"),
        (["invoice", "show", "ZZ0"], "invalid_params"),
        (["invoice", "show", "9f0c1c2e-7c1f-4b7e-8d0e-2b6f0f6a1c11"], "invoice_not_found"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_refusal_is_1_in_both_languages(shared_box: VirtualBox, arguments: list[str], name: str) -> None:
    """Name, code and both sentences on stderr; with --json the error object on stdout."""
    done = ctl(shared_box, *arguments, code=REFUSED)
    assert name in done.stderr
    assert any("\u4e00" <= char <= "\u9fff" for char in done.stderr)
    error = ctl_json(shared_box, *arguments, code=REFUSED)
    assert (error["data"]["name"], error["code"] != 0) == (name, True)


def test_a_refused_file_says_every_reason(shared_box: VirtualBox, tmp_path: Path) -> None:
    """The first and the others, each with its line."""
    file = tmp_path / "bad.csv"
    file.write_text(track_file(("nq", 0, 49), ("NQ", 1, 49)))
    done = ctl(shared_box, "tracks", "import", str(file), code=REFUSED)
    assert "bad_track" in done.stderr
    assert "not_a_booklet_begin" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["issue"],
        ["issue", "牛奶"],
        ["issue", "牛奶@free"],
        ["issue", "牛奶*two@25"],
        ["issue", "牛奶@1.2.3"],
        ["issue", "牛奶@25", "--total", "much"],
        ["issue", "牛奶@25", "--net"],
        ["tracks", "import", "/nowhere/file.csv"],
        ["tracks", "import", "/"],
        ["invoice", "show"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_2(shared_box: VirtualBox, arguments: list[str]) -> None:
    """Said on stderr, without a traceback, before anything is asked of the box."""
    assert ctl(shared_box, *arguments, code=WRONG_USE).stderr


def test_a_file_too_large_for_a_request_is_refused_and_not_unreachable(shared_box: VirtualBox, tmp_path: Path) -> None:
    """The box says why it reads no further, and einvoicectl hears it."""
    file = tmp_path / "large.csv"
    file.write_bytes(b"x" * 4_000_000)
    assert "request_too_long" in ctl(shared_box, "tracks", "import", str(file), code=REFUSED).stderr


def test_a_box_that_is_away_is_3(make_box: Any) -> None:
    """In both languages, with the socket's path and what to look at; no waiting for a mere question."""
    box = make_box()
    for arguments in (["status"], ["tracks", "list"], ["--json", "info"]):
        done = ctl(box, *arguments, code=UNREACHABLE)
        assert "admin.sock" in done.stderr
        assert "無法連線" in done.stderr


def test_config_check_needs_no_box(make_box: Any) -> None:
    """Good, or the option that is wrong, in both languages."""
    box = make_box()
    file = box.folder / "einvoiced.toml"
    assert "示範商店" in ctl(box, "config", "check", str(file)).stdout
    file.write_text(file.read_text().replace("24634102", "24634103"))
    done = ctl(box, "config", "check", str(file), code=REFUSED)
    assert "seller.identifier" in done.stderr
    assert "設定檔" in done.stderr
    assert "does not exist" in ctl(box, "config", "check", "/nowhere.toml", code=REFUSED).stderr


def test_a_terminal_without_chinese_still_gets_the_rest(shared_box: VirtualBox) -> None:
    """Whatever the terminal's encoding."""
    assert "can issue       yes" in ctl(shared_box, "status", PYTHONIOENCODING="ascii").stdout


def test_a_reader_that_leaves_is_no_fault(shared_box: VirtualBox) -> None:
    """`einvoicectl status | head -1` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "einvoiced.cli", "--run", str(shared_box.run), "status"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (DONE, "")


# -- the client that tills import --------------------------------------------------------------------------------------


def test_a_client_hears_why_its_line_was_too_long(shared_box: VirtualBox) -> None:
    """A refusal and not a broken connection; the same client goes on with its next request."""
    with shared_box.client() as client:
        with pytest.raises(BoxError) as caught:
            client.call("invoice.get", key="x" * 3_000_000)
        assert caught.value.name == "request_too_long"
        assert client.repeat("box.status", {}, 5)["time"]


def test_a_client_hears_that_there_are_too_many(shared_box: VirtualBox) -> None:
    """`issue` waits for a place and gets its invoice."""
    crowd = [Wire(shared_box.socket("till")) for _ in range(128)]
    got: list[Any] = []
    with shared_box.client() as client:
        thread = threading.Thread(target=lambda: got.append(client.issue(new_key(), patience=20, **SALE)))
        thread.start()
        thread.join(0.3)
        assert got == []
        for wire in crowd:
            wire.close()
        thread.join(20)
    assert got[0]["invoice"]["total_amount"] == 25


def test_the_life_of_an_invoice_by_hand(shared_box: VirtualBox) -> None:
    """Corrected, allowed, undone, replaced, cancelled; each with a key that it prints first."""
    why = ["--by", "王店員", "--reason"]
    number = ctl_json(shared_box, "issue", "牛奶*4@25", "--carrier", "3J0002:/ABC+123")["invoice"]["invoice_number"]
    assert "捐贈 919" in ctl(shared_box, "invoice", "correct", number, "--donate", "919", *why, "改捐贈").stdout
    told = ctl_json(shared_box, "allowance", "issue", number, "1=50", "--by", "王店員", "--no-slip")
    assert (told["allowance"]["total_amount"], told["left"]) == (48, 50)
    allowance = told["allowance"]["allowance_number"]
    assert allowance in ctl(shared_box, "allowance", "list", number).stdout
    told = ctl(shared_box, "invoice", "show", number).stdout
    assert allowance in told and "50 尚可折讓" in told
    ctl(shared_box, "allowance", "print", allowance)
    consent = ["--consent", "買方同意"]
    refused = ctl(shared_box, "invoice", "cancel", number, *why, "退貨", *consent, code=REFUSED)
    assert allowance in refused.stderr
    key = new_key()
    for _ in range(2):
        assert allowance in ctl(shared_box, "allowance", "cancel", allowance, *why, "誤開", "--key", key).stdout
    new = ctl_json(shared_box, "invoice", "replace", number, "--buyer", "04595257", *why, "補登統編", *consent)
    assert new["invoice"]["buyer"]["identifier"] == "04595257"
    newer = ctl(shared_box, "invoice", "replace", new["invoice"]["invoice_number"], "咖啡@45", *why, "打錯", *consent)
    assert "咖啡" in newer.stdout
    last = ctl_json(shared_box, "issue", "Pen@10", "--carrier", "3J0002:/ABC+123")["invoice"]["invoice_number"]
    assert "不需收回" in ctl(shared_box, "invoice", "cancel", last, *why, "退貨", *consent).stdout
    document = ["--document", "財北國稅字第1號", "--by", "王店長"]
    assert "財北國稅字第1號" in ctl(shared_box, "invoice", "document", last, *document).stdout
    told = ctl(shared_box, "invoice", "show", last).stdout
    assert all(word in told for word in ("cancelled", "退貨", "財北國稅字第1號"))
    ctl(shared_box, "invoice", "document", number[:-1] + "x", *document, code=REFUSED)
    original = ["--original-date", "20251231", "--original-buyer", "04595257", "--by", "王店員", "--no-slip"]
    assert "1000 + 50" in ctl(shared_box, "allowance", "issue", "AB12345678", "電鍋=1050", *original).stdout
    ctl(shared_box, "allowance", "issue", number, "first", "--by", "王店員", code=WRONG_USE)
    ctl(shared_box, "invoice", "replace", number, "nonsense", *why, "x", *consent, code=WRONG_USE)
