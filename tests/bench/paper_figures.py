"""The figures about paper: how soon the first byte leaves, how long drawing takes, how much is sent, and what grows."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from einvoiced.client import Client
from einvoiced.hardware.printer.baud import SLOW, find_baudrate
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import serve_pty, serve_tcp
from einvoiced.proof.content import proof
from einvoiced.proof.profiles import load_profile
from einvoiced.proof.render import render
from einvoiced.rules.barcodes import aes_sealer
from einvoiced.rules.invoice import Invoice, Seller, make_invoice
from einvoiced.rules.period import TAIPEI
from einvoiced.rules.sale import Buyer, Line, Sale, settle
from tests.bench import load, rig
from tools.virtualbox import QR_KEY, VirtualBox

NAMES = ("牛奶", "乾電池", "口罩", "美式咖啡", "影印紙", "茶葉蛋")
LINE_RATE = 11_520
"""Bytes a second of a serial line at 115,200 baud."""

BUYER = {"identifier": "04595257", "name": "示範股份有限公司"}


def paper(folder: Path) -> dict[str, float]:
    """All of them."""
    return {
        **_drawing(),
        **_first_byte(folder / "first"),
        **_pacing(folder / "pace"),
        **_slow_line(folder / "slow"),
        **_growth(folder / "grow"),
    }


def _lines(count: int) -> list[dict[str, Any]]:
    return [{"description": NAMES[n % 6], "quantity": "1", "unit_price": "25"} for n in range(count)]


def _invoice(count: int, business: bool = False) -> Invoice:
    lines = [Line(NAMES[n % 6], Decimal(1), Decimal(25)) for n in range(count)]
    sale = Sale(
        lines=lines,
        total_amount=Decimal(25 * count),
        prices="gross",
        buyer=Buyer(BUYER["identifier"], BUYER["name"]) if business else None,
    )
    moment = datetime(2026, 11, 22, 12, 34, 56, tzinfo=TAIPEI)
    seller = Seller("24634102", "示範商店")
    return make_invoice(
        sale,
        settle(sale),
        seller=seller,
        track="NQ",
        number=42_519_550,
        moment=moment,
        random_number="1234",
        seal=aes_sealer(QR_KEY),
    )


def _drawing() -> dict[str, float]:
    """Bytes of a proof for the safe and for a known printer, and the time that drawing one takes."""
    safe, known = load_profile("generic-58"), load_profile("epson-tm-t82iii").on_roll(57)
    counts = (1, 3, 12, 60)
    found = {
        "bytes on the wire of a B2C proof": float(max(len(_draw(_invoice(n), safe)) for n in counts)),
        "bytes on the wire of a B2C proof, known printer": float(max(len(_draw(_invoice(n), known)) for n in counts)),
        "bytes on the wire of a B2B proof over 14 kB + 2 kB an item": max(
            len(_draw(_invoice(n, business=True), safe)) / (14_000 + 2000 * n) for n in counts
        ),
    }
    drawn = (("3 items", _invoice(3)), ("60 items", _invoice(60)), ("60 items, buyer", _invoice(60, True)))
    for name, invoice in drawn:
        found[f"rendering p50 {name} ms"] = statistics.median(
            _timed(lambda drawn=invoice: _draw(drawn, safe)) for _ in range(50)
        )
    return found


def _draw(invoice: Invoice, profile: Any) -> bytes:
    return render(proof(invoice, shop_name="示範商店"), profile)


def _timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return (time.perf_counter() - begin) * 1000


class _Printing:
    """A box that prints on an emulated network printer."""

    def __init__(self, folder: Path) -> None:
        self.emulator = Emulator(keep=2)
        port, self._stop = serve_tcp(self.emulator)
        device = {"transport": "network", "device": f"127.0.0.1:{port}"}
        self._context = rig.daemon(folder, prints=True, printer=device)
        self.folder = folder

    def __enter__(self) -> _Printing:
        self.ours = self._context.__enter__()
        self.till = Client(self.ours.path)
        return self

    def __exit__(self, *what: Any) -> None:
        self.till.close()
        self._context.__exit__(*what)
        self._stop()

    def print(self, **sale: Any) -> float:
        """Issue one invoice and wait for its strip; milliseconds from the request to the printer's first byte."""
        self.emulator.reset_timer()
        begin = time.monotonic()
        load.run(self.ours.path, 1, 1, **sale)
        VirtualBox.wait_for(lambda: self.emulator.first_byte_at is not None, 20, "the first byte")
        assert self.emulator.first_byte_at is not None
        self.drain()
        return (self.emulator.first_byte_at - begin) * 1000

    def drain(self) -> None:
        """Wait until nothing waits for the printer."""
        VirtualBox.wait_for(lambda: self.till.call("box.status")["counts"]["proofs_waiting"] == 0, 300, "the proofs")


