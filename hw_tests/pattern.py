"""What the printer test prints: a ruler with edge lines, areas that show a weak head, and a 測試 proof."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from einvoiced.rules.invoice import Invoice, Seller, make_invoice
from einvoiced.rules.sale import Line, Sale, settle

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from einvoiced.proof.profile import PrinterProfile

RULER_MM, BAR_MM = 9.0, 5.0
BLACK, WHITE = 0, 255


def ruler_and_density(profile: PrinterProfile) -> Image.Image:
    """A ruler as wide as the head, then a black bar, a grey one, fine lines, and every dot of the head once."""
    from PIL import Image, ImageDraw

    ruler, bar = profile.to_dots(RULER_MM), profile.to_dots(BAR_MM)
    picture = Image.new("1", (profile.dots, ruler + 5 * bar + profile.dots // 4 + 8), WHITE)
    draw = ImageDraw.Draw(picture)
    _ruler(draw, profile, ruler)
    top = ruler
    draw.rectangle((0, top, profile.dots - 1, top + bar - 1), fill=BLACK)
    _dots(draw, profile.dots, top + bar, bar)
    draw.line((0, top + 2 * bar, 0, top + 5 * bar), fill=BLACK)
    draw.line((profile.dots - 1, top + 2 * bar, profile.dots - 1, top + 5 * bar), fill=BLACK)
    for x in range(2, profile.dots - 2, 4):
        draw.line((x, top + 2 * bar + 8, x, top + 3 * bar), fill=BLACK)
    for y in range(top + 3 * bar + 8, top + 4 * bar, 4):
        draw.line((4, y, profile.dots - 5, y), fill=BLACK)
    for x in range(profile.dots):
        draw.point((x, top + 5 * bar + x // 4), fill=BLACK)
    return picture


def _ruler(draw: ImageDraw.ImageDraw, profile: PrinterProfile, height: int) -> None:
    """Millimetres from the head's first dot; the last dot has an edge line of its own."""
    for mm in range(int(profile.to_mm(profile.dots)) + 1):
        length = height // 2 if mm % 10 == 0 else height // 3 if mm % 5 == 0 else height // 5
        x = min(profile.to_dots(mm), profile.dots - 1)
        draw.line((x, 0, x, length), fill=BLACK)
        if mm % 10 == 0:
            draw.text((max(0, min(x - 6, profile.dots - 14)), height // 2 + 4), str(mm), fill=BLACK)
    draw.line((profile.dots - 1, 0, profile.dots - 1, height // 2), fill=BLACK)


def _dots(draw: ImageDraw.ImageDraw, width: int, top: int, height: int) -> None:
    for y in range(top, top + height):
        draw.point([(x, y) for x in range(y % 2, width, 2)], fill=BLACK)


def sample_invoice(seller: Seller, moment: datetime) -> Invoice:
    """An invoice that never was; it is only printed under 測試.

    Its number is of no booklet anybody was given, its QR seal is zeros.
    """
    sale = Sale(
        lines=[
            Line("測試品項一", Decimal(2), Decimal(25)),
            Line("測試品項二（名稱很長的商品，看換行是否正確）", Decimal("1.5"), Decimal(100)),
        ],
        total_amount=Decimal(200),
        prices="gross",
    )
    return make_invoice(
        sale,
        settle(sale),
        seller=seller,
        track="ZZ",
        number=0,
        moment=moment,
        random_number="0000",
        seal=lambda _text: "A" * 22 + "==",
    )
