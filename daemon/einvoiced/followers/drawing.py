"""From documents to the strips of one printer, and whether its box can draw at all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from einvoiced.errors import FontsMissing

if TYPE_CHECKING:
    from einvoiced.proof.document import Document
    from einvoiced.proof.profile import PrinterProfile

log = logging.getLogger(__name__)


class Drawing:
    """Draws as a printer's profile says. `tried`: a document with all that a proof needs came out; who meets
    FontsMissing later takes that back."""

    def __init__(self, profile: PrinterProfile) -> None:
        self._profile = profile
        self.tried = False

    def strip(self, document: Document) -> bytes:
        """The commands that print a document; FontsMissing."""
        from einvoiced.proof.render import render

        return render(document, self._profile)

    def possible(self) -> bool:
        """Whether the libraries and fonts are there; the first time it loads them, before anybody waits for a strip."""
        if not self.tried:
            try:
                self.strip(_nothing())
                self.tried = True
            except FontsMissing as error:
                log.error("nothing can be printed: %s", error)
        return self.tried


def _nothing() -> Document:
    """A document that needs everything that a proof needs."""
    from einvoiced.proof.document import Document, QrPair, Text

    return Document((Text("測", bold=True), QrPair("測", "試")))
