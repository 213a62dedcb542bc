"""From the configuration to the parts it names: clock, printer, lamps, stick. Heavy libraries load only when named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from einvoiced import config
from einvoiced.actions.start_checks import Identity
from einvoiced.hardware.clock import Clock
from einvoiced.hardware.lamps import Lamps
from einvoiced.hardware.printer import Transport, make_transport
from einvoiced.hardware.stick.folder import FolderStick

if TYPE_CHECKING:
    from einvoiced.proof.profile import PrinterProfile

RTC_TOLERANCE = 2.0
"""Seconds by which the hardware clock may differ from the system's and still confirm it."""

log = logging.getLogger(__name__)


def clock(section: config.ClockSection) -> Clock:
    """The system's clock, or the movable one."""
    if section.kind == "virtual":
        from einvoiced.hardware.clock.virtual import VirtualClock

        return VirtualClock(Path(section.file))
    from einvoiced.hardware.clock.system import SystemClock

    return SystemClock()


def printer(section: config.PrinterSection, profile: PrinterProfile) -> Transport | None:
    """The way to the printer, not yet open; None where the box prints nothing. A virtual one is of that kind."""
    if section.transport == "none":
        return None
    return make_transport(
        section.transport,
        section.device,
        baudrate=section.baudrate,
        flow_control=section.flow_control,
        width=profile.left_dots + profile.dots,
        process_id=profile.confirmation == "process_id",
    )


def profile(
    section: config.PrinterSection, config_file: Path = Path("/etc/einvoiced/einvoiced.toml")
) -> PrinterProfile:
    """What the proof must know of the printer; ConfigError for a profile that is not there or not right."""
    return config.printer_profile(config_file, section)


def witnesses(mirror: config.MirrorSection) -> tuple[frozenset[str], frozenset[str]]:
    """The names of the required and of the optional witnesses."""
    named = frozenset({"mirror"} if mirror.directory else ())
    return (named, frozenset()) if mirror.required else (frozenset(), named)


def identity(state: Path) -> Identity:
    """The board and the disk that the state lives on."""
    from einvoiced.hardware.board import board_serial, disk_serial

    return Identity(board_serial(), disk_serial(state))


def lamps(section: config.LampsSection) -> Lamps:
    """The lamps; where pins fail, virtual ones: lamps never stop a box."""
    if section.kind == "gpio":
        from einvoiced.hardware.lamps.gpio import GpioLamps

        try:
            return GpioLamps(section.green, section.amber, section.red)
        except Exception as error:
            log.error("no lamps on pins %d %d %d: %s", section.green, section.amber, section.red, error)
    from einvoiced.hardware.lamps.virtual import VirtualLamps

    return VirtualLamps(Path(section.file) if section.kind == "virtual" and section.file else None)


def folder_stick(section: config.StickSection, inbox: Path) -> FolderStick | None:
    """The folder that plays the stick, where there is one."""
    return FolderStick(Path(section.folder), inbox) if section.kind == "folder" else None


def watch_usb(section: config.StickSection, on_change: Callable[[], None]) -> None:
    """Tell of USB sticks that come and go; the stick unit copies their files to the inbox."""
    if section.kind != "udev":
        return
    from einvoiced.hardware.stick.udev import UdevSticks

    try:
        UdevSticks(lambda _added, _removed: on_change()).start(asyncio.get_running_loop())
    except OSError as error:
        log.error("USB sticks cannot be watched: %s", error)
