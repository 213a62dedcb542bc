"""Did it come out? Two questions that a printer answers in order, after everything that was sent before them.

Process id: Epson's GS ( H function 48, answered when the data before it is on paper. TM-T88IV and later, TM-T82III and
TM-T20 have it; others stay silent, which proves nothing. (Answer: 37h 22h, the four characters, 00h.)

Sensor: GS r 1, answered when the data before it has been taken out of the receive buffer and worked off. Nearly all
have it; unlike DLE EOT it does not overtake, so that a printer which lost its power half way, or which still holds the
rest of the strip because the paper ran out, does not answer. (Answer: one byte, bits 4 and 7 are 0.) A line on which a
printer goes dark can make such a byte too, so it counts only from a printer that answers once more (DLE EOT).

(Epson, ESC/POS command reference.)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

from . import PrinterUnavailable, Transport, WriteInterrupted
from .status import QUESTIONS, Answer, PrinterStatus, all_unknown, fits, interpret

_KEPT = 256
_LOOK = 0.25
"""Seconds of silence after which the printer is asked how it is."""

_REST = 0.05
"""Seconds between two such questions at least: a printer on USB answers a thousand a second."""

_STILL_THERE = 1.0
"""Seconds within which a printer that has worked off a strip says that it is there."""

_LETTERS = bytes.maketrans(b"0123456789", b"@ABCDEFGHI")

SENSOR_COMMAND = b"\x1dr\x01"


def process_id_token(number: int) -> bytes:
    """Four characters for a number, none of which could be taken for a status answer (`fits`)."""
    return f"{number % 10_000:04d}".encode().translate(_LETTERS)


def process_id_command(token: bytes) -> bytes:
    """The command that asks for an answer carrying `token`, four printable ASCII characters; else ValueError."""
    if len(token) != 4 or not all(0x20 <= byte <= 0x7E for byte in token):
        raise ValueError("a process id is four printable ASCII characters")
    return b"\x1d(H\x06\x00\x30\x30" + token


def process_id_answer(token: bytes) -> bytes:
    """What a printer says when all before the command with `token` is printed."""
    return b"\x37\x22" + token + b"\x00"


def says_process_id(token: bytes) -> Callable[[bytes], bool]:
    """Whether what was heard holds the answer to `token`."""
    wanted = process_id_answer(token)
    return lambda heard: wanted in heard


def says_sensor(heard: bytes) -> bool:
    """Whether what was heard holds an answer to GS r 1; no DLE EOT answer, XON or XOFF looks like one."""
    return any(byte & 0b1001_0000 == 0 for byte in heard)


@dataclass(frozen=True)
class Verdict:
    """YES when the answer in order came; else UNKNOWN (there is no NO), and how the printer was when last asked."""

    confirmed: Answer
    status: PrinterStatus


def wait_in_order(
    transport: Transport, answered: Callable[[bytes], bool], timeout: float, unanswered: int = 0
) -> Verdict:
    """Wait for an answer in order for at most `timeout` seconds, asking meanwhile how the printer is.

    Ends early when the printer says that it cannot print: what waits in it will not come out before somebody mends it.
    `unanswered`: status questions that were asked before. Never raises for the device.
    """
    heard, known, asked, owed = b"", dict[int, int](), 0, unanswered
    questions, spoke, rest = cycle(QUESTIONS), False, 0.0
    deadline = time.monotonic() + timeout
    try:
        while True:
            left = max(0.0, deadline - time.monotonic())
            part = transport.read(min(max(0.0, rest - time.monotonic()) if spoke else _LOOK, left))
            heard, spoke = (heard + part)[-_KEPT:], spoke or bool(part)
            for byte in filter(fits, part):
                if asked and owed == 1:
                    known[asked] = byte
                owed = max(0, owed - 1)
            if answered(heard):
                _hear_out(transport, owed)
                return Verdict(Answer.YES, interpret(known))
            if not left or interpret(known).ready is Answer.NO:
                break
            if spoke and time.monotonic() < rest:
                continue
            asked = next(questions) if spoke or not asked else 0  # after a silence wait: a late answer is nobody's
            spoke, rest = False, time.monotonic() + _REST
            if asked:
                transport.write(bytes((0x10, 0x04, asked)), _LOOK)
                owed += 1
    except (PrinterUnavailable, WriteInterrupted):
        return Verdict(Answer.UNKNOWN, all_unknown())
    return Verdict(Answer.UNKNOWN, interpret(known))


def wait_for_sensor(transport: Transport, timeout: float, unanswered: int = 0) -> Verdict:
    """`wait_in_order` for the answer to GS r; UNKNOWN when the printer is not there any more afterwards."""
    verdict = wait_in_order(transport, says_sensor, timeout, unanswered)
    if verdict.confirmed is Answer.YES and not _still_there(transport):
        return Verdict(Answer.UNKNOWN, all_unknown())
    return verdict


def _still_there(transport: Transport) -> bool:
    deadline = time.monotonic() + _STILL_THERE
    with contextlib.suppress(PrinterUnavailable, WriteInterrupted):
        transport.write(bytes((0x10, 0x04, QUESTIONS[0])), _STILL_THERE)
        while (left := deadline - time.monotonic()) > 0:
            if any(map(fits, transport.read(left))):
                return True
    return False


def _hear_out(transport: Transport, owed: int) -> None:
    """Hear the status answers that are still on their way, or the next question would get them too."""
    deadline = time.monotonic() + _LOOK
    with contextlib.suppress(PrinterUnavailable):
        while owed > 0 and (left := deadline - time.monotonic()) > 0:
            owed -= len(list(filter(fits, transport.read(left))))


def hear_out(transport: Transport) -> None:
    """Read away what a printer that has nothing left to do still says, until it has been silent for a moment."""
    with contextlib.suppress(PrinterUnavailable):
        while transport.read(_LOOK):
            pass


def wait_for_process_id(transport: Transport, token: bytes, timeout: float) -> Answer:
    """YES when the answer to `token` arrived within `timeout` seconds, else UNKNOWN; there is no NO.

    Other answers that arrive meanwhile are read away. Never raises for the device.
    """
    return wait_in_order(transport, says_process_id(token), timeout).confirmed
