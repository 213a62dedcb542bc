"""Invoices made by the rules themselves, and the paper that the emulated printer hands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import zxingcpp
from PIL import Image

from einvoiced.errors import TotalMismatch
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.proof.document import Document
from einvoiced.proof.profile import GENERIC_58, PrinterProfile
from einvoiced.proof.render import render
from einvoiced.rules.barcodes import aes_sealer
from einvoiced.rules.invoice import Invoice, Seller, make_invoice
from einvoiced.rules.period import TAIPEI
from einvoiced.rules.sale import Buyer, Line, Sale, settle

MOMENT = datetime(2019, 1, 23, 11, 22, 33, tzinfo=TAIPEI)
SHOP = "全真便利商店"
MARGIN = 36
"""Dots of a 57 mm roll that the head does not reach, each side."""

_SEAL = aes_sealer("FE05F029154F6AA67A78B338ED2F6601")


def line(description: str, quantity: str = "1", unit_price: str = "100", **rest: Any) -> Line:
    return Line(description, Decimal(quantity), Decimal(unit_price), **rest)


def invoice(lines: list[Line], *, buyer: Buyer | None = None, moment: datetime = MOMENT, **rest: Any) -> Invoice:
    """An issued invoice of these lines; the till's total is whatever the rules compute."""
    named: dict[str, Any] = {"prices": "gross", **rest}
    sale = Sale(lines=lines, total_amount=Decimal(0), buyer=buyer, **named)
    try:
        settled = settle(sale)
    except TotalMismatch as mismatch:
        sale = Sale(lines=lines, total_amount=Decimal(str(mismatch.facts["computed"])), buyer=buyer, **named)
        settled = settle(sale)
    seller = Seller("01234567", "全真便利商店股份有限公司")
    return make_invoice(
        sale, settled, seller=seller, track="AB", number=11223344, moment=moment, random_number="9999", seal=_SEAL
    )


def consumer() -> Invoice:
    return invoice([line("乾電池", "1", "105"), line("口罩", "1", "210"), line("牛奶", "1", "25")])


def business(**rest: Any) -> Invoice:
    return invoice([line("乾電池", "2", "105"), line("牛奶", "3", "25")], buyer=Buyer("09876543", None, True), **rest)


def printed(document: Document, profile: PrinterProfile = GENERIC_58) -> Image.Image:
    """What the printer's head leaves between two cuts."""
    return printed_job(render(document, profile), profile)


def printed_job(job: bytes, profile: PrinterProfile) -> Image.Image:
    """The same of a document that was rendered before."""
    emulator = Emulator(profile.dots)
    emulator.feed(job)
    if not profile.cutter:
        emulator.cut()
    assert emulator.unknown == []
    (strip,) = emulator.strips
    return strip.image


def ink(image: Image.Image) -> np.ndarray:
    """True where black."""
    return np.asarray(image.convert("L")) < 128


@dataclass(frozen=True)
class Band:
    """Rows with ink, `bottom` past the last, and the columns that they take."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top


def runs(marked: np.ndarray, least_gap: int = 1) -> list[tuple[int, int]]:
    """First and past-the-last of each run of True; runs with less than `least_gap` between them are one."""
    found: list[tuple[int, int]] = []
    for place in np.flatnonzero(marked).tolist():
        if found and place - found[-1][1] < least_gap:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def bands(image: Image.Image, least_gap: int = 1) -> list[Band]:
    """The rows of ink from top to bottom."""
    dots = ink(image)
    result = []
    for top, bottom in runs(dots.any(axis=1), least_gap):
        columns = np.flatnonzero(dots[top:bottom].any(axis=0))
        result.append(Band(top, bottom, int(columns[0]), int(columns[-1]) + 1))
    return result


def on_paper(image: Image.Image) -> Image.Image:
    """The strip with the white edges of its roll, as a reader sees it."""
    paper = Image.new("L", (image.width + 2 * MARGIN, image.height + 2 * MARGIN), 255)
    paper.paste(image.convert("L"), (MARGIN, MARGIN))
    return paper


@dataclass(frozen=True)
class Codes:
    """What a reader finds, and the version and level of each QR code."""

    code39: bytes
    left: bytes
    right: bytes
    versions: tuple[str, str]
    levels: tuple[str, str]


def read(image: Image.Image) -> Codes:
    """Read the three codes of a proof."""
    found = zxingcpp.read_barcodes(on_paper(image))
    bars = [code for code in found if code.format == zxingcpp.BarcodeFormat.Code39]
    pair = [code for code in found if code.format == zxingcpp.BarcodeFormat.QRCode]
    pair.sort(key=lambda code: code.position.top_left.x)
    assert len(bars) == 1 and len(pair) == 2, f"{len(bars)} Code 39 and {len(pair)} QR codes"
    return Codes(
        bars[0].bytes,
        pair[0].bytes,
        pair[1].bytes,
        (pair[0].extra["Version"], pair[1].extra["Version"]),
        (pair[0].ec_level, pair[1].ec_level),
    )


def assert_reads(image: Image.Image, original: Invoice) -> Codes:
    """The codes on paper hold the invoice's very bytes."""
    codes = read(image)
    assert codes.code39 == original.code39.encode()
    assert codes.left == original.qr_left.encode()
    assert codes.right == original.qr_right.encode()
    assert codes.levels == ("L", "L")
    assert codes.versions[0] == codes.versions[1]
    assert 6 <= int(codes.versions[0]) <= 10
    return codes
