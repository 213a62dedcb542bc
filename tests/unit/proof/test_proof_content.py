"""What stands on the proof, the details and the slips, and in which order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from proof_samples import SHOP, business, consumer, ink, invoice, line, printed, runs

from einvoiced.proof.content import (
    TEST_BANNER,
    carrier_slip,
    details,
    donation_slip,
    paper_needed,
    proof,
    slip,
)
from einvoiced.proof.document import Code39, Columns, QrPair, Rule, Text
from einvoiced.proof.layout import Cells, Line, lay_out
from einvoiced.proof.profile import GENERIC_58
from einvoiced.proof.render import _fonts, picture
from einvoiced.rules.sale import Buyer, Carrier


def rows(document):
    """Every row as text, the cells of one row with blanks between, codes by their type."""
    result = []
    for block in document.blocks:
        match block:
            case Text():
                result.append(block.text)
            case Columns():
                result.append(" ".join([block.lead, *(cell.text for cell in block.cells)]))
            case Code39() | QrPair():
                result.append(type(block).__name__)
            case Rule():
                result.append("---")
    return result


def lines_on(document):
    """Text as it is placed on paper: (baseline, x, text), from the top."""
    page = lay_out(document, GENERIC_58, _fonts())
    return sorted((box.baseline, box.x, box.text) for box in page.boxes if isinstance(box, Line))


def test_a_consumers_proof_has_the_laws_rows_in_order():
    """Nine rows and nothing else."""
    assert rows(proof(consumer(), shop_name=SHOP)) == [
        SHOP,
        "電子發票證明聯",
        "108年01-02月",
        "AB-11223344",
        "2019-01-23 11:22:33",
        "隨機碼9999 總計340",
        "賣方01234567",
        "Code39",
        "QrPair",
    ]


def test_a_business_proof_goes_on_with_the_details():
    """Buyer and 格式25 on the face; lines, sales by kind, tax, total and tax kind below."""
    assert rows(proof(business(), shop_name=SHOP)) == [
        SHOP,
        "電子發票證明聯",
        "108年01-02月",
        "AB-11223344",
        "2019-01-23 11:22:33 格式25",
        "隨機碼9999 總計285",
        "賣方01234567 買方09876543",
        "Code39",
        "QrPair",
        "---",
        "交易明細",
        "品名 數量 單價 金額",
        "---",
        "乾電池 2 105 210 TX",
        "牛奶 3 25 75 TX",
        "---",
        "共2項　單價含稅　課稅別 應稅",
        "銷售額（應稅）271",
        "稅額 14　總計 285",
    ]


def test_a_mixed_business_proof_splits_its_sales():
    """Taxed and exempt stand apart; an exempt line carries no TX; remarks and units are shown."""
    original = invoice(
        [line("茶", "1.5", "100", unit="斤", remark="不含提袋"), line("米", "1", "50", tax_type="3")],
        buyer=Buyer("09876543", "煊堃有限公司", True),
        prices="net",
    )
    shown = rows(proof(original, shop_name=SHOP))
    assert "買受人 煊堃有限公司" in shown
    assert "茶 1.5斤 100 150 TX" in shown and "　備註：不含提袋" in shown
    assert "米 1 50 50" in shown
    assert shown[-3:] == [
        "共2項　單價未稅　課稅別 TX應稅、餘免稅",
        "銷售額（應稅）150 銷售額（免稅）50",
        "稅額 8　總計 208",
    ]


def test_the_placed_order_is_the_laws_order():
    """On paper each row stands below the one before, codes last."""
    page = lay_out(proof(business(), shop_name=SHOP), GENERIC_58, _fonts())
    texts = [text for _, _, text in lines_on(proof(business(), shop_name=SHOP))]
    face = [SHOP, "電子發票證明聯", "108年01-02月", "AB-11223344", "2019-01-23 11:22:33", "格式25"]
    assert texts[:10] == [*face, "隨機碼9999", "總計285", "賣方01234567", "買方09876543"]
    codes = [box for box in page.boxes if isinstance(box, Cells)]
    assert codes[0].y > lines_on(proof(business(), shop_name=SHOP))[9][0]
    assert codes[0].y < codes[1].y == codes[2].y


def test_a_copy_says_so_and_nothing_else_changes():
    """補印 in the title, every other row the same."""
    original, copy = (rows(proof(consumer(), shop_name=SHOP, copy=flag)) for flag in (False, True))
    assert copy[1] == "電子發票證明聯補印"
    assert copy[:1] + copy[2:] == original[:1] + original[2:]


def test_the_copys_title_stays_on_one_line():
    """Nine characters of half a centimetre, tightened to fit the head."""
    assert "電子發票證明聯補印" in [text for _, _, text in lines_on(proof(consumer(), shop_name=SHOP, copy=True))]


@pytest.mark.parametrize("make", [proof, details])
def test_test_prints_say_so_at_both_ends(make):
    """A black bar with 測試 above and below, and white letters in it."""
    document = make(consumer(), shop_name=SHOP, test=True)
    shown = rows(document)
    assert shown[0] == TEST_BANNER == shown[-1] and "測試" in TEST_BANNER
    dark = runs(ink(printed(document)).mean(axis=1) > 0.6)
    bars = [(first, last) for first, last in dark if last - first >= 24]
    assert len(bars) == 2
    for first, last in bars:
        assert 0.6 < ink(printed(document))[first:last].mean() < 0.98


def test_nothing_is_printed_for_carriers_and_donations():
    """Neither needs paper, and asking for a proof is an error."""
    in_carrier = invoice([line("茶")], carrier=Carrier("3J0002", "/ABC+123"))
    donated = invoice([line("茶")], npoban="919")
    for original in (in_carrier, donated):
        assert not paper_needed(original)
        with pytest.raises(ValueError, match="AB11223344"):
            proof(original, shop_name=SHOP)
    assert paper_needed(consumer())


def test_a_carrier_with_a_business_buyer_may_print():
    """The mobile barcode's owner who asks for paper gets it."""
    original = invoice(
        [line("茶")], buyer=Buyer("09876543", None, True), carrier=Carrier("3J0002", "/ABC+123"), print_mark="Y"
    )
    assert paper_needed(original) and "格式25" in " ".join(rows(proof(original, shop_name=SHOP)))


