"""Printer, fonts, lamps, stick: are they there, may the daemon use them, and who else has them?"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from einvoiced.actions.paper_notices import TROUBLES
from einvoiced.config import PrinterSection
from einvoiced.doctor.findings import Finding, note, ok, problem, unseen, warning
from einvoiced.doctor.installation import USER
from einvoiced.doctor.site import Site, show_unit
from einvoiced.errors import ConfigError, FontsMissing
from einvoiced.hardware.holders import Holders, holders
from einvoiced.hardware.printer import PrinterUnavailable
from einvoiced.hardware.printer.find import serial_node, usb_node

CONNECT_SECONDS = 3.0
FINE = ("ready", "busy")
THIEVES = {"ModemManager": "ModemManager", "brltty": "brltty", "agetty": "serial-getty@{tty}"}
"""Programs that take serial ports, and their units."""

DRIVERS = {"ttyUSB": "usbserial", "ttyACM": "cdc_acm", "lp": "usblp"}
RULES = ("60-einvoiced.rules", "61-einvoiced-stick.rules", "99-einvoiced-brltty.rules")
RULES_FOLDERS = (Path("/usr/lib/udev/rules.d"), Path("/lib/udev/rules.d"), Path("/etc/udev/rules.d"))


def check_printer(site: Site) -> Iterator[Finding]:
    """What it says to the daemon; and whether its device is there, ours, and nobody else's."""
    section = site.config.printer
    if isinstance(site.loaded, ConfigError):
        return
    if section.transport == "none":
        yield note("No printer is configured: the till prints.", "未設定印表機，由收銀機列印。")
        return
    said = site.status["printer"] if isinstance(site.status, dict) else ""
    if said in FINE:
        yield ok(f"The printer is {said}.", "印表機正常。")
    elif said:
        en, zh = TROUBLES.get(said, (f"The printer is {said}.", f"印表機狀態：{said}。"))
        yield warning(f"{said}: {en}", zh, en, zh)
    if section.transport in ("serial", "usb"):
        yield from _node(site, section)
    elif section.transport == "network" and not said:
        yield from _network(section.device)


def _node(site: Site, section: PrinterSection) -> Iterator[Finding]:
    try:
        node = _node_of(section)
        status = node.stat()
    except PrinterUnavailable as error:
        look = "ls -l /dev/serial/by-id /dev/usb"
        yield problem(str(error), "無法決定是哪一台印表機。", look, look)
        return
    except OSError:
        yield from _absent(section)
        return
    if section.transport == "serial" and "/by-" not in section.device and "ttyUSB" in section.device:
        how = ("ls -l /dev/serial/by-id, and set printer.device to that name", "改用 /dev/serial/by-id 的名稱")
        yield warning(
            f"{section.device} may become another device's name at the next start.",
            "裝置名稱可能在重開機後改變。",
            *how,
        )
    yield from _rights(site, node, status)
    yield from _busy(site, node)


def _node_of(section: PrinterSection) -> Path:
    """The node behind the configured name. PrinterUnavailable when several would do."""
    found = serial_node(section.device) if section.transport == "serial" else usb_node(section.device)
    return Path(found).resolve()


def _absent(section: PrinterSection) -> Iterator[Finding]:
    driver = next((name for prefix, name in DRIVERS.items() if prefix in section.device), "")
    how = "switch it on, check its cable: lsusb; ls -l /dev/serial/by-id /dev/usb"
    if driver and not Path("/sys/module", driver).exists():
        how = f"modprobe {driver}; " + how
    yield problem(f"{section.device} is not there.", f"找不到 {section.device}，請檢查電源與連接線。", how, how)


def _rights(site: Site, node: Path, status: os.stat_result) -> Iterator[Finding]:
    """Whether the unit's groups may use the node (SupplementaryGroups=lp dialout gpio)."""
    import grp

    if not site.installed:
        return
    mode, group = stat.S_IMODE(status.st_mode), str(status.st_gid)
    try:
        group = grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        pass
    by_group = group in ("lp", "dialout", USER) and mode & 0o060 == 0o060
    if not by_group and mode & 0o006 != 0o006:
        how = f"chgrp dialout {node} && chmod 660 {node}; for good: a udev rule"
        yield problem(f"{USER} may not use {node} ({group}, {mode:04o}).", f"{USER} 沒有 {node} 的權限。", how, how)


