"""The three codes on paper, read back by another program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from proof_samples import MOMENT, SHOP, assert_reads, business, consumer, invoice, line, on_paper, printed

from einvoiced.proof import code39, qr
from einvoiced.proof.content import proof
from einvoiced.proof.document import QrPair
from einvoiced.proof.profile import GENERIC_58, PrinterProfile
from einvoiced.rules.barcodes import QR_CAPACITY
from einvoiced.rules.sale import Buyer


def test_a_consumers_proof_carries_the_invoices_codes():
    """Code 39 and both QR codes read back byte for byte, in the smallest version allowed."""
    assert assert_reads(printed(proof(consumer(), shop_name=SHOP)), consumer()).versions == ("6", "6")


@pytest.mark.parametrize("prices", ["gross", "net"])
def test_a_business_proof_carries_the_invoices_codes(prices):
    """With a buyer and the details on the same strip nothing changes for the reader."""
    original = business(prices=prices)
    assert_reads(printed(proof(original, shop_name=SHOP)), original)


def test_a_copy_carries_the_same_codes_as_the_original():
    """補印 changes a title, never a code."""
    assert_reads(printed(proof(consumer(), shop_name=SHOP, copy=True)), consumer())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 21, 34, 60])
def test_any_number_of_items_can_be_read(count):
    """As many items as the rules put into the codes are drawn, whatever their version."""
    original = invoice([line(f"第{i}號商品", "2", "15.5") for i in range(count)])
    assert_reads(printed(proof(original, shop_name=SHOP)), original)


@pytest.mark.parametrize("version", QR_CAPACITY)
def test_every_version_up_to_ten_can_be_printed_and_read(version):
    """A name that fills the right code to the last byte of a version makes just that version."""
    name = "A" * (QR_CAPACITY[version] - len("**:1:100"))
    original = invoice([line(name, "1", "100")])
    assert assert_reads(printed(proof(original, shop_name=SHOP)), original).versions[0] == str(version)


@pytest.mark.parametrize("count", [3, 40])
@pytest.mark.parametrize(("size", "angle", "blur"), [(2.0, 3.0, 1.5), (1.5, -5.0, 1.0), (1.5, 90.0, 1.2)])
def test_the_qr_codes_are_read_from_a_bad_picture(count, size, angle, blur):
    """Turned, out of focus, grey and noisy, as a phone sees paper: small codes and the largest."""
    original = invoice([line(f"第{i}號商品名稱", "1", "10") for i in range(count)])
    flat = on_paper(printed(proof(original, shop_name=SHOP)))
    seen = flat.resize((round(flat.width * size), round(flat.height * size)), Image.Resampling.BICUBIC)
    seen = seen.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    grey = np.asarray(seen.filter(ImageFilter.GaussianBlur(blur))) * 0.7 + 40
    noisy = (grey + np.random.default_rng(1).normal(0, 8, grey.shape)).clip(0, 255).astype(np.uint8)
    read = {code.bytes for code in zxingcpp.read_barcodes(noisy) if code.format == zxingcpp.BarcodeFormat.QRCode}
    assert read == {original.qr_left.encode(), original.qr_right.encode()}


@pytest.mark.parametrize(
    "name", ["煊堃", "𠮷野家牛丼", "奶茶😀大杯", "比例1:2:3", "A%B+C/D$E", "ＡＢＣ　全形", "ñandú Ⅷ ㈱"]
)
def test_rare_characters_reach_the_reader_as_they_are(name):
    """Characters no font or old code page has are still right in the codes."""
    original = invoice([line(name, "1", "100")])
    assert_reads(printed(proof(original, shop_name=name)), original)


def test_a_test_print_can_be_read_too():
    """Banners do not stand in the quiet zones."""
    assert_reads(printed(proof(consumer(), shop_name=SHOP, test=True)), consumer())


@pytest.mark.parametrize(
    "profile",
    [
        PrinterProfile(name="small modules", qr_module=3),
        PrinterProfile(name="180 dpi", dots=360, dpi=180),
        PrinterProfile(name="80 mm", dots=576),
        PrinterProfile(name="300 dpi", dots=567, dpi=300),
        PrinterProfile(name="cutter", cutter=True, feed_dots=120, slice_height=128),
    ],
    ids=lambda profile: profile.name,
)
def test_other_heads_print_readable_codes(profile):
    """Another width, resolution or slice height is a matter of the profile alone."""
    assert_reads(printed(proof(business(), shop_name=SHOP), profile), business())


_names = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]) | st.sampled_from("煊堃𠮷:（）12ab 茶咖啡"),
    min_size=1,
    max_size=40,
).filter(lambda text: text.strip())
_lines = st.lists(
    st.builds(line, _names, st.integers(1, 99).map(str), st.decimals(1, 9999, places=2).map(str)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(_lines, st.booleans(), st.booleans())
def test_whatever_the_till_sells_can_be_read(lines, with_buyer, copy):
    """Any sale the rules accept gives a proof whose codes read back byte for byte."""
    original = invoice(lines, buyer=Buyer("09876543", "公司", True) if with_buyer else None)
    assert_reads(printed(proof(original, shop_name=SHOP, copy=copy)), original)


def test_both_codes_take_the_version_of_the_longer():
    """Same size on both sides, 6 at least, and never above 10."""
    assert qr.version_for("x", "**") == 6
    assert qr.version_for("x" * 134, "**") == 6
    assert qr.version_for("**", "煊" * 45) == 7
    with pytest.raises(ValueError, match="version 10"):
        qr.version_for("x" * 272, "**")


@pytest.mark.parametrize("mask", [None, *range(8)])
def test_the_mask_never_changes_what_is_read(mask, monkeypatch):
    """A fixed mask reads as well as the one chosen by penalty."""
    monkeypatch.setattr(qr.code, "__defaults__", (mask,))
    assert_reads(printed(proof(consumer(), shop_name=SHOP)), consumer())


def test_code39_takes_the_widest_form_that_fits():
    """335 dots at 1:3 on 384 dots; 272 at 1:2 where the head has not got 355; refused where even that is too wide."""
    matrix, narrow = code39.fit("10404UZ176908720122", GENERIC_58)
    assert (matrix.columns, narrow) == (335, 1)
    matrix, narrow = code39.fit("10404UZ176908720122", PrinterProfile(name="narrow", dots=354))
    assert (matrix.columns, narrow) == (272, 1)
    with pytest.raises(ValueError, match="does not fit"):
        code39.fit("1" * 40, GENERIC_58)


@pytest.mark.parametrize("text", ["ab", "A*B", "發票"])
def test_code39_refuses_what_it_cannot_write(text):
    """A character without a pattern is an error, never a blank."""
    with pytest.raises(ValueError, match="Code 39 has no"):
        code39.bars(text, 3)


def test_code39_patterns_are_those_of_the_standard():
    """Each of the 44 has nine elements, three of them wide (the four signs $/+% four bars narrow), all different."""
    patterns = code39._ELEMENTS
    assert len(patterns) == 44 == len(set(patterns.values()))
    assert all(len(pattern) == 9 and pattern.count("1") == 3 for pattern in patterns.values())


def test_the_period_in_the_code39_is_that_of_the_moment():
    """An invoice of November says the even month, 12."""
    original = invoice([line("茶", "1", "30")], moment=MOMENT.replace(year=2026, month=11))
    assert original.code39.startswith("11512")
    assert_reads(printed(proof(original, shop_name=SHOP)), original)


def test_a_code_that_is_too_long_is_refused_not_cut():
    """More bytes than version 10 holds never reach the paper."""
    document = proof(consumer(), shop_name=SHOP)
    (pair,) = [block for block in document.blocks if isinstance(block, QrPair)]
    with pytest.raises(ValueError, match="version 10"):
        printed(replace(document, blocks=(replace(pair, left="x" * 300),)))
