"""hw-tests: what each test promises a technician, on virtual hardware and beside a running box."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from einvoiced import parts
from einvoiced.config import ClockSection, Config, LampsSection, PrinterSection, SellerSection, TracksSection
from einvoiced.hardware.lamps import PATTERNS, LampState
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import VirtualTransport, serve_pty
from einvoiced.journal import entries, store
from einvoiced.rules.invoice import Seller
from hw_tests import bench as benches
from hw_tests import clock, command, disk, lamps, pattern, printer, soak, till_socket
from hw_tests.bench import Bench, Skip
from hw_tests.person import Terminal
from tests.boxes import ROOT_IS_A_MOUNT, until
from tools.virtualbox import VirtualBox

SELLER = SellerSection("24634102", "示範商店")


class Present:
    """Somebody in front of the box: `answer` to every question; what is to be done is done at once."""

    def __init__(self, answer: Callable[[str], bool], do: Callable[[str], None] = lambda _english: None) -> None:
        self._answer, self._do = answer, do

    def ask(self, english: str, _chinese: str) -> bool | None:
        return self._answer(english)

    def until(self, english: str, _chinese: str, done: Callable[[], bool], _seconds: float) -> bool | None:
        self._do(english)
        return done()


def make_bench(folder: Path, **sections: Any) -> Bench:
    """A bench of a box that does not run."""
    return Bench(Config(SELLER, TracksSection("1/1"), **sections), None, folder / "state", folder, pause=0.0)


@pytest.fixture
def live(shared_box: VirtualBox) -> Bench:
    """A bench of a box that runs and has numbers."""
    return benches.open_bench(shared_box.folder / "einvoiced.toml", shared_box.state, shared_box.run)


# -- the command line --------------------------------------------------------------------------------------------------


def test_every_test_is_listed_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` names each test once and runs none."""
    assert command.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(command.TESTS)
    assert all(line.endswith(".") for line in lines)


def test_an_unknown_name_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no test ends with 2 and says which there are."""
    with pytest.raises(SystemExit) as ended:
        command.main(["disc"])
    assert ended.value.code == 2
    assert "disk" in capsys.readouterr().err


def test_json_tells_verdict_reason_and_figures(durable: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` is one JSON document on stdout; skipped tests do not fail the run."""
    options = ["--json", "--config", str(durable / "none.toml"), "--state", str(durable / "state")]
    assert command.main([*options, "--yes", "disk", "printer", "lamps"]) == 0
    told = {result["name"]: result for result in json.loads(capsys.readouterr().out)["results"]}
    assert told["disk"]["verdict"] == "pass"
    assert told["disk"]["figures"]["syncs"] > 0
    assert told["printer"]["verdict"] == told["lamps"]["verdict"] == "skipped"
    assert "none.toml" in told["printer"]["reason"]


