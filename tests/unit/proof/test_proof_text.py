"""Glyphs and lines: nothing is ever drawn as the font's empty box."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image, ImageFont
from proof_samples import SHOP, bands, consumer, printed

from einvoiced.errors import FontsMissing
from einvoiced.proof import fonts
from einvoiced.proof.cmap import CharacterMap
from einvoiced.proof.content import proof
from einvoiced.proof.fonts import GETA, REGULAR, FontBook, FontFile, printable
from einvoiced.proof.wrap import wrap

NOTO = REGULAR[0]
WQY = fonts.FALLBACK[0]
DEJAVU = FontFile(Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))


@pytest.fixture(scope="module")
def book():
    return FontBook()


def same(one, other):
    return (one.mask and one.mask.tobytes()) == (other.mask and other.mask.tobytes()) and one.advance == other.advance


def _drawn(face, character):
    mask = face.getmask(character, mode="L")
    return mask.size, bytes(Image.Image()._new(mask).tobytes())


@pytest.mark.parametrize("file", [NOTO, WQY, DEJAVU], ids=["noto", "wqy", "dejavu"])
def test_the_character_map_agrees_with_the_renderer(file):
    """A character is in the map exactly when FreeType draws something else than .notdef's box."""
    if not file.path.exists():
        pytest.skip(f"{file.path} is not installed")
    face = ImageFont.truetype(file.path, 24, file.index, layout_engine=ImageFont.Layout.BASIC)
    known = CharacterMap(file.path, file.index)
    notdef = _drawn(face, "\U000effff")
    chosen = random.Random(7).sample(range(0x21, 0xD7FF), 1500)
    codes = [*chosen, *map(ord, "煊堃〓電A"), 0x20BB7, 0x1F600, 0x2A6D6]
    for code in codes:
        character = chr(code)
        assert (_drawn(face, character) != notdef) == (character in known), hex(code)
    assert "\U000effff" not in known and "\ue000" not in known


@pytest.mark.parametrize("character", "煊堃𠮷電聯－９")
def test_taiwans_rare_characters_are_drawn_from_the_first_font(book, character):
    """Not even in CP950, but in Noto."""
    assert not same(book.glyph(character, 24), book.glyph(GETA, 24))


@pytest.mark.parametrize("character", ["\ue000", "\U0001f600", "\U000f0000"])
def test_what_no_font_has_prints_as_geta(book, character):
    """A visible sign that something is missing, never an empty box."""
    assert not book.covered(character)
    assert same(book.glyph(character, 24), book.glyph(GETA, 24))
    assert same(book.glyph(character, 44, True), book.glyph(GETA, 44, True))


def test_the_second_font_draws_what_the_first_lacks():
    """With a Latin font first, Chinese comes from the fallback, and what neither has is 〓 or ?."""
    latin = FontBook(regular=(DEJAVU,), bold=(DEJAVU,))
    whole = FontBook(regular=(WQY,), bold=(WQY,))
    assert same(latin.glyph("電", 24), whole.glyph("電", 24))
    assert not same(latin.glyph("A", 24), whole.glyph("A", 24))
    only_latin = FontBook(regular=(DEJAVU,), bold=(DEJAVU,), fallback=(DEJAVU,))
    assert same(only_latin.glyph("電", 24), only_latin.glyph("?", 24))


def test_without_any_chinese_font_the_error_names_the_package():
    """A technician reads what to install."""
    nowhere = (FontFile(Path("/nonexistent/font.ttc"), 3),)
    with pytest.raises(FontsMissing, match="fonts-noto-cjk") as caught:
        FontBook(regular=nowhere, bold=nowhere, fallback=nowhere)
    assert "fonts-noto-cjk" in caught.value.message_zh and "/nonexistent/font.ttc" in caught.value.message


def test_fonts_can_be_chosen_in_the_environment(monkeypatch):
    """A path, or a path and an index; a file that is not there is passed over."""
    monkeypatch.setenv("EINVOICED_FONT_REGULAR", f"{WQY.path}:0")
    chosen = FontBook()
    assert same(chosen.glyph("A", 24), FontBook(regular=(WQY,)).glyph("A", 24))
    monkeypatch.setenv("EINVOICED_FONT_REGULAR", "/nonexistent.ttc:3")
    assert not same(FontBook().glyph("A", 24), chosen.glyph("A", 24))


@pytest.mark.parametrize("content", [b"", b"ttcf", b"\x00" * 400, b"not a font at all, but long enough to be read"])
def test_a_file_that_is_no_font_is_refused(tmp_path, content):
    """ValueError, whatever the bytes."""
    path = tmp_path / "x.ttf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no font"):
        CharacterMap(path)


