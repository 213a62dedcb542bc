"""Messages of every kind for the tests of the room."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from einvoiced.rules import messages
from einvoiced.rules.invoice import Invoice, InvoiceBuyer, Seller, make_invoice
from einvoiced.rules.period import TAIPEI
from einvoiced.rules.sale import Buyer, Carrier, Line, Sale, settle

SELLER = Seller("24634102", "測試商店", "臺北市中正區重慶南路一段1號", "02-12345678")
MOMENT = datetime(2026, 11, 26, 9, 8, 7, tzinfo=TAIPEI)
BUYER = Buyer("04595257", "某某公司")
BARCODE = Carrier("3J0002", "/ABC+123")


def line(name: str, quantity: str, price: str, tax_type: Any = "1", **more: Any) -> Line:
    """A line of a sale."""
    return Line(name, Decimal(quantity), Decimal(price), tax_type=tax_type, **more)


def invoice(*lines: Line, total: int, prices: Any = "gross", **more: Any) -> Invoice:
    """The invoice AB00001234 of a sale."""
    sale = Sale(lines=list(lines), total_amount=Decimal(total), prices=prices, **more)
    return make_invoice(
        sale,
        settle(sale),
        seller=SELLER,
        track="AB",
        number=1234,
        moment=MOMENT,
        random_number="9876",
        seal=lambda _text: "CamotDNRUN8bVyY5S1BhFQ==",
    )


MILK = line("牛奶 <大>", "2", "25", unit="瓶", remark="冰 & 涼")
INVOICES = {
    "consumer": invoice(MILK, total=50),
    "business": invoice(MILK, line("折扣", "1", "-3"), total=47, buyer=BUYER),
    "business without a name": invoice(MILK, total=50, buyer=Buyer("04595257")),
    "business net": invoice(line("零件", "3", "33.333"), total=105, prices="net", buyer=BUYER),
    "mixed": invoice(MILK, line("稻米", "1.5", "33.33", "3"), total=100, buyer=BUYER),
    "carrier": invoice(MILK, total=50, carrier=BARCODE),
    "donation": invoice(MILK, total=50, npoban="919"),
    "exempt": invoice(line("稻米", "1", "30", "3"), total=30),
}
LINE = messages.AllowanceLine("20261126", "AB00001234", 1, "牛奶", "1", "23.8095238", "24", 1, "1", "瓶")
MESSAGES: dict[str, messages.Message] = {
    **{f"F0401 {name}": messages.IssuedInvoice(each, "A-17") for name, each in INVOICES.items()},
    "F0501": messages.CancelledInvoice(
        "AB00001234", "20261126", "0000000000", "24634102", "20261127", "10:00:00", "客人退貨", "北市稅字第1號", "備註"
    ),
    "F0701": messages.VoidedInvoice(
        "AB00001234", "20261126", "04595257", "24634102", "20261127", "10:00:00", "更正載具"
    ),
    "G0401": messages.IssuedAllowance("A10100000001", "20261127", SELLER, None, [LINE], 1, 24),
    "G0401 business": messages.IssuedAllowance(
        "A10100000002", "20261127", SELLER, InvoiceBuyer("04595257"), [LINE, LINE], 2, 48
    ),
    "G0501": messages.CancelledAllowance(
        "A10100000001", "20261127", "0000000000", "24634102", "20261128", "10:00:00", "開錯"
    ),
    "E0402": messages.UnusedNumbers(
        "24634102", "24634102", "11512", "AB", [messages.Run(1235, 1299), messages.Run(1400, 1449)]
    ),
}