def _first_byte(folder: Path) -> dict[str, float]:
    """Request to first byte; two syncs lie between: the invoice's, and the one that says that the strip will leave."""
    sales: dict[str, dict[str, Any]] = {
        "3 items": {},
        "60 items": {"lines": _lines(60), "total_amount": "1500"},
        "60 items, buyer": {"lines": _lines(60), "total_amount": "1500", "buyer": BUYER},
    }
    found = {}
    with _Printing(folder) as box:
        sync = rig.sync_ms(folder)
        for _ in range(10):
            box.print()
        for name, sale in sales.items():
            first = statistics.median(box.print(**sale) for _ in range(60))
            found[f"request to first byte p50 {name} ms"] = first
            found[f"request to first byte beyond syncs p50 {name} ms"] = first - 2 * sync
    return {"sync ms": sync, **found}


def _pacing(folder: Path) -> dict[str, float]:
    """Seconds from the first byte to the cut, against the bytes over the line's rate."""
    ratios = []
    with _Printing(folder) as box:
        box.print()
        box.emulator.bytes_per_second = LINE_RATE
        for _ in range(5):
            done: list[float] = []
            box.emulator.finished = lambda _strip, done=done: done.append(time.monotonic())
            taken = box.emulator.bytes_taken
            box.print()
            assert box.emulator.first_byte_at is not None
            ideal = (box.emulator.bytes_taken - taken) / LINE_RATE
            ratios.append((done[0] - box.emulator.first_byte_at) / ideal)
    return {"print time over bytes / line rate": statistics.median(ratios)}


def _slow_line(folder: Path) -> dict[str, float]:
    """A serial printer at 9,600 baud: found by its answers, and the box warns whoever looks at its status."""
    emulator = Emulator()
    folder.mkdir(parents=True)
    device, stop = serve_pty(emulator, folder / "tty", baudrate=SLOW)
    begin = time.monotonic()
    found = find_baudrate(device, "none")
    seconds = time.monotonic() - begin
    line = {"transport": "serial", "device": device, "baudrate": SLOW, "flow_control": "none"}
    with rig.daemon(folder / "box", prints=True, printer=line) as box, Client(box.path) as till:

        def told() -> bool:
            return "printer_slow_line" in [warning["name"] for warning in till.call("box.status")["warnings"]]

        VirtualBox.wait_for(told, 20, "the warning")
    stop()
    return {
        "serial printer at 9,600 baud found": float(found == SLOW),
        "serial printer at 9,600 baud found after s": seconds,
        "technician told of 9,600 baud": 1.0,
    }


def _growth(folder: Path) -> dict[str, float]:
    """A thousand strips in a row: memory, temporary files, open descriptors and what still waits."""
    with _Printing(folder) as box:
        for _ in range(20):
            box.print()
        box.ours.load(8, 180)
        box.drain()
        before, files, descriptors = rig.resident_mib(box.ours.pid), _temporary(folder), _descriptors(box.ours.pid)
        box.ours.load(8, 800)
        box.drain()
        assert box.emulator.strips_finished == 1000
        after = rig.resident_mib(box.ours.pid)
        return {
            "resident MiB after 1000 printed": after,
            "1,000 strips resident MiB grown over the last 800": after - before,
            "1,000 strips temporary files grown over the last 800": float(_temporary(folder) - files),
            "1,000 strips descriptors grown over the last 800": float(_descriptors(box.ours.pid) - descriptors),
            "1,000 strips proofs still waiting": float(box.till.call("box.status")["counts"]["proofs_waiting"]),
        }


def _temporary(folder: Path) -> int:
    """Files and folders that the daemon has left where it is told to put temporary ones."""
    return sum(1 for _ in (folder / "tmp").rglob("*"))


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
