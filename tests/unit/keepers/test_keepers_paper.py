"""The box's own slips, and what a till with a printer of its own is given."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import zxingcpp
from PIL import ImageOps

from einvoiced.client import new_key
from einvoiced.config import PrinterSection
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.keepers.paper import PaperDesk
from einvoiced.proof.document import Document, Text
from tests.boxes import Desk, until
from tools.virtualbox import VirtualBox

SALE = {"lines": [{"description": "牛奶", "quantity": 1, "unit_price": 25}], "total_amount": 25, "print": "till"}


@pytest.mark.parametrize(("profile", "dots", "roll"), [("generic-58", 384, 384), ("generic-80", 576, 384)])
def test_a_proof_is_as_wide_as_the_law_on_every_printer(
    profile: str, dots: int, roll: int, shared_box: VirtualBox
) -> None:
    """A wide head gets it for a 57 mm roll, with all its codes; the details may fill the head."""
    key, printer = new_key(), Emulator(dots)
    with shared_box.client() as till:
        till.issue(key, **SALE)
        for what in ("original", "details"):
            told = till.call("proof.bytes", key=key, what=what, profile=profile)
            printer.feed(base64.b64decode(told["content"]))
        till.call("proof.report", key=key, outcome="printed")
    proof, details = (strip.image.convert("L") for strip in printer.strips)
    left, _, right, _ = ImageOps.invert(proof).getbbox() or (0, 0, dots, 0)
    assert right - left <= roll
    assert len(zxingcpp.read_barcodes(ImageOps.expand(proof, 36, 255))) == 3
    left, _, right, _ = ImageOps.invert(details).getbbox() or (0, 0, 0, 0)
    assert right - left > 0.9 * dots


def test_a_slip_that_comes_before_the_printers_thread_waits_for_it(desk: Desk, tmp_path: Path) -> None:
    """A box answers a moment before its printer begins: what was imported then is told on paper all the same."""
    paper = PaperDesk(desk.box, lambda: desk.journal)
    paper.configure(PrinterSection(transport="virtual", device=str(tmp_path)), tmp_path / "einvoiced.toml", "示範商店")
    for word in ("first", "second"):
        paper.print_slip(Document((Text(word),)))
    paper.start(desk.journal)
    try:
        until(lambda: len(list(tmp_path.glob("*.png"))) == 2, 20, "both slips")
    finally:
        paper.stop()
