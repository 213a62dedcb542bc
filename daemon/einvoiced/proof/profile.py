"""What the proof must know of a printer: its head, its cutter, how it confirms; and the law's millimetres in dots."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
from msgspec import Struct

MM_PER_INCH = 25.4
PAPER_MM = 57.0
"""The roll's width that the law wants (5.7 cm); the head of a 58 mm printer is 48 mm of it, in the middle."""

Confirmation = Literal["none", "status", "process_id"]
"""How the printer tells that a strip is out: Epson's process id, the sensor byte in order (GS r), or not at all."""


class PrinterProfile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of printer. Widths and feeds are in dots of its head; ValueError for values no printer has.

    `slice_height`: rows in one raster command (cheap printers choke above 400). `feed_dots`: how far the cutter or
    the tear bar lies behind the head. `qr_module`: the most dots one module of a QR code may take. `scaled_rasters`:
    whether GS v 0 doubles dots (m 1 to 3), which quarters a QR code of even modules. `margins`: whether GS L moves
    rasters, so that white on the left is not sent. `roll_mm`: the roll it is loaded with. A head wider than a 57 mm
    roll prints on such a one with `narrow_dots` from `narrow_left` on. `drawer_pin`: of the drawer's plug, 0 for none.
    `patience_seconds`: how long it may work on what it has taken before its silence means that nobody knows.
    """

    name: str
    description: str = ""
    dots: int = 384
    dpi: int = 203
    slice_height: int = 192
    cutter: bool = False
    partial_cut: bool = False
    feed_dots: int = 96
    qr_module: int = 8
    scaled_rasters: bool = True
    margins: bool = False
    roll_mm: Literal[57, 80] = 57
    narrow_dots: int = 0
    narrow_left: int = 0
    left_dots: int = 0
    drawer_pin: Literal[0, 2, 5] = 2
    confirmation: Confirmation = "status"
    patience_seconds: float = 10.0

    def __post_init__(self) -> None:
        limits = (
            ("dots", self.dots, 320, 1024),
            ("dpi", self.dpi, 150, 320),
            ("slice_height", self.slice_height, 128, 256),
            ("feed_dots", self.feed_dots, 0, 480),
            ("qr_module", self.qr_module, 2, 8),
            ("narrow_dots", self.narrow_dots, 0, self.dots),
            ("narrow_left", self.narrow_left, 0, self.dots - self.narrow_dots),
            ("left_dots", self.left_dots, 0, 512),
            ("patience_seconds", self.patience_seconds, 1, 60),
        )
        for field, value, least, most in limits:
            if not least <= value <= most:
                raise ValueError(f"printer profile {self.name}: {field} must be {least} to {most}, not {value}")

    def on_roll(self, roll_mm: Literal[57, 80]) -> PrinterProfile:
        """This printer loaded with that roll; ValueError where it cannot be."""
        if roll_mm == self.roll_mm:
            return self
        if roll_mm > self.roll_mm or not self.narrow_dots:
            raise ValueError(f"printer profile {self.name} takes no roll of {roll_mm} mm")
        return msgspec.structs.replace(
            self, roll_mm=roll_mm, dots=self.narrow_dots, left_dots=self.narrow_left, narrow_dots=0, narrow_left=0
        )

    @property
    def prints_proofs(self) -> bool:
        """A proof is 5.7 cm wide by law: on a wider roll only slips are printed."""
        return self.roll_mm == 57

    @property
    def dots_per_mm(self) -> float:
        """The head that manuals call 203 dpi has 8 dots a millimetre."""
        return 8.0 if self.dpi == 203 else self.dpi / MM_PER_INCH

    def to_dots(self, mm: float) -> int:
        """A length on paper as whole dots, rounded."""
        return round(mm * self.dots_per_mm)

    def at_least(self, mm: float) -> int:
        """The fewest dots that are no shorter than a length the law wants."""
        return math.ceil(mm * self.dots_per_mm)

    def to_mm(self, dots: int) -> float:
        """A number of dots as a length on paper."""
        return dots / self.dots_per_mm

    @property
    def margin_mm(self) -> float:
        """The white edge of the roll that the head cannot reach, on either side."""
        return max(0.0, (max(PAPER_MM, self.roll_mm) - self.to_mm(self.dots)) / 2)


GENERIC_58 = PrinterProfile(name="generic-58", description="any 58 mm printer, 203 dpi", cutter=True)
"""What any 58 mm ESC/POS printer can do, for printers that nobody knows (one without a cutter passes over the cut)."""
