"""The doctor: what it finds on live and dead boxes, that each finding has its cure, and that it changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from einvoiced import cli, doctor
from einvoiced.client import new_key
from einvoiced.doctor import service, storage
from einvoiced.doctor.findings import Finding
from einvoiced.doctor.reach import answers
from einvoiced.doctor.site import Site
from einvoiced.hardware.disk import Wear, wear
from einvoiced.hardware.holders import holders
from einvoiced.hardware.power import board_model, read_power
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import serve_pty
from tests.boxes import RANGE, until
from tools.virtualbox import VirtualBox


def site(box: VirtualBox) -> Site:
    """The box as the doctor sees it."""
    return Site(box.folder / "einvoiced.toml", box.state, box.run)


def findings(box: VirtualBox, level: str, check: str = "") -> list[Finding]:
    """What the doctor says of a box, of one level and check."""
    return [f for f in doctor.examine(site(box)) if f.level == level and check in ("", f.check)]


def arguments(box: VirtualBox, *more: str) -> list[str]:
    """The command line for a box in a folder."""
    place = ["--config", str(box.folder / "einvoiced.toml"), "--state", str(box.state)]
    return ["--run", str(box.run), more[0], *more[1:], *place] if more else place


def files(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, but for SQLite's shared memory, where readers leave marks."""
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.endswith("-shm")}


