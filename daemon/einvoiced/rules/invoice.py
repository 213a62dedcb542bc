"""An invoice as the law wants it: what is stored, answered to the till, printed and uploaded, under MIG 4.1's names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from einvoiced.rules.barcodes import code39_text, qr_head, qr_texts
from einvoiced.rules.numbers import GENERAL_TAX, invoice_number
from einvoiced.rules.period import Period, roc_date
from einvoiced.rules.sale import Item, Sale, Settlement


class Seller(Struct, frozen=True, omit_defaults=True):
    """The shop as registered: 統一編號, name, and what the proof may show besides."""

    identifier: str
    name: str
    address: str | None = None
    telephone: str | None = None


class InvoiceBuyer(Struct, frozen=True, omit_defaults=True):
    """A buyer with a 統一編號."""

    identifier: str
    name: str | None = None


class Invoice(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One issued invoice with everything that a reprint, an upload and a till that prints for itself need.

    Amounts are whole NT$; `invoice_date` is YYYYMMDD and `invoice_time` HH:MM:SS in Taipei; `year_month` is MIG's
    (ROC year and even month). `code39`, `qr_left` and `qr_right` are the very texts on paper.
    """

    invoice_number: str
    year_month: str
    invoice_date: str
    invoice_time: str
    random_number: str
    invoice_type: str
    seller: Seller
    buyer: InvoiceBuyer | None = None
    carrier_type: str | None = None
    carrier_id: str | None = None
    npoban: str | None = None
    print_mark: str
    prices: str
    items: list[Item]
    sales_amount: int
    free_tax_sales_amount: int
    zero_tax_sales_amount: int
    tax_type: str
    tax_rate: str
    tax_amount: int
    total_amount: int
    code39: str
    qr_left: str
    qr_right: str

    @property
    def period(self) -> Period:
        return Period.from_year_month(self.year_month)


def make_invoice(
    sale: Sale,
    settled: Settlement,
    *,
    seller: Seller,
    track: str,
    number: int,
    moment: datetime,
    random_number: str,
    seal: Callable[[str], str],
) -> Invoice:
    """The invoice of a settled sale under its number; `moment` is Taipei time, `seal` the AES of number and code."""
    period = Period.of(moment)
    iso = moment.isoformat(timespec="seconds")
    name = invoice_number(track, number)
    buyer, carrier = sale.buyer, sale.carrier
    head = qr_head(
        name,
        roc_date(moment.date()),
        random_number,
        settled.net_amount,
        settled.total_amount,
        buyer.identifier if buyer else "00000000",
        seller.identifier,
        seal(name + random_number),
    )
    qr_left, qr_right = qr_texts(head, settled.items)
    return Invoice(
        invoice_number=name,
        year_month=period.year_month,
        invoice_date=iso[:10].replace("-", ""),
        invoice_time=iso[11:19],
        random_number=random_number,
        invoice_type=GENERAL_TAX,
        seller=seller,
        buyer=InvoiceBuyer(buyer.identifier, buyer.name.strip() if buyer.name else None) if buyer else None,
        carrier_type=carrier.type if carrier else None,
        carrier_id=carrier.id if carrier else None,
        npoban=sale.npoban,
        print_mark=settled.print_mark,
        prices="net" if sale.prices == "net" and buyer else "gross",
        items=settled.items,
        sales_amount=settled.sales_amount,
        free_tax_sales_amount=settled.free_tax_sales_amount,
        zero_tax_sales_amount=0,
        tax_type=settled.tax_type,
        tax_rate=settled.tax_rate,
        tax_amount=settled.tax_amount,
        total_amount=settled.total_amount,
        code39=code39_text(period.year_month, name, random_number),
        qr_left=qr_left,
        qr_right=qr_right,
    )
