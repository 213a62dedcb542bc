"""The law's millimetres, measured on what the emulated head printed (8 dots a millimetre)."""

from __future__ import annotations

import numpy as np
import pytest
from proof_samples import SHOP, bands, business, consumer, ink, invoice, line, on_paper, printed, runs

from einvoiced.proof import qr
from einvoiced.proof.content import proof
from einvoiced.proof.layout import Line, lay_out
from einvoiced.proof.profile import GENERIC_58, PrinterProfile
from einvoiced.proof.profiles import load_profile, profile_names
from einvoiced.proof.render import _fonts

DOTS = 8
PROFILES = [load_profile(name) for name in profile_names()]
LEGAL = [profile if profile.prints_proofs else profile.on_roll(57) for profile in PROFILES]


def crowded():
    """Its codes need the largest version: three dots a module, and large text in double dots."""
    return invoice([line(f"第{i}號商品名稱", "1", "10") for i in range(40)])


FACE = 9
"""Rows 1 to 9 of the law's table, as bands of ink."""


def face(image):
    """The bands of the nine rows; a gap of less than half a millimetre is inside a row."""
    return bands(image, least_gap=2)[:FACE]


@pytest.mark.parametrize("profile", LEGAL, ids=lambda profile: profile.name)
@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("original", [consumer(), business(), crowded()], ids=["consumer", "business", "crowded"])
def test_text_rows_have_the_laws_heights(original, copy, profile):
    """Title, period and number are at least 0.5 cm of ink high, the small rows at least 0.2 cm, on every printer."""
    rows = face(printed(proof(original, shop_name=SHOP, copy=copy), profile))
    assert [row.height >= profile.at_least(5) for row in rows[1:4]] == [True] * 3
    assert [row.height >= profile.at_least(2) for row in rows[4:7]] == [True] * 3
    assert rows[7].height >= profile.at_least(5)


@pytest.mark.parametrize("profile", LEGAL, ids=lambda profile: profile.name)
@pytest.mark.parametrize("original", [consumer(), crowded()], ids=["consumer", "crowded"])
def test_every_printers_codes_have_the_laws_size(original, profile):
    """1.5 cm at least, side by side, tops aligned, with 0.2 cm between them."""
    image = printed(proof(original, shop_name=SHOP), profile)
    pair = face(image)[8]
    columns = runs(ink(image)[pair.top : pair.bottom].any(axis=0), least_gap=profile.at_least(1.5))
    (left, left_end), (right, right_end) = columns
    assert left_end - left == right_end - right == pair.height >= profile.at_least(15)
    assert right - left_end >= profile.at_least(2)


def test_digits_alone_are_half_a_centimetre_high():
    """The number's digits, not only the Chinese beside them, reach 0.5 cm; small digits 0.2 cm."""
    image = printed(proof(consumer(), shop_name=SHOP))
    rows = face(image)
    number, seller = rows[3], rows[6]
    last_digit = runs(ink(image)[number.top : number.bottom].any(axis=0))[-1]
    digit = ink(image)[number.top : number.bottom, last_digit[0] : last_digit[1]]
    assert np.flatnonzero(digit.any(axis=1)).size >= 5 * DOTS
    glyph = _fonts().glyph("8", round(3.0 * DOTS))
    assert glyph.mask is not None and glyph.mask.height >= 2 * DOTS
    assert seller.height >= 2 * DOTS


def test_period_and_number_are_bold():
    """Their strokes are heavier than the title size needs: drawn with the bold face."""
    page = lay_out(proof(consumer(), shop_name=SHOP), GENERIC_58, _fonts())
    lines = [box for box in page.boxes if isinstance(box, Line)]
    assert [(box.text, box.bold) for box in lines[2:4]] == [("108年01-02月", True), ("AB-11223344", True)]


def test_code39_is_half_a_centimetre_high_with_its_quiet_zone():
    """At least 0.5 cm, and ten narrow bars of white on either side within the head."""
    image = printed(proof(consumer(), shop_name=SHOP))
    bars = face(image)[7]
    assert bars.height >= 5 * DOTS
    assert bars.right - bars.left == 335
    assert bars.left >= 10 and image.width - bars.right >= 10


