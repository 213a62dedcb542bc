"""Glyphs as bitmaps: Noto Sans CJK TC, a second font for what it lacks, and 〓 where neither has a character.

A missing glyph would print an empty box without a word, so every character is looked up in the font's own character
map before it is drawn. Index 3 of Noto's collection holds Taiwan's shapes; index 0 draws Japanese ones.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from einvoiced.errors import FontsMissing
from einvoiced.proof.cmap import CharacterMap

if TYPE_CHECKING:
    from PIL import Image, ImageFont

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

GETA = "〓"
"""The printers' old sign for "the type is missing here"; `?` where even that is missing."""

INK = 96
"""Grey from which a dot is printed (0 to 255): below half, since thermal heads lose the edges of thin strokes."""

MAX_GLYPHS = 768
MAX_FACES = 5
MAX_LOOKUPS = 2048

_FLAG = re.compile("([\U0001f1e6-\U0001f1ff])[\U0001f1e6-\U0001f1ff]")
_ONE = "[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_COLOUR = "[\ufe0f\U0001f3fb-\U0001f3ff]*"
_JOINED = re.compile(f"({_ONE}){_COLOUR}(?:\u200d{_ONE}{_COLOUR})*")
"""Emoji sequences (Unicode TS 51): flags are pairs; others are joined by U+200D, with selectors and colours of skin."""

DEBIAN_PACKAGE = "fonts-noto-cjk"


@dataclass(frozen=True, slots=True)
class FontFile:
    """A face in a font file."""

    path: Path
    index: int = 0


