"""hw-tests: the disk that lies, power, sticks, the till's user, and the report."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from einvoiced.config import Config, SellerSection, StickSection, TracksSection
from einvoiced.hardware.power import Power
from einvoiced.keepers.slip_lines import to_document
from einvoiced.rpc.paper_methods import SlipLine
from hw_tests import bench as benches
from hw_tests import clock, command, disk_cut, pictures, power, report, stick, till_socket
from hw_tests.bench import Bench, Skip
from hw_tests.person import Terminal
from tests.boxes import until
from tools.virtualbox import VirtualBox


def make_bench(folder: Path, **sections: Any) -> Bench:
    """A bench of a box that does not run."""
    (folder / "state").mkdir(exist_ok=True)
    made = Config(SellerSection("24634102", "示範商店"), TracksSection("1/1"), **sections)
    return Bench(made, None, folder / "state", folder, pause=0.0)


# -- does the disk lie? ------------------------------------------------------------------------------------------------


@pytest.fixture
def cut(durable: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A disk that was armed, written to and cut off: the writer was killed, and it is another boot."""
    bench = make_bench(durable)
    code = f"import sys; sys.path[:0] = {sys.path!r}; from hw_tests import command; command.main(sys.argv[1:])"
    arguments = ["disk", "arm", "--state", str(bench.state)]
    writer = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL)
    file = bench.state / disk_cut.FOLDER / "b"
    try:
        until(lambda: file.exists() and any(number > 20 for number in kept(bench, "b")), 60, "pages to be written")
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    other = durable / "boot_id"
    other.write_text("another boot\n")
    monkeypatch.setattr(disk_cut, "BOOT_ID", other)
    return bench


def kept(bench: Bench, name: str) -> set[int]:
    """The numbers of the whole pages of a file; none while it is being made."""
    folder = bench.state / disk_cut.FOLDER
    try:
        armed = msgspec.json.decode((folder / "armed.json").read_bytes(), type=disk_cut.Armed)
    except FileNotFoundError:
        return set()
    return disk_cut._kept(folder / name, armed.salt)


def forget(bench: Bench, name: str, number: int) -> None:
    """A page that the disk had acknowledged is gone."""
    with (bench.state / disk_cut.FOLDER / name).open("r+b") as file:
        file.seek(number % disk_cut.SLOTS * disk_cut.PAGE)
        file.write(bytes(disk_cut.PAGE))


def test_an_honest_disk_passes(cut: Bench) -> None:
    """Everything that was acknowledged is there; the trial's folder is gone afterwards."""
    found = disk_cut.verdict(cut, 20)
    assert found.verdict == "pass", found.reason
    assert isinstance(found.figures["kept"], int) and found.figures["kept"] >= 20
    assert not (cut.state / disk_cut.FOLDER).exists()


def test_without_the_number_no_disk_passes(cut: Bench) -> None:
    """It is said what is missing, and the trial stays to be asked again with the number."""
    found = disk_cut.verdict(cut)
    assert (found.verdict, "--seen" in found.reason) == ("skipped", True)
    assert disk_cut.verdict(cut, 20).verdict == "pass"


def test_a_disk_that_lost_the_end_is_found_by_the_number(cut: Bench) -> None:
    """Less than what stood on the screen: a write cache that forgets in order is found by the person's number only."""
    found = disk_cut.verdict(cut, 10**6)
    assert (found.verdict, "1000000 pairs were acknowledged" in found.reason) == ("fail", True)


def test_a_disk_that_keeps_what_it_likes_is_found_without_a_number(cut: Bench) -> None:
    """A page of the first file is gone while a later page of the second is there."""
    last = max(kept(cut, "b"))
    for number in range(last, last + 2):
        forget(cut, "a", number)
    found = disk_cut.verdict(cut)
    assert (found.verdict, "synced before it" in found.reason) == ("fail", True)


def test_a_torn_page_is_found(cut: Bench) -> None:
    """One changed byte in the middle of what was acknowledged."""
    with (cut.state / disk_cut.FOLDER / "b").open("r+b") as file:
        file.seek(5 * disk_cut.PAGE + 1000)
        byte = file.read(1)
        file.seek(5 * disk_cut.PAGE + 1000)
        file.write(bytes([byte[0] ^ 1]))
    found = disk_cut.verdict(cut)
    assert (found.verdict, "the first is 5" in found.reason) == ("fail", True)


