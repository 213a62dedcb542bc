"""What the printer says of itself: DLE EOT 1 to 4, read with three values.

Silence is not "no" and not "yes": a printer that is off, a cable without a return wire and a cheap printer that never
answers all look the same. A byte that does not carry the fixed bits is no answer either.
(Epson, ESC/POS command reference, DLE EOT: bits 0 and 7 are 0, bits 1 and 4 are 1.)
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass

from . import PrinterUnavailable, Transport, WriteInterrupted

_FIXED_MASK, _FIXED_BITS = 0b1001_0011, 0b0001_0010
_NEAR_END, _PAPER_END = 0b0000_1100, 0b0110_0000
_CUTTER, _HOT = 0b0000_1000, 0b0100_0000
"""Auto-cutter error, and the automatically recoverable error of a head that is too hot (Epson, DLE EOT 3)."""
_STALE_LIMIT = 0.2

QUESTIONS = (1, 4, 2, 3)
"""Printer, paper, cause of being off line, error. Paper comes early: some printers answer the first ones only."""


class Answer(enum.Enum):
    """Yes, no, or nobody knows."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, value: bool | None) -> Answer:
        """The answer for a boolean; None is UNKNOWN."""
        return cls.UNKNOWN if value is None else cls.YES if value else cls.NO


@dataclass(frozen=True)
class PrinterStatus:
    """One look at the printer; YES is always the word one hopes for, but for `paper_near_end`.

    `cutter_free` and `cool` (the head's temperature) say which error it is; `error_free` is NO for any error.
    """

    online: Answer
    paper: Answer
    paper_near_end: Answer
    cover_closed: Answer
    error_free: Answer
    cutter_free: Answer = Answer.UNKNOWN
    cool: Answer = Answer.UNKNOWN

    @property
    def ready(self) -> Answer:
        """Whether it would print now: NO if anything stands in the way, YES if all is known to be well."""
        needed = (self.online, self.paper, self.cover_closed, self.error_free)
        if Answer.NO in needed:
            return Answer.NO
        return Answer.UNKNOWN if Answer.UNKNOWN in needed else Answer.YES


def all_unknown() -> PrinterStatus:
    """The status of a printer that nobody could ask."""
    return PrinterStatus(*[Answer.UNKNOWN] * 5)


def query(transport: Transport, timeout: float = 1.0) -> PrinterStatus:
    """Ask all four questions, in `timeout` seconds altogether; whatever is not answered is UNKNOWN.

    Never raises for the device: when it failed, the transport is closed and everything not yet heard is UNKNOWN.
    After one silence the other questions are not asked: a late answer would be taken for another question's.
    """
    answers: dict[int, int] = {}
    deadline = time.monotonic() + timeout
    try:
        _forget_stale(transport)
        for question in QUESTIONS:
            transport.write(bytes((0x10, 0x04, question)), max(0.0, deadline - time.monotonic()))
            reply = transport.read(max(0.0, deadline - time.monotonic()))
            if not reply:
                break
            if len(reply) == 1 and fits(reply[0]):
                answers[question] = reply[0]
            else:
                _forget_stale(transport)
    except (PrinterUnavailable, WriteInterrupted):
        pass
    return interpret(answers)


def fits(byte: int) -> bool:
    """Whether a byte has the fixed bits of a DLE EOT answer; XON and XOFF do not."""
    return byte & _FIXED_MASK == _FIXED_BITS


def interpret(answers: dict[int, int]) -> PrinterStatus:
    """The status that the answered questions (number → byte) tell."""
    printer, cause, error, paper = (answers.get(question) for question in (1, 2, 3, 4))
    present = _pair(paper, _PAPER_END, negate=True)
    if cause is not None and cause & 0x20:
        present = False
    fine = None if error is None else not error & 0b0110_1100
    if cause is not None and cause & 0x40:
        fine = False
    return PrinterStatus(
        online=Answer.of(None if printer is None else not printer & 0x08),
        paper=Answer.of(present),
        paper_near_end=Answer.of(_pair(paper, _NEAR_END)),
        cover_closed=Answer.of(None if cause is None else not cause & 0x04),
        error_free=Answer.of(fine),
        cutter_free=Answer.of(None if error is None else not error & _CUTTER),
        cool=Answer.of(None if error is None else not error & _HOT),
    )


def _pair(byte: int | None, mask: int, *, negate: bool = False) -> bool | None:
    """A sensor reports with two equal bits; two different ones are nonsense."""
    if byte is None or byte & mask not in (0, mask):
        return None
    return (byte & mask == mask) != negate


def _forget_stale(transport: Transport) -> None:
    """Read away what was said before we asked, for at most 0.2 s: a babbling printer must not hold us."""
    deadline = time.monotonic() + _STALE_LIMIT
    while time.monotonic() < deadline and transport.read(0.0):
        pass
