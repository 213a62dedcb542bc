"""A printer on the network: raw TCP, port 9100.

TCP tells little: bytes handed to the kernel may stay here for minutes. So the socket's own buffer is kept small, and a
write is done when the other side's kernel has acknowledged every byte (SIOCOUTQ is 0).
"""

from __future__ import annotations

import contextlib
import fcntl
import select
import socket
import struct
import termios
import time

from . import NETWORK_PORT, PrinterUnavailable, WriteInterrupted
from .descriptor import CHUNK, Stopped, receive, send_all, wait_for, wait_until

SEND_BUFFER = 8192
"""Bytes the kernel may hold for us (it doubles the number): few, so that a stalled printer shows soon."""

_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER with time 0: close sends RST and forgets the queue instead of printing it minutes later."""


class NetworkTransport:
    """One TCP connection to `host[:port]`. Give an address, not a name: looking a name up has no deadline."""

    def __init__(self, device: str, *, connect_timeout: float = 3.0) -> None:
        self.device = device
        self.connect_timeout = connect_timeout
        self._address = split_address(device)
        self._socket: socket.socket | None = None

    @property
    def name(self) -> str:
        return f"network:{self.device}"

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self) -> None:
        """Connect within `connect_timeout` seconds."""
        if self._socket is not None:
            return
        try:
            connection = socket.create_connection(self._address, self.connect_timeout)
        except OSError as error:
            raise PrinterUnavailable(f"{self.device}: {error}") from error
        try:
            _set_up(connection)
        except OSError as error:
            connection.close()
            raise PrinterUnavailable(f"{self.device}: {error}") from error
        self._socket = connection

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of it; return when the printer's side has acknowledged the last byte."""
        connection = self._socket
        if connection is None:
            raise WriteInterrupted(f"{self.device} is not open", 0)
        deadline = time.monotonic() + timeout
        if _ended(connection):
            self._give_up("the printer has closed the connection", 0)
        try:
            send_all(connection.fileno(), data, deadline)
        except Stopped as stopped:
            self._give_up(str(stopped), stopped.accepted)
        acknowledged = wait_until(lambda: _unacknowledged(connection) == 0 or _broken(connection), deadline)
        # A reset empties the queue too: look for it last.
        if not acknowledged or _broken(connection):
            self._give_up("the printer did not acknowledge everything", len(data))

    def read(self, timeout: float) -> bytes:
        if self._socket is None:
            raise PrinterUnavailable(f"{self.device} is not open")
        try:
            return receive(self._socket.fileno(), timeout, empty_is_gone=True)
        except OSError as error:
            self.close()
            raise PrinterUnavailable(f"{self.device}: {error}") from error

    def paper_out(self) -> bool | None:
        return None

    def close(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def abandon(self) -> None:
        """Abort the connection: both ends forget their queues."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.close()

    def _give_up(self, why: str, sent: int) -> None:
        """Abort the connection, so that the queue is forgotten, and raise `WriteInterrupted`."""
        self.abandon()
        raise WriteInterrupted(f"{self.device}: {why}", sent)


def split_address(device: str) -> tuple[str, int]:
    """`host`, `host:port` or `[v6 address]:port` as host and port (9100 by default); ValueError for anything else."""
    host, colon, port = device.rpartition(":")
    if not colon or (device.startswith("[") and device.endswith("]")):
        host, port = device, str(NETWORK_PORT)
    bracketed = host.startswith("[") and host.endswith("]")
    host = host.removeprefix("[").removesuffix("]")
    if not host or (":" in host) != bracketed or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"not a printer's address: {device!r}")
    return host, int(port)


def _set_up(connection: socket.socket) -> None:
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
        connection.setsockopt(socket.IPPROTO_TCP, option, seconds)


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes written and not yet acknowledged by the other side (SIOCOUTQ, which is TIOCOUTQ's number)."""
    count: int = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, struct.pack("i", 0)))[0]
    return count


def _broken(connection: socket.socket) -> bool:
    """Whether the connection was reset or timed out; a printer that merely says good-bye is not broken."""
    return bool(wait_for(connection.fileno(), select.POLLOUT, 0.0) & select.POLLERR)


def _ended(connection: socket.socket) -> bool:
    """Whether the printer closed an idle connection: a write would vanish, so nothing must be sent."""
    try:
        return connection.recv(CHUNK, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
