"""The seam of the receipt printer: a `Transport` carries bytes to it and back, with a deadline for everything.

Four implementations stand beside each other: `serial` (a tty), `usblp` (/dev/usb/lp*), `network` (TCP port 9100) and
`virtual` (an `emulator` in this process). None of them knows what the bytes mean; `status` and `confirm` do.

The question a transport must be able to answer is "may the paper already carry some of it?". So an interrupted write
says how many bytes at most have left the box, and whatever has not left is thrown away, never printed later.
"""

from __future__ import annotations

from typing import Literal, Protocol

Kind = Literal["serial", "usb", "network", "virtual"]
FlowControl = Literal["rtscts", "xonxoff", "none"]

NETWORK_PORT = 9100
"""The raw printing port ("JetDirect") that every network receipt printer listens on."""


class PrinterUnavailable(OSError):
    """The device is not there, or is somebody else's; nothing was sent."""


class WriteInterrupted(OSError):
    """Not every byte was taken in time. At most `sent` bytes have left the box; 0 means surely none."""

    def __init__(self, message: str, sent: int) -> None:
        super().__init__(message)
        self.sent = sent

    def __str__(self) -> str:
        return f"{self.args[0]} ({self.sent} bytes may have left)"


class Transport(Protocol):
    """A way to one printer. Only the printer's own thread may call it; `open` may be tried again for ever.

    After `WriteInterrupted` or `PrinterUnavailable` it is closed and what it still held is discarded.
    """

    @property
    def name(self) -> str:
        """Which way and which device, for people: `serial:/dev/ttyUSB0`."""

    @property
    def is_open(self) -> bool:
        """Whether `open` succeeded and nothing has failed since."""

    def open(self) -> None:
        """Take the device for this process alone, if not open. Raise `PrinterUnavailable`: nothing was sent."""

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of `data` and return when it has left this box, as far as this way can tell; `timeout` in seconds.

        Raise `WriteInterrupted` when that did not happen in time, or the device failed or is not open.
        """

    def read(self, timeout: float) -> bytes:
        """Wait at most `timeout` seconds for the printer to say something; b"" is silence.

        Raise `PrinterUnavailable` when the device is gone or not open.
        """

    def paper_out(self) -> bool | None:
        """What the way itself knows of the paper, without the printer's language; None: nothing. Never raises."""

    def close(self) -> None:
        """Give the device back, within a bounded time; harmless when closed."""

    def abandon(self) -> None:
        """Close, and forget whatever is still on its way to the printer, as far as this way can."""


def make_transport(
    kind: Kind,
    device: str,
    *,
    baudrate: int = 38400,
    flow_control: FlowControl = "rtscts",
    connect_timeout: float = 3.0,
    width: int = 384,
    process_id: bool = False,
) -> Transport:
    """The transport for a configured printer, not yet open.

    `device` is a tty for "serial", /dev/usb/lp* for "usb", `host[:port]` for "network", and for "virtual" the folder
    that receives the printed strips as PNG files ("" keeps them in memory only). The other options matter to the kind
    that has them. Raise ValueError for an unknown kind.
    """
    if kind == "serial":
        from .serial import SerialTransport

        return SerialTransport(device, baudrate=baudrate, flow_control=flow_control)
    if kind == "usb":
        from .usblp import UsbLpTransport

        return UsbLpTransport(device)
    if kind == "network":
        from .network import NetworkTransport

        return NetworkTransport(device, connect_timeout=connect_timeout)
    if kind == "virtual":
        from .virtual import make_virtual

        return make_virtual(device, width=width, process_id=process_id)
    raise ValueError(f"unknown kind of printer: {kind!r}")
