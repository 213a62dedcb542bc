"""Which characters a font file has, read from its `cmap` table alone (OpenType 1.9: formats 4 and 12).

A font of 20 MB has a table of 180 kB; a question costs some small reads of the file that the kernel keeps cached, so
that nothing of the table stays in this process.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_UNICODE_SUBTABLES = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3))
"""(platform, encoding) of the Unicode subtables, the fullest first."""


class CharacterMap:
    """The characters of one face of a .ttf, .otf or .ttc file; any thread may ask.

    ValueError for a file that is no such font, OSError for one that cannot be read.
    """

    def __init__(self, path: Path, index: int = 0) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._table, self._format = self._find_subtable(index)
        except (struct.error, KeyError) as error:
            raise ValueError(f"{path} is no font with a Unicode character map") from error

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def __contains__(self, character: str) -> bool:
        """Whether the face draws this one character with a glyph of its own (not .notdef)."""
        code = ord(character)
        return self._glyph12(code) > 0 if self._format == 12 else self._glyph4(code) > 0

    def _read(self, form: str, at: int) -> tuple[int, ...]:
        return struct.unpack(form, os.pread(self._file, struct.calcsize(form), at))

    def _find_subtable(self, index: int) -> tuple[int, int]:
        """Where the best subtable begins, and its format."""
        face = 0
        if os.pread(self._file, 4, 0) == b"ttcf":
            if index >= self._read(">I", 8)[0]:
                raise KeyError(index)
            (face,) = self._read(">I", 12 + 4 * index)
        (count,) = self._read(">H", face + 4)
        tables = (struct.unpack(">4sIII", os.pread(self._file, 16, face + 12 + 16 * i)) for i in range(count))
        cmap = {tag: offset for tag, _, offset, _ in tables}[b"cmap"]
        (count,) = self._read(">H", cmap + 2)
        found = {}
        for i in range(count):
            platform, encoding, offset = self._read(">HHI", cmap + 4 + 8 * i)
            (form,) = self._read(">H", cmap + offset)
            if form in (4, 12):
                found[platform, encoding] = (cmap + offset, form)
        best = min(set(found).intersection(_UNICODE_SUBTABLES), key=_UNICODE_SUBTABLES.index, default=None)
        if best is None:
            raise KeyError("cmap")
        return found[best]

    def _glyph12(self, code: int) -> int:
        """Format 12: groups of (first, last, first's glyph), in order."""
        low, high = 0, self._read(">I", self._table + 12)[0]
        while low < high:
            middle = (low + high) // 2
            first, last, glyph = self._read(">III", self._table + 16 + 12 * middle)
            if code > last:
                low = middle + 1
            elif code < first:
                high = middle
            else:
                return glyph + code - first
        return 0

    def _glyph4(self, code: int) -> int:
        """Format 4: parallel arrays of last, first, delta and range offset per segment."""
        if code > 0xFFFF:
            return 0
        size = self._read(">H", self._table + 6)[0]
        ends = self._table + 14
        low, high = 0, size // 2
        while low < high:
            middle = (low + high) // 2
            if self._read(">H", ends + 2 * middle)[0] < code:
                low = middle + 1
            else:
                high = middle
        if low == size // 2:
            return 0
        starts = ends + size + 2
        (first,) = self._read(">H", starts + 2 * low)
        (delta,) = self._read(">H", starts + size + 2 * low)
        place = starts + 2 * size + 2 * low
        (offset,) = self._read(">H", place)
        if code < first:
            return 0
        if offset == 0:
            return (code + delta) & 0xFFFF
        (glyph,) = self._read(">H", place + offset + 2 * (code - first))
        return (glyph + delta) & 0xFFFF if glyph else 0