@pytest.mark.parametrize("count", [1, 3, 5, 7, 20])
@pytest.mark.parametrize("module", [3, 8])
def test_qr_codes_have_the_laws_size_and_white(count, module):
    """Each at least 1.5 cm square, tops aligned, same size, 0.2 cm of white all around on the paper."""
    original = invoice([line(f"第{i}號商品名稱", "1", "10") for i in range(count)])
    profile = PrinterProfile(name="x", qr_module=module)
    image = on_paper(printed(proof(original, shop_name=SHOP), profile))
    pair = bands(image, least_gap=2)[8]
    dots = ink(image)
    columns = runs(dots[pair.top : pair.bottom].any(axis=0), least_gap=2 * DOTS)
    assert len(columns) == 2
    (left, left_end), (right, right_end) = columns
    assert left_end - left == right_end - right == pair.height >= 15 * DOTS
    for first, last in columns:
        rows = np.flatnonzero(dots[pair.top : pair.bottom, first:last].any(axis=1))
        assert rows[0] == 0 and rows[-1] == pair.height - 1
    quiet = 2 * DOTS
    around = dots[pair.top - quiet : pair.bottom + quiet, left - quiet : right_end + quiet].copy()
    for first, last in columns:
        around[quiet:-quiet, first - left + quiet : last - left + quiet] = False
    assert not around.any()


def test_qr_codes_take_the_largest_modules_that_fit():
    """Four dots in versions 6 and 7, three in 8 to 10 on 384 dots; three everywhere where the profile says so."""
    modules = {version: qr.place(17 + 4 * version, GENERIC_58).module for version in range(6, 11)}
    assert modules == {6: 4, 7: 4, 8: 3, 9: 3, 10: 3}
    small = PrinterProfile(name="x", qr_module=3)
    assert {qr.place(17 + 4 * version, small).module for version in range(6, 11)} == {3}


def test_qr_codes_without_room_are_refused():
    """A head that cannot hold two codes of 1.5 cm is an error at once, not a code nobody can read."""
    with pytest.raises(ValueError, match="do not fit"):
        qr.place(57, PrinterProfile(name="narrow", dots=320))


@pytest.mark.parametrize("shop_name", [SHOP, "煊堃𠮷食品行忠孝東路旗艦門市附設咖啡館", ""])
def test_a_consumers_proof_is_nine_centimetres_long(shop_name):
    """From cut to cut, the white up to the cutter counted."""
    image = printed(proof(consumer(), shop_name=shop_name))
    assert image.height == 90 * DOTS


def test_a_business_proof_is_one_strip_no_shorter():
    """Details follow uncut."""
    assert printed(proof(business(), shop_name=SHOP)).height > 90 * DOTS


def test_nothing_is_printed_past_the_head():
    """The widest total, the longest names and prices stay inside the head's width."""
    original = invoice(
        [line("特" * 120 + "W" * 120, "12345678.1234567", "0.0001234", unit="單位六個字吧", remark="備" * 120)]
    )
    page = lay_out(proof(original, shop_name="長" * 60, copy=True), GENERIC_58, _fonts())
    for box in page.boxes:
        if isinstance(box, Line):
            tracked = box.tracking * (len(box.text) - 1)
            width = (_fonts().width(box.text, box.em, box.bold) + tracked) * box.scale
            assert box.x >= 0 and box.x + width <= GENERIC_58.dots
    tops = [box.baseline for box in page.boxes if isinstance(box, Line)]
    assert tops == sorted(tops)


@pytest.mark.parametrize(
    ("field", "value"), [("dots", 100), ("dpi", 72), ("slice_height", 400), ("feed_dots", -1), ("qr_module", 1)]
)
def test_a_profile_no_printer_has_is_refused(field, value):
    """The error names the field and its limits."""
    with pytest.raises(ValueError, match=field):
        PrinterProfile(name="x", **{field: value})


def test_millimetres_and_dots():
    """A 203 dpi head has 8 dots a millimetre; what the law wants at least is never rounded down."""
    assert GENERIC_58.to_dots(90) == 720
    assert GENERIC_58.at_least(15.01) == 121
    assert GENERIC_58.to_mm(384) == 48
    assert GENERIC_58.margin_mm == 4.5
    assert PrinterProfile(name="x", dpi=180, dots=360).at_least(5) == 36
