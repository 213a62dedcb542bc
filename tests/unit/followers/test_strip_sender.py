"""What the sender of strips says of a printer that does not answer."""

from __future__ import annotations

import time
from collections import deque

import msgspec
import pytest
from PIL import ImageOps

from einvoiced import parts
from einvoiced.config import PrinterSection
from einvoiced.followers.strip_sender import Look, StripSender
from einvoiced.hardware.printer.confirm import SENSOR_COMMAND
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.escpos_stream import CommandStream
from einvoiced.hardware.printer.virtual import VirtualTransport
from einvoiced.proof.content import slip
from einvoiced.proof.profile import GENERIC_58
from einvoiced.proof.profiles import load_profile, profile_names
from einvoiced.proof.render import render


class Port(VirtualTransport):
    """A way that knows of the paper by itself, as USB's printer class does."""

    out: bool | None = None

    def paper_out(self) -> bool | None:
        return self.out


@pytest.mark.parametrize(("out", "trouble"), [(None, "silent"), (False, "silent"), (True, "paper_out")])
def test_the_ports_status_tells_why_a_printer_is_silent(out: bool | None, trouble: str) -> None:
    """Its "paper out" is believed; its "paper there" proves nothing, many printers never set the bit."""
    emulator = Emulator()
    emulator.silent = True
    port = Port(emulator)
    port.out = out
    assert StripSender(port, GENERIC_58).look() == Look(trouble)


@pytest.mark.parametrize(("out", "trouble"), [(None, None), (True, "paper_out")])
def test_a_printer_that_never_answers_is_asked_through_its_port(out: bool | None, trouble: str | None) -> None:
    """Without a return wire the port's status is all there is."""
    port = Port(Emulator())
    port.out = out
    profile = msgspec.structs.replace(GENERIC_58, confirmation="none")
    assert StripSender(port, profile).look() == Look(trouble)


def test_a_printer_that_answers_knows_better_than_its_port() -> None:
    """What it says itself counts."""
    port = Port(Emulator())
    port.out = True
    assert StripSender(port, GENERIC_58).look() == Look(None)


@pytest.mark.parametrize("left", [200, 900, 3000])
def test_a_printer_that_talks_unasked_confirms_nothing(left: int) -> None:
    """Its automatic status comes when the roll ends, and looks like an answer in order: it is switched off before."""
    emulator = Emulator()
    transport = VirtualTransport(emulator)
    sender = StripSender(transport, msgspec.structs.replace(GENERIC_58, patience_seconds=1))
    assert sender.look() == Look(None)
    emulator.feed(b"\x1da\xff")
    job = render(slip("交班單", ["現金 1234"] * 12), GENERIC_58)
    emulator.trigger = (len(job) - left, lambda: setattr(emulator, "paper_out", True))
    sent = sender.send(job, 1)
    assert (sent.outcome, sent.trouble) == ("unknown", "paper_out")
    assert sender.look() == Look("paper_out", paper_low=True)


QUICK = msgspec.structs.replace(GENERIC_58, patience_seconds=1)


@pytest.mark.parametrize("rows", [1, 24, GENERIC_58.slice_height])
def test_a_printer_that_a_dead_box_left_inside_a_raster_is_freed(rows: int) -> None:
    """It takes the first question for dots. Whoever died may have died in a slip, or twice: nothing tells of it."""
    emulator = Emulator()
    emulator.feed(b"\x1dv0\x00\x30\x00" + bytes([rows, 0]) + b"\xff" * 20)
    assert StripSender(VirtualTransport(emulator), QUICK).look() == Look(None)


def test_a_printer_that_is_always_mute_is_freed_once() -> None:
    """It would be fed and cut for ever."""
    emulator = Emulator()
    emulator.silent = True
    sender = StripSender(VirtualTransport(emulator), QUICK)
    assert sender.look() == Look("silent")
    taken, strips = emulator.bytes_taken, emulator.strips_finished
    assert strips <= 1
    assert sender.look() == Look("silent")
    assert emulator.strips_finished == strips
    assert emulator.bytes_taken - taken < 100


def test_a_line_that_goes_dark_confirms_nothing() -> None:
    """The byte of its break looks like "paper in"; a printer that is switched off says nothing after it."""
    emulator = Emulator()
    port = VirtualTransport(emulator)
    sender = StripSender(port, QUICK)
    assert sender.look() == Look(None)
    job = render(slip("交班單", ["現金 1234"] * 12), GENERIC_58)

    def dark() -> None:
        emulator.powered = False
        port._heard += b"\0"

    emulator.trigger = (len(job) - 200, dark)
    assert sender.send(job, 1).outcome == "unknown"


class Busy(VirtualTransport):
    """A printer with a large buffer: each job keeps it for so long (`takes`), and it answers in order behind it."""

    takes = 0.0
    questions = 0

    def __init__(self) -> None:
        super().__init__(Emulator())
        self._free, self._bytes, self._owed = 0.0, 0, deque[float]()

    def write(self, data: bytes, timeout: float) -> None:
        for item in CommandStream().push(data):
            if item == SENSOR_COMMAND:
                self._free = max(self._free, time.monotonic()) + (self.takes if self._bytes else 0.0)
                self._owed.append(self._free)
                self._bytes = 0
            elif item[:2] == b"\x10\x04":
                self._heard += b"\x12"
                self.questions += 1
            else:
                self._bytes += len(item)

    def read(self, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        while self._owed and self._owed[0] <= time.monotonic():
            self._owed.popleft()
            self._heard += b"\0"
        if not self._heard and self._owed and self._owed[0] <= end:
            time.sleep(self._owed[0] - time.monotonic())
            return self.read(0.0)
        return super().read(max(0.0, end - time.monotonic()))


def test_the_answer_of_a_strip_confirms_no_other() -> None:
    """A printer that rested for longer than its patience still answers for that strip; the next is not on paper yet."""
    port = Busy()
    sender = StripSender(port, QUICK)
    assert sender.look() == Look(None)
    job = render(slip("交班單", ["現金 1234"] * 3), GENERIC_58)
    port.takes = 1.4
    assert sender.send(job, 1).outcome == "unknown"
    assert port.questions < 60, "it is asked how it is, not all the time"
    port.takes = 0.3
    assert sender.look() == Look(None)
    port.takes = 1.4
    assert sender.send(job, 2).outcome == "unknown"


def test_a_printer_that_does_not_answer_in_order_is_not_called_well() -> None:
    """After its first strip nothing is sent to it any more: whoever waits for paper must be told why."""
    port = Busy()
    port.takes = 1000.0
    sender = StripSender(port, QUICK)
    assert sender.look() == Look(None)
    assert sender.send(render(slip("交班單", ["現金 1234"]), GENERIC_58), 1).outcome == "unknown"
    assert sender.look() == Look("silent")


@pytest.mark.parametrize("name", profile_names())
def test_the_virtual_printer_is_of_the_configured_kind(name: str) -> None:
    """Its head is as wide as the profile's and it confirms as the profile says, as a real one does."""
    profile = load_profile(name)
    port = parts.printer(PrinterSection(transport="virtual"), profile)
    assert isinstance(port, VirtualTransport)
    sender = StripSender(port, profile)
    assert sender.look() == Look(None)
    assert sender.send(render(slip("測試", [("左", "右")]), profile), 1).outcome == "out"
    port.emulator.cut()
    picture = port.emulator.strips[-1].image.convert("L")
    ink = ImageOps.invert(picture).getbbox()
    assert ink is not None and ink[2] - ink[0] == profile.dots, "the rule goes from edge to edge"
