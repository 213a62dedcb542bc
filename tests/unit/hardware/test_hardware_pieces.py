"""A strip leaves in pieces between commands, and a printer that stops inside it says so before its buffer is full."""

from __future__ import annotations

import time

import pytest
from hardware_helpers import CUT, raster, until

from einvoiced.hardware.printer import PrinterUnavailable
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.escpos_stream import CommandStream
from einvoiced.hardware.printer.network import NetworkTransport
from einvoiced.hardware.printer.pieces import BUFFER, PIECE, QUESTION, Watch, in_pieces
from einvoiced.hardware.printer.status import Answer, query
from einvoiced.hardware.printer.virtual import VirtualTransport, serve_tcp

STRIP = b"\x1b@" + raster(20) * 30 + raster(100) + raster(20) * 30 + CUT


def test_pieces_are_whole_commands_and_lose_nothing() -> None:
    """Together they are the strip; each ends with a command and is short, unless one command is longer."""
    pieces = list(in_pieces(STRIP))
    assert b"".join(pieces) == STRIP
    for piece in pieces:
        stream = CommandStream()
        commands = list(stream.push(piece))
        assert len(stream) == 0
        assert len(piece) <= PIECE or len(commands) == 1
    assert max(map(len, pieces)) > PIECE


@pytest.mark.parametrize("data", [b"", b"\x1b@", b"\x1b@\x1dv0", b"text only\n", STRIP[:-1]])
def test_what_is_no_whole_command_is_not_lost(data: bytes) -> None:
    """A strip that ends in the middle of a command keeps its end."""
    assert b"".join(in_pieces(data)) == data


def _sent(transport: VirtualTransport | NetworkTransport, watch: Watch) -> int:
    """Send the strip under a watch; the bytes of it that were sent."""
    sent = 0
    for piece in in_pieces(STRIP):
        watch.wait_for_room(len(piece))
        if watch.stopped:
            break
        transport.write(piece + watch.question_after(len(piece)), 5.0)
        sent += len(piece)
    return sent


def test_a_roll_that_ends_in_a_strip_is_known_while_the_buffer_has_room() -> None:
    """No more than a buffer's worth was sent after it, so that the printer still says why it stands still."""
    emulator = Emulator()
    port, stop = serve_tcp(emulator)
    transport = NetworkTransport(f"127.0.0.1:{port}")
    try:
        transport.open()
        emulator.trigger = (10_000, lambda: setattr(emulator, "paper_out", True))
        watch = Watch(transport, 5.0)
        assert 10_000 <= _sent(transport, watch) <= 10_000 + BUFFER + PIECE
        assert watch.stopped and not watch.silent
        assert query(transport).paper is Answer.NO
    finally:
        transport.close()
        stop()


def test_a_well_printer_gets_all_of_it() -> None:
    """The questions between are no dots of it."""
    emulator, plain = Emulator(), Emulator()
    transport = VirtualTransport(emulator)
    transport.open()
    watch = Watch(transport, 5.0)
    assert _sent(transport, watch) == len(STRIP)
    assert not watch.stopped and not watch.silent
    plain.feed(STRIP)
    assert emulator.strips[0].image.tobytes() == plain.strips[0].image.tobytes()
    assert emulator.bytes_taken > len(STRIP)


def test_a_printer_that_does_not_answer_costs_one_wait() -> None:
    """It is asked no more, and gets the whole strip."""
    emulator = Emulator()
    emulator.silent = True
    transport = VirtualTransport(emulator)
    transport.open()
    begin = time.monotonic()
    watch = Watch(transport, 0.2)
    assert _sent(transport, watch) == len(STRIP)
    assert watch.silent and not watch.stopped
    assert 0.2 <= time.monotonic() - begin < 2.0
    assert watch.question_after(100) == b""


def test_a_printer_that_answers_late_is_waited_for() -> None:
    """Answers in order, after a piece was worked off: late, but each is heard."""
    emulator = Emulator()
    emulator.late = 0.01
    transport = VirtualTransport(emulator)
    transport.open()
    watch = Watch(transport, 5.0)
    assert _sent(transport, watch) == len(STRIP)
    assert not watch.silent


def test_a_device_that_goes_between_two_pieces_is_an_error() -> None:
    """Nobody takes its silence for leave to go on."""
    emulator = Emulator()
    transport = VirtualTransport(emulator)
    transport.open()
    watch = Watch(transport, 5.0)
    watch.question_after(BUFFER)
    emulator.unplugged = True
    with pytest.raises(PrinterUnavailable):
        watch.wait_for_room(PIECE)
    assert until(lambda: not transport.is_open)


def test_other_bytes_are_no_answers() -> None:
    """XON, XOFF and an answer to a question of somebody else's do not stop a strip."""
    emulator = Emulator()
    transport = VirtualTransport(emulator)
    transport.open()
    watch = Watch(transport, 0.1)
    transport._heard += b"\x11\x13\x1a"
    watch.wait_for_room(PIECE)
    assert not watch.stopped
    assert watch.question_after(1) == QUESTION
