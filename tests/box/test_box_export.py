"""Uploads by stick: udev, the unit that writes, the slip on the serial line, the platform's answers brought home."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

from lxml import etree
from PIL import Image, ImageOps

from einvoiced.actions.stick_outcome import Outcome
from einvoiced.followers.slips import exported_slip
from einvoiced.hardware.printer.strip import Strip
from einvoiced.hardware.stick.walk import EXPORT_FOLDER
from einvoiced.mig import schema
from einvoiced.proof.profile import GENERIC_58
from einvoiced.proof.render import picture
from einvoiced.rules.period import TAIPEI
from tests.box.counter import CARRIER, RANGE, SHOP, Counter
from tests.box.sticks import Volume, check_stick, copy_onto, copy_out, make_stick, read_in_guest
from tests.platform.books import Books
from tests.platform.desk import Desk
from tools.virtualbox import SELLER, this_period


def test_uploads_go_out_and_home_by_stick(shared_counter: Counter, figures: dict[str, float], tmp_path: Path) -> None:
    """What waits is written, handed over and told on a slip; pulled out then, the stick has it whole; answers count."""
    counter = shared_counter
    numbers = [counter.issue(**CARRIER)["invoice_number"] for _ in range(3)]
    stick = make_stick(counter.machine, "stick", Volume("vfat", {f"{EXPORT_FOLDER}/": b""}))
    seconds = _plugged(counter, stick, Outcome(written=3, lists=1))
    figures["export_stick_in_to_slip_seconds"] = round(seconds, 1)
    assert _states(counter) == dict.fromkeys(numbers, "handed_over")

    desk = _desk(stick, tmp_path)
    for path in desk.files():
        schema.check("F0401", etree.fromstring(path.read_bytes()))
    assert sorted((verdict.reference, verdict.code) for verdict in desk.take()) == [(each, "0") for each in numbers]
    desk.answer()
    copy_onto(stick, tmp_path / EXPORT_FOLDER / "Unpack", EXPORT_FOLDER)

    _plugged(counter, stick, Outcome(accepted=3))
    assert _states(counter) == {}
    check_stick(stick, "vfat")
    copy_out(stick, EXPORT_FOLDER, tmp_path / "after")
    assert not [path for path in (tmp_path / "after").rglob("*") if path.is_file() and "UpCast" in path.parts]
    assert list((tmp_path / "after" / EXPORT_FOLDER / "tracks").iterdir())


def test_uploads_go_out_on_exfat(shared_counter: Counter) -> None:
    """The other file system of sticks holds the message, whole, when the slip says so."""
    counter = shared_counter
    number = counter.issue(**CARRIER)["invoice_number"]
    stick = make_stick(counter.machine, "stick", Volume("exfat", {f"{EXPORT_FOLDER}/": b""}))
    _plugged(counter, stick, Outcome(written=1, lists=1))
    assert _states(counter)[number] == "handed_over"
    check_stick(stick, "exfat")
    text = read_in_guest(counter.machine, stick, f"{EXPORT_FOLDER}/UpCast/B2SSTORAGE/F0401/SRC/*.xml")
    root = etree.fromstring(text.encode())
    schema.check("F0401", root)
    assert root.findtext("{*}Main/{*}InvoiceNumber") == number


def _plugged(counter: Counter, stick: Path, outcome: Outcome) -> float:
    """Plug it in, and out as soon as the one slip that says this is there; the seconds until then."""
    strips = len(counter.printer.finished)
    begin, moment = time.monotonic(), datetime.now(TAIPEI)
    counter.machine.plug_stick("stick", stick)
    counter.until_strips(strips + 1)
    counter.machine.pull_stick("stick")
    (strip,) = counter.printer.strips_since(strips)
    assert _says(strip, outcome, moment), counter.log("einvoiced-export@*")
    return counter.printer.finished[strips][0] - begin


def _says(strip: Strip, outcome: Outcome, begin: datetime) -> bool:
    """Whether a strip is the slip of this outcome, dot for dot, of any second since then."""
    printed, last = _ink(strip.image), datetime.now(TAIPEI) + timedelta(seconds=2)
    seconds = range(-2, int((last - begin).total_seconds()) + 1)
    slips = (exported_slip(outcome, SHOP, begin + timedelta(seconds=second)) for second in seconds)
    return any(_ink(picture(each, GENERIC_58)) == printed for each in slips)


def _ink(image: Image.Image) -> tuple[tuple[int, int], bytes]:
    """Size and dots of what is not white."""
    grey = image.convert("L")
    cut = grey.crop(ImageOps.invert(grey).getbbox())
    return cut.size, cut.point(lambda value: 255 if value > 127 else 0).tobytes()


def _states(counter: Counter) -> dict[str, str]:
    """The state of every upload that is not accepted, by the invoice's number."""
    return {each["reference"]: each["state"] for each in counter.hand.call("upload.list")["uploads"]}


def _desk(stick: Path, folder: Path) -> Desk:
    """The platform, with what a clean stick holds."""
    check_stick(stick, "vfat")
    copy_out(stick, EXPORT_FOLDER, folder)
    books = Books(SELLER)
    books.allot(this_period().year_month, *RANGE)
    return Desk(folder / EXPORT_FOLDER, books, lambda: datetime.now(TAIPEI))
