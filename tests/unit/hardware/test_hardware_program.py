"""`einvoiced-printer` as people start it: on a pty or a TCP port, its troubles typed in, its paper as pictures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hardware_helpers import CUT, raster, until
from PIL import Image

from einvoiced.hardware.printer.network import NetworkTransport
from einvoiced.hardware.printer.serial import SerialTransport
from einvoiced.hardware.printer.status import Answer, query


class Running:
    """The program; `first` is what it said when it was ready."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.first = self.line()

    def line(self) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def order(self, text: str) -> str:
        """Type a line; what it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return self.line()


@contextmanager
def program(paper: Path, *options: str) -> Iterator[Running]:
    """Start it, end it by closing its input: it must end by itself, without an error."""
    command = [sys.executable, "-m", "einvoiced.hardware.printer.program", "--paper", str(paper), *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Running(process)
        process.communicate(timeout=10)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_on_a_pty_it_prints_in_true_size_and_obeys(tmp_path: Path) -> None:
    """A link to its tty; strips as PNG of the head's resolution; a trouble typed in is told to who asks."""
    link = tmp_path / "printer"
    with program(tmp_path / "paper", "--pty", str(link), "--width", "360", "--dpi", "180") as printer:
        assert str(link) in printer.first
        transport = SerialTransport(str(link), flow_control="none")
        transport.open()
        transport.write(raster(709, row_bytes=45) + CUT, 10.0)
        assert printer.line() == "strip of 100.0 mm"
        assert until(lambda: (tmp_path / "paper" / "0001.png").exists())
        with Image.open(tmp_path / "paper" / "0001.png") as picture:
            assert picture.size == (360, 709)
            across, down = picture.info["dpi"]
            assert (round(360 / across * 25.4), round(709 / down * 25.4)) == (51, 100)
        assert printer.order("paper out") == "paper out: done"
        assert query(transport).paper is Answer.NO
        assert "not understood" in printer.order("explode")
        assert printer.order("paper in") == "paper in: done"
        assert query(transport).ready is Answer.YES
        transport.close()


def test_on_a_tcp_port_with_a_roll_that_ends(tmp_path: Path) -> None:
    """Any free port; a roll of so many millimetres; the process id."""
    with program(tmp_path / "paper", "--tcp", "0", "--roll-mm", "20", "--process-id") as printer:
        place = printer.first.split()[2].rstrip(";")
        transport = NetworkTransport(place)
        transport.open()
        transport.write(raster(200), 5.0)
        assert until(lambda: query(transport).paper is Answer.NO)
        assert printer.order("roll 1000").startswith("strip of")
        assert until(lambda: query(transport).ready is Answer.YES)
        transport.close()


@pytest.mark.parametrize("options", [["--baudrate", "1"], ["--nonsense"]])
def test_a_wrong_option_is_named(options: list[str], tmp_path: Path) -> None:
    """As every program does."""
    command = [sys.executable, "-m", "einvoiced.hardware.printer.program", *options]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2 and options[0] in ended.stderr
