"""The slip of an allowance: what must stand on it, in two copies, legibly."""

from __future__ import annotations

import pytest

from einvoiced.proof.allowance_slip import allowance_slips
from einvoiced.proof.document import Columns, Document, Text
from einvoiced.rules.invoice import InvoiceBuyer, Seller
from einvoiced.rules.messages import AllowanceLine, IssuedAllowance
from tests.unit.proof.proof_samples import ink, printed

SELLER = Seller("24634102", "示範商店")
BUYER = InvoiceBuyer("04595257", "示範股份有限公司")
MILK = AllowanceLine("20260210", "NQ42519550", 1, "牛奶", "2", "24", "48", 2, "1", "瓶")
RICE = AllowanceLine("20260210", "NQ42519550", 2, "米", "1", "50", "50", 0, "3")


def texts(document: Document) -> list[str]:
    """What stands on it, a line each."""
    found = []
    for block in document.blocks:
        if isinstance(block, Text):
            found.append(block.text)
        elif isinstance(block, Columns):
            found.append(" ".join((block.lead.strip(), *(cell.text for cell in block.cells))))
    return found


def slips(*lines: AllowanceLine, buyer: InvoiceBuyer | None = BUYER, verified: bool = True) -> list[Document]:
    """Both copies."""
    net, tax = sum(int(line.amount) for line in lines), sum(line.tax for line in lines)
    allowance = IssuedAllowance("A10100000001", "20260211", SELLER, buyer, list(lines), tax, net)
    return allowance_slips(allowance, shop_name="示範商店 中山門市", verified=verified)


def test_all_that_the_form_asks_for_stands_on_it() -> None:
    """Parties, invoice, lines with net amount and tax, sums; the shop's copy has room to sign."""
    shop, buyers = (texts(document) for document in slips(MILK, RICE))
    for wanted in (
        "折讓單號 A10100000001",
        "2026-02-11",
        "賣方統編 24634102",
        "買方統編 04595257",
        "買方名稱 示範股份有限公司",
        "發票號碼 NQ-42519550",
        "發票開立日期 2026-02-10",
        "牛奶",
        "2瓶 × 24 48　稅 2 TX",
        "1 × 50 50　稅 0",
        "課稅別 TX應稅、餘免稅",
        "金額（不含稅）合計 98",
        "營業稅額合計 2",
        "總計（含稅） 100",
    ):
        assert wanted in shop
        assert wanted in buyers
    assert "賣方留存聯" in shop and "簽收人" in shop
    assert "買方收執聯" in buyers and "簽收人" not in buyers


@pytest.mark.parametrize(("line", "kind"), [(MILK, "應稅"), (RICE, "免稅")])
def test_one_kind_of_tax_is_named(line: AllowanceLine, kind: str) -> None:
    """And a consumer is called one."""
    told = texts(slips(line, buyer=None)[0])
    assert f"課稅別 {kind}" in told
    assert "買方 一般消費者" in told


def test_a_typed_original_is_marked() -> None:
    """Whoever signs sees that nobody has checked it."""
    assert "（原發票由人工輸入）" in texts(slips(MILK, verified=False)[0])
    assert "（原發票由人工輸入）" not in texts(slips(MILK)[0])


def test_it_comes_out_of_a_printer() -> None:
    """Long names wrap; the shop's copy is longer by the room to sign."""
    long = AllowanceLine("20260210", "NQ42519550", 1, "很長的品名" * 20, "1", "48", "48", 2, "1")
    shop, buyers = (printed(document) for document in slips(long))
    assert shop.height > buyers.height + 80
    assert ink(shop).any(axis=0).sum() > shop.width // 2
