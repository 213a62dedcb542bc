"""Item 8 of the self-check form: what stands on the proof, and whether its codes say what is uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from einvoiced import parts
from einvoiced.doctor.site import Site
from einvoiced.errors import ConfigError
from einvoiced.proof.content import proof, shown_number
from einvoiced.proof.document import Code39, Columns, QrPair, Text
from einvoiced.rules.barcodes import code39_text
from einvoiced.rules.invoice import Invoice


@dataclass(frozen=True)
class Roll:
    """What the printer prints on."""

    evidence_zh: list[str]
    wrong: bool


def roll(site: Site) -> Roll:
    """Whether a proof comes out 57 mm wide."""
    if site.config.printer.transport == "none":
        return Roll(["本機不列印，由收銀機列印證明聯。"], False)
    try:
        profile = parts.profile(site.config.printer, site.config_file)
    except ConfigError as error:
        return Roll([error.message_zh], True)
    return Roll(
        [f"印表機設定檔 {site.config.printer.profile}，紙捲寬 {profile.roll_mm} mm。"], not profile.prints_proofs
    )


def codes_agree(invoice: Invoice) -> bool:
    """Whether Code 39 and the left QR code hold the very values of the stored invoice, which is what is uploaded."""
    i, left = invoice, invoice.qr_left
    day = f"{int(i.invoice_date[:4]) - 1911:03d}{i.invoice_date[4:]}"
    buyer = i.buyer.identifier if i.buyer else "00000000"
    head = i.invoice_number + day + i.random_number
    return (
        i.code39 == code39_text(i.year_month, i.invoice_number, i.random_number)
        and left[:21] == head
        and int(left[29:37], 16) == i.total_amount
        and left[37:45] == buyer
        and left[45:53] == i.seller.identifier
        and i.qr_right.startswith("**")
    )


def missing_on_paper(invoice: Invoice) -> list[str]:
    """What the law wants on the proof and its drawing does not hold."""
    said = list(_said(invoice))
    text = " ".join(said)
    wanted = {
        "標題": "電子發票證明聯",
        "期別": invoice.period.label,
        "號碼": shown_number(invoice),
        "隨機碼": invoice.random_number,
        "賣方統編": invoice.seller.identifier,
        "一維條碼": invoice.code39,
        "二維條碼": invoice.qr_left,
    }
    if invoice.buyer is not None:
        wanted |= {"格式25": "格式25", "買方統編": invoice.buyer.identifier}
    return [name for name, value in wanted.items() if value not in text]


def _said(invoice: Invoice) -> Iterator[str]:
    """Every text and code of the proof's document."""
    for block in proof(invoice, shop_name=invoice.seller.name).blocks:
        if isinstance(block, (Text, Code39)):
            yield block.text
        elif isinstance(block, Columns):
            yield from (block.lead, *(cell.text for cell in block.cells))
        elif isinstance(block, QrPair):
            yield from (block.left, block.right)
