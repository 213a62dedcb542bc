"""A document for the printer: a flat list of blocks from top to bottom, without a single dot or font in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Size = Literal["detail", "small", "title", "huge"]
"""`detail`: lists, 0.25 cm. `small`: body, 0.3 cm. `title`: its Chinese is 0.5 cm high. `huge`: its digits are."""

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, wrapped to the paper's width. `shrink`: one line, in the next smaller size where it is too long
    (and wrapped in the smallest). `inverse`: white on a black bar.
    """

    text: str
    size: Size = "small"
    bold: bool = False
    align: Align = "left"
    shrink: bool = False
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A short text in a row; `at` is where its left or right edge stands, as a part of the paper's width (0 to 1)."""

    text: str
    at: float = 1.0
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True, slots=True)
class Columns:
    """A row: a text on the left and cells beside it. A text too long wraps and the cells follow on a line below it.
    `bold` and `inverse` as of a `Text`.
    """

    lead: str
    cells: tuple[Cell, ...]
    size: Size = "small"
    bold: bool = False
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A thin line across the paper."""


@dataclass(frozen=True, slots=True)
class Space:
    """White paper; `stretch` is its share of what is missing to the document's least length."""

    mm: float
    stretch: int = 0


@dataclass(frozen=True, slots=True)
class Code39:
    """A Code 39 of the text, without start and stop."""

    text: str


@dataclass(frozen=True, slots=True)
class QrPair:
    """Two QR codes side by side."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Qr:
    """One QR code of a slip, in the middle."""

    text: str


@dataclass(frozen=True, slots=True)
class Bitmap:
    """A picture of black and white dots: rows of whole bytes, the highest bit left, 1 is black."""

    width: int
    height: int
    dots: bytes
    align: Align = "center"


Block: TypeAlias = Text | Columns | Rule | Space | Code39 | QrPair | Qr | Bitmap


@dataclass(frozen=True, slots=True)
class Document:
    """One strip of paper. `least_mm` counts the white up to the cutter, `most_mm` (0: no bound) does not. `coarse`:
    its large text is drawn in double dots, a quarter of the bytes, as receipt printers' own large letters are.
    """

    blocks: tuple[Block, ...]
    least_mm: float = 0.0
    most_mm: float = 0.0
    coarse: bool = False
