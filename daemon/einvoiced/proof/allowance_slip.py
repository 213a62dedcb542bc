"""The slip of an allowance (電子發票銷貨退回、進貨退出或折讓證明單證明聯), as receipt printers in Taiwan print it.

Two copies: the shop keeps the one that the buyer has signed (統一發票使用辦法 §20), the buyer gets the other.
"""

from __future__ import annotations

from einvoiced.proof.content import ITEM_MARKS, TAX_KINDS
from einvoiced.proof.document import Block, Cell, Columns, Document, Rule, Space, Text
from einvoiced.rules.messages import AllowanceLine, IssuedAllowance
from einvoiced.rules.sale import MIXED

COPIES = ("賣方留存聯", "買方收執聯")
TITLE = ("電子發票銷貨退回、", "進貨退出或折讓證明單", "證明聯")


def allowance_slips(allowance: IssuedAllowance, *, shop_name: str, verified: bool = True) -> list[Document]:
    """Both copies; only the shop's has room to sign."""
    return [_slip(allowance, shop_name, name, verified, sign=name == COPIES[0]) for name in COPIES]


def _slip(a: IssuedAllowance, shop_name: str, copy: str, verified: bool, *, sign: bool) -> Document:
    blocks: list[Block] = [Space(1), Text(shop_name, bold=True, align="center"), Space(1)]
    blocks += [Text(part, bold=True, align="center") for part in TITLE]
    blocks += [Text(_day(a.allowance_date), align="center"), Text(copy, align="center"), Space(1)]
    blocks += [Text(f"折讓單號 {a.allowance_number}"), Text(f"賣方統編 {a.seller.identifier}")]
    blocks += [Text(f"賣方名稱 {a.seller.name}"), *_buyer(a), *_originals(a, verified), Space(1), Rule()]
    for line in a.lines:
        blocks += _line(line)
    total = a.total_amount + a.tax_amount
    blocks += [Rule(), _pair("課稅別", _kind(a)), _pair("金額（不含稅）合計", str(a.total_amount))]
    blocks += [_pair("營業稅額合計", str(a.tax_amount)), _pair("總計（含稅）", str(total))]
    if sign:
        blocks += [Space(2), Text("簽收人"), Space(12), Rule()]
    return Document((*blocks, Space(2)))


def _buyer(a: IssuedAllowance) -> list[Block]:
    if a.buyer is None:
        return [Text("買方 一般消費者")]
    name = [Text(f"買方名稱 {a.buyer.name}")] if a.buyer.name else []
    return [Text(f"買方統編 {a.buyer.identifier}"), *name]


def _originals(a: IssuedAllowance, verified: bool) -> list[Block]:
    """The invoices that it is about, each with its date."""
    found = dict.fromkeys((line.original_invoice_number, line.original_invoice_date) for line in a.lines)
    blocks: list[Block] = []
    for number, day in found:
        blocks += [Text(f"發票號碼 {number[:2]}-{number[2:]}"), Text(f"發票開立日期 {_day(day)}")]
    if not verified:
        blocks.append(Text("（原發票由人工輸入）", size="detail"))
    return blocks


def _line(line: AllowanceLine) -> list[Block]:
    mark = ITEM_MARKS.get(line.tax_type, "")
    detail = f"{line.quantity}{line.unit or ''} × {line.unit_price}"
    return [
        Text(line.original_description, size="detail"),
        Columns(f"　{detail}", (Cell(f"{line.amount}　稅 {line.tax}{mark and ' ' + mark}"),), size="detail"),
    ]


def _kind(a: IssuedAllowance) -> str:
    kinds = {line.tax_type for line in a.lines}
    return TAX_KINDS[MIXED if len(kinds) > 1 else kinds.pop()]


def _pair(left: str, right: str) -> Columns:
    return Columns(left, (Cell(right),))


def _day(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"
