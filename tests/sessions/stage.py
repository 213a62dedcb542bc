"""A box, its printer, a till and a look at the paper: what recorded sessions about paper are played on.

The daemon is the real one; its printer is the emulator, in this process, behind a TCP port or a pty.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image, ImageChops

from einvoiced.client import BoxError, new_key
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.strip import Strip
from einvoiced.hardware.printer.virtual import serve_pty, serve_tcp
from einvoiced.proof.content import proof
from einvoiced.proof.profile import PrinterProfile
from einvoiced.proof.profiles import load_profile
from einvoiced.proof.render import render
from einvoiced.rules.invoice import Invoice
from tests.boxes import RANGE, fresh_folder, until
from tools.virtualbox import VirtualBox

SHOP = "示範商店"
MILK = {"description": "牛奶", "quantity": 1, "unit_price": 25}
SALES: dict[str, dict[str, Any]] = {
    "consumer": {"lines": [MILK], "total_amount": 25},
    "buyer": {"lines": [MILK] * 3, "total_amount": 75, "buyer": {"identifier": "04595257", "name": "示範公司"}},
    "carrier": {"lines": [MILK], "total_amount": 25, "carrier": {"type": "3J0002", "id": "/ABC+123"}},
    "donation": {"lines": [MILK], "total_amount": 25, "npoban": "919"},
}
NUMBER_ROWS = 240
"""What a strip has down to its number, whatever stands below (a printer that lost its power prints nonsense)."""

TITLE_ROWS = 40
"""Fewer rows of ink than this carry no more than the shop's name: nothing that anybody could take for an original."""


@dataclass
class Issued:
    """An invoice of the session."""

    key: str
    invoice: Invoice
    sequence: int


@dataclass
class Stage:
    """One box with its printer. `name` is an invoice as the session calls it."""

    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    way: str = "tcp"
    issued: dict[str, Issued] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = fresh_folder("paper")
        self.strips: list[Strip] = []
        self.process_id = self.profile.get("confirmation") == "process_id"
        self.kind: PrinterProfile = msgspec.structs.replace(load_profile("generic-58"), **self.profile)
        self.printer = Emulator(self.kind.dots, process_id=self.process_id, finished=self.strips.append)
        file = self.folder / "printers" / "session.toml"
        file.parent.mkdir()
        fields = msgspec.to_builtins(self.kind)
        file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items()))
        if self.way == "pty":
            device, self._unserve = serve_pty(self.printer, self.folder / "tty")
            section: dict[str, Any] = {"transport": "serial", "device": device}
        else:
            port, self._unserve = serve_tcp(self.printer)
            section = {"transport": "network", "device": f"127.0.0.1:{port}"}
        given = {**section, "profile": "session", **self.options.pop("printer", {})}
        self.box = VirtualBox(self.folder, printer=given, **self.options)

    def open(self) -> None:
        """Start the box, new, with its numbers."""
        self.box.start()
        self.box.take_tracks(RANGE)

    def close(self) -> None:
        """End it all."""
        self.box.close()
        self._unserve()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- the till

    def call(self, method: str, **params: Any) -> Any:
        """A request of the till's."""
        with self.box.client() as till:
            return till.call(method, **params)

    def issue(self, name: str, kind: str = "consumer", **more: Any) -> Any:
        """Issue an invoice under a name; BoxError when it is refused. A name that is known repeats its key."""
        known = self.issued.get(name)
        key = known.key if known is not None else new_key()
        result = self.call("invoice.issue", key=key, prices="gross", **SALES[kind], **more)
        self.issued[name] = Issued(key, msgspec.convert(result["invoice"], Invoice), result["sequence"])
        return result

    def paper_of(self, name: str) -> str:
        """Where an invoice's original stands."""
        return str(self.call("invoice.get", key=self.issued[name].key)["paper"])

    def settled(self, name: str) -> str:
        """Wait until an invoice's original is neither queued nor leaving; where it stands then."""
        until(lambda: self.paper_of(name) not in ("queued", "sending"), 40, f"{name} to settle")
        return self.paper_of(name)

    # -- the paper

    def on_paper(self) -> list[str]:
        """What came out, strip by strip: `A original`, `A copy`, `A original torn`, `slip`; `torn`: too short."""
        return [self.read(strip) for strip in self.strips]

    def read(self, strip: Strip) -> str:
        """What a strip is, by comparing its dots with those of every proof of the session."""
        image = strip.image
        for name, issued in self.issued.items():
            for copy in (False, True):
                if issued.invoice.print_mark == "Y" and _same(image, drawn(issued.invoice, copy, self.kind), 0):
                    return f"{name} {'copy' if copy else 'original'}"
        ink = ImageChops.invert(image.convert("L")).getbbox()
        rows = ink[3] if ink else 0
        if rows < TITLE_ROWS:
            return "scrap"
        torn = [
            f"{name} {'copy' if copy else 'original'} torn"
            for name, issued in self.issued.items()
            for copy in (False, True)
            if issued.invoice.print_mark == "Y"
            and _same(image, drawn(issued.invoice, copy, self.kind), min(rows, NUMBER_ROWS))
        ]
        return "slip" if not torn else torn[0] if len(torn) == 1 else "torn"

    def originals(self, name: str) -> int:
        """How many strips could be taken for this invoice's original: whole or torn ones without 補印."""
        return sum(each.startswith(f"{name} original") for each in self.on_paper())

    def entries(self, name: str) -> list[str]:
        """The types of the entries about an invoice and its copies, in order."""
        sequence, copies, found, after = self.issued[name].sequence, set[int](), list[str](), 0
        while page := self.box.call("journal.read", after=after)["entries"]:
            for text in page:
                entry = json.loads(text)
                after, data = entry["sequence"], entry["data"]
                if entry["type"] == "copy_ordered" and data["invoice"] == sequence:
                    copies.add(after)
                if after == sequence or data.get("invoice") == sequence or data.get("copy") in copies:
                    found.append(entry["type"])
        return found


@cache
def _job(body: bytes, copy: bool, kind: PrinterProfile) -> Image.Image:
    printer = Emulator()
    invoice = msgspec.json.decode(body, type=Invoice)
    printer.feed(render(proof(invoice, shop_name=SHOP, copy=copy), kind))
    printer.cut()
    return printer.strips[0].image


def drawn(invoice: Invoice, copy: bool, kind: PrinterProfile) -> Image.Image:
    """The proof as it looks when nothing goes wrong."""
    return _job(msgspec.json.encode(invoice), copy, kind)


def _same(image: Image.Image, wanted: Image.Image, rows: int) -> bool:
    """Whether the first `rows` rows are equal but for the last few (a raster that was filled up); 0: all of it."""
    height = max(1, rows - 4) if rows else wanted.height
    if image.height < height:
        return False
    area = (0, 0, image.width, height)
    return image.crop(area).tobytes() == wanted.crop(area).tobytes()


def refusal(act: Callable[[], Any]) -> tuple[str, Any]:
    """What came of a request: `ok` and the result, or the name of the error and the error."""
    try:
        return "ok", act()
    except BoxError as error:
        return error.name, error


def quietly(act: Callable[[], Any]) -> None:
    """Do it, whatever comes of it."""
    with suppress(Exception):
        act()


def folder_of_sessions() -> Path:
    """Where the recorded ones are."""
    return Path(__file__).parent / "paper"
