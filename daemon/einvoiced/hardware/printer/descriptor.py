"""Bytes through a non-blocking file descriptor with a deadline: what the serial and the USB transport share."""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Callable

CHUNK = 4096
DRAIN_POLL = 0.002
"""Seconds between two looks at an output queue; the kernel offers no event for "empty" that has a deadline."""

HANGUP = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Stopped(Exception):
    """The descriptor took `accepted` bytes, perhaps `doubtful` more, and then failed or was too slow."""

    def __init__(self, why: str, accepted: int, doubtful: int = 0) -> None:
        super().__init__(why)
        self.accepted = accepted
        self.doubtful = doubtful


def remaining(deadline: float) -> float:
    """Seconds until `deadline` on the monotonic clock, never negative."""
    return max(0.0, deadline - time.monotonic())


def wait_for(fd: int, event: int, deadline: float) -> int:
    """Wait for a poll event; return the events seen, 0 at the deadline."""
    poller = select.poll()
    poller.register(fd, event)
    ready = poller.poll(remaining(deadline) * 1000)
    return ready[0][1] if ready else 0


def send_all(fd: int, data: bytes, deadline: float) -> None:
    """Give every byte to the kernel, or raise `Stopped` with the exact count that it took."""
    view = memoryview(data)
    accepted = 0
    while accepted < len(data):
        chunk = view[accepted : accepted + CHUNK]
        try:
            accepted += os.write(fd, chunk)
        except BlockingIOError:
            _wait_for_room(fd, accepted, deadline)
        except OSError as error:
            # A USB transfer may have been under way with this chunk when the device failed or was pulled (usblp_write).
            raise Stopped(str(error), accepted, doubtful=len(chunk)) from error
        else:
            if accepted < len(data) and not remaining(deadline):
                raise Stopped("the printer is too slow for the time given", accepted)


def _wait_for_room(fd: int, accepted: int, deadline: float) -> None:
    events = wait_for(fd, select.POLLOUT, deadline)
    if not events & select.POLLOUT:
        why = "the device hung up" if events & HANGUP else "the printer takes no more data"
        raise Stopped(why, accepted)


def wait_until(done: Callable[[], bool], deadline: float) -> bool:
    """Ask `done` again and again until it says True or the deadline has passed; return its last word."""
    while not done():
        if not remaining(deadline):
            return False
        time.sleep(DRAIN_POLL)
    return True


def receive(fd: int, timeout: float, *, empty_is_gone: bool) -> bytes:
    """What can be read within `timeout` seconds, b"" on silence.

    Raise OSError when the device is gone. `empty_is_gone`: a read of nothing means hang-up (a tty); otherwise it is an
    empty USB packet, which some printers send all the time.
    """
    deadline = time.monotonic() + timeout
    while True:
        events = wait_for(fd, select.POLLIN, deadline)
        if events & select.POLLIN:
            try:
                data = os.read(fd, CHUNK)
            except BlockingIOError:
                data = b""
            else:
                if not data and (empty_is_gone or events & HANGUP):
                    raise OSError(errno.EIO, "the device hung up")
            if data:
                return data
            time.sleep(min(DRAIN_POLL, remaining(deadline)))
        elif events & HANGUP:
            raise OSError(errno.ENODEV, "the device hung up")
        if not remaining(deadline):
            return b""
