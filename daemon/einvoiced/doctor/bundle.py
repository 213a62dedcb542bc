"""The support bundle: what a technician sends along, without secrets and without customers.

Of the journal only the entries' envelopes (type, time, sequence): no buyer, no carrier, no items, no random code. Logs
and the configuration go through `mask`. Before anything is written the whole is searched for the box's own keys.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

import einvoiced
from einvoiced import config
from einvoiced.doctor import examine, mask
from einvoiced.doctor.installation import CREDENTIAL
from einvoiced.doctor.site import Site, show_unit
from einvoiced.errors import ConfigError, EinvoicedError
from einvoiced.hardware.board import board_serial, disk_serial
from einvoiced.hardware.power import board_model, read_power
from einvoiced.journal import entries, reading

ENVELOPES = 20_000
LOG_BYTES = 4 << 20
LOG_SINCE = "-14days"
COMMAND_SECONDS = 30.0
UNITS = (
    *("einvoiced.service", "einvoiced-till.socket", "einvoiced-admin.socket"),
    *("einvoiced-mirror.service", "einvoiced-turnkey.service", "einvoiced-scrub.service", "einvoiced-scrub.timer"),
)
_UNIT_FACTS = (
    *("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "ExecMainStatus", "StatusText", "UnitFileState"),
    *("ActiveEnterTimestamp", "MemoryCurrent", "DropInPaths", "NeedDaemonReload"),
)


@dataclass
class Bundle:
    """What goes in, by name, and what could not be had, with the reason."""

    members: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class SecretFound(Exception):
    """A secret would have left the box: nothing was written. The text names the member, never the secret."""


def gather(site: Site, logs: Sequence[Path] = (), progress: Callable[[str], None] = lambda _name: None) -> Bundle:
    """Collect everything; what fails is left out and said. SecretFound rather than give one away."""
    bundle = Bundle()
    makers: list[tuple[str, Callable[[], bytes]]] = [
        ("about.json", lambda: _about(site)),
        ("doctor.json", lambda: _json(msgspec.to_builtins(examine(site)))),
        ("status.json", lambda: _status(site)),
        ("config.toml", lambda: _config(site)),
        ("envelopes.jsonl", lambda: _envelopes(site)),
        ("units.json", lambda: _json({n: _unit(n) for n in UNITS})),
        ("disks.txt", lambda: _disks(site)),
        ("devices.txt", lambda: _devices()),
        ("journald.log", lambda: _journald(site)),
    ]
    makers += [(f"logs/{path.name}", lambda path=path: _log(site, path)) for path in logs]  # type: ignore[misc]
    for name, make in makers:
        progress(name)
        try:
            bundle.members[name] = make()
        except (OSError, EinvoicedError, sqlite3.Error, subprocess.SubprocessError) as error:
            bundle.left_out[name] = str(error) or type(error).__name__
    if bundle.left_out:
        bundle.members["left-out.json"] = _json(bundle.left_out)
    _search_secrets(bundle, site)
    return bundle


def write(bundle: Bundle, file: Path, prefix: str) -> None:
    """Write a .tar.gz, readable by its owner only. OSError when the file is there already."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in bundle.members.items():
            member = tarfile.TarInfo(f"{prefix}/{name}")
            member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
            tar.addfile(member, io.BytesIO(content))


def _search_secrets(bundle: Bundle, site: Site) -> None:
    for secret in _secrets(site):
        for name, content in bundle.members.items():
            if secret in content.lower():
                raise SecretFound(f"{name} holds a secret of this box; nothing was written")


def _secrets(site: Site) -> Iterable[bytes]:
    """The keys themselves, as far as we may read them, in lower case as they would stand in a text."""
    try:
        yield config.qr_key(site.config_file, site.config).lower().encode()
    except ConfigError:
        pass
    try:
        yield CREDENTIAL.read_bytes().strip().lower() or b"\0"
    except OSError:
        pass
    try:
        with site.journal() as db:
            yield db.execute("SELECT value FROM secrets WHERE name = 'mac'").fetchone()[0].hex().encode()
    except (OSError, sqlite3.Error, EinvoicedError, TypeError):
        pass


# -- the members


