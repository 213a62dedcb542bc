"""The emulated print head over its paper: the line that waits, where it stands, and what ESC/POS has set for it."""

from __future__ import annotations

from . import symbols
from .strip import CELL_HEIGHT, CELL_WIDTH, Strip

LINE_SPACING = 30
_QR_LEVELS = {48: "l", 49: "m", 50: "q", 51: "h"}


def word(data: bytes) -> int:
    """Two bytes, the lower first."""
    return data[0] + 256 * data[1]


class Head:
    """One strip of paper at a time: `strip`. Not safe for threads by itself; `width` in dots."""

    def __init__(self, width: int, dpi: float) -> None:
        self.width, self.dpi = width, dpi
        self.strip = Strip(width, dpi)
        self.reset()

    def reset(self) -> None:
        """ESC @: forget the line and all settings."""
        self._line = ""
        self.align = self.margin = self.position = 0
        self.line_spacing = LINE_SPACING
        self.bar = {"h": 162, "w": 3}
        self._qr_module, self._qr_level, self._qr_data = 3, 48, b""

    def take_strip(self) -> Strip:
        """The strip as it is; a fresh one begins."""
        self.end_line(0)
        strip, self.strip = self.strip, Strip(self.width, self.dpi)
        return strip

    def characters(self, data: bytes) -> None:
        """Text, wrapped at the right edge."""
        for character in data.decode("latin-1"):
            if self.margin + self.position + (len(self._line) + 1) * CELL_WIDTH > self.width and self._line:
                self.end_line(self.line_spacing)
            self._line += character

    def tabulate(self) -> None:
        """Blanks up to the next eighth column."""
        self._line += " " * (8 - len(self._line) % 8)

    def end_line(self, feed: int) -> None:
        """Print the characters that wait, if any, and move the paper by `feed` dots, past the characters at least."""
        if self._line:
            self.strip.text(self._line, self._left(len(self._line) * CELL_WIDTH))
            feed = max(feed, CELL_HEIGHT)
        self._line = ""
        self.position = 0
        self.strip.feed(feed)

    def raster(self, item: bytes) -> None:
        """GS v 0, whole."""
        scale_x, scale_y = 1 + (item[3] & 1), 1 + (item[3] >> 1 & 1)
        self._print(item[8:], word(item[4:6]), word(item[4:6]) * 8 * scale_x, scale_x, scale_y)

    def bar_code(self, item: bytes) -> bool:
        """GS k; whether this printer can draw it."""
        kind = item[2]
        data = item[3:-1] if kind <= 6 else item[4:]
        return self._symbol(symbols.bar_code(kind, data, self.bar["w"], self.bar["h"]))

    def qr_code(self, item: bytes) -> bool:
        """GS ( k with cn 49: model, module size, error level, store, print; whether this printer can."""
        function, rest = item[6], item[7:]
        if function == 67:
            self._qr_module = rest[0]
        elif function == 69:
            self._qr_level = rest[0]
        elif function == 80:
            self._qr_data = rest[1:]
        elif function == 81:
            level = _QR_LEVELS.get(self._qr_level, "l")
            return self._symbol(symbols.qr_code(self._qr_data, self._qr_module, level))
        return True

    def _symbol(self, dots: symbols.Dots | None) -> bool:
        if dots is None:
            return False
        data, row_bytes = symbols.packed(dots)
        self._print(data, row_bytes, len(dots[0]), 1, 1)
        return True

    def _print(self, data: bytes, row_bytes: int, width: int, scale_x: int, scale_y: int) -> None:
        if self._line:
            self.end_line(0)
        self.strip.raster(data, row_bytes, self._left(width), scale_x, scale_y)
        self.position = 0

    def _left(self, width: int) -> int:
        """The column where something `width` dots wide begins."""
        free = max(0, self.width - self.margin - self.position - width)
        return self.margin + self.position + free * self.align // 2