def test_details_are_a_sheet_of_their_own():
    """Number, lines, total and tax kind; no codes."""
    shown = rows(details(consumer(), shop_name=SHOP))
    assert shown[:5] == ["交易明細", SHOP, "發票號碼 AB-11223344", "2019-01-23 11:22:33", "賣方 01234567"]
    assert "乾電池 1 105 105 TX" in shown and "共3項　課稅別 應稅　總計 340" in shown
    assert "Code39" not in shown and "QrPair" not in shown


def test_a_donated_invoices_details_hide_its_number():
    """Three digits are masked, and the prize is nobody's at the till."""
    shown = rows(details(invoice([line("茶")], npoban="919")))
    assert "發票號碼 AB-11223***" in shown and "已捐贈　愛心碼 919" in shown
    assert not any("11223344" in row for row in shown)


def test_details_in_a_carrier_show_no_carrier_number():
    """The barcode is the buyer's own affair."""
    shown = rows(details(invoice([line("茶")], carrier=Carrier("3J0002", "/ABC+123"))))
    assert "已存入載具" in shown and not any("ABC" in row for row in shown)


def test_a_slip_shows_what_the_caller_says():
    """Title large, pairs left and right, long lines wrapped, gaps and rules where asked."""
    document = slip("字軌匯入完成", ["請保存此單據。" * 6, ("期別", "115年11-12月"), "", Rule()], shop_name=SHOP)
    placed = lines_on(document)
    assert len([text for _, _, text in placed if "保存" in text]) >= 2
    left, right = [(x, baseline) for baseline, x, text in placed if text in ("期別", "115年11-12月")]
    assert left[1] == right[1] and left[0] == 0 < right[0]
    assert picture(document, GENERIC_58).width == GENERIC_58.dots


def test_numbers_too_long_for_one_line_take_another():
    """Price and amount of twelve digits and seven decimals do not overlap."""
    original = invoice([line("測距儀", "0.3333333", "1299999.1234567")], buyer=Buyer("09876543", None, True))
    page = lay_out(proof(original, shop_name=SHOP), GENERIC_58, _fonts())
    by_line = {}
    for box in page.boxes:
        if isinstance(box, Line):
            width = _fonts().width(box.text, box.em, box.bold) + box.tracking * (len(box.text) - 1)
            by_line.setdefault(box.baseline, []).append((box.x, box.x + width))
    for spans in by_line.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(spans)))


def test_a_donation_slip_masks_the_number():
    """Three digits hidden, no random code, no code; a carrier's slip hides most of the carrier."""
    donated = invoice([line("茶")], npoban="919")
    shown = rows(donation_slip(donated, shop_name=SHOP))
    assert "發票號碼 AB-11223***" in shown and "愛心碼 919" in shown
    assert not any("9999" in row or "11223344" in row or row in ("Code39", "QrPair") for row in shown)
    kept = rows(carrier_slip(invoice([line("茶")], carrier=Carrier("3J0002", "/ABC+123")), shop_name=SHOP))
    assert "載具 /****123" in kept


@pytest.mark.parametrize("make", [details, donation_slip, carrier_slip])
def test_the_shops_note_stands_at_the_end_and_only_where_there_is_one(make):
    """Behind everything else, on details, donation slips and carrier notes."""
    given = {"npoban": "919"} if make is not carrier_slip else {"carrier": Carrier("3J0002", "/ABC+123")}
    document = make(invoice([line("茶")], **given), note="退貨請於 7 日內攜回商品")
    assert rows(document)[-1] == "退貨請於 7 日內攜回商品"
    assert "退貨" not in str(make(invoice([line("茶")], **given)))


def test_every_printed_test_says_so():
    """測試 stands on proofs, details and slips alike."""
    donated = invoice([line("茶")], npoban="919")
    for document in (
        proof(consumer(), shop_name=SHOP, test=True),
        details(consumer(), test=True),
        donation_slip(donated, test=True),
        slip("x", [], test=True),
    ):
        assert rows(document).count(TEST_BANNER) == 2
