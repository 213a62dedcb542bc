"""What the law wants on paper, in its order (domain: the printed proof), and the box's own slips.

The wording of every print of the box that is not a caller's own stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from einvoiced.proof.document import Block, Cell, Code39, Columns, Document, QrPair, Rule, Space, Text
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.sale import EXEMPT, MIXED, TAXED, ZERO_RATED

PROOF_MM = 90.0
"""The law's length of a proof (9 cm); a business buyer's is longer by its details."""

FORMAT_25 = "格式25"
TEST_BANNER = "測試　非正式發票"
ITEM_MARKS = {TAXED: "TX", ZERO_RATED: "TZ", EXEMPT: ""}
"""課稅別 behind an amount, as shops in Taiwan print it: an exempt line has none."""
TAX_KINDS = {TAXED: "應稅", ZERO_RATED: "零稅率", EXEMPT: "免稅", MIXED: "TX應稅、餘免稅"}

_SECOND_COLUMN = 0.5
_QUANTITY, _PRICE, _AMOUNT, _MARK = 0.34, 0.57, 0.8, 0.88
"""Where a list's columns end. White between them and to their left is sent, what is right of them is not."""


def paper_needed(invoice: Invoice) -> bool:
    """Whether the law wants a proof on paper: neither carrier nor donation, or a business buyer who asked for both."""
    return invoice.print_mark == "Y"


def proof(invoice: Invoice, *, shop_name: str, copy: bool = False, test: bool = False) -> Document:
    """The 電子發票證明聯, with a business buyer's details on the same strip.

    `copy`: it was printed before (補印). ValueError for an invoice that stands in a carrier or was donated.
    """
    if not paper_needed(invoice):
        raise ValueError(f"no proof is printed of {invoice.invoice_number}: its print mark is N")
    blocks = [
        Space(1),
        *_banner(test),
        *_face(invoice, shop_name, copy),
        Space(2),
        Code39(invoice.code39),
        Space(2, stretch=2),
        QrPair(invoice.qr_left, invoice.qr_right),
        Space(1, stretch=1),
        *_banner(test),
    ]
    if invoice.buyer is not None:
        blocks += [Rule(), Space(1), *_buyer_lines(invoice), *_item_lines(invoice), *_sums(invoice), Space(2)]
    return Document(tuple(blocks), least_mm=PROOF_MM, coarse=invoice.buyer is not None)


def details(invoice: Invoice, *, shop_name: str = "", note: str = "", test: bool = False) -> Document:
    """The sheet of details (交易明細) that a consumer may ask for; a donated invoice's number is masked.

    `note`: the shop's own words at the end.
    """
    head: list[Block] = [Space(1), *_banner(test), Text("交易明細", size="title", bold=True, align="center"), Space(1)]
    if shop_name:
        head.append(Text(shop_name, align="center"))
    donated = invoice.npoban is not None
    head += [
        Text(f"發票號碼 {shown_number(invoice, masked=donated)}"),
        Text(f"{_date(invoice)} {invoice.invoice_time}"),
        Text(f"賣方 {invoice.seller.identifier}"),
    ]
    if donated:
        head.append(Text(f"已捐贈　愛心碼 {invoice.npoban}"))
    elif invoice.carrier_type is not None:
        head.append(Text("已存入載具"))
    tail = _sums(invoice) if invoice.buyer is not None else _consumer_sums(invoice)
    end: list[Block] = [Space(1), Text(note)] if note else []
    return Document((*head, Space(1), *_item_lines(invoice), *tail, *end, *_banner(test), Space(2)))


def donation_slip(invoice: Invoice, *, shop_name: str = "", note: str = "", test: bool = False) -> Document:
    """What a customer who donated takes along: the number masked, no random code, no codes; the shop's own note."""
    lines: list[str | tuple[str, str]] = [
        ("發票號碼", shown_number(invoice, masked=True)),
        ("日期", f"{_date(invoice)} {invoice.invoice_time}"),
        ("賣方", invoice.seller.identifier),
        ("愛心碼", invoice.npoban or ""),
        ("總計", str(invoice.total_amount)),
        "",
        "發票已捐贈，本單據不可兌獎。",
        *(["", note] if note else []),
    ]
    return slip("電子發票捐贈", lines, shop_name=shop_name, test=test)


def carrier_slip(invoice: Invoice, *, shop_name: str = "", note: str = "", test: bool = False) -> Document:
    """What tells a customer that the invoice is in the carrier, whose number is masked; the shop's own note."""
    carrier = invoice.carrier_id or ""
    lines: list[str | tuple[str, str]] = [
        ("發票號碼", shown_number(invoice)),
        ("日期", f"{_date(invoice)} {invoice.invoice_time}"),
        ("賣方", invoice.seller.identifier),
        ("載具", carrier[:1] + "*" * max(0, len(carrier) - 4) + carrier[-3:]),
        ("總計", str(invoice.total_amount)),
        "",
        "發票已存入載具，本單據不可兌獎。",
        *(["", note] if note else []),
    ]
    return slip("電子發票存入載具", lines, shop_name=shop_name, test=test)