_NOTO = Path("/usr/share/fonts/opentype/noto")
_WQY = FontFile(Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"))
REGULAR = (FontFile(_NOTO / "NotoSansCJK-Regular.ttc", 3), _WQY)
BOLD = (FontFile(_NOTO / "NotoSansCJK-Bold.ttc", 3), *REGULAR)
FALLBACK = (_WQY, FontFile(_NOTO / "NotoSansCJK-Regular.ttc", 3))
"""Candidates, the first that is there is taken. `EINVOICED_FONT_REGULAR`, `_BOLD`, `_FALLBACK` (a path, or a path, `:`
and an index) go before them.
"""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A bitmap (None for a blank), its upper left corner as seen from the pen on the baseline, and the pen's step."""

    mask: Image.Image | None
    left: int
    top: int
    advance: int


class FontBook:
    """The fonts of one process. Printer threads only, one at a time. FontsMissing when there is no font at all.

    Bitmaps are kept, MAX_GLYPHS of them; faces are not: an open one maps its file and takes up to 7 MB, opening it
    again takes 0.4 ms. Who draws closes them when done.
    """

    def __init__(
        self,
        regular: tuple[FontFile, ...] = REGULAR,
        bold: tuple[FontFile, ...] = BOLD,
        fallback: tuple[FontFile, ...] = FALLBACK,
    ) -> None:
        self._files = {
            "regular": _first(_overridden("REGULAR", regular)),
            "bold": _first(_overridden("BOLD", bold)),
            "fallback": _first(_overridden("FALLBACK", fallback)),
        }
        self._maps = {role: CharacterMap(file.path, file.index) for role, file in self._files.items()}
        self._roles: OrderedDict[tuple[str, bool], str] = OrderedDict()
        self._faces: OrderedDict[tuple[str, int], ImageFont.FreeTypeFont] = OrderedDict()
        self._glyphs: OrderedDict[tuple[str, int, bool], Glyph] = OrderedDict()

    def glyph(self, character: str, em: int, bold: bool = False) -> Glyph:
        """The bitmap of one character of `printable` text, `em` dots high."""
        key = (character, em, bold)
        found = self._glyphs.get(key)
        if found is not None:
            self._glyphs.move_to_end(key)
            return found
        return _keep(self._glyphs, key, self._draw(character, em, bold), MAX_GLYPHS)

    def width(self, text: str, em: int, bold: bool = False) -> int:
        """How far the pen goes over a text."""
        return sum([self.glyph(character, em, bold).advance for character in text])

    def close_faces(self) -> None:
        """Give the font files' memory back; glyphs seen lately are still known."""
        self._faces.clear()

    def covered(self, character: str, bold: bool = False) -> bool:
        """Whether some font has the character itself."""
        return self._role(character, bold) != ""

    def _role(self, character: str, bold: bool) -> str:
        """Which font draws the character; "" for none."""
        key = (character, bold)
        role = self._roles.get(key)
        if role is None:
            order = ("bold", "regular", "fallback") if bold else ("regular", "fallback")
            role = next((role for role in order if character in self._maps[role]), "")
            _keep(self._roles, key, role, MAX_LOOKUPS)
        return role

    def _draw(self, character: str, em: int, bold: bool) -> Glyph:
        role = self._role(character, bold)
        if not role and unicodedata.category(character) in ("Mn", "Me"):
            return Glyph(None, 0, 0, 0)  # a mark belongs to the character before it, which is there
        if not role:
            character = GETA if self.covered(GETA, bold) else "?"
            role = self._role(character, bold) or "regular"
        face = self._face(role, em)
        advance = round(face.getlength(character))
        mask, (left, top) = _ink(face, character)
        return Glyph(mask, left, top, advance)

    def _face(self, role: str, em: int) -> ImageFont.FreeTypeFont:
        from PIL import ImageFont

        face = self._faces.get((role, em))
        if face is None:
            file = self._files[role]
            face = ImageFont.truetype(file.path, em, file.index, layout_engine=ImageFont.Layout.BASIC)
            return _keep(self._faces, (role, em), face, MAX_FACES)
        self._faces.move_to_end((role, em))
        return face


def printable(text: str) -> str:
    """The text as it is drawn: composed (NFC), without what has no picture (controls, joiners, selectors), and with the
    first sign of what is one picture made of several: an emoji with a colour of skin, a family, a flag.
    """
    composed = unicodedata.normalize("NFC", text.replace("\t", " "))
    if composed.isascii() and composed.isprintable():
        return composed
    composed = _JOINED.sub(r"\1", _FLAG.sub(r"\1", composed))
    return "".join([" " if c.isspace() and c != "\u3000" else c for c in composed if not _invisible(c)])


def _invisible(character: str) -> bool:
    variation_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return variation_selector or (unicodedata.category(character) in ("Cc", "Cf") and not character.isspace())


def _ink(face: ImageFont.FreeTypeFont, character: str) -> tuple[Image.Image | None, tuple[int, int]]:
    """The character's dots as a mask of mode "1", cut to the ink, and its place from the pen on the baseline."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = (int(edge) for edge in face.getbbox(character, anchor="ls"))
    if right <= left or bottom <= top:
        return None, (0, 0)
    grey = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(grey).text((1 - left, 1 - top), character, fill=255, font=face, anchor="ls")
    mask = grey.point([255 if level >= INK else 0 for level in range(256)], mode="1")
    box = mask.getbbox()
    if box is None:
        return None, (0, 0)
    return mask.crop(box), (left - 1 + box[0], top - 1 + box[1])


def _keep(cache: OrderedDict[_Key, _Value], key: _Key, value: _Value, limit: int) -> _Value:
    cache[key] = value
    if len(cache) > limit:
        cache.popitem(last=False)
    return value


def _first(candidates: tuple[FontFile, ...]) -> FontFile:
    for file in candidates:
        if file.path.is_file():
            return file
    raise FontsMissing(paths=", ".join(str(file.path) for file in candidates), package=DEBIAN_PACKAGE)


def _overridden(role: str, candidates: tuple[FontFile, ...]) -> tuple[FontFile, ...]:
    text = os.environ.get(f"EINVOICED_FONT_{role}")
    if not text:
        return candidates
    path, colon, index = text.rpartition(":")
    chosen = FontFile(Path(path), int(index)) if colon and index.isdecimal() else FontFile(Path(text))
    return (chosen, *candidates)
