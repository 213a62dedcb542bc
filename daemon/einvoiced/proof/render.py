"""From a document to a print job, in one step."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from einvoiced.proof.commands import encode
from einvoiced.proof.document import Document
from einvoiced.proof.fonts import FontBook
from einvoiced.proof.layout import lay_out
from einvoiced.proof.profile import PrinterProfile
from einvoiced.proof.raster import draw

if TYPE_CHECKING:
    from PIL import Image

_ONE_AT_A_TIME = threading.Lock()


@cache
def _fonts() -> FontBook:
    return FontBook()


def picture(document: Document, profile: PrinterProfile, fonts: FontBook | None = None) -> Image.Image:
    """The document as black dots on white, as wide as the head; any thread, one at a time.

    ValueError for a code that does not fit; FontsMissing when no Chinese font is installed.
    """
    with _ONE_AT_A_TIME:
        book = fonts or _fonts()
        try:
            return draw(lay_out(document, profile, book), book)
        finally:
            book.close_faces()


def render(document: Document, profile: PrinterProfile, fonts: FontBook | None = None) -> bytes:
    """The document as one immutable print job: the same document gives the same bytes. Errors as `picture`."""
    return encode(picture(document, profile, fonts), profile)