def customer_slip(invoice: Invoice, *, shop_name: str = "", note: str = "") -> Document | None:
    """What a customer without a proof takes along; None where there is a proof."""
    if invoice.npoban is not None:
        return donation_slip(invoice, shop_name=shop_name, note=note)
    if invoice.carrier_type is not None:
        return carrier_slip(invoice, shop_name=shop_name, note=note)
    return None


def slip(
    title: str, lines: Iterable[str | tuple[str, str] | Block], *, shop_name: str = "", test: bool = False
) -> Document:
    """A slip of the box's own: a large title and lines that wrap; a pair stands left and right, "" is a gap."""
    blocks: list[Block] = [Space(1), *_banner(test)]
    if shop_name:
        blocks += [Text(shop_name, align="center"), Space(1)]
    blocks += [Text(title, size="title", bold=True, align="center"), Space(1), Rule(), Space(1)]
    blocks += [_slip_line(line) for line in lines]
    return Document((*blocks, Space(2), *_banner(test)))


def shown_number(invoice: Invoice, *, masked: bool = False) -> str:
    """`AB-11223344`, or with the last three digits hidden."""
    number = f"{invoice.invoice_number[:2]}-{invoice.invoice_number[2:]}"
    return number[:-3] + "***" if masked else number


def _slip_line(line: str | tuple[str, str] | Block) -> Block:
    if isinstance(line, str):
        return Text(line) if line else Space(2)
    if isinstance(line, tuple):
        return Columns(line[0], (Cell(line[1]),))
    return line


def _banner(test: bool) -> Iterator[Block]:
    if test:
        yield Text(TEST_BANNER, align="center", inverse=True)
        yield Space(1)


def _face(invoice: Invoice, shop_name: str, copy: bool) -> Iterator[Block]:
    """Rows 1 to 7."""
    yield Text(shop_name, size="title", bold=True, align="center", shrink=True)
    yield Space(1, stretch=1)
    yield Text("電子發票證明聯補印" if copy else "電子發票證明聯", size="title", bold=True, align="center", shrink=True)
    yield Space(0.5, stretch=1)
    yield Text(invoice.period.label, size="huge", bold=True, align="center", shrink=True)
    yield Space(0.5)
    yield Text(shown_number(invoice), size="huge", bold=True, align="center", shrink=True)
    yield Space(1, stretch=1)
    buyer = invoice.buyer
    yield Columns(f"{_date(invoice)} {invoice.invoice_time}", (Cell(FORMAT_25),) if buyer else ())
    yield Columns(f"隨機碼{invoice.random_number}", (_right_half(f"總計{invoice.total_amount}"),))
    others = (_right_half(f"買方{buyer.identifier}"),) if buyer else ()
    yield Columns(f"賣方{invoice.seller.identifier}", others)


def _right_half(text: str) -> Cell:
    return Cell(text, at=_SECOND_COLUMN, align="left")


def _date(invoice: Invoice) -> str:
    day = invoice.invoice_date
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _buyer_lines(invoice: Invoice) -> Iterator[Block]:
    yield Text("交易明細", align="center", size="detail")
    if invoice.buyer is not None and invoice.buyer.name:
        yield Text(f"買受人 {invoice.buyer.name}", size="detail")


def _item_lines(invoice: Invoice) -> Iterator[Block]:
    yield _row("品名", "數量", "單價", "金額", "")
    yield Rule()
    for item in invoice.items:
        yield _row(
            item.description,
            item.quantity + (item.unit or ""),
            item.unit_price,
            item.amount,
            ITEM_MARKS.get(item.tax_type, ""),
        )
        if item.remark:
            yield Text(f"　備註：{item.remark}", size="detail")
    yield Rule()


def _row(name: str, quantity: str, price: str, amount: str, mark: str) -> Columns:
    cells = (Cell(quantity, _QUANTITY), Cell(price, _PRICE), Cell(amount, _AMOUNT), Cell(mark, _MARK))
    return Columns(name, tuple(cell for cell in cells if cell.text), size="detail")


def _sums(invoice: Invoice) -> Iterator[Block]:
    """A business buyer's: sales by tax kind, tax, total; and whether the lines above hold the tax."""
    prices = "未稅" if invoice.prices == "net" else "含稅"
    yield Text(f"共{len(invoice.items)}項　單價{prices}　課稅別 {TAX_KINDS[invoice.tax_type]}", size="detail")
    kinds = [
        f"銷售額（{kind}）{amount}"
        for kind, amount in (
            ("應稅", invoice.sales_amount),
            ("免稅", invoice.free_tax_sales_amount),
            ("零稅率", invoice.zero_tax_sales_amount),
        )
        if amount
    ]
    yield Text(" ".join(kinds), size="detail")
    yield Text(f"稅額 {invoice.tax_amount}　總計 {invoice.total_amount}", size="detail")


def _consumer_sums(invoice: Invoice) -> Iterator[Block]:
    count = len(invoice.items)
    yield Text(f"共{count}項　課稅別 {TAX_KINDS[invoice.tax_type]}　總計 {invoice.total_amount}", size="detail")
