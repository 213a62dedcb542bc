"""Placed boxes as dots: a Pillow picture of mode "1", black on white, one pixel a dot, nothing dithered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from einvoiced.proof.fonts import FontBook
from einvoiced.proof.layout import Cells, Dots, Fill, Line, Page

if TYPE_CHECKING:
    from PIL import Image

BLACK, WHITE = 0, 255
_MASK = bytes([0, 255]) + bytes(254)


def draw(page: Page, fonts: FontBook) -> Image.Image:
    """The picture of a page."""
    from PIL import Image

    picture = Image.new("1", (page.width, max(1, page.height)), WHITE)
    for box in page.boxes:
        if isinstance(box, Line):
            _line(picture, box, fonts)
        elif isinstance(box, Cells):
            _cells(picture, box)
        elif isinstance(box, Dots):
            _dots(picture, box)
        else:
            _fill(picture, box)
    return picture


def _line(picture: Image.Image, line: Line, fonts: FontBook) -> None:
    pen = line.x
    for character in line.text:
        glyph = fonts.glyph(character, line.em, line.bold)
        if glyph.mask is not None:
            place = (pen + glyph.left * line.scale, line.baseline + glyph.top * line.scale)
            picture.paste(BLACK, place, _enlarged(glyph.mask, line.scale))
        pen += (glyph.advance + line.tracking) * line.scale


def _enlarged(mask: Image.Image, scale: int) -> Image.Image:
    from PIL import Image

    return mask if scale == 1 else mask.resize((mask.width * scale, mask.height * scale), Image.Resampling.NEAREST)


def _cells(picture: Image.Image, box: Cells) -> None:
    from PIL import Image

    matrix = box.matrix
    mask = Image.frombytes("L", (matrix.columns, matrix.rows), matrix.cells.translate(_MASK))
    size = (matrix.columns * box.dot_width, matrix.rows * box.dot_height)
    picture.paste(BLACK, (box.x, box.y), mask.resize(size, Image.Resampling.NEAREST))


def _dots(picture: Image.Image, box: Dots) -> None:
    from PIL import Image

    mask = Image.frombytes("1", (box.picture.width, box.picture.height), box.picture.dots)
    picture.paste(BLACK, (box.x, box.y), mask)


def _fill(picture: Image.Image, box: Fill) -> None:
    from PIL import ImageChops

    area = (box.x, box.y, box.x + box.width, box.y + box.height)
    picture.paste(ImageChops.invert(picture.crop(area)) if box.invert else BLACK, area)