def _busy(site: Site, node: Path) -> Iterator[Finding]:
    """Who has the node open besides the daemon."""
    found = holders(node)
    ours = _daemon(site)
    others = [h for h in found.found if h.pid != ours and not h.name.startswith("einvoiced")]
    if others:
        thief = others[0]
        unit = THIEVES.get(thief.name, "").format(tty=node.name)
        how = f"systemctl disable --now {unit}" if unit else f"kill {thief.pid}"
        yield problem(f"{node} is held by {thief}.", f"{node} 被 {thief} 占用。", how, how)
    elif not found.complete:
        yield unseen(f"Who holds {node}", f"{node} 由誰占用")
    else:
        yield _held(found, node)


def _held(found: Holders, node: Path) -> Finding:
    if found.found:
        return ok(f"{node} is held by einvoiced.", f"{node} 由 einvoiced 使用中。")
    return ok(f"{node} is there and nobody holds it.", f"{node} 存在，沒有被占用。")


def _daemon(site: Site) -> int | None:
    from einvoiced.journal.reading import owner

    try:
        return owner(site.state / "journal")
    except OSError:
        pid = site.unit.get("MainPID", "0")
        return int(pid) or None


def _network(device: str) -> Iterator[Finding]:
    """Only while no daemon speaks to it: such printers serve one caller."""
    from einvoiced.hardware.printer.network import split_address

    address = split_address(device)
    how = "switch it on; ping its address; systemctl cat einvoiced (network-printer.conf names the address)"
    try:
        socket.create_connection(address, CONNECT_SECONDS).close()
    except OSError as error:
        yield problem(f"{device}: {error}", f"無法連線到印表機 {device}。", how, how)
    else:
        yield ok(f"{device} takes connections.", f"{device} 可以連線。")


def check_fonts(site: Site) -> Iterator[Finding]:
    """Chinese can be drawn."""
    from einvoiced.proof.fonts import DEBIAN_PACKAGE, FontBook

    how = f"apt install {DEBIAN_PACKAGE}"
    try:
        book = FontBook()
    except FontsMissing as error:
        yield problem(error.message, error.message_zh, how, how)
        return
    if all(book.covered(character) for character in "電子發票證明聯"):
        yield ok("Chinese fonts are there.", "中文字型正常。")
    else:
        yield problem("The fonts have no Chinese.", "字型缺少中文。", how, how)


def check_lamps(site: Site) -> Iterator[Finding]:
    """Pins that somebody may use."""
    if isinstance(site.loaded, ConfigError):
        return
    if site.config.lamps.kind == "none":
        yield note("No lamps are configured.", "未設定燈號。")
        return
    if site.config.lamps.kind == "virtual":
        yield note("Virtual lamps.", "虛擬燈號。")
        return
    chips = sorted(Path("/dev").glob("gpiochip*"))
    if not chips:
        how = (
            'this board has no GPIO: set lamps.kind = "none"; on a Pi: modprobe gpio-bcm2835',
            '此主機沒有 GPIO，請設 lamps.kind = "none"',
        )
        yield problem("There is no /dev/gpiochip*.", "找不到 GPIO。", *how)
        return
    mode = chips[0].stat().st_mode
    if not mode & stat.S_IWGRP:
        again = "udevadm control --reload && udevadm trigger -s gpio"
        yield problem(f"The group may not use {chips[0]}.", f"群組沒有 {chips[0]} 的權限。", again, again)
    else:
        yield ok(f"{chips[0]} is there.", f"{chips[0]} 存在。")


def check_stick(site: Site) -> Iterator[Finding]:
    """What makes a stick come in: udev's rule, its unit, the inbox."""
    if isinstance(site.loaded, ConfigError) or site.config.stick.kind != "udev" or not site.installed:
        return
    missing = [name for name in RULES if not any((folder / name).exists() for folder in RULES_FOLDERS)]
    if missing:
        how = "apt install --reinstall einvoiced && udevadm control --reload"
        yield problem(f"udev rules are missing: {', '.join(missing)}.", "缺少 udev 規則。", how, how)
    if site.has_systemd and show_unit("einvoiced-stick@sda1.service").get("LoadState") != "loaded":
        how = "apt install --reinstall einvoiced && systemctl daemon-reload"
        yield problem("The unit einvoiced-stick@.service is missing.", "缺少讀取隨身碟的服務。", how, how)
    elif not missing:
        yield ok("Sticks are read when they are plugged in.", "插入隨身碟會自動讀取。")
