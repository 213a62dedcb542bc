"""A strip in pieces that end between two commands, and the printer's word on how it is between them.

Inside a raster a question would be dots. Between two commands it is answered at once, even by a printer that has just
stopped, as long as its buffer has room (Epson, DLE EOT): so never more is under way than such a buffer holds. A printer
that answers in order only still prints without a pause, since the next piece is sent before the answer has to be there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

from . import Transport
from .escpos_stream import CommandStream
from .status import fits

PIECE = 1536
"""Bytes of a piece, but for a single command that is longer."""

BUFFER = 3584
"""Bytes under way: the receive buffers of small printers hold 4 kB."""

QUESTION = b"\x10\x04\x01"
_OFFLINE = 0b0000_1000


def in_pieces(data: bytes) -> Iterator[bytes]:
    """The bytes, cut between commands only; what is no whole command at the end goes with the last piece."""
    begin = end = 0
    for command in CommandStream().push(data):
        if end > begin and end + len(command) - begin > PIECE:
            yield data[begin:end]
            begin = end
        end += len(command)
    if begin < len(data):
        yield data[begin:]


class Watch:
    """Whether a printer is still well while it is given a strip. One strip; the printer's own thread.

    `stopped`: it said that it prints no more. `silent`: it did not answer in time, and is asked no more.
    """

    def __init__(self, transport: Transport, timeout: float) -> None:
        """`timeout`: seconds that an answer may take."""
        self._transport, self._timeout = transport, timeout
        self._unanswered: deque[int] = deque()
        self.stopped = self.silent = False

    def question_after(self, size: int) -> bytes:
        """What to send behind a piece of so many bytes."""
        if self.silent:
            return b""
        self._unanswered.append(size)
        return QUESTION

    @property
    def unanswered(self) -> int:
        """Questions whose answers have not been heard."""
        return len(self._unanswered)

    def wait_for_room(self, size: int) -> None:
        """Hear what it says until a piece of so many bytes may follow. PrinterUnavailable when the device is gone."""
        deadline = time.monotonic() + self._timeout
        while not self.silent and not self.stopped:
            full = bool(self._unanswered) and sum(self._unanswered) + size > BUFFER
            left = max(0.0, deadline - time.monotonic())
            heard = self._transport.read(left if full else 0.0)
            self.stopped = any(self._says_stopped(byte) for byte in heard)
            if full and not heard and not left:
                self.silent = True
            if not full and not heard:
                return

    def _says_stopped(self, byte: int) -> bool:
        """Count an answer."""
        if not fits(byte) or not self._unanswered:
            return False
        self._unanswered.popleft()
        return bool(byte & _OFFLINE)
