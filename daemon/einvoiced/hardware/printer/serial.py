"""A printer on a serial line: an RS-232 port, a USB adapter, a printer that calls itself one, or a pty in tests.

pyserial opens and sets up the line; the bytes go through the descriptor itself, because its `write` cannot tell how
many were taken when the time is up, and its `flush` is a tcdrain without any deadline that hangs on a blocked line.
"""

from __future__ import annotations

import contextlib
import select
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import FlowControl, PrinterUnavailable, WriteInterrupted
from .descriptor import HANGUP, Stopped, receive, send_all, wait_for, wait_until
from .find import serial_node

if TYPE_CHECKING:
    import serial


class SerialTransport:
    """One tty, locked for this process (flock, advisory). Name it by /dev/serial/by-id: numbers change (`find`)."""

    def __init__(self, device: str, *, baudrate: int = 38400, flow_control: FlowControl = "rtscts") -> None:
        self.device = self.node = device
        self.baudrate = baudrate
        self.flow_control = flow_control
        self._port: serial.Serial | None = None

    @property
    def name(self) -> str:
        return f"serial:{self.device}"

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def open(self) -> None:
        """Open, lock and set up the line: 8 data bits, no parity, one stop bit, as printers leave the factory."""
        if self._port is not None:
            return
        import serial

        try:
            self.node = serial_node(self.device)
            port = serial.Serial(
                self.node,
                self.baudrate,
                timeout=0,
                write_timeout=2.0,
                rtscts=self.flow_control == "rtscts",
                xonxoff=self.flow_control == "xonxoff",
                exclusive=True,
            )
        except (OSError, ValueError, termios.error) as error:
            raise PrinterUnavailable(f"{self.device}: {error}") from error
        if self.flow_control == "xonxoff":
            _never_send_xoff(port.fileno())
        self._port = port

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of it; return when the driver's queue is empty (a UART's last few bytes are on the wire then)."""
        if self._port is None:
            raise WriteInterrupted(f"{self.device} is not open", 0)
        deadline = time.monotonic() + timeout
        try:
            send_all(self._port.fileno(), data, deadline)
        except Stopped as stopped:
            self._give_up(str(stopped), stopped.accepted)
        self._drain(len(data), deadline)

    def read(self, timeout: float) -> bytes:
        if self._port is None:
            raise PrinterUnavailable(f"{self.device} is not open")
        try:
            return receive(self._port.fileno(), timeout, empty_is_gone=True)
        except OSError as error:
            self.close()
            raise PrinterUnavailable(f"{self.device}: {error}") from error

    def paper_out(self) -> bool | None:
        return None

    def abandon(self) -> None:
        self.close()

    def close(self) -> None:
        """Close; a queue that does not move is discarded first, or the kernel would wait up to 30 s for it."""
        port, self._port = self._port, None
        if port is None:
            return
        with contextlib.suppress(OSError, termios.error):
            if port.out_waiting:
                termios.tcflush(port.fileno(), termios.TCOFLUSH)
        with contextlib.suppress(OSError, termios.error):
            port.close()

    def _drain(self, total: int, deadline: float) -> None:
        port = self._port
        if port is None:
            return
        try:
            if not wait_until(lambda: port.out_waiting == 0, deadline):
                self._give_up("the printer does not take the rest", total)
            hung_up = wait_for(port.fileno(), select.POLLOUT, 0.0) & HANGUP
        except WriteInterrupted:
            raise
        except (OSError, termios.error) as error:
            self._give_up(str(error), total)
        if hung_up:
            self._give_up("the device hung up", total)

    def _give_up(self, why: str, accepted: int) -> None:
        """Throw away what has not left, close, and raise `WriteInterrupted`."""
        sent = accepted - self._discard()
        self.close()
        raise WriteInterrupted(f"{self.device}: {why}", sent)

    def _discard(self) -> int:
        """Stop the output, count what the queue holds, throw it away; return how many bytes surely never leave.

        A USB adapter cannot take back what is on its way to it, and a driver that cannot flush still shows a queue
        afterwards: then nothing is sure. A pty shows no queue at all.
        """
        port = self._port
        if port is None or not can_take_back(Path(self.node).resolve()):
            return 0
        try:
            termios.tcflow(port.fileno(), termios.TCOOFF)
            held = port.out_waiting
            termios.tcflush(port.fileno(), termios.TCOFLUSH)
            flushed = port.out_waiting == 0
            termios.tcflow(port.fileno(), termios.TCOON)
        except (OSError, termios.error):
            return 0
        return held if flushed else 0


def can_take_back(node: Path) -> bool:
    """Whether what a tty's queue holds has surely not left: a UART's, but not that of an adapter on USB."""
    return not node.name.startswith(("ttyUSB", "ttyACM", "ttyXRUSB"))


def _never_send_xoff(fd: int) -> None:
    """Listen to the printer's XOFF, never send one: 0x13 in the middle of a raster would be a dot pattern."""
    attributes = termios.tcgetattr(fd)
    attributes[0] &= ~termios.IXOFF
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