def test_a_healthy_box_has_no_problem(shared_box: VirtualBox, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; every check has said something and each finding has both languages; the mirror is missed."""
    until(lambda: shared_box.status()["can_print"], 10, "the printer")
    assert cli.main(["--json", *arguments(shared_box, "doctor")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is True
    assert [f["check"] for f in told["findings"] if f["level"] not in ("ok", "note")] == ["mirror"]
    assert all(f["en"] and f["zh"] for f in told["findings"])
    said = {f["check"] for f in told["findings"]}
    assert {"config", "key", "service", "socket", "box", "clock", "disk", "journal", "printer", "stock"} <= said


def test_looking_changes_nothing(make_box: Callable[..., VirtualBox]) -> None:
    """Of a killed box every file stays as it was, its WAL too; and it starts again afterwards."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    box.kill()
    before = files(box.state)
    doctor.examine(site(box))
    assert files(box.state) == before
    box.start()
    assert box.status()["counts"]["numbers_left_this_period"] == 2500


def test_a_dead_box_is_still_examined(make_box: Callable[..., VirtualBox], capsys: pytest.CaptureFixture[str]) -> None:
    """The daemon and its sockets are problems with cures; journal and stock are read all the same."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    box.kill()
    assert cli.main(arguments(box, "doctor", "--all")) == 1
    out = capsys.readouterr().out
    assert "einvoiced does not run" in out and "→ systemctl start einvoiced" in out
    assert "2500 numbers left" in out
    assert [f.check for f in doctor.examine(site(box)) if f.level == "problem"] == ["service", "socket", "socket"]


def test_a_dead_box_says_what_it_would_lock_for(make_box: Callable[..., VirtualBox]) -> None:
    """A WAL that somebody deleted is found before the next start, with the verb that mends it."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    box.kill()
    (box.state / "journal" / "journal.db-wal").unlink()
    (found,) = findings(box, "problem", "box")
    assert "journal_behind" in found.en
    assert "journal reconcile" in found.cure


def test_a_damaged_journal_is_a_problem(make_box: Callable[..., VirtualBox]) -> None:
    """A file that is no database is told with its cure, not with a traceback."""
    box = make_box()
    box.start()
    box.stop()
    (box.state / "journal" / "journal.db").write_bytes(b"x" * 8192)
    (found,) = findings(box, "problem", "journal")
    assert "cannot be read" in found.en
    assert "restore" in found.cure


def test_a_wrong_option_is_named(make_box: Callable[..., VirtualBox]) -> None:
    """The box's lock and the doctor's check both name it; the cure names the file."""
    box = make_box(seller={"identifier": "12345678"})
    box.start()
    (found,) = findings(box, "problem", "config")
    assert "seller.identifier" in found.en
    assert str(box.folder / "einvoiced.toml") in found.cure
    assert any("config_error" in each.en for each in findings(box, "problem", "box"))


def test_a_clock_without_a_witness_is_a_problem(make_box: Callable[..., VirtualBox]) -> None:
    """And who may still issue is said."""
    box = make_box()
    box.set_clock(synchronised=False)
    (found,) = findings(box, "problem", "clock")
    assert "till_time" in found.en
    assert "timedatectl" in found.cure


def test_unreported_numbers_of_a_past_period_are_due(make_box: Callable[..., VirtualBox]) -> None:
    """Seventy days later the period is over: its unused numbers must be reported, and there are none for this one."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    box.set_clock(offset=70 * 86_400)
    due = findings(box, "warning", "deadlines") + findings(box, "problem", "deadlines")
    assert any("unused numbers" in found.en and "einvoicectl" in found.cure for found in due)
    assert any("0 numbers left" in found.en for found in findings(box, "problem", "stock"))


def test_the_holder_of_a_busy_port_is_named(make_box: Callable[..., VirtualBox]) -> None:
    """A program that has the printer's port open is named with its process, and how to end it."""
    path, stop = serve_pty(Emulator())
    box = make_box(printer={"transport": "serial", "device": path})
    thief = subprocess.Popen(["sh", "-c", f"echo open; exec sleep 60 <>{path}"], stdout=subprocess.PIPE)
    try:
        assert thief.stdout is not None and thief.stdout.readline()
        until(lambda: any(h.name == "sleep" for h in holders(Path(path)).found), 10, "the thief to open the port")
        (found,) = findings(box, "problem", "printer")
    finally:
        thief.kill()
        thief.wait()
        thief.stdout.close()  # type: ignore[union-attr]
        stop()
    assert f"sleep (pid {thief.pid})" in found.en
    assert found.cure == f"kill {thief.pid}"


def test_a_printer_that_is_not_there_is_a_problem(make_box: Callable[..., VirtualBox], tmp_path: Path) -> None:
    """A configured device without a node names the node, and the driver's module where it is not loaded."""
    box = make_box(printer={"transport": "serial", "device": "/dev/ttyUSB97"})
    (found,) = findings(box, "problem", "printer")
    assert "/dev/ttyUSB97 is not there" in found.en
    assert "lsusb" in found.cure


def test_a_mirror_on_the_same_disk_protects_nothing(box: VirtualBox, durable: Path) -> None:
    """It is a warning, and a folder without a mirror is a problem."""
    file = box.folder / "mirrored.toml"
    text = (box.folder / "einvoiced.toml").read_text(encoding="utf-8")
    file.write_text(f'{text}\n[mirror]\ndirectory = "{durable}"\n', encoding="utf-8")
    place = Site(file, box.state, box.run)
    (found,) = storage.check_mirror(place)
    assert found.level == "problem" and "mirror init" in found.cure
    init = ["mirror", "init", str(durable), "--same-disk", "--config", str(file), "--state", str(box.state)]
    assert cli.main(["--run", str(box.run), *init]) == 0
    assert any("own disk" in each.en for each in storage.check_mirror(place))


def test_a_check_that_fails_is_a_finding(shared_box: VirtualBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on."""
    monkeypatch.setattr(service, "check_box", lambda _site: 1 // 0)
    found = doctor.examine(site(shared_box))
    assert [f.check for f in found if "ZeroDivisionError" in f.en] == ["box"]
    assert found[-1].check == "deadlines"


def test_a_folder_without_a_box(tmp_path: Path) -> None:
    """Nothing there at all is told in problems, never in a traceback."""
    found = doctor.examine(Site(tmp_path / "none.toml", tmp_path / "state", tmp_path))
    assert {"config", "service", "socket"} <= {f.check for f in found if f.level == "problem"}
    assert not any("check failed" in f.en for f in found)


@pytest.mark.parametrize(
    ("word", "now", "since"),
    [
        ("0x0", [], []),
        ("0x50000", [], ["under_voltage", "throttled"]),
        ("50005", ["under_voltage", "throttled"], ["under_voltage", "throttled"]),
    ],
)
def test_the_firmwares_word_is_understood(word: str, now: list[str], since: list[str], tmp_path: Path) -> None:
    """Bits 0 to 3 are now, 16 to 19 since boot, as the Raspberry Pi documentation has them."""
    file = tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text(word + "\n")
    power = read_power(tmp_path)
    assert (power.source, power.now, power.since_boot) == ("firmware", now, since)


def test_the_kernels_alarm_is_heard(tmp_path: Path) -> None:
    """Where the firmware's word is not there; and a board that says nothing is no power problem."""
    assert read_power(tmp_path).source == ""
    folder = tmp_path / "sys/class/hwmon/hwmon2"
    folder.mkdir(parents=True)
    (folder / "name").write_text("rpi_volt\n")
    (folder / "in0_lcrit_alarm").write_text("1\n")
    assert read_power(tmp_path).now == ["under_voltage"]


def test_the_boards_maker_and_model(tmp_path: Path) -> None:
    """From the device tree of a Pi, else from DMI."""
    dmi = tmp_path / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "sys_vendor").write_text("ACME\n")
    (dmi / "product_name").write_text("Till 3000\n")
    assert board_model(tmp_path) == ("ACME", "Till 3000")
    tree = tmp_path / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    assert board_model(tmp_path) == ("Raspberry Pi Ltd", "Raspberry Pi 4 Model B Rev 1.4")


def test_a_worn_card_says_so(tmp_path: Path) -> None:
    """The higher of the two life times counts; a disk that does not say is not worn."""
    number = tmp_path.stat().st_dev
    device = tmp_path / "sys/block/mmcblk0"
    (device / "device").mkdir(parents=True)
    link = tmp_path / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(device)
    assert wear(tmp_path, tmp_path) == Wear(None, None)
    (device / "device/life_time").write_text("0x02 0x09\n")
    (device / "device/pre_eol_info").write_text("0x02\n")
    assert wear(tmp_path, tmp_path) == Wear(9, 2)


def test_late_messages_and_a_missing_folder_are_problems(make_box: Callable[..., VirtualBox], durable: Path) -> None:
    """An invoice of ten days ago that nobody uploaded is late, and Turnkey's folder that is not there is why."""
    box = make_box(turnkey={"spool": str(durable / "turnkey")})
    box.start()
    box.take_tracks(RANGE)
    with box.client() as till:
        till.issue(new_key(), lines=[{"description": "牛奶", "quantity": 1, "unit_price": 25}], total_amount=25)
    assert findings(box, "problem", "deadlines") == []
    box.set_clock(offset=10 * 86_400)
    told = [found.en for found in findings(box, "problem", "uploads")]
    assert any("turnkey is not there" in each for each in told)
    late = findings(box, "problem", "deadlines")
    assert any("1 of 1 messages" in found.en and "upload list" in found.cure for found in late)
    (durable / "turnkey").mkdir()
    assert findings(box, "problem", "uploads") == []


def test_a_folder_that_does_not_answer_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead disk is told in time: nobody waits for whoever asked it."""
    slow = tmp_path / "ls"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    assert (answers(tmp_path), answers(tmp_path / "none")) == (True, False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert answers(tmp_path, 0.2) is None
