"""Which printers are there, and what does each say of itself? For whoever sets up a box.

Every place is asked with DLE EOT only: a printer answers and prints nothing, another device sees a few odd bytes. A tty
on which the kernel has its console is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import PrinterUnavailable
from .baud import find_baudrate
from .find import usb_kind
from .serial import SerialTransport
from .status import Answer, PrinterStatus, all_unknown, query
from .usblp import UsbLpTransport

DEV, SYS = Path("/dev"), Path("/sys")
ASK_SECONDS = 2.0


@dataclass(frozen=True)
class Place:
    """Where a printer may be: a node, and what its USB descriptor or its cable's name says of it."""

    kind: Literal["usb", "serial"]
    device: str
    model: str = ""


@dataclass(frozen=True)
class Found:
    """What was heard at a place. `baudrate` is 0 for USB and for silence; `trouble` is why it could not be asked."""

    place: Place
    status: PrinterStatus
    baudrate: int = 0
    trouble: str = ""

    @property
    def answers(self) -> bool:
        """Whether something there speaks ESC/POS."""
        return self.status.online is not Answer.UNKNOWN


def places(dev: Path = DEV, sys: Path = SYS) -> list[Place]:
    """Everything that may be a printer: usblp nodes, USB serial by its lasting name, UARTs that are really there."""
    return [*_usb(dev, sys), *_usb_serial(dev), *_uarts(dev, sys)]


def look(place: Place) -> Found:
    """Ask one place; at most a few seconds. Never raises for a device."""
    try:
        return _look_usb(place) if place.kind == "usb" else _look_serial(place)
    except PrinterUnavailable as error:
        return Found(place, all_unknown(), trouble=str(error))


def _look_usb(place: Place) -> Found:
    transport = UsbLpTransport(place.device)
    try:
        transport.open()
        return Found(place, query(transport, ASK_SECONDS))
    finally:
        transport.close()


def _look_serial(place: Place) -> Found:
    baudrate = find_baudrate(place.device, "none")
    if baudrate is None:
        return Found(place, all_unknown())
    transport = SerialTransport(place.device, baudrate=baudrate, flow_control="none")
    try:
        transport.open()
        return Found(place, query(transport, ASK_SECONDS), baudrate)
    finally:
        transport.close()


def _usb(dev: Path, sys: Path) -> Iterator[Place]:
    for node in sorted((dev / "usb").glob("lp*")):
        yield Place("usb", str(node), usb_kind(str(node), sys / "class/usbmisc"))


def _usb_serial(dev: Path) -> Iterator[Place]:
    named = sorted((dev / "serial" / "by-id").glob("*"))
    for link in named:
        yield Place("serial", str(link), link.name.removeprefix("usb-").partition("-if")[0].replace("_", " "))
    known = {link.resolve() for link in named}
    for node in sorted([*dev.glob("ttyUSB*"), *dev.glob("ttyACM*")]):
        if node.resolve() not in known:
            yield Place("serial", str(node))


def _uarts(dev: Path, sys: Path) -> Iterator[Place]:
    consoles = _text(sys / "class/tty/console/active").split()
    for node in sorted([*dev.glob("ttyS*"), *dev.glob("ttyAMA*")]):
        kind = _text(sys / "class/tty" / node.name / "type").strip()  # PORT_UNKNOWN is 0 (linux/serial_core.h)
        if kind not in ("", "0") and node.name not in consoles:
            yield Place("serial", str(node))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
