"""Paper: what the emulated print head left on one strip between two cuts."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image, ImageFont

DPI = 203.2
"""8 dots a millimetre, the usual thermal head; manuals round it to 203."""
CELL_WIDTH, CELL_HEIGHT = 12, 24
"""Font A of an ESC/POS printer, in dots."""


@dataclass(frozen=True)
class _Raster:
    x: int
    y: int
    row_bytes: int
    data: bytes
    scale_x: int
    scale_y: int


@dataclass(frozen=True)
class _Text:
    x: int
    y: int
    text: str


class Strip:
    """A piece of paper `width` dots wide. It keeps what was printed as bytes; a picture is built when asked for."""

    def __init__(self, width: int, dpi: float = DPI) -> None:
        self.width = width
        self.dpi = dpi
        self.height = 0
        self.counted = 0
        """Of its height, what has been taken off the roll."""
        self._marks: list[_Raster | _Text] = []

    def feed(self, dots: int) -> None:
        """Move the paper on."""
        self.height += dots

    def raster(self, data: bytes, row_bytes: int, x: int, scale_x: int, scale_y: int) -> None:
        """Print rows of `row_bytes` bytes (highest bit left, 1 is black) from column `x` on, and feed past them."""
        if row_bytes and data:
            self._marks.append(_Raster(x, self.height, row_bytes, data, scale_x, scale_y))
            self.feed(len(data) // row_bytes * scale_y)

    def text(self, text: str, x: int) -> None:
        """Print one line of characters; the caller feeds."""
        self._marks.append(_Text(x, self.height, text))

    @property
    def texts(self) -> list[str]:
        """The lines printed as characters, in order."""
        return [mark.text for mark in self._marks if isinstance(mark, _Text)]

    @property
    def image(self) -> Image.Image:
        """The strip as a new picture of mode "1", black on white, one pixel a dot; what stood over the edge is lost."""
        from PIL import Image

        image = Image.new("1", (self.width, max(1, self.height)), 1)
        for mark in self._marks:
            if isinstance(mark, _Raster):
                ink = _ink(mark)
                image.paste(0, (mark.x, mark.y), ink)
            else:
                _write(image, mark)
        return image

    def save_png(self, path: Path) -> None:
        """Write the picture in its true size on paper; the file appears whole or not at all."""
        aside = path.with_name(f".{path.name}.part")
        self.image.save(aside, format="PNG", dpi=(self.dpi, self.dpi))
        aside.replace(path)


def _ink(mark: _Raster) -> Image.Image:
    """A mask that is set where the head was hot."""
    from PIL import Image

    rows = len(mark.data) // mark.row_bytes
    ink = Image.frombytes("1", (mark.row_bytes * 8, rows), mark.data)
    if mark.scale_x > 1 or mark.scale_y > 1:
        size = (ink.width * mark.scale_x, ink.height * mark.scale_y)
        ink = ink.resize(size, Image.Resampling.NEAREST)
    return ink


def _write(image: Image.Image, mark: _Text) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(image)
    for number, character in enumerate(mark.text):
        draw.text((mark.x + number * CELL_WIDTH, mark.y), character, fill=0, font=_font())


@functools.cache
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(20)
