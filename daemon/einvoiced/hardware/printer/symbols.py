"""Bar codes and QR codes that the emulated printer draws by itself when asked by command: GS k and GS ( k.

Code 39, Code 128 and EAN-13 by python-barcode, QR codes by segno; other kinds are unknown to this printer.
"""

from __future__ import annotations

Dots = list[bytes]
"""Rows from the top, one byte a dot: 1 is black."""

_KINDS = {2: "ean13", 4: "code39", 67: "ean13", 69: "code39", 73: "code128"}
"""The `m` of GS k."""


def bar_code(kind: int, data: bytes, narrow: int, height: int) -> Dots | None:
    """A bar code with its narrow element so many dots wide; None for what this printer cannot draw."""
    name = _KINDS.get(kind)
    if name is None:
        return None
    import barcode

    text = data.decode("latin-1").removeprefix("{B" if name == "code128" else "")
    options = {"add_checksum": False} if name == "code39" else {}
    try:
        (pattern,) = barcode.get_barcode_class(name)(text.strip("*"), **options).build()
    except (barcode.errors.BarcodeError, ValueError):
        return None
    row = b"".join((b"\1" if element == "1" else b"\0") * narrow for element in pattern)
    return [row] * height


def qr_code(data: bytes, module: int, level: str) -> Dots | None:
    """A QR code with modules of so many dots; None when the data does not fit one."""
    import segno

    try:
        made = segno.make(data, error=level, micro=False, boost_error=False)
    except (segno.DataOverflowError, ValueError):
        return None
    return [
        b"".join((b"\1" if cell else b"\0") * module for cell in cells) for cells in made.matrix for _ in range(module)
    ]


def packed(dots: Dots) -> tuple[bytes, int]:
    """Rows as a raster has them, eight dots a byte, and the bytes of a row."""
    row_bytes = (len(dots[0]) + 7) // 8
    rows = {row: int(row.ljust(row_bytes * 8, b"\0").translate(_DIGITS), 2) for row in set(dots)}
    return b"".join(rows[row].to_bytes(row_bytes, "big") for row in dots), row_bytes


_DIGITS = bytes([0x30, 0x31]) + bytes(254)