@pytest.mark.parametrize(
    ("first", "second", "seen", "word"),
    [
        (range(1, 11), range(1, 11), 10, None),
        (range(1, 12), range(1, 11), 10, None),
        (range(1, 10_001), range(1, 10_001), None, None),
        ((), (), None, None),
        (range(1, 11), range(1, 12), None, "second file"),
        (range(1, 13), range(1, 11), None, "first file"),
        (range(1, 11), range(1, 11), 11, "11 pairs"),
        ((), (), 1, "1 pairs"),
    ],
)
def test_what_speaks_against_a_disk(first: Any, second: Any, seen: int | None, word: str | None) -> None:
    """A pair that was being written when the power went is no lie; everything else is."""
    kept_pages = ({*list(each)[-disk_cut.SLOTS :]} for each in (first, second))
    told = disk_cut.lie(*kept_pages, seen)
    assert told is None if word is None else word in (told or "")


def test_what_stands_beside_the_pages_is_whole_when_it_is_synced(
    durable: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file has its bytes when it is synced: a cut right after finds the note, not an empty file."""
    sizes: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_file():
            sizes.append(os.fstat(descriptor).st_size)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    disk_cut.arm(make_bench(durable), 0.05)
    whole = disk_cut.PAGE * disk_cut.SLOTS
    assert sizes[:2] == [whole, whole]
    assert len(sizes) == 4 and min(sizes) > 50


class Platter:
    """The two files on a disk with a cache: `honest` keeps what was synced; a liar keeps any of its last pages."""

    def __init__(self, seed: int, *, honest: bool, cache: int = 12) -> None:
        self._chance, self._honest, self._cache = random.Random(seed), honest, cache
        self.files = {name: bytearray(disk_cut.PAGE * disk_cut.SLOTS) for name in "ab"}
        self.acknowledged = 0

    def work(self, pairs: int) -> None:
        """Write so many pairs, then cut the power within the next one."""
        writes = [(name, number) for number in range(1, pairs + 1) for name in "ab"]
        begun = self._chance.choice([[("a", pairs + 1)], [("a", pairs + 1), ("b", pairs + 1)]])
        safe = writes + begun[:-1] if self._honest else (writes + begun)[: -self._cache]
        self.acknowledged = pairs
        for name, number in safe:
            self._keep(name, number, disk_cut.PAGE)
        for name, number in begun[-1:] if self._honest else (writes + begun)[-self._cache :]:
            whole = disk_cut.PAGE if self._chance.random() < 0.5 else 0
            torn = self._chance.randrange(disk_cut.PAGE) if self._honest else 0
            self._keep(name, number, whole or torn)

    def _keep(self, name: str, number: int, size: int) -> None:
        begin = number % disk_cut.SLOTS * disk_cut.PAGE
        self.files[name][begin : begin + size] = disk_cut.page(number, "salt")[:size]

    def told(self, seen: int | None, folder: Path) -> str | None:
        """What the verdict says of it."""
        numbers = []
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
            numbers.append(disk_cut._kept(folder / name, "salt"))
        return disk_cut.lie(numbers[0], numbers[1], seen)


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are written over and over within a short test."""
    monkeypatch.setattr(disk_cut, "SLOTS", 24)


@pytest.mark.usefixtures("small_files")
def test_no_honest_disk_is_ever_accused(tmp_path: Path) -> None:
    """A hundred and twenty cuts at any place, with the page that was being written whole, torn or not there."""
    for seed in range(120):
        platter = Platter(seed, honest=True)
        platter.work(1 + seed % 60)
        assert platter.told(platter.acknowledged, tmp_path) is None, seed


@pytest.mark.usefixtures("small_files")
def test_lying_disks_are_found(tmp_path: Path) -> None:
    """A cache of twelve pages that keeps what it likes: found each time with the number, mostly without it too."""
    without = 0
    for seed in range(100):
        platter = Platter(seed, honest=False)
        platter.work(20 + seed % 60)
        lost = platter.told(platter.acknowledged, tmp_path)
        kept = min(max(disk_cut._kept(tmp_path / name, "salt"), default=0) for name in "ab")
        assert lost is not None or kept >= platter.acknowledged, seed
        without += platter.told(None, tmp_path) is not None
    assert without > 90


def test_without_a_cut_there_is_no_verdict(durable: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing armed, ended in order, and the same boot are three sentences, none of them a pass."""
    bench = make_bench(durable)
    with pytest.raises(Skip, match="nothing is armed"):
        disk_cut.verdict(bench)
    assert disk_cut.arm(bench, 0.05).verdict == "skipped"
    assert "PULL THE PLUG" in capsys.readouterr().err
    with pytest.raises(Skip, match="ended in order"):
        disk_cut.verdict(bench)
    file = bench.state / disk_cut.FOLDER / "armed.json"
    armed = msgspec.json.decode(file.read_bytes(), type=disk_cut.Armed)
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(armed, ended=False)))
    with pytest.raises(Skip, match="same boot"):
        disk_cut.verdict(bench)


def test_the_steps_are_commands(durable: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`disk verdict` is a step; a step stands alone."""
    (durable / "state").mkdir()
    assert command.main(["disk", "verdict", "--state", str(durable / "state")]) == 0
    assert "nothing is armed" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main(["disk", "arm", "clock"])


# -- power and clock ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "during", "word"),
    [
        (Power("firmware"), Power("firmware", celsius=60.0), None),
        (Power("firmware"), Power("firmware", ["under_voltage"]), "fell below"),
        (Power("firmware", [], ["under_voltage"]), Power("firmware"), "since the last boot"),
        (Power("firmware"), Power("firmware", ["throttled"]), "heat"),
        (Power(""), Power("", celsius=81.5), "81.5 °C"),
    ],
)
def test_a_weak_supply_is_named(first: Power, during: Power, word: str | None) -> None:
    """Under load, since boot, and heat; each with what to do."""
    told = power.judge(first, [during], set(during.now))
    assert told is None if word is None else word in (told or "")


def test_a_board_that_does_not_tell_is_skipped(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skipped with what could be measured; the load has ended."""
    monkeypatch.setattr(power, "LOAD_SECONDS", 0.3)
    monkeypatch.setattr(power, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(power, "read_power", lambda: Power("", celsius=44.5))
    found = power.run(make_bench(durable))
    assert found.verdict == "skipped"
    assert "44.5 °C" in found.reason
    assert found.figures["unclean_stops"] is None


def test_unclean_stops_are_counted(make_box: Callable[..., VirtualBox]) -> None:
    """A killed box counts one, and the test reads it beside the running box."""
    box = make_box()
    bench = benches.open_bench(box.folder / "einvoiced.toml", box.state, box.run)

    def starts() -> int:
        entries = box.call("journal.read", after=0)["entries"]
        return sum(json.loads(entry)["type"] == "box_started" for entry in entries)

    for killed in range(3):
        box.start()
        until(lambda killed=killed: starts() == killed + 1, 10, "the start's entry")  # type: ignore[misc]
        assert power.unclean_stops(bench) == killed
        box.kill()


def test_a_flat_battery_fails(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even while the network keeps the clock right: after the next power cut it would not be."""
    monkeypatch.setattr(clock, "_look_at_hardware", lambda _clock, _figures: True)
    found = clock.run(make_bench(durable))
    assert (found.verdict, "coin cell" in found.reason) == ("fail", True)


# -- sticks ------------------------------------------------------------------------------------------------------------


class Hands:
    """Somebody who plugs in and pulls out when asked."""

    def __init__(self, folder: Path, *, pulls: bool = True) -> None:
        self._folder, self._pulls = folder, pulls

    def ask(self, _english: str, _chinese: str) -> bool | None:
        return True

    def until(self, english: str, _chinese: str, done: Callable[[], bool], _seconds: float) -> bool | None:
        file = self._folder / "photo.jpg"
        if "Plug" in english:
            file.write_bytes(b"x" * 1_000_000)
        elif self._pulls:
            file.unlink()
        return done()


def test_a_stick_is_plugged_read_and_pulled(durable: Path) -> None:
    """Seen, read to its end with a rate, gone again."""
    folder = durable / "stick"
    folder.mkdir()
    bench = make_bench(durable, stick=StickSection("folder", str(folder)))
    bench.person = Hands(folder)
    found = stick.run(bench)
    assert found.verdict == "pass", found.reason
    assert (found.figures["files"], found.figures["mib"]) == (1, 0.95)
    assert {"seen_after_seconds", "gone_after_seconds", "mib_per_second"} <= set(found.figures)


def test_a_stick_that_does_not_go_fails(durable: Path) -> None:
    """It is still shown after it should have been pulled out."""
    folder = durable / "stick"
    folder.mkdir()
    bench = make_bench(durable, stick=StickSection("folder", str(folder)))
    bench.person = Hands(folder, pulls=False)
    assert stick.run(bench).verdict == "fail"


def test_no_stick_is_skipped_and_nobody_waits(durable: Path) -> None:
    """Unattended: what is plugged in is read, and where nothing is the test skips at once."""
    folder = durable / "stick"
    folder.mkdir()
    bench = make_bench(durable, stick=StickSection("folder", str(folder)))
    with pytest.raises(Skip, match="no stick"):
        stick.run(bench)
    (folder / "a.csv").write_text("1")
    assert stick.run(bench).verdict == "pass"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick with bad blocks fails with the file's name."""
    (tmp_path / "bad.csv").write_text("1")

    def broken(*_arguments: object, **_options: object) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", broken)
    assert stick.read_through(tmp_path, "vfat").trouble == "bad.csv: Input/output error"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_device_without_a_file_system_is_named(tmp_path: Path) -> None:
    """Such as a stick that was never formatted; nothing stays mounted."""
    device = tmp_path / "stick.img"
    device.write_bytes(bytes(1 << 20))
    assert stick.read_device(device).trouble == stick.NO_FILE_SYSTEM


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_real_device_is_mounted_and_read(tmp_path: Path) -> None:
    """A file system on a block device: every file is read, and nothing stays mounted."""
    folder, image = tmp_path / "files", tmp_path / "stick.img"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"x" * 5000)
    image.write_bytes(bytes(4 << 20))
    made = subprocess.run(["mkfs.ext4", "-q", "-d", str(folder), str(image)], capture_output=True, check=False)
    loop = subprocess.run(["losetup", "-f", "--show", str(image)], capture_output=True, text=True, check=False)
    if made.returncode or loop.returncode:
        pytest.skip("no loop devices here")
    device = loop.stdout.strip()
    try:
        found = stick.read_device(Path(device))
    finally:
        subprocess.run(["losetup", "-d", device], check=True)
    assert (found.files, found.size, found.kind, found.trouble) == (1, 5000, "ext4", "")
    assert device not in Path("/proc/mounts").read_text()


# -- the person --------------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A real terminal as standard input; the descriptor of its keyboard."""
    keyboard, screen = os.openpty()
    with os.fdopen(screen, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield keyboard
    os.close(keyboard)


def test_what_was_done_is_noticed(terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The wait ends when the box has noticed it, and says after how long."""
    looks = iter([False, False, True])
    assert Terminal().until("Open the cover.", "請打開上蓋。", lambda: next(looks), 30) is True
    told = capsys.readouterr().err
    assert "Open the cover." in told and "請打開上蓋" in told and "ok, after" in told


def test_enter_gives_a_wait_up(terminal: int) -> None:
    """Nobody has to wait for what cannot be done, and the next question does not hear that key."""
    os.write(terminal, b"\ny\n")
    assert Terminal().until("Plug it in.", "請插入。", lambda: False, 30) is False
    assert Terminal().ask("Is it so?", "是嗎？") is True


def test_a_wait_ends_by_itself(terminal: int) -> None:
    """After its time, with nobody there."""
    assert Terminal().until("Plug it in.", "請插入。", lambda: False, 0.1) is False


# -- the till's user ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_the_socket_is_tried_as_the_tills_user(shared_box: VirtualBox) -> None:
    """A user who may ask passes; one who may not is named with the cure; an outsider is refused."""
    bench = benches.open_bench(shared_box.folder / "einvoiced.toml", shared_box.state, shared_box.run)
    bench.users = ("root",)
    found = till_socket.run(bench)
    assert found.verdict == "pass", found.reason
    assert found.figures["outsider_refused"] is True
    bench.users = ("nobody",)
    found = till_socket.run(bench)
    assert (found.verdict, "the user nobody may not use" in found.reason) == ("fail", True)
    bench.users = ("no-such-user",)
    assert "there is no user" in till_socket.run(bench).reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_socket_open_to_everybody_fails(make_box: Callable[..., VirtualBox]) -> None:
    """Whoever runs a program on the box could issue invoices."""
    box = make_box()
    box.start()
    box.run.chmod(0o755)
    Path(box.socket("till")).chmod(0o666)
    found = till_socket.run(benches.open_bench(box.folder / "einvoiced.toml", box.state, box.run))
    assert (found.verdict, "nobody may issue" in found.reason) == ("fail", True)


# -- the report --------------------------------------------------------------------------------------------------------


def test_the_report_in_a_file_and_in_rounds(durable: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--report` and `--json` hold the same; every round has its results."""
    (durable / "state").mkdir()
    file = durable / "report.json"
    options = ["--yes", "--json", "--rounds", "2", "--report", str(file), "--state", str(durable / "state")]
    assert command.main([*options, "disk"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads(file.read_text(encoding="utf-8"))
    assert [(each["name"], each["round"]) for each in told["results"]] == [("disk", 1), ("disk", 2)]
    assert told["verdict"] == "pass"
    assert told["begun"] <= told["ended"] and told["begun"].endswith("+08:00")


def test_the_report_on_a_slip(box: VirtualBox) -> None:
    """A running box prints it; a stopped box's printer is used directly."""
    until(lambda: box.status()["printer"] == "ready", 20, "the printer")
    place = ["--config", str(box.folder / "einvoiced.toml"), "--state", str(box.state), "--run", str(box.run)]
    before = len(box.prints())
    assert command.main(["--yes", "--slip", "clock", *place]) == 0
    until(lambda: len(box.prints()) == before + 1, 10, "the slip")
    box.stop()
    assert command.main(["--yes", "--slip", "clock", *place]) == 0
    assert len(box.prints()) == before + 2


def test_a_slip_names_every_test_and_its_verdict(durable: Path) -> None:
    """What failed is said with its reason; a report fails when anything failed."""
    now = datetime.now()
    results = [
        report.Result("disk", "pass", "good", {"p50_ms": 1.5}, 0.1),
        report.Result("lamps", "fail", "not as they should be", {}, 0.1),
    ]
    made = report.make_report(make_bench(durable), now, now, results)
    assert made.verdict == "fail"
    text = json.dumps(report.slip_lines(made), ensure_ascii=False)
    for word in (
        "磁碟",
        "通過",
        "同步時間中位數（毫秒） 1.5",
        "檢查燈號接線",
        "燈號",
        "未通過",
        "not as they should be",
    ):
        assert word in text


@pytest.mark.parametrize("name", command.TESTS)
def test_a_technician_reads_chinese_too(name: str) -> None:
    """Every test has its name, verdict and, where it failed, where to look, in Chinese, on the screen and on a slip."""
    failed = report.Result(name, "fail", "reason", {}, 0.1)
    told = "\n".join(report.lines_of(failed))
    assert all(word in told for word in ("fail", report.NAMES_ZH[name], "未通過", report.LOOK_ZH[name]))
    passed = "\n".join(report.lines_of(report.Result(name, "pass", "reason", {}, 0.1)))
    assert "通過" in passed and "請" not in passed


def test_a_burn_in_of_many_rounds_is_one_slip(durable: Path) -> None:
    """A test is told once: how often it passed, from where to where its figures went, each reason with its number."""
    now = datetime.now()
    results = [
        report.Result(name, "fail" if number == 7 else "pass", f"reason {name}", {"p50_ms": number}, 0.1, number)
        for number in range(1, 101)
        for name in command.TESTS
    ]
    lines = report.slip_lines(report.make_report(make_bench(durable), now, now, results))
    to_document(msgspec.convert(lines, list[SlipLine]), 384)
    told = [(line.get("text"), line.get("right")) for line in lines]
    assert ("磁碟", "未通過 99/100") in told
    assert ("同步時間中位數（毫秒） 1–100", None) in told and ("reason disk", None) in told


def test_a_report_that_cannot_be_written_is_said_before_the_tests(capsys: pytest.CaptureFixture[str]) -> None:
    """Not after hours of burn-in."""
    with pytest.raises(SystemExit) as ended:
        command.main(["--yes", "--report", "/nonexistent/report.json", "power"])
    assert ended.value.code == 2
    assert "/nonexistent/report.json" in capsys.readouterr().err


def test_what_was_found_before_it_was_stopped_is_kept(
    durable: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends the run, not the report."""
    (durable / "state").mkdir()

    def stop(_bench: Bench) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "run", stop)
    options = ["--yes", "--json", "--rounds", "5", "--state", str(durable / "state")]
    assert command.main([*options, "disk", "clock"]) == command.INTERRUPTED
    told = json.loads(capsys.readouterr().out)["results"]
    assert [(each["name"], each["verdict"]) for each in told] == [("disk", "pass"), ("clock", "skipped")]


def test_every_drawing_is_as_wide_as_its_frame() -> None:
    """Chinese characters take two columns: a frame that is not closed would confuse whoever looks."""

    def width(text: str) -> int:
        return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)

    lines = [line for line in pictures.PRINTER.splitlines() if line.startswith("  │")]
    assert {width(line[: line.rindex("│") + 1]) for line in lines} == {width("  ┌" + "─" * 36 + "┐")}
