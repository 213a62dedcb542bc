"""An invoice: what a settled sale becomes under its number."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from einvoiced.rules.barcodes import aes_sealer
from einvoiced.rules.invoice import Invoice, Seller, make_invoice
from einvoiced.rules.period import TAIPEI
from einvoiced.rules.sale import Buyer, Carrier, Line, Sale, settle

SEAL = aes_sealer("FE05F029154F6AA67A78B338ED2F6601")
SELLER = Seller("24634102", "測試商店")
MOMENT = datetime(2021, 11, 10, 9, 8, 7, tzinfo=TAIPEI)


def invoice(moment: datetime = MOMENT, **more: Any) -> Invoice:
    """A sale of 340 to whom `more` says, as XF-00001234."""
    what = Sale(lines=[Line("乾電池", Decimal(1), Decimal(340))], total_amount=Decimal(340), prices="gross", **more)
    return make_invoice(
        what, settle(what), seller=SELLER, track="XF", number=1234, moment=moment, random_number="9876", seal=SEAL
    )


def test_a_consumer_invoice() -> None:
    """Number, date, period and codes, from the published AES vector."""
    made = invoice()
    assert (made.invoice_number, made.invoice_date, made.invoice_time) == ("XF00001234", "20211110", "09:08:07")
    assert (made.year_month, made.period.label, made.invoice_type) == ("11012", "110年11-12月", "07")
    assert made.code39 == "11012XF000012349876"
    assert made.qr_left[:77] == "XF000012341101110987600000144000001540000000024634102CamotDNRUN8bVyY5S1BhFQ=="
    assert made.qr_left[77:] == ":**********:1:1:1:乾電池:1:340"
    assert made.qr_right == "**"
    assert (made.sales_amount, made.tax_amount, made.total_amount, made.buyer) == (340, 0, 340, None)


def test_a_business_invoice() -> None:
    """The buyer stands in the QR code; the net amount there is the sales amount."""
    made = invoice(buyer=Buyer("04595257", " 某某公司 "))
    assert made.qr_left[37:45] == "04595257"
    assert int(made.qr_left[21:29], 16) == made.sales_amount == 324
    assert made.buyer is not None
    assert made.buyer.name == "某某公司"


def test_a_name_of_sixty_characters_between_blanks_stays_within_the_limit() -> None:
    """MIG gives a name 60 characters: the blanks that the check ignores are not stored."""
    made = invoice(buyer=Buyer("04595257", " " + "名" * 60))
    assert made.buyer is not None
    assert made.buyer.name == "名" * 60


def test_carrier_and_donation() -> None:
    """Both are kept, and nothing is printed."""
    made = invoice(carrier=Carrier("3J0002", "/ABC1234"), npoban="919")
    assert (made.carrier_type, made.carrier_id, made.npoban, made.print_mark) == ("3J0002", "/ABC1234", "919", "N")


@pytest.mark.parametrize(
    ("moment", "year_month"),
    [(datetime(2021, 12, 31, 23, 59, 59, tzinfo=TAIPEI), "11012"), (datetime(2022, 1, 1, tzinfo=TAIPEI), "11102")],
)
def test_the_period_is_the_moments(moment: datetime, year_month: str) -> None:
    """To the second, and the code on paper says the same."""
    made = invoice(moment)
    assert made.year_month == made.code39[:5] == year_month


def test_an_invoice_reads_back_from_json() -> None:
    """What is stored is what was made, and making it again gives the same bytes."""
    made = invoice(buyer=Buyer("04595257"))
    raw = msgspec.json.encode(made)
    assert msgspec.json.decode(raw, type=Invoice) == made
    assert msgspec.json.encode(invoice(buyer=Buyer("04595257"))) == raw
