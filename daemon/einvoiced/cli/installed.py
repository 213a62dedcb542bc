"""What `setup` does to the machine: key, the sandbox's door to a network printer, services, test strip."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einvoiced import cli, config

if TYPE_CHECKING:
    from einvoiced.config import Config

SERVICE = "einvoiced.service"
DROP_IN = Path("/etc/systemd/system/einvoiced.service.d/network-printer.conf")
START_SECONDS = 60.0
PRINT_SECONDS = 10.0


def is_installed(options: argparse.Namespace) -> bool:
    """Whether this file is that of a box that systemd runs here."""
    return (
        options.config == config.FILE and _systemctl("show", "-p", "LoadState", "--value", SERVICE).strip() == "loaded"
    )


def key_place(options: argparse.Namespace) -> Path:
    """Where the key belongs: systemd's credential store, or a file beside the configuration."""
    return config.CREDENTIAL if options.config == config.FILE else options.config.parent / "qr.key"


def has_key(options: argparse.Namespace, key_file: str | None) -> bool:
    """Whether there is a key already."""
    return key_place(options).exists() or (key_file is not None and (options.config.parent / key_file).exists())


def write_key(options: argparse.Namespace, digits: str) -> Path:
    """Put the key in its place, for its owner alone; the place."""
    from einvoiced.config.edit import replace

    place = key_place(options)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(place, digits.encode() + b"\n", mode=0o600)
    place.chmod(0o600)
    return place


def restart(settings: Config) -> None:
    """Start the box anew with the new file, and the followers that it names. OSError says what systemd said."""
    _open_network(settings)
    _systemctl("daemon-reload", need=True)
    _systemctl("restart", SERVICE, need=True)
    for follower, wanted in (("mirror", settings.mirror.directory), ("turnkey", settings.turnkey.spool)):
        _systemctl("enable" if wanted else "disable", "--now", f"einvoiced-{follower}.service", need=bool(wanted))


def _open_network(settings: Config) -> None:
    """A network printer's address is let through the sandbox; without such a printer nothing is."""
    from einvoiced.config.edit import replace
    from einvoiced.hardware.printer.network import split_address

    if settings.printer.transport != "network":
        DROP_IN.unlink(missing_ok=True)
        return
    address = split_address(settings.printer.device)[0]
    content = (
        "# Written by einvoicectl setup: the printer's address, and no other, is let through.\n"
        f"[Service]\nRestrictAddressFamilies=AF_INET AF_INET6\nIPAddressAllow={address}\n"
    )
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    replace(DROP_IN, content.encode(), mode=0o644)


def wait_for_status(options: argparse.Namespace) -> dict[str, Any]:
    """What the box says of itself once it has started and asked its printer; BoxUnreachable."""
    from einvoiced.client import BoxUnreachable

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            status: dict[str, Any] = cli.call(options, "box.status")
        except BoxUnreachable:
            if time.monotonic() > deadline:
                raise
        else:
            if status["printer"] != "starting" or time.monotonic() > deadline:
                return status
        time.sleep(0.2)


def print_test_strip(options: argparse.Namespace, settings: Config) -> str:
    """Have the running box print a strip that says 測試; how it stands then. BoxError: it could not."""
    from einvoiced.client import new_key

    answer = cli.call(options, "slip.print", key=new_key(), lines=_test_lines(settings), wait=PRINT_SECONDS)
    return str(answer["state"])


def _test_lines(settings: Config) -> list[dict[str, Any]]:
    seller, printer = settings.seller, settings.printer
    return [
        {"text": "測試", "size": "huge", "bold": True, "align": "center"},
        {"text": "不是統一發票", "size": "title", "align": "center"},
        {"rule": True},
        {"text": seller.name, "size": "title", "align": "center"},
        {"text": "統一編號", "right": seller.identifier},
        {"text": "本機代號", "right": f"{settings.box.id}（{settings.tracks.share}）"},
        {"text": "印表機", "right": printer.transport},
        {"text": printer.device},
        {"text": "型號設定", "right": printer.profile},
        {"text": time.strftime("%Y-%m-%d %H:%M:%S")},
        {"rule": True},
        {"text": "中文清楚、左右線條完整、下方兩種條碼都能掃描，印表機就設定好了。"},
        {"barcode": "TEST"},
        {"qr": "einvoiced 測試"},
    ]


def _systemctl(*arguments: str, need: bool = False) -> str:
    """What systemctl prints; "" without systemd. With `need` a failure is an OSError that says what it said."""
    try:
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=150, check=False)
    except FileNotFoundError:
        return ""
    if need and done.returncode:
        raise OSError(f"systemctl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def need_root(options: argparse.Namespace) -> bool:
    """Whether this user may write the configuration; says so when not."""
    folder = options.config.parent
    while not folder.exists():
        folder = folder.parent
    if os.access(folder, os.W_OK):
        return True
    print(
        f"{folder} may not be written: run sudo einvoicectl setup",
        "沒有寫入設定的權限，請以 sudo einvoicectl setup 執行。",
        sep="\n",
        file=sys.stderr,
    )
    return False
