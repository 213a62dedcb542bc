"""A document as boxes with places and sizes in dots: all of the law's millimetres are kept here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from einvoiced.proof import code39, qr
from einvoiced.proof.document import (
    Bitmap,
    Block,
    Cell,
    Code39,
    Columns,
    Document,
    Qr,
    QrPair,
    Rule,
    Size,
    Space,
    Text,
)
from einvoiced.proof.fonts import FontBook, printable
from einvoiced.proof.matrix import Matrix
from einvoiced.proof.profile import PrinterProfile
from einvoiced.proof.wrap import wrap

EM_MM: dict[Size, float] = {"detail": 2.5, "small": 3.0, "title": 5.5, "huge": 6.9}
"""Em heights. Ink is lower: Noto's Chinese has 0.92 em (5.5 mm: 5.0), its digits 0.73 (6.9 mm: 5.0; 3.0 mm: 2.2)."""

SMALLER: dict[Size, tuple[Size, ...]] = {
    "huge": ("huge", "title", "small"),
    "title": ("title", "small"),
    "small": ("small",),
    "detail": ("detail",),
}
LARGE = ("title", "huge")

CODE39_MM = 5.5
"""The law wants 5."""

QR_MM = 30.0
"""How large a slip's own QR code may become."""

_ASCENT = 0.88
_LEADING = 1 / 8
_TIGHTEST = 1 / 16
"""How much of an em a one-line text may lose between two glyphs before it takes a smaller size."""
_COLUMN_GAP = 8


@dataclass(frozen=True, slots=True)
class Line:
    """Text from a pen position on its baseline; `tracking` is added to each step of the pen.

    `em`, the glyphs and `tracking` are in points of `scale` by `scale` dots.
    """

    x: int
    baseline: int
    text: str
    em: int
    bold: bool
    tracking: int = 0
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Fill:
    """A black rectangle, or one whose dots are turned round (`invert`)."""

    x: int
    y: int
    width: int
    height: int
    invert: bool = False


@dataclass(frozen=True, slots=True)
class Cells:
    """A matrix whose cells are `dot_width` by `dot_height` dots."""

    x: int
    y: int
    matrix: Matrix
    dot_width: int
    dot_height: int


@dataclass(frozen=True, slots=True)
class Dots:
    """A picture as it is."""

    x: int
    y: int
    picture: Bitmap


Box: TypeAlias = Line | Fill | Cells | Dots


@dataclass(slots=True)
class Page:
    """Placed boxes from top to bottom; `height` does not count the white up to the cutter."""

    width: int
    height: int = 0
    boxes: list[Box] = field(default_factory=list)


def lay_out(document: Document, profile: PrinterProfile, fonts: FontBook) -> Page:
    """Place every block. ValueError for a code that the head has no room for, or a document that is too long."""
    setter = _Setter(profile, fonts, coarse=document.coarse or _heavy(document, profile))
    for block in document.blocks:
        setter.put(block)
        if document.most_mm and setter.page.height > profile.to_dots(document.most_mm):
            raise ValueError(f"longer than {document.most_mm:g} mm of paper")
    least = profile.to_dots(document.least_mm) - profile.feed_dots
    if setter.page.height < least:
        _stretch(setter.page, setter.springs, least - setter.page.height)
        setter.page.height = least
    return setter.page


def _heavy(document: Document, profile: PrinterProfile) -> bool:
    """Whether its codes have odd modules, so that they cannot be sent at half their size: then the large text is."""
    versions = [qr.version_for(block.left, block.right) for block in document.blocks if isinstance(block, QrPair)]
    return any(qr.place(qr.columns(version), profile).module % 2 for version in versions)


