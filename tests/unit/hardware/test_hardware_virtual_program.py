"""`einvoiced-printer`: the emulated printer as a program, with its switches on standard input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardware_helpers import CUT, raster, until

from einvoiced.hardware.printer import PrinterUnavailable
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.network import NetworkTransport
from einvoiced.hardware.printer.serial import SerialTransport
from einvoiced.hardware.printer.status import Answer, query
from einvoiced.hardware.printer.switches import _ORDERS, Order, order


class Program:
    """A running one."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "einvoiced.hardware.printer.program", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.where = self.line().split(";")[0].removeprefix("printer at ")

    def line(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def say(self, text: str) -> str:
        """An order, and what it answers."""
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.line()

    def end(self) -> None:
        """Close its input; it ends by itself."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()


@pytest.fixture(params=["pty", "tcp"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Program]:
    way = ["--pty", str(tmp_path / "tty")] if request.param == "pty" else ["--tcp", "0"]
    made = Program(*way, "--paper", str(tmp_path / "paper"), "--dpi", "180", "--width", "360")
    yield made
    made.end()


def transport_of(program: Program) -> SerialTransport | NetworkTransport:
    """A way to it."""
    serial = "/" in program.where
    return SerialTransport(program.where, flow_control="none") if serial else NetworkTransport(program.where)


def test_it_prints_to_true_size_pictures_and_obeys(program: Program, tmp_path: Path) -> None:
    """A strip, a trouble that shows in the status, a cable that is pulled and comes back."""
    from PIL import Image

    transport = transport_of(program)
    transport.open()
    transport.write(b"\x1b@" + raster(80, row_bytes=45) + CUT, 5.0)
    assert program.line() == "strip of 11.3 mm"
    with Image.open(tmp_path / "paper" / "0001.png") as picture:
        assert picture.size == (360, 80)
        assert round(picture.info["dpi"][0]) == 180
    assert program.say("cover open") == "cover open: done"
    assert query(transport).cover_closed is Answer.NO
    assert "not understood" in program.say("make coffee")
    program.say("cover closed")
    program.say("unplug")
    with pytest.raises(PrinterUnavailable):
        while True:
            transport.read(1.0)
    program.say("plug")

    def opens() -> bool:
        try:
            transport.open()
        except PrinterUnavailable:
            return False
        return True

    assert until(opens)
    assert query(transport).ready is Answer.YES
    transport.close()


@pytest.mark.parametrize("line", sorted(_ORDERS))
def test_every_order_is_understood(line: str) -> None:
    """With a number where one belongs."""
    emulator = Emulator()
    assert order(emulator, line.replace("N", "100").strip()).endswith("done")


@pytest.mark.parametrize(
    "line", ["", "paper", "paper maybe", "stall much", "after x unplug", "after 0 unplug", "unplug x"]
)
def test_what_is_no_order_is_refused(line: str) -> None:
    """It says so and changes nothing."""
    emulator = Emulator()
    before = dict(vars(emulator))
    with pytest.raises(Order):
        order(emulator, line)
    assert {name: value for name, value in vars(emulator).items() if not name.startswith("_")} == {
        name: value for name, value in before.items() if not name.startswith("_")
    }


def test_something_happens_after_so_many_bytes() -> None:
    """Exactly then, and once; questions are not counted."""
    emulator = Emulator()
    order(emulator, "after 10 paper out")
    emulator.feed(b"\x10\x04\x01")
    emulator.feed(b"\x1b@" + bytes(7))
    assert not emulator.paper_out
    emulator.feed(bytes(1))
    assert emulator.paper_out and emulator.trigger is None


def test_a_roll_comes_to_its_end_and_a_new_one_is_put_in(tmp_path: Path) -> None:
    """A roll of so many millimetres."""
    program = Program("--tcp", "0", "--paper", str(tmp_path / "paper"), "--roll-mm", "20", "--process-id")
    transport = transport_of(program)
    transport.open()
    transport.write(raster(200), 5.0)
    assert until(lambda: query(transport).paper is Answer.NO)
    assert program.say("roll 1000") == "strip of 25.0 mm"
    assert until(lambda: query(transport).ready is Answer.YES)
    transport.close()
    program.end()


@pytest.mark.parametrize("options", [["--baudrate", "1"], ["--nonsense"]])
def test_a_wrong_option_is_named(options: list[str], tmp_path: Path) -> None:
    """As every program does."""
    command = [sys.executable, "-m", "einvoiced.hardware.printer.program", *options]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2 and options[0] in ended.stderr