def test_a_failed_test_makes_the_exit_code_1(durable: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that an installer's script can stop."""
    assert command.main(["--run", str(durable), "--state", str(durable), "socket"]) == 1
    assert capsys.readouterr().out.startswith("fail     socket")


def test_a_fault_of_a_test_is_a_failure_of_that_test_only(
    durable: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception fails its test by name and the next one still runs."""
    monkeypatch.setattr(clock, "run", lambda _bench: 1 // 0)
    assert command.main(["--state", str(durable), "clock", "disk"]) == 1
    out = capsys.readouterr().out
    assert "ZeroDivisionError" in out
    assert "pass     disk" in out


@pytest.mark.parametrize(("typed", "answer"), [("y\n", True), ("no\n", False), ("maybe\nY\n", True), ("", False)])
def test_only_yes_is_yes(typed: str, answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question is repeated until y or n; a closed input never counts as seen."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert Terminal().ask("Is it so?", "是嗎？") is answer


# -- the bench ---------------------------------------------------------------------------------------------------------


def test_the_holder_of_the_journal_is_seen_without_its_lock(make_box: Callable[..., VirtualBox]) -> None:
    """A running daemon's pid is found, nobody's after it stopped, and looking takes no lock."""
    box = make_box()
    assert benches.journal_holder(box.state) is None
    box.start()
    assert box.process is not None
    assert benches.journal_holder(box.state) == box.process.pid
    box.stop()
    assert benches.journal_holder(box.state) is None


def test_the_printer_is_borrowed_from_a_running_box(live: Bench, shared_box: VirtualBox) -> None:
    """Beside a running box the test asks for the printer, prints its two strips, and gives it back."""
    until(lambda: shared_box.status()["printer"] == "ready", 20, "the printer")
    before = len(shared_box.prints())
    found = printer.run(live)
    assert found.verdict == "pass", found.reason
    assert len(shared_box.prints()) == before + 2
    until(lambda: shared_box.status()["printer"] == "ready", 10, "the box to have its printer back")


def test_lamps_of_a_running_box_are_shown_by_it(live: Bench, shared_box: VirtualBox) -> None:
    """Every pattern is really on the lamps when the person is asked, and the box goes on with its own."""
    file = shared_box.folder / "lamps.json"
    asked: list[str] = []

    def ask(english: str) -> bool:
        state = list(PATTERNS)[len(asked)].value
        until(lambda: json.loads(file.read_text())["state"] == state, 5, f"the pattern {state}")
        assert lamps.picture_of(LampState(state)) in english
        asked.append(state)
        return True

    live.person = Present(ask)
    found = lamps.run(live)
    assert (found.verdict, asked) == ("pass", [state.value for state in PATTERNS])
    until(lambda: json.loads(file.read_text())["state"] == "ready", 5, "the box's own pattern")


@pytest.mark.parametrize("test", [printer, lamps])
def test_what_the_daemon_does_not_lend_is_left_alone(test: Any, live: Bench, tmp_path: Path) -> None:
    """Who may not ask the running box skips, naming its process."""
    live.run = tmp_path
    with pytest.raises(Skip, match=r"pid \d+"):
        test.run(live)


# -- clock -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "verdict"),
    [
        ({"synchronised": True, "rtc": True}, "pass"),
        ({"synchronised": True, "rtc": None}, "pass"),
        ({"synchronised": False, "rtc": True}, "pass"),
        ({"synchronised": False, "rtc": False}, "fail"),
        ({"synchronised": False, "rtc": None}, "fail"),
        ({"synchronised": None, "rtc": None}, "fail"),
    ],
)
def test_somebody_must_vouch_for_the_clock(says: dict[str, Any], verdict: str, tmp_path: Path) -> None:
    """The kernel or a hardware clock that agrees is enough; nobody is a failure, and not knowing is nobody."""
    file = tmp_path / "clock.json"
    file.write_text(json.dumps(says))
    found = clock.run(make_bench(tmp_path, clock=ClockSection("virtual", str(file))))
    assert found.verdict == verdict
    assert found.figures["synchronised"] is says["synchronised"]


# -- disk --------------------------------------------------------------------------------------------------------------


def test_a_sound_disk_passes_and_nothing_stays_behind(durable: Path) -> None:
    """The measure names file system, room and percentiles, and the throw-away file is gone."""
    found = disk.run(make_bench(durable))
    assert found.verdict == "pass"
    assert 0 < found.figures["p50_ms"] <= found.figures["p95_ms"] <= found.figures["max_ms"]  # type: ignore[operator]
    assert list(durable.iterdir()) == []


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no tmpfs to try")
def test_a_file_system_that_forgets_fails() -> None:
    """Fast syncs do not help a tmpfs."""
    found = disk.run(make_bench(Path("/dev/shm")))
    assert (found.verdict, found.figures["file_system"]) == ("fail", "tmpfs")


@pytest.mark.parametrize(
    ("change", "options", "word"),
    [
        ({"file_system": "vfat"}, set(), "forgets"),
        ({}, {"rw", "nobarrier"}, "nobarrier"),
        ({}, {"barrier=0"}, "barrier=0"),
        ({"free_mib": 63}, set(), "63 MiB"),
        ({"p95_ms": 250.1}, set(), "250.1 ms"),
    ],
)
def test_an_unsafe_disk_is_named(change: dict[str, Any], options: set[str], word: str) -> None:
    """Each way in which a disk loses or delays invoices fails with its own sentence; a good one has none."""
    good: dict[str, Any] = {"file_system": "ext4", "free_mib": 64, "p95_ms": 250.0}
    assert disk.judge(good, {"rw", "relatime"}) is None
    assert word in (disk.judge(good | change, options) or "")


@pytest.mark.skipif(not ROOT_IS_A_MOUNT, reason="a chroot: its root is no mount")
def test_mount_options_are_those_of_the_file_system(tmp_path: Path) -> None:
    """They hold what the kernel says of the mount, such as rw."""
    assert "rw" in disk.mount_options(tmp_path)


# -- journal -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A soak that a test can wait for."""
    monkeypatch.setattr(soak, "INVOICES", 40)
    monkeypatch.setattr(soak, "TILLS", 4)


@pytest.mark.usefixtures("small_soak")
def test_a_soak_beside_a_running_box_harms_nothing(live: Bench, shared_box: VirtualBox) -> None:
    """Forty invoices outlive a kill in a folder that is gone afterwards; the box's own journal did not move."""
    before, files = shared_box.status()["counts"], sorted(p.name for p in shared_box.state.iterdir())
    found = soak.run(live)
    assert (found.verdict, found.figures.get("invoices")) == ("pass", 40), found.reason
    assert shared_box.status()["counts"] == before
    assert sorted(p.name for p in shared_box.state.iterdir()) == files


@pytest.mark.usefixtures("small_soak")
def test_a_soak_whose_daemon_cannot_start_says_why(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason carries the end of the throw-away daemon's log."""
    monkeypatch.setenv("PYTHONPATH", str(durable))
    (durable / "msgspec.py").write_text("raise SystemExit('broken install')")
    found = soak.run(make_bench(durable))
    assert found.verdict == "fail"
    assert "broken install" in found.reason


def test_a_soak_does_not_run_where_room_is_short(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must never be the reason why the real box refuses for want of space."""
    monkeypatch.setattr(soak, "NEEDED_MIB", 1 << 40)
    with pytest.raises(Skip, match="MiB"):
        soak.run(make_bench(durable))


@pytest.fixture
def stopped_journal(make_box: Callable[..., VirtualBox]) -> Iterator[Path]:
    """The journal of a box that was started and stopped."""
    box = make_box()
    box.start()
    box.stop()
    yield box.state / "journal"


def test_a_changed_entry_is_found(stopped_journal: Path) -> None:
    """One altered byte anywhere breaks the chain."""
    assert soak.check_chain(stopped_journal, 0) > 1
    with sqlite3.connect(stopped_journal / store.FILE) as db:
        (body,) = db.execute("SELECT body FROM entries WHERE sequence = 1").fetchone()
        db.execute("UPDATE entries SET body = ? WHERE sequence = 1", (body.replace(b'"v":1', b'"v":2'),))
    db.close()
    with pytest.raises(soak.Lost, match="chain breaks at entry 2"):
        soak.check_chain(stopped_journal, 0)


def test_a_lost_invoice_is_found(stopped_journal: Path) -> None:
    """Fewer invoices in the journal than were acknowledged is the failure that this test is for."""
    with pytest.raises(soak.Lost, match="1 invoices were acknowledged, the journal holds 0"):
        soak.check_chain(stopped_journal, 1)


def test_the_chain_check_reads_what_the_journal_writes(stopped_journal: Path) -> None:
    """It counts every entry, from the first."""
    with sqlite3.connect(stopped_journal / store.FILE) as db:
        bodies = [body for (body,) in db.execute("SELECT body FROM entries ORDER BY sequence")]
    db.close()
    assert entries.read(bodies[0]).previous == entries.NO_PREVIOUS
    assert soak.check_chain(stopped_journal, 0) == len(bodies)


# -- printer -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The printer that the configuration's "virtual" gives, with its switches in the test's hand."""
    made = Emulator()
    transport = VirtualTransport(made)
    monkeypatch.setattr(parts, "printer", lambda _section, _profile: transport)
    return made


PRINTER = PrinterSection(transport="virtual", device="paper")


def test_a_good_printer_prints_a_ruler_and_a_proof(durable: Path) -> None:
    """Two strips come out as wide as the head; the ruler's edge lines stand on the first and the last dot."""
    section = PrinterSection(transport="virtual", device=str(durable / "paper"))
    (durable / "paper").mkdir()
    found = printer.run(make_bench(durable, printer=section))
    assert found.verdict == "pass", found.reason
    assert "nobody has looked" in found.reason
    ruler, proof = (Image.open(path).convert("L") for path in sorted((durable / "paper").glob("*.png")))
    assert ruler.width == proof.width == 384
    assert ruler.getpixel((0, 10)) == ruler.getpixel((383, 10)) == 0
    assert ruler.getpixel((12, 10)) == 255


def test_the_proof_of_the_test_is_no_invoice(emulator: Emulator, durable: Path) -> None:
    """It carries the black 測試 bars that no real proof has, the sample number, and no command unknown to a printer."""
    printer.run(make_bench(durable, printer=PRINTER))
    assert emulator.unknown == []
    _, proof = emulator.strips
    picture = proof.image.convert("L")
    black = [sum(picture.getpixel((x, y)) == 0 for x in range(384)) > 300 for y in range(picture.height)]
    assert any(black[:40])
    seller = Seller("24634102", "示範商店")
    assert pattern.sample_invoice(seller, parts.clock(ClockSection()).now()).invoice_number == "ZZ00000000"


@pytest.mark.parametrize(
    ("switch", "word"),
    [("paper_out", "out of paper"), ("cover_open", "cover open"), ("broken", "an error"), ("silent", "DLE EOT")],
)
def test_a_printer_in_trouble_gets_no_strip(switch: str, word: str, emulator: Emulator, durable: Path) -> None:
    """What the printer says of itself is told, and nothing but questions is sent to it."""
    setattr(emulator, switch, True)
    found = printer.run(make_bench(durable, printer=PRINTER))
    assert found.verdict == "fail"
    assert word in found.reason
    assert emulator.strips_finished == 0
    assert emulator.bytes_taken <= 12


def test_a_printer_that_stalls_fails(emulator: Emulator, durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strip that stops half way is a failure that says how much may have left."""
    emulator.stall_after = 2000
    monkeypatch.setattr(printer, "PATIENCE", 0.2)
    monkeypatch.setattr(printer, "BYTES_PER_SECOND", 10**9)
    reason = printer.run(make_bench(durable, printer=PRINTER)).reason
    assert "stopped taking data" in reason
    assert "bytes may have left" in reason


def test_a_printer_at_9600_baud_is_found(durable: Path) -> None:
    """Silent at the configured speed: the test says at which it answers, and that it should be raised."""
    path, stop = serve_pty(Emulator(), baudrate=9600)
    try:
        section = PrinterSection(transport="serial", device=path, baudrate=115200)
        found = printer.run(make_bench(durable, printer=section))
    finally:
        stop()
    assert found.verdict == "fail"
    assert found.figures["answers_at_baudrate"] == 9600
    assert "printer.baudrate = 9600" in found.reason and "115,200" in found.reason


def test_a_missing_device_fails(durable: Path) -> None:
    """A configured device that is not there is a failure, and no file is made in its place."""
    section = PrinterSection(transport="usb", device=str(durable / "lp0"))
    found = printer.run(make_bench(durable, printer=section))
    assert (found.verdict, (durable / "lp0").exists()) == ("fail", False)


@pytest.mark.parametrize(("answer", "verdict"), [(True, "pass"), (False, "fail")])
def test_the_person_has_the_last_word_on_paper(answer: bool, verdict: str, emulator: Emulator, durable: Path) -> None:
    """Bytes that were taken prove nothing: what somebody saw decides."""
    bench = make_bench(durable, printer=PRINTER)
    bench.person = Present(lambda english: answer, exercise(emulator))
    assert printer.run(bench).verdict == verdict


def exercise(emulator: Emulator) -> Callable[[str], None]:
    """A person who does with the printer what is asked."""

    def do(english: str) -> None:
        emulator.paper_out = "Take the paper out" in english
        emulator.cover_open = "leave the cover open" in english

    return do


def test_exercises_show_that_its_sensors_work(emulator: Emulator, durable: Path) -> None:
    """Paper out and cover open were both noticed, and the printer is well again at the end."""
    bench = make_bench(durable, printer=PRINTER)
    bench.person = Present(lambda _english: True, exercise(emulator))
    found = printer.run(bench)
    assert found.verdict == "pass", found.reason
    assert (found.figures["notices_paper_out"], found.figures["notices_cover"]) == (True, True)
    assert found.figures["confirmed"] is True and found.figures["mm_per_second"]


def test_a_sensor_that_notices_nothing_fails(emulator: Emulator, durable: Path) -> None:
    """The person did it and the printer did not say so."""
    bench = make_bench(durable, printer=PRINTER)
    bench.person = Present(lambda _english: True)
    found = printer.run(bench)
    assert found.verdict == "fail"
    assert "paper_out, cover" in found.reason


def test_a_printer_left_without_paper_fails(emulator: Emulator, durable: Path) -> None:
    """The box is not handed over with an open printer."""

    def do(english: str) -> None:
        exercise(emulator)(english)
        emulator.cover_open = emulator.cover_open or "wait for the printer" in english

    bench = make_bench(durable, printer=PRINTER)
    bench.person = Present(lambda _english: True, do)
    assert "not ready again" in printer.run(bench).reason


def test_no_printer_is_skipped(durable: Path) -> None:
    """A box that prints nothing does not fail for it."""
    with pytest.raises(Skip, match="no printer"):
        printer.run(make_bench(durable))


# -- lamps -------------------------------------------------------------------------------------------------------------


def test_every_pattern_is_shown_with_its_picture(durable: Path) -> None:
    """Each state is asked about once, in the words of its pattern, and the lamps are dark in the end."""
    asked: list[str] = []
    file = durable / "lamps.json"
    bench = make_bench(durable, lamps=LampsSection("virtual", file=str(file)))

    def ask(english: str) -> bool:
        state = json.loads(file.read_text())["state"]
        assert lamps.picture_of(LampState(state)) in english
        asked.append(state)
        return state != "busy"

    bench.person = Present(ask)
    found = lamps.run(bench)
    assert asked == [state.value for state in PATTERNS]
    assert (found.verdict, "busy" in found.reason) == ("fail", True)
    assert json.loads(file.read_text())["state"] == "off"


def test_lamps_that_nobody_saw_pass_and_say_so(durable: Path) -> None:
    """Unattended, a pass does not pretend that somebody looked."""
    found = lamps.run(make_bench(durable, lamps=LampsSection("virtual")))
    assert (found.verdict, found.reason) == ("pass", "all patterns shown, nobody looked")


def test_pins_that_cannot_be_used_fail(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no GPIO the daemon goes on without lamps; the test says that they do not work."""
    monkeypatch.chdir(durable)
    found = lamps.run(make_bench(durable, lamps=LampsSection("gpio")))
    assert found.verdict == "fail"
    assert "pins" in found.reason


# -- socket ------------------------------------------------------------------------------------------------------------


def test_the_tills_socket_answers(live: Bench) -> None:
    """A running box answers this user; version, protocol, mode and times are told."""
    found = till_socket.run(live)
    assert found.verdict == "pass"
    assert found.figures["mode"] == "0660"
    assert found.figures["protocol"] == 1


def test_a_socket_that_nobody_serves_fails_with_the_cure(durable: Path, make_box: Callable[..., VirtualBox]) -> None:
    """No socket, and a socket left behind by a killed daemon, are two different sentences."""
    assert "there is no" in till_socket.run(make_bench(durable)).reason
    box = make_box()
    box.start()
    box.kill()
    bench = make_bench(durable)
    bench.run = box.run
    assert "nobody listens" in till_socket.run(bench).reason


def test_the_installed_command_lists_its_tests() -> None:
    """The entry point works from anywhere."""
    script = Path(sys.executable).parent / "hw-tests"
    if not script.exists():
        pytest.skip("not installed")
    done = subprocess.run([script, "--list"], cwd="/", capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(command.TESTS)
