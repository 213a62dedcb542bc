"""One strip to the printer, and what became of it: confirmed, taken, surely not begun, or nobody knows.

A strip that stopped half way leaves the printer inside a raster: whatever came next would be dots of it. So nothing is
sent after an interruption before white has filled that raster up and the torn strip is cut off (`recovery`).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from einvoiced.actions.print_proof import Outcome
from einvoiced.hardware.printer import PrinterUnavailable, Transport, WriteInterrupted
from einvoiced.hardware.printer.confirm import (
    SENSOR_COMMAND,
    Verdict,
    hear_out,
    process_id_command,
    process_id_token,
    says_process_id,
    wait_for_sensor,
    wait_in_order,
)
from einvoiced.hardware.printer.pieces import BUFFER, Watch, in_pieces
from einvoiced.hardware.printer.status import Answer, PrinterStatus, query
from einvoiced.journal.entries import Confirmation

if TYPE_CHECKING:
    from einvoiced.proof.profile import PrinterProfile

STATUS_SECONDS = 1.0
TORN_SECONDS = 0.25
"""A printer that waits for the rest of a raster takes the question for a part of it."""

BYTES_PER_SECOND = 4800
"""What the slowest printer takes while it prints, where no serial line is slower."""

MOST_OWED = 8
"""Answers in order that a printer may owe at most: one that was off has forgotten them."""

HEAD_END = bytes(8)
"""As many zeros as the longest head of a command has bytes: a raster of no rows, if one was cut off there."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What the printer said: the name of what stands in the way (None: nothing), and whether the roll is nearly out."""

    trouble: str | None
    paper_low: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a strip. `confirmation` counts for `out` only; `trouble` is what the printer said of itself."""

    outcome: Outcome
    reason: str = ""
    confirmation: Confirmation = "none"
    trouble: str | None = None


class StripSender:
    """The way to one printer. Its thread only."""

    def __init__(self, transport: Transport, profile: PrinterProfile, bytes_per_second: float = 0.0) -> None:
        """`bytes_per_second`: of a line whose driver may hold bytes without saying so; 0: none to speak of."""
        self._transport, self._profile = transport, profile
        self._line = bytes_per_second
        self._patience = profile.patience_seconds
        self.torn = False
        """Whether the printer may wait for the rest of a strip."""
        self._filled = 0.0
        self._asked = False
        self._unheard = 0

    def look(self) -> Look:
        """Open the transport where it is not, and ask the printer how it is; mends what a torn strip has left."""
        try:
            self._open()
        except (PrinterUnavailable, WriteInterrupted) as error:
            log.debug("no printer: %s", error)
            return Look("absent")
        if self._profile.confirmation == "none":
            return Look(self._port_says(None if self._recovered() else "silent"))
        torn = self.torn
        status = query(self._transport, TORN_SECONDS if torn else STATUS_SECONDS)
        first, self._asked = not self._asked, True
        if torn and status.ready is Answer.NO:
            return Look(trouble_of(status), status.paper_near_end is Answer.YES)
        if torn and not self._recovered():
            return Look(self._port_says("silent"))  # well or not, it does not answer in order: nothing is sent to it
        mute = trouble_of(status) == "silent"
        if torn or (first and mute and self._freed()):
            status = query(self._transport, STATUS_SECONDS)
        return Look(self._port_says(trouble_of(status)), status.paper_near_end is Answer.YES)

    def _port_says(self, trouble: str | None) -> str | None:
        """The trouble; of a printer that answers nothing, USB's port status may still know that the paper is out."""
        unasked = self._profile.confirmation == "none" or trouble == "silent"
        return "paper_out" if unasked and self._transport.paper_out() else trouble

    def _open(self) -> None:
        """Open, and end a command whose head was cut off: the next question must not become the size of a raster."""
        if self._transport.is_open:
            return
        self._filled = 0.0
        self._transport.open()
        if self.torn:
            self._transport.write(HEAD_END, 1.0)

    def _recovered(self) -> bool:
        """Whether the printer stands at the beginning of a strip again; asked for in vain, it rests for a while."""
        from einvoiced.proof.commands import recovery

        if not self.torn:
            return True
        if self._filled and time.monotonic() < self._filled + self._patience:
            return False
        self._filled = time.monotonic()
        try:
            self._write(recovery(self._profile) + self._question(0), 0)
            in_step = self._profile.confirmation == "none" or self._in_step()
        except WriteInterrupted as error:
            log.warning("the printer cannot be freed of a torn strip: %s", error)
            return False
        if not in_step:
            self._transport.abandon()
            return False
        self.torn, self._filled = False, 0.0
        return True

    def _in_step(self) -> bool:
        """Whether it has answered all that was asked in order. A printer that only rested may still owe answers, and
        would confirm every strip with the one before's: so it is asked once more for each that it may owe.
        """
        for extra in range(1 + min(max(self._unheard, 1), MOST_OWED)):
            if extra:
                self._write(self._question(0), 0)
            if self._answer(0, 0, 0).confirmed is not Answer.YES:
                return False
        hear_out(self._transport)
        self._unheard = 0
        return True

    def _freed(self) -> bool:
        """Whether a printer that is mute at the very first question speaks once a raster that may be open is filled.

        Whoever died before us may have died in a slip, or while it freed the printer. Once only: a printer that is
        always mute would be fed and cut for ever.
        """
        if self.torn:
            return False
        self.torn = True
        freed = self._recovered()
        self.torn, self._filled = False, 0.0
        return freed

    def send(self, strip: bytes, number: int) -> Sent:
        """Send a strip and find out what became of it; `number` marks its confirmation."""
        watch = Watch(self._transport, STATUS_SECONDS + (BUFFER / self._line if self._line else 0.0))
        watch.silent = self._profile.confirmation == "none"
        try:
            self._send_watched(strip, self._question(number), watch)
        except WriteInterrupted as error:
            if error.sent == 0:
                return Sent("not_begun", str(error))
            self.torn = True
            self._unheard += 1
            return Sent("unknown", str(error))
        if watch.stopped:
            return self._in_doubt("it stopped in the strip", Answer.NO)
        if self._profile.confirmation == "none":
            return Sent("out")
        verdict = self._answer(number, len(strip), watch.unanswered)
        if verdict.confirmed is Answer.YES:
            return Sent("out", "", self._profile.confirmation)
        return self._in_doubt("it did not confirm the strip", verdict.status.ready)

    def _send_watched(self, strip: bytes, question: bytes, watch: Watch) -> None:
        """Send a strip, asking between its commands how the printer is; no more of it once it has stopped."""
        sent = 0
        for piece in in_pieces(strip):
            try:
                watch.wait_for_room(len(piece))
            except PrinterUnavailable as error:
                raise WriteInterrupted(str(error), sent) from error
            if watch.stopped:
                return
            last = sent + len(piece) == len(strip)
            self._write(piece + (question if last else watch.question_after(len(piece))), sent)
            sent += len(piece)

    def _in_doubt(self, what: str, ready: Answer) -> Sent:
        """A printer that says it stopped is asked why; one that said nothing is not waited for again."""
        trouble = None if ready is Answer.YES else "silent"
        if ready is Answer.NO:
            trouble = trouble_of(query(self._transport, STATUS_SECONDS))
        self.torn = True
        self._transport.abandon()
        return Sent("unknown", f"{what} ({trouble})" if trouble else what, trouble=trouble)

    def pulse(self, pulse: bytes) -> None:
        """Send a drawer's pulse now. WriteInterrupted when it was not taken at once."""
        self._transport.write(pulse, 0.3)

    def close(self) -> None:
        """Give the device back."""
        self._transport.close()

    def _question(self, number: int) -> bytes:
        match self._profile.confirmation:
            case "process_id":
                return process_id_command(process_id_token(number))
            case "status":
                return SENSOR_COMMAND
        return b""

    def _answer(self, number: int, size: int, unanswered: int) -> Verdict:
        seconds = self._patience + (size / self._line if self._line else 0.0)
        if self._profile.confirmation == "process_id":
            says = says_process_id(process_id_token(number))
            verdict = wait_in_order(self._transport, says, seconds, unanswered)
        else:
            verdict = wait_for_sensor(self._transport, seconds, unanswered)
        self._unheard += verdict.confirmed is not Answer.YES
        return verdict

    def _write(self, data: bytes, before: int) -> None:
        """Send with a deadline. WriteInterrupted counts from the start of the strip, `before` bytes ago."""
        try:
            self._transport.write(data, self._patience / 2 + len(data) / (self._line or BYTES_PER_SECOND))
        except WriteInterrupted as error:
            raise WriteInterrupted(str(error.args[0]), before + error.sent) from error


def trouble_of(status: PrinterStatus) -> str | None:
    """The name of what stands in the way; None when the printer says that all is well."""
    said = (
        ("cover_open", status.cover_closed),
        ("paper_out", status.paper),
        ("cutter", status.cutter_free),
        ("hot", status.cool),
        ("error", status.error_free),
        ("offline", status.online),
    )
    for name, well in said:
        if well is Answer.NO:
            return name
    return None if status.ready is Answer.YES else "silent"