def _about(site: Site) -> bytes:
    power = read_power()
    return _json(
        {
            "einvoiced": einvoiced.__version__,
            "running": site.info.get("version"),
            "box": site.config.box.id,
            "made": f"{site.box.clock.now():%Y-%m-%dT%H:%M:%S%z}",
            "by_root": os.geteuid() == 0,
            "python": sys.version,
            "sqlite": sqlite3.sqlite_version,
            "kernel": " ".join(platform.uname()),
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
            "board": " ".join(board_model()).strip(),
            "board_serial": board_serial(),
            "disk_serial": disk_serial(site.state if site.state.exists() else Path("/")),
            "power": {
                "source": power.source,
                "now": power.now,
                "since_boot": power.since_boot,
                "celsius": power.celsius,
            },
            "uptime_seconds": float(Path("/proc/uptime").read_text().split()[0]),
        }
    )


def _status(site: Site) -> bytes:
    if isinstance(site.status, str):
        raise OSError(f"the box does not answer: {site.status}")
    return _json(msgspec.json.decode(json.dumps(site.status, default=str)))


def _config(site: Site) -> bytes:
    return mask.configuration(site.config_file.read_text(encoding="utf-8", errors="replace")).encode()


def _envelopes(site: Site) -> bytes:
    """The newest entries by type, time and place in the chain, and nothing of what they say."""
    with site.journal() as db:
        last = reading.last_sequence(db)
        lines = []
        for sequence, body in reading.bodies(db, max(0, last - ENVELOPES)):
            envelope = entries.read(body)
            told = {"epoch": envelope.epoch, "sequence": sequence, "time": envelope.time, "type": envelope.type}
            lines.append(json.dumps(told))
    return ("\n".join(lines) + "\n").encode()


def _unit(name: str) -> dict[str, str]:
    shown = show_unit(name)
    return {fact: shown[fact] for fact in _UNIT_FACTS if fact in shown}


def _disks(site: Site) -> bytes:
    place = site.state if site.state.exists() else Path("/")
    room = os.statvfs(place)
    free, size = (blocks * room.f_frsize >> 20 for blocks in (room.f_bavail, room.f_blocks))
    files = sorted(p for p in place.rglob("*") if p.is_file())[:200]
    lines = [f"{place}: {free} of {size} MiB free, {room.f_favail} inodes free", ""]
    lines += [f"{p.stat().st_size:>12} {p.relative_to(place)}" for p in files if "inbox" not in p.parts]
    return "\n".join([*lines, "", Path("/proc/self/mountinfo").read_text(errors="replace")]).encode()


def _devices() -> bytes:
    """Nodes of printers and pins, USB devices by maker and product, the drivers that are loaded."""
    lines = []
    for pattern in ("usb/*", "ttyUSB*", "ttyACM*", "ttyAMA*", "serial/by-id/*", "gpiochip*", "rtc*"):
        lines += [f"{path} -> {path.resolve()} {path.stat().st_mode:o}" for path in sorted(Path("/dev").glob(pattern))]
    for device in sorted(Path("/sys/bus/usb/devices").glob("*")):
        said = [_text(device / name) for name in ("idVendor", "idProduct", "manufacturer", "product")]
        if said[0]:
            lines.append(f"usb {device.name}: {' '.join(said)}")
    modules = ("usblp", "usbserial", "ch341", "cp210x", "ftdi_sio", "pl2303", "cdc_acm", "gpio_bcm2835")
    lines += [f"module {name}" for name in modules if Path("/sys/module", name).exists()]
    return ("\n".join(lines) + "\n").encode()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _journald(site: Site) -> bytes:
    command = ["journalctl", "--unit=einvoiced*", f"--since={LOG_SINCE}", "--output=short-iso", "--no-pager", "--quiet"]
    done = subprocess.run(command, capture_output=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip() or "journalctl failed")
    if not done.stdout and os.geteuid() != 0:
        raise OSError("nothing readable; run it as root")
    return _masked(site, done.stdout[-LOG_BYTES:])


def _log(site: Site, path: Path) -> bytes:
    return _masked(site, path.read_bytes()[-LOG_BYTES:])


def _masked(site: Site, data: bytes) -> bytes:
    return mask.log(data.decode("utf-8", "replace"), site.config.seller.identifier).encode()


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n").encode()
