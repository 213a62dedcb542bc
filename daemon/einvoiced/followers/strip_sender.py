"""One strip to the printer, and what became of it: confirmed, taken, surely not begun, or nobody knows.

A strip that stopped half way leaves the printer inside a raster: whatever came next would be dots of it. So nothing is
sent after an interruption before white has filled that raster up and the torn strip is cut off (`recovery`).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from einvoiced.hardware.printer import PrinterUnavailable, Transport, WriteInterrupted
from einvoiced.hardware.printer.confirm import (
    SENSOR_COMMAND,
    Verdict,
    process_id_command,
    says_process_id,
    says_sensor,
    wait_in_order,
)
from einvoiced.hardware.printer.status import Answer, PrinterStatus, query
from einvoiced.journal.entries import Confirmation

if TYPE_CHECKING:
    from einvoiced.proof.profile import PrinterProfile

STATUS_SECONDS = 1.0
CONFIRM_SECONDS = 10.0
"""How long a printer may still work on a strip that it has taken."""

PIECE = 4096
STALL_SECONDS = 5.0
"""A piece's deadline is its time on the line and this."""

BYTES_PER_SECOND = 600
"""The slowest line we wait for (9,600 baud, with room)."""

FILL_AGAIN_SECONDS = 10.0
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
    """What became of a strip. `confirmation` counts for `out` only."""

    outcome: Literal["out", "not_begun", "unknown"]
    reason: str = ""
    confirmation: Confirmation = "none"


class StripSender:
    """The way to one printer. Its thread only."""

    def __init__(self, transport: Transport, profile: PrinterProfile, bytes_per_second: float = 0.0) -> None:
        """`bytes_per_second`: of a line whose driver may hold bytes without saying so; 0: none to speak of."""
        self._transport, self._profile = transport, profile
        self._line = bytes_per_second
        self.torn = False
        """Whether the printer may wait for the rest of a strip."""
        self._filled = 0.0

    def look(self) -> Look:
        """Open the transport where it is not, and ask the printer how it is; mends what a torn strip has left."""
        try:
            self._open()
        except (PrinterUnavailable, WriteInterrupted) as error:
            log.debug("no printer: %s", error)
            return Look("absent")
        if self._profile.confirmation == "none":
            return Look(None) if self._recovered() else Look("silent")
        status = query(self._transport, STATUS_SECONDS)
        if self.torn and status.ready is not Answer.NO and self._recovered():
            status = query(self._transport, STATUS_SECONDS)
        return Look(trouble_of(status), status.paper_near_end is Answer.YES)

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
        if self._filled and time.monotonic() < self._filled + FILL_AGAIN_SECONDS:
            return False
        self._filled = time.monotonic()
        try:
            self._write(recovery(self._profile) + self._question(0))
        except WriteInterrupted as error:
            log.warning("the printer cannot be freed of a torn strip: %s", error)
            return False
        if self._profile.confirmation != "none" and self._answer(0, 0).confirmed is not Answer.YES:
            self._transport.abandon()
            return False
        self.torn, self._filled = False, 0.0
        return True

    def send(self, strip: bytes, number: int) -> Sent:
        """Send a strip and find out what became of it; `number` marks its confirmation."""
        try:
            self._write(strip + self._question(number))
        except WriteInterrupted as error:
            if error.sent == 0:
                return Sent("not_begun", str(error))
            self.torn = True
            return Sent("unknown", str(error))
        if self._profile.confirmation == "none":
            return Sent("out")
        verdict = self._answer(number, len(strip))
        if verdict.confirmed is Answer.YES:
            return Sent("out", "", self._profile.confirmation)
        self.torn = True
        self._transport.abandon()
        trouble = trouble_of(verdict.status)
        return Sent(
            "unknown", f"it did not confirm the strip ({trouble})" if trouble else "it did not confirm the strip"
        )

    def pulse(self, pulse: bytes) -> None:
        """Send a drawer's pulse now. WriteInterrupted when it was not taken at once."""
        self._transport.write(pulse, 0.3)

    def close(self) -> None:
        """Give the device back."""
        self._transport.close()

    def _question(self, number: int) -> bytes:
        match self._profile.confirmation:
            case "process_id":
                return process_id_command(f"{number % 10_000:04d}".encode())
            case "status":
                return SENSOR_COMMAND
        return b""

    def _answer(self, number: int, size: int) -> Verdict:
        seconds = CONFIRM_SECONDS + (size / self._line if self._line else 0.0)
        if self._profile.confirmation == "process_id":
            return wait_in_order(self._transport, says_process_id(f"{number % 10_000:04d}".encode()), seconds)
        return wait_in_order(self._transport, says_sensor, seconds)

    def _write(self, data: bytes) -> None:
        """Send in pieces, each with a deadline, so that a stall shows soon. WriteInterrupted counts from the start."""
        for begin in range(0, len(data), PIECE):
            piece = data[begin : begin + PIECE]
            try:
                self._transport.write(piece, STALL_SECONDS + len(piece) / BYTES_PER_SECOND)
            except WriteInterrupted as error:
                raise WriteInterrupted(str(error.args[0]), begin + error.sent) from error


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
