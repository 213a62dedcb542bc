"""The little of systemd's protocols that a service needs (sd_notify(3), sd_listen_fds(3)), without a library."""

from __future__ import annotations

import os
import socket


def notify(**assignments: str | int) -> bool:
    """Send `READY=1`, `STATUS=…` and so on; False when nobody listens. Chinese is fine, newlines become blanks."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    message = "\n".join(f"{name}={str(value).replace(chr(10), ' ')}" for name, value in assignments.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(1)
        try:
            sock.sendto(message.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            return False
    return True


def watchdog_seconds() -> float | None:
    """Half of WatchdogSec: how often to send WATCHDOG=1; None when there is no watchdog for this process."""
    microseconds = os.environ.get("WATCHDOG_USEC")
    if not microseconds or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000


def listening_sockets() -> dict[str, socket.socket]:
    """The sockets that systemd holds for us, by FileDescriptorName."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    count = int(os.environ.get("LISTEN_FDS", "0"))
    found = {}
    for descriptor, name in zip(range(3, 3 + count), names, strict=False):
        sock = socket.socket(fileno=descriptor)
        sock.setblocking(False)
        found[name] = sock
    return found


def directory(variable: str, otherwise: str) -> str:
    """The first of systemd's directories (`STATE_DIRECTORY`, …), or what is given."""
    return os.environ.get(variable, otherwise).split(":")[0]
