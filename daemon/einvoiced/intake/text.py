"""Bytes of a track file to text.

The platform's encoding is disputed between real importers (CP950, UTF-8, UTF-8 with a byte order mark), so both are
tried, strictly, and nothing is ever replaced or guessed. Decoding comes before any parsing: the second byte of a CP950
character may be an ASCII backslash or bracket.
"""

from __future__ import annotations

import codecs

from einvoiced.errors import FileEmpty, FileIsUtf16, FileNotText, FileTooLarge

MAX_BYTES = 1 << 20
"""1 MiB: some 25,000 rows, far beyond any shop's allotment."""

_ENCODINGS = ("utf-8-sig", "cp950")
_END_OF_FILE = "\x1a"
_BLANK = " \t\r\n"
_FEW = 4
_SEPARATORS, _COLUMNS = ",;\t", 7


def to_text(data: bytes) -> str:
    """The text, without byte order mark and without the DOS end-of-file character (0x1A) at its end.

    Raises FileTooLarge, FileEmpty, FileIsUtf16 and FileNotText.
    """
    if len(data) > MAX_BYTES:
        raise FileTooLarge(value=str(len(data)), limit=MAX_BYTES)
    if _looks_like_utf16(data):
        raise FileIsUtf16() if _was_a_track_file(data) else FileNotText()
    if b"\0" in data:
        raise FileNotText()
    text = _decoded(data).rstrip(_BLANK + _END_OF_FILE)
    if not text.strip(_BLANK):
        raise FileEmpty()
    return text


def _decoded(data: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileNotText()


def _looks_like_utf16(data: bytes) -> bool:
    """A byte order mark, or NULs at a quarter of the odd (or even) places and hardly any at the others.

    Digits and commas make the NULs; a few characters such as 一 (U+4E00) have theirs at the other places.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    fewer, more = sorted((data[0::2].count(0), data[1::2].count(0)))
    return more >= max(_FEW, len(data) / 8) and fewer * 4 <= more


def _was_a_track_file(data: bytes) -> bool:
    """Whether UTF-16 may be a track file that somebody saved again: seven columns, or E0501's element.

    Windows and its users leave other UTF-16 on sticks (`desktop.ini`, notes), which is none of our business.
    """
    for order in ("utf-16-le", "utf-16-be"):
        text = data.decode(order, "replace").replace("\0", "")  # NULs: of UTF-32
        rows = (line.count(separator) for line in text.split("\n") for separator in _SEPARATORS)
        if "InvoiceAssignNo" in text or any(found >= _COLUMNS - 1 for found in rows):
            return True
    return False