def test_the_glyph_cache_is_bounded(book):
    """Ten thousand different characters leave no more than the limit."""
    for code in range(0x4E00, 0x4E00 + 2 * fonts.MAX_GLYPHS):
        book.glyph(chr(code), 24)
    assert len(book._glyphs) <= fonts.MAX_GLYPHS and len(book._faces) <= fonts.MAX_FACES
    book.close_faces()
    assert not book._faces


def test_no_empty_box_stands_on_a_proof_with_emoji():
    """The shop's emoji comes out as 〓: same paper as if the owner had typed it."""
    assert (
        printed(proof(consumer(), shop_name="咖啡😀")).tobytes()
        == printed(proof(consumer(), shop_name="咖啡〓")).tobytes()
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain", "plain"),
        ("e\u0301", "é"),
        ("煊\ufe00", "煊"),
        ("茶\U000e0101", "茶"),
        ("a\u200db\u00adc\u202ed", "abcd"),
        ("全　形", "全　形"),
        ("a\tb\nc\u00a0d", "a b c d"),
        ("\x00\x07x", "x"),
        ("👍🏽", "👍"),
        ("👨\u200d👩\u200d👧\u200d👦家", "👨家"),
        ("🏳\ufe0f\u200d🌈旗", "🏳旗"),
        ("🇹🇼茶🇯🇵", "🇹茶🇯"),
        ("❤\ufe0f茶", "❤茶"),
        ("1\ufe0f\u20e3號", "1\u20e3號"),
        ("👍👎", "👍👎"),
        ("→←☆★", "→←☆★"),
        ("क\u200dष", "कष"),
    ],
)
def test_what_has_no_picture_is_left_out(given, shown):
    """Controls, joiners, selectors and marks of direction go; letters are composed; blanks become blanks; an emoji that
    is made of several signs is one.
    """
    assert printable(given) == shown


@pytest.mark.parametrize(
    ("text", "like"), [("👨\u200d👩\u200d👧", GETA), ("🇹🇼", GETA), ("1\ufe0f\u20e3", "1"), ("กั", GETA)]
)
def test_one_picture_that_no_font_has_is_one_sign(book, text, like):
    """A family, a flag, a keycap, a letter with a mark: as wide as one character, whatever it is made of."""
    assert book.width(printable(text), 24) == book.width(like, 24)


def test_a_mark_that_a_font_has_is_drawn_over_its_letter(book):
    """What cannot be composed keeps its mark, and takes no more room for it."""
    marked = printable("x\u0304")
    assert marked == "x\u0304" and book.glyph("\u0304", 24).mask is not None
    assert book.width(marked, 24) == book.width("x", 24)


def _width(text, limit):
    return wrap(text, limit, lambda character: 2 if character > "\u2e7f" else 1)


@pytest.mark.parametrize(
    ("text", "limit", "lines"),
    [
        ("", 10, [""]),
        ("電子發票證明聯", 6, ["電子發", "票證明", "聯"]),
        ("dark roast coffee", 11, ["dark roast", "coffee"]),
        ("supercalifragilistic", 8, ["supercal", "ifragili", "stic"]),
        ("咖啡Latte大杯", 9, ["咖啡Latte", "大杯"]),
        ("咖啡豆Latte", 7, ["咖啡豆", "Latte"]),
        ("請保存。謝謝", 6, ["請保", "存。謝", "謝"]),
        ("一二（三）", 6, ["一二", "（三）"]),
        ("咖ǎ̱", 2, ["咖", "ǎ̱"]),
        ("ab   cd", 3, ["ab", "cd"]),
    ],
)
def test_lines_break_where_readers_expect(text, limit, lines):
    """Chinese anywhere but before closing signs or after opening ones, Latin at blanks, long words where they must."""
    assert _width(text, limit) == lines


def test_wrapping_loses_nothing_but_blanks():
    """Every visible character comes out once, in order, and no line is too wide."""
    chooser = random.Random(3)
    for _ in range(300):
        text = "".join(chooser.choices("電子發票，。（）ab1 -/", k=chooser.randint(0, 60)))
        lines = _width(text, 12)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(sum(2 if c > "\u2e7f" else 1 for c in line) <= 12 for line in lines)


@pytest.mark.parametrize(("name", "rows", "height"), [(SHOP, 1, 36), (SHOP * 2, 1, 20), (SHOP * 4, 2, 20)])
def test_a_shop_name_too_long_for_its_size_becomes_smaller(name, rows, height):
    """Six characters are large, twelve one small line, twenty-four wrap to a second."""
    above_title = bands(printed(proof(consumer(), shop_name=name)), least_gap=2)[:rows]
    assert all(height <= band.height < height + 12 for band in above_title)
    title = bands(printed(proof(consumer(), shop_name=name)), least_gap=2)[rows]
    assert title.height >= 40
