"""A picture as the bytes of one print job, encoded by python-escpos: GS v 0 rasters in slices, then feed and cut.

White between the lines is sent as rasters one byte wide, not as ESC J: that command counts in "vertical motion
units", which are half a dot on some printers and set by GS P on others (Epson, ESC/POS reference), and the law wants
exact lengths.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einvoiced.proof.profile import GENERIC_58, PrinterProfile

if TYPE_CHECKING:
    from PIL import Image

LEAST_GAP = 2
"""Rows of white for which it pays to end a raster and begin another (a command's head has 8 bytes)."""


def encode(picture: Image.Image, profile: PrinterProfile) -> bytes:
    """The whole job: initialise, print the picture, feed past the cutter or tear bar, cut.

    Slow the first time (it loads python-escpos): for printer threads only. ValueError for a picture wider than the
    head.
    """
    if picture.width > profile.dots:
        raise ValueError(f"a picture of {picture.width} dots does not fit {profile.name}")
    printer = _encoder(profile)
    printer.hw("INIT")
    ink = picture.convert("L").point([255 if grey < 128 else 0 for grey in range(256)], mode="1")
    below = 0
    for top, bottom in _bands(ink):
        _feed(printer, top - below, profile)
        _print(printer, picture, ink, top, bottom, profile)
        below = bottom
    _feed(printer, picture.height - below + profile.feed_dots, profile)
    if profile.cutter:
        _cut(printer, profile)
    return bytes(printer.output)


def _bands(ink: Image.Image) -> Iterator[tuple[int, int]]:
    """Runs of rows with ink, first and past the last; runs with hardly any white between them are one."""
    row_bytes = (ink.width + 7) // 8
    data, white = ink.tobytes(), bytes(row_bytes)
    top = bottom = -1
    for row in range(ink.height):
        if data[row * row_bytes : (row + 1) * row_bytes] == white:
            continue
        if bottom < 0 or row - bottom >= LEAST_GAP:
            if bottom >= 0:
                yield top, bottom
            top = row
        bottom = row + 1
    if bottom >= 0:
        yield top, bottom


def _print(
    printer: Any, picture: Image.Image, ink: Image.Image, top: int, bottom: int, profile: PrinterProfile
) -> None:
    """One band as slices, without the white on its right."""
    box = ink.crop((0, top, ink.width, bottom)).getbbox()
    width = ink.width if box is None else min(ink.width, (box[2] + 7) // 8 * 8)
    for first in range(top, bottom, profile.slice_height):
        _raster(printer, picture.crop((0, first, width, min(bottom, first + profile.slice_height))), profile)


def _feed(printer: Any, rows: int, profile: PrinterProfile) -> None:
    while rows > 0:
        step = min(rows, profile.slice_height)
        printer._raw(_white(step))
        rows -= step


@lru_cache(maxsize=256)
def _white(rows: int) -> bytes:
    """The command that feeds by so many rows exactly."""
    from PIL import Image

    printer = _encoder(GENERIC_58)
    printer.image(Image.new("1", (8, rows), 255), impl="bitImageRaster", fragment_height=rows)
    return bytes(printer.output)


def _raster(printer: Any, picture: Image.Image, profile: PrinterProfile) -> None:
    printer.image(picture, impl="bitImageRaster", fragment_height=profile.slice_height)


def _cut(printer: Any, profile: PrinterProfile) -> None:
    """Cut where the paper stands; `Escpos.cut()` would feed six lines of a height nobody has set."""
    from escpos.constants import PAPER_FULL_CUT, PAPER_PART_CUT

    printer._raw(PAPER_PART_CUT if profile.partial_cut else PAPER_FULL_CUT)


def _encoder(profile: PrinterProfile) -> Any:
    """A fresh python-escpos printer that only collects bytes and knows the head's width."""
    dummy, base = _escpos()
    data = {**base.profile_data, "media": {"dpi": profile.dpi, "width": {"mm": 48, "pixels": profile.dots}}}
    return dummy(profile=type("Profile", (base,), {"profile_data": data})())


_LOADING = threading.Lock()


@cache
def _escpos() -> tuple[Any, Any]:
    """python-escpos's Dummy printer and Profile.

    The library makes a temporary directory at import and leaves it; the pickle of its printer data goes to the
    service's cache directory where there is one, else nowhere. A pickle torn by a power cut is thrown away.
    """
    with _LOADING, tempfile.TemporaryDirectory(prefix="einvoiced-") as scratch:
        kept = os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]
        place = kept if kept and os.access(kept, os.W_OK) else scratch
        try:
            return _import_escpos(place)
        except Exception:
            for pickle in Path(place).glob("*.capabilities.pickle"):
                pickle.unlink()
            return _import_escpos(place)


def _import_escpos(directory: str) -> tuple[Any, Any]:
    """Import with this thread's `mkdtemp` answering `directory`: the library calls it whatever its own option says."""
    real, mine = tempfile.mkdtemp, threading.get_ident()

    def mkdtemp(*args: Any, **named: Any) -> str:
        return directory if threading.get_ident() == mine else real(*args, **named)

    tempfile.mkdtemp = mkdtemp  # type: ignore[assignment]
    try:
        from escpos.capabilities import Profile
        from escpos.printer import Dummy
    finally:
        tempfile.mkdtemp = real
    return Dummy, Profile
