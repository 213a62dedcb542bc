"""A picture as the bytes of one print job: GS v 0 rasters in slices, then feed and cut.

python-escpos gives the commands around the rasters. The rasters themselves are made here: white on the right is not
sent (nor on the left where the printer obeys GS L), and rows or columns that come in pairs, as in a QR code of even
modules, are sent once and doubled by the printer (GS v 0, m 1 to 3).

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

from einvoiced.proof.profile import PrinterProfile

if TYPE_CHECKING:
    from PIL import Image

LEAST_GAP = 2
"""Rows of white for which it pays to end a raster and begin another (a command's head has 8 bytes)."""

GS_L = b"\x1dL"
GS_A_OFF = b"\x1da\x00"
"""No status unasked (Epson, GS a): it comes when the paper runs out, and looks like the answer that confirms."""

_DOUBLE_WIDE, _DOUBLE_HIGH = 1, 2
_PAIRS = bytes(a | a << 1 for a in range(256) if a & 0b1010_1010 == 0)
"""The 16 bytes whose dots come in equal pairs."""
_HALF = bytes((b >> 6 & 1) << 3 | (b >> 4 & 1) << 2 | (b >> 2 & 1) << 1 | b & 1 for b in range(256))
"""A byte of equal pairs as four dots."""


def encode(picture: Image.Image, profile: PrinterProfile) -> bytes:
    """The whole job: initialise, print the picture, feed past the cutter or tear bar, cut.

    Slow the first time (it loads python-escpos): for printer threads only. ValueError for a picture wider than the
    head.
    """
    if picture.width > profile.dots:
        raise ValueError(f"a picture of {picture.width} dots does not fit {profile.name}")
    job = _Job(picture, profile)
    below = 0
    for top, bottom in _bands(job.ink):
        job.feed(top - below)
        job.band(top, bottom)
        below = bottom
    job.feed(picture.height - below + profile.feed_dots)
    begin, end = _around(profile.cutter, profile.partial_cut)
    return b"".join((begin, *job.commands, end))


def recovery(profile: PrinterProfile) -> bytes:
    """What a printer gets after a strip was interrupted: it may wait for the rest of a raster in the middle of a line.

    White fills that raster up (NUL is nothing to a printer that waits for none), then the torn strip is fed out and
    cut, so that nothing of it stands on the next one.
    """
    begin, end = _around(profile.cutter, profile.partial_cut)
    white = bytes((profile.left_dots + profile.dots + 7) // 8 * profile.slice_height + 8)
    return white + begin + _white(max(1, profile.feed_dots), False) + end


def reset() -> bytes:
    """Forget all settings that a stranger's bytes have made."""
    return _around(False, False)[0]


def drawer_pulse(profile: PrinterProfile) -> bytes:
    """Open the cash drawer (ESC p). ValueError where the profile knows of no drawer."""
    if not profile.drawer_pin:
        raise ValueError(f"printer profile {profile.name} has no drawer")
    printer = _encoder()
    printer.cashdraw(profile.drawer_pin)
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


class _Job:
    """The rasters of one picture, top to bottom."""

    def __init__(self, picture: Image.Image, profile: PrinterProfile) -> None:
        self.profile = profile
        self.commands: list[bytes] = []
        self.ink = picture.convert("L").point([255 if grey < 128 else 0 for grey in range(256)], mode="1")
        if profile.left_dots and not profile.margins:
            self.ink = _pushed(self.ink, profile.left_dots)
        self._row_bytes = (self.ink.width + 7) // 8
        self._dots = self.ink.tobytes()
        self._slice = profile.slice_height // 2 * 2
        self._margin = 0

    def feed(self, rows: int) -> None:
        """White paper of so many rows."""
        while rows > 0:
            step = min(rows, self._slice)
            self.commands.append(_white(step, self.profile.scaled_rasters))
            rows -= step

    def band(self, top: int, bottom: int) -> None:
        """Rows with ink, in slices."""
        left, _, right, _ = self.ink.crop((0, top, self.ink.width, bottom)).getbbox() or (0, 0, self.ink.width, 0)
        first, last = (left // 8 if self.profile.margins else 0), (right + 7) // 8
        if self.profile.margins:
            self._move(first * 8 + self.profile.left_dots)
        for begin in range(top, bottom, self._slice):
            end = min(bottom, begin + self._slice)
            size = self._row_bytes
            rows = [self._dots[row * size + first : row * size + last] for row in range(begin, end)]
            if self.profile.scaled_rasters:
                self._scaled(rows)
            else:
                self.commands.append(_raster(rows, 0))

    def _scaled(self, rows: list[bytes]) -> None:
        """Rows, with what comes in pairs sent once."""
        mode = 0
        if not b"".join(rows).translate(None, _PAIRS):
            mode, rows = _DOUBLE_WIDE, [_narrowed(row) for row in rows]
        even = len(rows) // 2 * 2
        if even and rows[:even:2] == rows[1:even:2]:
            self.commands.append(_raster(rows[:even:2], mode | _DOUBLE_HIGH))
            rows = rows[even:]
        if rows:
            self.commands.append(_raster(rows, mode))

    def _move(self, margin: int) -> None:
        if margin != self._margin:
            self._margin = margin
            self.commands.append(GS_L + margin.to_bytes(2, "little"))


def _raster(rows: list[bytes], mode: int) -> bytes:
    """GS v 0 (Epson): mode, bytes a row, rows, dots."""
    head = bytes((mode,)) + len(rows[0]).to_bytes(2, "little") + len(rows).to_bytes(2, "little")
    return b"\x1dv0" + head + b"".join(rows)


def _narrowed(row: bytes) -> bytes:
    """A row of equal pairs with each pair as one dot."""
    halves = row.translate(_HALF) + b"\0" * (len(row) % 2)
    return bytes(a << 4 | b for a, b in zip(halves[::2], halves[1::2], strict=True))


def _pushed(ink: Image.Image, dots: int) -> Image.Image:
    """The picture so many dots further to the right."""
    from PIL import Image

    wider = Image.new("1", (ink.width + dots, ink.height))
    wider.paste(ink, (dots, 0))
    return wider


@lru_cache(maxsize=512)
def _white(rows: int, scaled: bool) -> bytes:
    """The command that feeds by so many rows exactly."""
    if scaled and rows > 9:
        return _raster([b"\0"] * (rows // 2), _DOUBLE_HIGH) + (_raster([b"\0"], 0) if rows % 2 else b"")
    return _raster([b"\0"] * rows, 0)


@cache
def _around(cutter: bool, partial: bool) -> tuple[bytes, bytes]:
    """What stands before and after a strip's dots: initialise; cut where the paper stands.

    `Escpos.cut()` would feed six lines of a height nobody has set.
    """
    from escpos.constants import PAPER_FULL_CUT, PAPER_PART_CUT

    printer = _encoder()
    printer.hw("INIT")
    return bytes(printer.output) + GS_A_OFF, (PAPER_PART_CUT if partial else PAPER_FULL_CUT) if cutter else b""


def _encoder() -> Any:
    """A fresh python-escpos printer that only collects bytes."""
    dummy, base = _escpos()
    return dummy(profile=base())


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
