"""A USB receipt printer through the kernel's printer class driver: /dev/usb/lp*.

The driver keeps one transfer under way: a non-blocking write returns when the transfer is queued, and POLLOUT says that
it has been completed, that is, taken by the printer. Closing earlier would kill the transfer in the middle.
(linux/drivers/usb/class/usblp.c)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import stat
import struct
import time

from . import PrinterUnavailable, WriteInterrupted
from .descriptor import HANGUP, Stopped, receive, send_all, wait_for
from .find import usb_kind, usb_node

LPGETSTATUS = 0x060B
"""ioctl of <linux/lp.h>: the port status byte of a parallel printer, which USB's printer class kept."""
_LP_NO_ERROR, _LP_SELECTED, _LP_PAPER_OUT = 0x08, 0x10, 0x20


class UsbLpTransport:
    """One /dev/usb/lp*, open by this process alone (the driver says EBUSY to a second one, flock to a stand-in's)."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._kind = ""
        self._fd: int | None = None

    @property
    def name(self) -> str:
        return f"usb:{self.device}"

    @property
    def is_open(self) -> bool:
        return self._fd is not None

    def open(self) -> None:
        """Open the device node; it must be there and be a character device, a file is never created in its place."""
        if self._fd is not None:
            return
        node = usb_node(self.device, self._kind)
        try:
            fd = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise PrinterUnavailable(str(error)) from error
        try:
            if not stat.S_ISCHR(os.fstat(fd).st_mode):
                raise PrinterUnavailable(f"{node} is not a character device")
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise PrinterUnavailable(f"{self.device}: {error}") from error
        self._fd, self._kind = fd, usb_kind(node)

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of it; return when the printer has taken the last transfer."""
        if self._fd is None:
            raise WriteInterrupted(f"{self.device} is not open", 0)
        deadline = time.monotonic() + timeout
        if wait_for(self._fd, select.POLLOUT, 0.0) & HANGUP:
            self._give_up("the device is gone", 0)
        try:
            send_all(self._fd, data, deadline)
        except Stopped as stopped:
            self._give_up(str(stopped), stopped.accepted + stopped.doubtful)
        events = wait_for(self._fd, select.POLLOUT, deadline)
        if not events & select.POLLOUT or events & HANGUP:
            self._give_up("the printer did not take the last transfer", len(data))

    def read(self, timeout: float) -> bytes:
        if self._fd is None:
            raise PrinterUnavailable(f"{self.device} is not open")
        try:
            return receive(self._fd, timeout, empty_is_gone=False)
        except OSError as error:
            self.close()
            raise PrinterUnavailable(f"{self.device}: {error}") from error

    def abandon(self) -> None:
        self.close()

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)

    def paper_out(self) -> bool | None:
        """What the port's status byte says of the paper, without any ESC/POS; None when the driver cannot tell.

        Many printers never set the bit: True is worth something, False little.
        """
        status = self.port_status()
        return None if status is None else bool(status & _LP_PAPER_OUT)

    def port_status(self) -> int | None:
        """The raw status byte (0x20 paper out, 0x10 selected, 0x08 no error), None when the driver has none."""
        if self._fd is None:
            return None
        try:
            answer = fcntl.ioctl(self._fd, LPGETSTATUS, struct.pack("i", 0))
        except OSError:
            return None
        status: int = struct.unpack("i", answer)[0]
        return status & 0xFF

    def _give_up(self, why: str, sent: int) -> None:
        """Close, which kills the transfer under way, and raise `WriteInterrupted`."""
        self.close()
        raise WriteInterrupted(f"{self.device}: {why}", sent)
