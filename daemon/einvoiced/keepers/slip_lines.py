"""A till's slip as it was asked for (`slip.print`) → a document for the printer."""

from __future__ import annotations

import base64
import binascii
import io
from typing import TYPE_CHECKING

from einvoiced.proof.document import Bitmap, Block, Cell, Code39, Columns, Document, Qr, Rule, Space, Text
from einvoiced.rpc.paper_methods import SlipLine

if TYPE_CHECKING:
    from PIL import Image

MOST_LINES = 400
MOST_CHARACTERS = 1000
MOST_MM = 1000.0
MOST_PIXELS = 4_000_000
_KINDS = ("text", "gap_mm", "barcode", "qr", "image")


def to_document(lines: list[SlipLine], dots: int) -> Document:
    """The document on a head of so many dots. ValueError names the line that cannot be printed, counted from 0."""
    if not 1 <= len(lines) <= MOST_LINES:
        raise ValueError(f"a slip has 1 to {MOST_LINES} lines, not {len(lines)}")
    blocks: list[Block] = []
    for number, line in enumerate(lines):
        try:
            blocks.append(_block(line, dots))
        except ValueError as error:
            raise ValueError(f"lines[{number}]: {error}") from None
    return Document(tuple(blocks), most_mm=MOST_MM)


def _block(line: SlipLine, dots: int) -> Block:
    given = [name for name in _KINDS if getattr(line, name) is not None] + ["rule"] * line.rule
    if len(given) != 1:
        raise ValueError("exactly one of text, rule, gap_mm, barcode, qr and image is needed")
    if line.text is not None:
        return _text(line, line.text)
    if line.rule:
        return Rule()
    if line.gap_mm is not None:
        if not 0 < line.gap_mm <= MOST_MM:
            raise ValueError(f"gap_mm must be above 0 and at most {MOST_MM:g}")
        return Space(line.gap_mm)
    if line.barcode is not None:
        return Code39(line.barcode)
    if line.qr is not None:
        return Qr(line.qr)
    return _bitmap(line.image or "", line, dots)


def _text(line: SlipLine, text: str) -> Block:
    if len(text) + len(line.right or "") > MOST_CHARACTERS:
        raise ValueError(f"a line has at most {MOST_CHARACTERS} characters")
    if line.right is not None:
        return Columns(text, (Cell(line.right),), line.size, line.bold, line.inverse)
    return Text(text, line.size, line.bold, line.align, inverse=line.inverse) if text else Space(2)


def _bitmap(content: str, line: SlipLine, dots: int) -> Bitmap:
    from PIL import Image, UnidentifiedImageError

    try:
        data = base64.b64decode(content, validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError(f"a picture has at most {MOST_PIXELS} pixels")
            return _black_and_white(picture, line, dots)
    except binascii.Error:
        raise ValueError("the picture is not Base64") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"the picture is no PNG that can be read ({error})") from None


def _black_and_white(picture: Image.Image, line: SlipLine, dots: int) -> Bitmap:
    """On white, no wider than the head, its greys as patterns of dots."""
    from PIL import Image, ImageChops

    solid = picture.convert("RGBA")
    white = Image.new("RGBA", solid.size, "white")
    white.alpha_composite(solid)
    grey = white.convert("L")
    if grey.width > dots:
        grey = grey.resize((dots, max(1, grey.height * dots // grey.width)))
    ink = ImageChops.invert(grey.convert("1"))
    return Bitmap(ink.width, ink.height, ink.tobytes(), line.align)
