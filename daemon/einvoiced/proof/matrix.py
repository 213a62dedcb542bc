"""Black and white cells in rows, the common form of both kinds of code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matrix:
    """`cells` holds rows from the top, one byte a cell: 1 is black."""

    columns: int
    rows: int
    cells: bytes
