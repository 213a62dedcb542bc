"""The emulated printer behind each of the ways to a real one: in this process, on a pty, on a TCP port."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import PrinterUnavailable, WriteInterrupted
from .descriptor import CHUNK, HANGUP, wait_for
from .emulator import Emulator

_PAUSE = 0.002
_TICK = 0.02
_RECEIVE_BUFFER = 4096
_ABORT = struct.pack("ii", 1, 0)
BAUDRATES = (9600, 19200, 38400, 57600, 115200)
"""The speeds that serial receipt printers have."""

Stop = Callable[[], None]


class VirtualTransport:
    """A transport to an emulator in this process.

    While the emulator is `unplugged`, open, write and read fail as a real device's do.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self._open = False
        self._heard = bytearray()

    @property
    def name(self) -> str:
        return "virtual"

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def unplugged(self) -> bool:
        """The cable."""
        return self.emulator.unplugged

    @unplugged.setter
    def unplugged(self, pulled: bool) -> None:
        self.emulator.unplugged = pulled

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

    def paper_out(self) -> bool | None:
        return None

    def abandon(self) -> None:
        self.close()

    def close(self) -> None:
        self._open = False

    def _give(self, data: bytes) -> int:
        """Offer bytes, as far as the cable lets them through; return how many were taken."""
        taken, answers = self.emulator.accept(data)
        self._heard += answers
        return taken

    def _give_up(self, why: str, sent: int) -> None:
        self.close()
        raise WriteInterrupted(why, sent)


def make_virtual(device: str, *, width: int, process_id: bool) -> VirtualTransport:
    """A virtual printer with a fresh emulator; `device` is the folder for its strips, "" for none."""
    directory = Path(device) if device else None
    return VirtualTransport(Emulator(width, directory, process_id))


def serve_pty(emulator: Emulator, link: Path | None = None, baudrate: int | None = None) -> tuple[str, Stop]:
    """Put the printer behind a pty; return the path that a tty's user opens, and what unplugs it and frees all.

    While the emulator is `unplugged` the pty hangs up; plugged in again it is another one, which `link` then names (the
    path that is returned). With a `baudrate` it understands nothing that is sent at another speed.
    """
    stopping, ready = threading.Event(), threading.Event()
    names: list[str] = []

    def live() -> None:
        while not stopping.is_set():
            if emulator.unplugged:
                stopping.wait(_TICK)
                continue
            with _pty(link) as (master, slave):
                names.append(os.ttyname(slave))
                ready.set()
                _serve(emulator, master, stopping, lambda: baudrate in (None, _speed(slave)))

    thread = threading.Thread(target=live, name="emulator-pty", daemon=True)
    thread.start()
    ready.wait()

    def stop() -> None:
        stopping.set()
        thread.join()

    return str(link) if link is not None else names[0], stop


@contextlib.contextmanager
def _pty(link: Path | None) -> Iterator[tuple[int, int]]:
    """A raw pty's two ends, and its name under `link` for as long as it is there."""
    import tty

    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        os.set_blocking(master, False)
        if link is not None:
            aside = link.with_name(f".{link.name}.new")
            aside.unlink(missing_ok=True)
            aside.symlink_to(os.ttyname(slave))
            aside.replace(link)
        yield master, slave
    finally:
        if link is not None:
            link.unlink(missing_ok=True)
        os.close(slave)
        os.close(master)


def _speed(slave: int) -> int:
    """The line speed that the tty's user has set, 0 for one that printers do not have."""
    import termios

    speeds = {getattr(termios, f"B{rate}"): rate for rate in BAUDRATES}
    return speeds.get(termios.tcgetattr(slave)[5], 0)


def serve_tcp(emulator: Emulator, host: str = "127.0.0.1", port: int = 0) -> tuple[int, Stop]:
    """Put the printer on a TCP port, for one caller after the other; return the port, and what stops it.

    While the emulator is `unplugged` nobody listens there and open connections are reset.
    """
    listener = _listen(host, port)
    bound: int = listener.getsockname()[1]
    stopping = threading.Event()

    def live() -> None:
        listening: socket.socket | None = listener
        while not stopping.is_set():
            if listening is None:
                listening = None if emulator.unplugged else _listen(host, bound)
                stopping.wait(_PAUSE)
                continue
            _answer_call(emulator, listening, stopping)
            if emulator.unplugged:
                listening.close()
                listening = None
        if listening is not None:
            listening.close()

    thread = threading.Thread(target=live, name="emulator-tcp", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join()

    return bound, stop


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    listener.settimeout(_TICK)
    return listener


def _answer_call(emulator: Emulator, listener: socket.socket, stopping: threading.Event) -> None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        emulator.feed(b"")
        return
    with connection:
        connection.setblocking(False)
        _serve(emulator, connection.fileno(), stopping)
        if emulator.unplugged:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)


def _serve(
    emulator: Emulator, fd: int, stopping: threading.Event, understands: Callable[[], bool] = lambda: True
) -> None:
    """Carry bytes between a descriptor and the printer until the other side hangs up; never read more than it takes."""
    backlog = b""
    with contextlib.suppress(OSError):
        while not stopping.is_set() and not emulator.unplugged:
            if not backlog:
                received = _receive(fd)
                if received is None:
                    return
                backlog = received if understands() else b""
            taken, answers = emulator.accept(backlog)
            stuck = bool(backlog) and not taken
            backlog = backlog[taken:]
            if answers:
                _say(fd, answers)
            if stuck:
                if wait_for(fd, 0, 0.0) & HANGUP:
                    return
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
