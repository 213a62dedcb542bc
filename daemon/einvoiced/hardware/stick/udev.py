"""Which USB sticks are plugged in, by udev.

Events are hints, the enumeration is the truth: whatever arrives, the list is made anew and compared with the last one.
That makes lost events harmless, and after an overflow of the queue (every further read fails then) the monitor is
simply built again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RECEIVE_BUFFER = 1 << 20
_MOST_EVENTS = 1000
_TYPES = ("partition", "disk")


@dataclass(frozen=True)
class Stick:
    """A file system on a USB disk, as udevd describes it; "" where it does not say."""

    devnode: str
    fs_type: str
    fs_uuid: str
    label: str


OnChange = Callable[[frozenset[Stick], frozenset[Stick]], None]


class UdevSticks:
    """The sticks that are there. Only the loop's thread may call it; needs AF_NETLINK.

    `on_change` is called with those added and those removed, also for what is there at the start. `context` and
    `make_monitor` are for tests.
    """

    def __init__(
        self, on_change: OnChange, *, context: Any = None, make_monitor: Callable[[Any], Any] | None = None
    ) -> None:
        self._on_change = on_change
        self._context = context
        self._make_monitor = _monitor if make_monitor is None else make_monitor
        self._monitor: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._known: frozenset[Stick] = frozenset()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen first, then look: nothing can slip in between. Raise OSError where there is no udev."""
        if self._context is None:
            self._context = _context()
        self._loop = loop
        self._listen()
        self.update()

    def close(self) -> None:
        """Stop listening; harmless when stopped."""
        self._deafen()
        self._loop = None

    def refresh(self) -> list[Stick]:
        """The sticks there are now, by device name."""
        if self._context is None:
            self._context = _context()
        devices = self._context.list_devices(subsystem="block")
        # Several properties given to the enumeration would be alternatives to libudev: choose here.
        return sorted((_stick(device) for device in devices if _is_stick(device)), key=lambda stick: stick.devnode)

    def update(self) -> None:
        """Look again and tell of the change, if any; a timer may call it too, as a net below the events."""
        if self._monitor is None and self._loop is not None:
            with contextlib.suppress(OSError):
                self._listen()
        now = frozenset(self.refresh())
        added, removed = now - self._known, self._known - now
        self._known = now
        if added or removed:
            self._on_change(added, removed)

    def on_readable(self) -> None:
        """Something came: read the hints away, then look."""
        try:
            for _ in range(_MOST_EVENTS):
                if self._monitor.poll(timeout=0) is None:
                    break
        except OSError:
            self._deafen()
        self.update()

    def _listen(self) -> None:
        self._monitor = self._make_monitor(self._context)
        if self._loop is not None:
            self._loop.add_reader(self._monitor.fileno(), self.on_readable)

    def _deafen(self) -> None:
        # libudev closes the socket when the monitor is collected.
        monitor, self._monitor = self._monitor, None
        if monitor is not None and self._loop is not None:
            self._loop.remove_reader(monitor.fileno())


def _context() -> Any:
    import pyudev

    try:
        return pyudev.Context()
    except (ImportError, OSError) as error:
        raise OSError(f"no udev here: {error}") from error


def _monitor(context: Any) -> Any:
    """A monitor that hears of block devices only (filtered in the kernel), already listening."""
    import pyudev

    monitor = pyudev.Monitor.from_netlink(context)
    for device_type in _TYPES:
        monitor.filter_by("block", device_type)
    with contextlib.suppress(OSError):
        _enlarge(monitor)
    monitor.start()
    return monitor


def _enlarge(monitor: Any) -> None:
    """1 MiB for events; without CAP_NET_ADMIN as much as net.core.rmem_max allows."""
    try:
        monitor.set_receive_buffer_size(RECEIVE_BUFFER)
    except OSError:
        with socket.socket(fileno=os.dup(monitor.fileno())) as duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def _is_stick(device: Any) -> bool:
    properties = device.properties
    return (
        properties.get("ID_BUS") == "usb"
        and properties.get("ID_FS_USAGE") == "filesystem"
        and properties.get("DEVTYPE") in _TYPES
    )


def _stick(device: Any) -> Stick:
    properties = device.properties
    return Stick(
        devnode=properties.get("DEVNAME", ""),
        fs_type=properties.get("ID_FS_TYPE", ""),
        fs_uuid=properties.get("ID_FS_UUID", ""),
        label=properties.get("ID_FS_LABEL", ""),
    )
