"""The emulated printer behind each of the ways to a real one: in this process, on a pty, on a TCP port."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from . import PrinterUnavailable, WriteInterrupted
from .descriptor import CHUNK, wait_for
from .emulator import Emulator

_PAUSE = 0.002
_TICK = 0.02
_RECEIVE_BUFFER = 4096

Stop = Callable[[], None]


class VirtualTransport:
    """A transport to an emulator in this process.

    `unplugged` is the cable: while it is True, open, write and read fail as a real device's do. `unplug_after` pulls it
    by itself after so many more bytes.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.unplugged = False
        self.unplug_after: int | None = None
        self._open = False
        self._heard = bytearray()

    @property
    def name(self) -> str:
        return "virtual"

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self) -> None:
        if self.unplugged:
            raise PrinterUnavailable("the virtual printer is unplugged")
        if not self._open:
            self._heard.clear()
            self._open = True

    def write(self, data: bytes, timeout: float) -> None:
        if not self._open:
            raise WriteInterrupted("the virtual printer is not open", 0)
        deadline = time.monotonic() + timeout
        sent = 0
        while sent < len(data):
            taken = self._give(data[sent:])
            sent += taken
            if self.unplugged:
                self._give_up("the virtual printer was unplugged", sent)
            if not taken and time.monotonic() >= deadline:
                self._give_up("the virtual printer takes no more data", sent)
            if not taken:
                time.sleep(_PAUSE)

    def read(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        while True:
            if self.unplugged or not self._open:
                self.close()
                raise PrinterUnavailable("the virtual printer is unplugged or not open")
            self._heard += self.emulator.feed(b"")
            if self._heard or time.monotonic() >= deadline:
                heard, self._heard = bytes(self._heard), bytearray()
                return heard
            time.sleep(_PAUSE)

    def close(self) -> None:
        self._open = False

    def _give(self, data: bytes) -> int:
        """Offer bytes, as far as the cable lets them through; return how many were taken."""
        if self.unplugged:
            return 0
        if self.unplug_after is not None:
            data = data[: self.unplug_after]
        taken, answers = self.emulator.accept(data)
        self._heard += answers
        if self.unplug_after is not None:
            self.unplug_after -= taken
            self.unplugged = self.unplug_after <= 0
        return taken

    def _give_up(self, why: str, sent: int) -> None:
        self.close()
        raise WriteInterrupted(why, sent)


def make_virtual(device: str, *, width: int, process_id: bool) -> VirtualTransport:
    """A virtual printer with a fresh emulator; `device` is the folder for its strips, "" for none."""
    directory = Path(device) if device else None
    return VirtualTransport(Emulator(width, directory, process_id))


def serve_pty(emulator: Emulator) -> tuple[str, Stop]:
    """Put the printer behind a pty; return the path that a tty's user opens, and what unplugs it and frees all."""
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    stopping = threading.Event()
    thread = threading.Thread(target=_serve, args=(emulator, master, stopping), name="emulator-pty", daemon=True)
    path = os.ttyname(slave)
    thread.start()

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            thread.join()
            os.close(slave)
            os.close(master)

    return path, stop


def serve_tcp(emulator: Emulator, host: str = "127.0.0.1", port: int = 0) -> tuple[int, Stop]:
    """Put the printer on a TCP port, for one caller after the other; return the port, and what stops it."""
    listener = socket.create_server((host, port))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    listener.settimeout(_TICK)
    stopping = threading.Event()
    parts = (emulator, listener, stopping)
    thread = threading.Thread(target=_answer_calls, args=parts, name="emulator-tcp", daemon=True)
    bound: int = listener.getsockname()[1]
    thread.start()

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            thread.join()
            listener.close()

    return bound, stop


def _answer_calls(emulator: Emulator, listener: socket.socket, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            emulator.feed(b"")
            continue
        with connection:
            connection.setblocking(False)
            _serve(emulator, connection.fileno(), stopping)


def _serve(emulator: Emulator, fd: int, stopping: threading.Event) -> None:
    """Carry bytes between a descriptor and the printer until the other side hangs up; never read more than it takes."""
    backlog = b""
    with contextlib.suppress(OSError):
        while not stopping.is_set():
            if not backlog:
                received = _receive(fd)
                if received is None:
                    return
                backlog = received
            taken, answers = emulator.accept(backlog)
            stuck = bool(backlog) and not taken
            backlog = backlog[taken:]
            if answers:
                _say(fd, answers)
            if stuck:
                stopping.wait(_PAUSE)


def _say(fd: int, answers: bytes) -> None:
    """Send answers; what nobody reads is lost, as on a serial line."""
    with contextlib.suppress(BlockingIOError):
        os.write(fd, answers)


def _receive(fd: int) -> bytes | None:
    """Bytes that arrive within a tick, b"" for none, None when the other side has hung up."""
    if not wait_for(fd, select.POLLIN, time.monotonic() + _TICK):
        return b""
    try:
        return os.read(fd, CHUNK) or None
    except BlockingIOError:
        return b""