def _stretch(page: Page, springs: list[tuple[int, int]], missing: int) -> None:
    """Move boxes down, each by the shares of the springs (the number of the next box, shares) above it."""
    shares = sum(share for _, share in springs)
    passed = 0
    for place, (first, share) in enumerate(springs):
        passed += share
        last = springs[place + 1][0] if place + 1 < len(springs) else len(page.boxes)
        for number in range(first, last):
            page.boxes[number] = _lower(page.boxes[number], missing * passed // shares)


def _lower(box: Box, dots: int) -> Box:
    return replace(box, baseline=box.baseline + dots) if isinstance(box, Line) else replace(box, y=box.y + dots)


class _Setter:
    """Sets blocks one below the other; `springs` notes the spaces that may grow."""

    def __init__(self, profile: PrinterProfile, fonts: FontBook, *, coarse: bool = False) -> None:
        self.coarse = coarse
        self.profile = profile
        self.fonts = fonts
        self.page = Page(profile.dots)
        self.springs: list[tuple[int, int]] = []

    def put(self, block: Block) -> None:
        """Set one block below the last."""
        match block:
            case Space():
                self.page.height += self.profile.to_dots(block.mm)
                if block.stretch:
                    self.springs.append((len(self.page.boxes), block.stretch))
            case Text():
                self._text(block)
            case Columns():
                self._columns(block)
            case Rule():
                self._rule()
            case Code39():
                self._code39(block)
            case QrPair():
                self._qr_pair(block)
            case Qr():
                self._qr(block)
            case Bitmap():
                self._bitmap(block)

    # -- text ----------------------------------------------------------------------------------------------------

    def _em(self, size: Size) -> int:
        return self.profile.to_dots(EM_MM[size])

    def _scaled_em(self, size: Size) -> tuple[int, int]:
        """An em in points, and the dots of a point."""
        scale = 2 if self.coarse and size in LARGE else 1
        return -(-self._em(size) // scale), scale

    def _line(self, x: int, text: str, em: int, bold: bool, tracking: int = 0, scale: int = 1) -> None:
        """Put a line at the present height without moving on."""
        baseline = self.page.height + round(em * scale * _ASCENT)
        self.page.boxes.append(Line(x, baseline, text, em, bold, tracking, scale))

    def _advance(self, em: int, lines: int = 1) -> None:
        self.page.height += lines * (em + round(em * _LEADING))

    def _text(self, block: Text) -> None:
        text, top = printable(block.text), self.page.height
        size, tracking = self._fitting(text, block) if block.shrink else (block.size, 0)
        em, scale = self._scaled_em(size)
        step = partial(self._step, em=em, bold=block.bold)
        points = self.page.width // scale
        lines = [text] if tracking else wrap(text, points, step)
        for line in lines:
            width = sum([step(c) for c in line]) + tracking * (len(line) - 1)
            x = {"left": 0, "center": (points - width) // 2, "right": points - width}[block.align]
            self._line(x * scale, line, em, block.bold, tracking, scale)
            self._advance(em * scale)
        if block.inverse:
            self._invert(top)

    def _invert(self, top: int) -> None:
        """White on black from there down to here."""
        self.page.boxes.append(Fill(0, top, self.page.width, self.page.height - top, invert=True))

    def _step(self, character: str, em: int, bold: bool) -> int:
        return self.fonts.glyph(character, em, bold).advance

    def _fitting(self, text: str, block: Text) -> tuple[Size, int]:
        """The largest size in which the text is one line, tightened a little where that is enough; or the smallest."""
        for size in SMALLER[block.size]:
            em, scale = self._scaled_em(size)
            excess = self.fonts.width(text, em, block.bold) - self.page.width // scale
            if excess <= 0:
                return size, 0
            tracking = -(-excess // max(1, len(text) - 1))
            if tracking <= em * _TIGHTEST:
                return size, -tracking
        return "small", 0

    # -- rows with columns ---------------------------------------------------------------------------------------

    def _columns(self, block: Columns) -> None:
        em, bold, top = self._em(block.size), block.bold, self.page.height
        lead = wrap(printable(block.lead), self.page.width, partial(self._step, em=em, bold=bold))
        rows = self._rows(block.cells, em, bold)
        for line in lead:
            self._line(0, line, em, bold)
            self._advance(em)
        if len(lead) == 1 and rows and rows[0][0][0] >= self.fonts.width(lead[0], em, bold) + _COLUMN_GAP:
            self._advance(em, -1)
        for row in rows:
            for left, text in row:
                self._line(left, text, em, bold)
            self._advance(em)
        if block.inverse:
            self._invert(top)

    def _rows(self, cells: tuple[Cell, ...], em: int, bold: bool) -> list[list[tuple[int, str]]]:
        """The cells with their left edges: pushed apart to the left where they would touch, and, where there is no
        room left, on a line above.
        """
        rows: list[list[tuple[int, str]]] = []
        limit = 0
        for cell in reversed(cells):
            text = printable(cell.text)
            width, edge = self.fonts.width(text, em, bold), round(cell.at * self.page.width)
            if not rows or limit - _COLUMN_GAP < width:
                rows.insert(0, [])
                limit = self.page.width + _COLUMN_GAP
            limit = min(edge + width if cell.align == "left" else edge, limit - _COLUMN_GAP) - width
            rows[0].insert(0, (max(0, limit), text))
        return rows

    # -- drawings ------------------------------------------------------------------------------------------------

    def _rule(self) -> None:
        gap = self.profile.to_dots(0.5)
        self.page.boxes.append(Fill(0, self.page.height + gap, self.page.width, 1))
        self.page.height += 2 * gap + 1

    def _code39(self, block: Code39) -> None:
        matrix, narrow = code39.fit(block.text, self.profile)
        height = self.profile.at_least(CODE39_MM)
        x = (self.page.width - matrix.columns * narrow) // 2
        self.page.boxes.append(Cells(x, self.page.height, matrix, narrow, height))
        self.page.height += height

    def _qr_pair(self, block: QrPair) -> None:
        left, right = qr.pair(block.left, block.right)
        place = qr.place(left.columns, self.profile)
        top = self.page.height + place.quiet
        for x, matrix in ((place.left, left), (place.right, right)):
            self.page.boxes.append(Cells(x, top, matrix, place.module, place.module))
        self.page.height = top + left.rows * place.module + place.quiet

    def _qr(self, block: Qr) -> None:
        matrix = qr.single(block.text)
        module = min(self.profile.dots, self.profile.to_dots(QR_MM)) // (matrix.columns + 2 * qr.QUIET_MODULES)
        if module < 2:
            raise ValueError(f"a QR code of {matrix.columns} modules does not fit {self.profile.dots} dots")
        quiet, x = qr.QUIET_MODULES * module, (self.page.width - matrix.columns * module) // 4 * 2
        self.page.boxes.append(Cells(x, self.page.height + quiet, matrix, module, module))
        self.page.height += matrix.rows * module + 2 * quiet

    def _bitmap(self, block: Bitmap) -> None:
        if block.width > self.page.width:
            raise ValueError(f"a picture of {block.width} dots does not fit {self.profile.dots}")
        free = self.page.width - block.width
        x = {"left": 0, "center": free // 2, "right": free}[block.align]
        self.page.boxes.append(Dots(x, self.page.height, block))
        self.page.height += block.height
