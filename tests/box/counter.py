"""A shop's counter: the box under it, the printer on it, and what a till or a technician does with them."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from einvoiced.rules.period import Period
from tests.box.hand import TILL, Hand, answered
from tests.box.image import Image
from tests.box.line import Printer
from tests.box.machine import Disk, Frozen, Machine
from tools.virtualbox import QR_KEY, SELLER, track_file

SHOP = "示範商店"
RANGE = ("NQ", 42_519_550, 42_522_049)
SALE: dict[str, Any] = {
    "prices": "gross",
    "lines": [{"description": "牛奶", "quantity": 1, "unit_price": 25}],
    "total_amount": 25,
}
CARRIER: dict[str, Any] = {"carrier": {"type": "3J0002", "id": "/ABC+123"}}
"""What makes a sale one without paper."""

PINS = {"green": 17, "amber": 27, "red": 22}
UNIT = "einvoiced.service"
CONFIG = "/etc/einvoiced/einvoiced.toml"
KEY_FILE = "/etc/credstore/einvoiced.qr-key"
LINE = "/dev/serial/by-id"


class Look(NamedTuple):
    """The levels of the lamps' pins at a moment (seconds since 1970)."""

    moment: float
    green: int
    amber: int
    red: int


class Counter:
    """One box at a time, with its printer. One thread."""

    def __init__(self, image: Image, *, root: Disk | None = None, kernel: str = "") -> None:
        self.machine = Machine(image, root=root, kernel=kernel)
        self.printer = Printer()
        self._hand: Hand | None = None

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_cut()
        self.machine.close()

    # -- power

    def boot(self, *, printer: bool = True) -> None:
        """Power on, until systemd has started all."""
        self.machine.power_on(printer=printer)
        self.started(printer=printer)

    def started(self, *, printer: bool = True, timeout: float = 240.0) -> None:
        """Wait until a box that was powered on has started all."""
        if printer:
            self.printer.connect(self.machine.path("line"))
        self.machine.wait_started(timeout)
        self._hand = Hand(self.machine.path("hand"))

    def thaw(self, frozen: Frozen, *, printer: bool = True, synchronised: bool = True) -> None:
        """Go on from a frozen box, with the time of now, and a kernel that calls it synchronised."""
        self.machine.thaw(frozen)
        self._hand = Hand(self.machine.path("hand"))
        self.set_clock(time.time(), synchronised=synchronised)
        if printer:
            self.plug_printer()

    def power_cut(self) -> None:
        """Pull the plug. The printer keeps what it was sent."""
        if self._hand is not None:
            self._hand.close()
        self._hand = None
        self.machine.power_cut()
        self.printer.disconnect()

    def freeze(self, memory: Path) -> Frozen:
        """Keep the running box for `thaw`; its printer must be out."""
        if self._hand is not None:
            self._hand.close()
        self._hand = None
        self.machine.sh("sync")
        return self.machine.freeze(memory)

    @property
    def hand(self) -> Hand:
        """The process in the guest that asks for us."""
        assert self._hand is not None, "the box is off"
        return self._hand

    def pull_printer(self) -> None:
        """The printer's cable comes out of the box."""
        self.machine.pull_printer()
        self.printer.disconnect()

    def plug_printer(self) -> None:
        """And is plugged in; returns when the box has a name for it."""
        self.machine.plug_printer()
        self.printer.connect(self.machine.path("line"))
        self.machine.until(f"test -e {LINE}/*")

    def set_clock(self, seconds: float, *, synchronised: bool) -> None:
        """Set the box's clock (seconds since 1970), and say whether an NTP daemon vouches for it."""
        self.hand.do("set_clock", seconds=seconds, synchronised=synchronised)

    # -- the technician

    def configure(self, **options: dict[str, Any]) -> None:
        """Write a shop's configuration (`options` replace or add to sections) and start the box with it."""
        self.machine.sh("mkdir -p /etc/credstore && chmod 700 /etc/credstore")
        self.machine.put(KEY_FILE, QR_KEY, 0o600)
        self.machine.put(CONFIG, configuration(self.line(), **options))
        self.machine.sh(f"systemctl restart {UNIT}", 120)

    def line(self) -> str:
        """The printer's name, by its maker and serial number; it must be plugged in."""
        return f"{LINE}/{self.machine.sh(f'ls {LINE}').split()[0]}"

    def warm_up(self) -> None:
        """What a box has read from its disk once: programs start faster when they are started again."""
        self.machine.run("einvoicectl status; einvoiced-stick --help; runuser -u daemon true", 120)

    def take_tracks(self, *ranges: tuple[str, int, int], period: Period | None = None) -> None:
        """Import ranges, and release them as a technician of a new box does."""
        content = base64.b64encode(track_file(*(ranges or (RANGE,)), period=period).encode()).decode()
        taken = self.hand.call("tracks.import", {"file_name": "invnoapply.csv", "content": content})
        self.release(taken["to_release"])

    def release(self, ranges: list[dict[str, Any]] | None = None) -> None:
        """Say of ranges (default: all that wait for it) that none of their numbers was used elsewhere."""
        waiting = ranges if ranges is not None else [r for r in self.tracks() if r["state"] == "unreleased"]
        for each in waiting:
            place = {name: each[name] for name in ("year_month", "track", "begin")}
            self.hand.call("tracks.release", {**place, "last_used": "none", "technician": "示範技師"})

    def tracks(self) -> list[dict[str, Any]]:
        """`tracks.list`."""
        found: list[dict[str, Any]] = self.hand.call("tracks.list")
        return found

    def status(self) -> dict[str, Any]:
        """`box.status`."""
        found: dict[str, Any] = self.hand.call("box.status")
        return found

    def until_status(self, fits: Callable[[dict[str, Any]], object], seconds: float = 30.0) -> dict[str, Any]:
        """Wait for a status that fits; TimeoutError with the last one."""
        deadline = time.monotonic() + seconds
        while not fits(status := self.status()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the status never fitted: {json.dumps(status, ensure_ascii=False)}\n{self.log()}")
            time.sleep(0.1)
        return status

    def log(self, unit: str = UNIT) -> str:
        """What a unit wrote to the journal since the last start of the machine."""
        return self.machine.run(f"journalctl -b -q -o cat --no-pager -u {unit} | tail -n 200").out

    def show(self, *properties: str, unit: str = UNIT) -> dict[str, str]:
        """Properties of a unit, by name."""
        out = self.machine.sh(f"systemctl show {unit} -p {','.join(properties)}")
        return dict(line.split("=", 1) for line in out.splitlines())

    # -- the till

    def issue(self, *, timeout: float = 60.0, **more: Any) -> dict[str, Any]:
        """Sell; the invoice. Refused when the box says no."""
        return dict(answered(self.hand.ask([("invoice.issue", sale(**more))], timeout=timeout)[0])["invoice"])

    def start_issue(self, **more: Any) -> int:
        """Sell, and do not wait; `hand.finish` has the answers."""
        return self.hand.start_asking([("invoice.issue", sale(**more))], socket=TILL)

    # -- the clerk

    def until_strips(self, count: int, seconds: float = 60.0) -> None:
        """Wait until so many strips have come out since the printer was made; TimeoutError with the box's log."""
        deadline = time.monotonic() + seconds
        while len(self.printer.finished) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.printer.finished)} strips, not {count}:\n{self.log()}")
            time.sleep(0.02)

    def look(self, seconds: float = 120.0) -> int:
        """Begin to look at the lamps; `seen` ends it."""
        return self.hand.start("pins", numbers=list(PINS.values()), seconds=seconds)

    def seen(self, looking: int) -> list[Look]:
        """What was seen of the lamps since `look`: how they were at the start, and at each change."""
        self.hand.do("enough")
        return [Look(moment, *levels) for moment, levels in self.hand.finish(looking)]

    def lamps(self, seconds: float) -> list[Look]:
        """Look at the lamps for a while."""
        found = self.hand.do("pins", numbers=list(PINS.values()), seconds=seconds, timeout=seconds + 30)
        return [Look(moment, *levels) for moment, levels in found]


def sale(**more: Any) -> dict[str, Any]:
    """A sale with a new key, unless told otherwise."""
    return {"key": str(uuid.uuid4()), **SALE, **more}


def configuration(line: str, **options: dict[str, Any]) -> str:
    """The TOML of a shop's box; `options` add to its sections, None takes an option away."""
    sections: dict[str, dict[str, Any]] = {
        "seller": {"identifier": SELLER, "name": SHOP},
        "box": {"id": "A1", "boot_slip": "never"},
        "tracks": {"share": "1/1"},
        "printer": {"transport": "serial", "device": line, "if_unprintable": "queue"},
        "lamps": {"kind": "gpio", **PINS},
        "stick": {"kind": "udev"},
    }
    for name, section in options.items():
        sections[name] = {**sections.get(name, {}), **section}
    return "".join(f"[{name}]\n{_lines(section)}\n" for name, section in sections.items())


def _lines(section: dict[str, Any]) -> str:
    return "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in section.items() if v is not None)
