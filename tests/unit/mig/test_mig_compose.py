"""Messages to XML: MIG 4.1's elements in their order, exact sums, nothing invalid leaves."""

from __future__ import annotations

import importlib.metadata
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree
from mig_samples import BUYER, INVOICES, MESSAGES, MILK, invoice, line

from einvoiced.errors import BadMessage
from einvoiced.mig import schema
from einvoiced.mig.compose import to_xml
from einvoiced.mig.line_amounts import told_lines
from einvoiced.rules.messages import IssuedInvoice, Message, UnusedNumbers, kind_of

OFFICIAL = Path(__file__).parents[4] / "shared" / "data" / "mig-4.1" / "v41"


def texts(xml: bytes, name: str) -> list[str]:
    """The texts of all elements of a name, in order."""
    return [element.text for element in etree.fromstring(xml).iter("{*}" + name)]


def path(xml: bytes, parents: str) -> list[str]:
    """The names of an element's children."""
    return [etree.QName(child).localname for child in etree.fromstring(xml).find(parents, None)]


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_every_message_passes_the_official_schema(message: Message) -> None:
    """What the project's own schemas let through, the platform's do too."""
    if not OFFICIAL.is_dir():
        pytest.skip("the official schemas are not the project's to publish; they are not beside this checkout")
    official = etree.XMLSchema(etree.parse(str(OFFICIAL / f"{kind_of(message)}.xsd")))
    official.assertValid(etree.fromstring(to_xml(message)))


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_message_is_utf8_in_its_own_namespace(message: Message) -> None:
    """The declaration says UTF-8, the root's namespace names message and version, the text comes back as it was."""
    xml = to_xml(message)
    assert xml.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    root = etree.fromstring(xml)
    assert etree.QName(root).namespace == f"urn:GEINV:eInvoiceMessage:{kind_of(message)}:4.1"
    assert msgspec.json.decode(msgspec.json.encode(message), type=type(message)) == message


def test_an_invoice_has_its_elements_in_the_order_of_the_tables() -> None:
    """Other parties insist on the order."""
    xml = to_xml(IssuedInvoice(INVOICES["carrier"], "A-17"))
    main = "InvoiceNumber InvoiceDate InvoiceTime Seller Buyer RelateNumber InvoiceType DonateMark CarrierType "
    main += "CarrierId1 CarrierId2 PrintMark RandomNumber"
    assert path(xml, "{*}Main") == main.split()
    item = "Description Quantity Unit UnitPrice TaxType Amount SequenceNumber Remark"
    assert path(xml, "{*}Details/{*}ProductItem") == item.split()
    amount = "SalesAmount FreeTaxSalesAmount ZeroTaxSalesAmount TaxType TaxRate TaxAmount TotalAmount"
    assert path(xml, "{*}Amount") == amount.split()
    assert path(xml, "{*}Main/{*}Seller") == ["Identifier", "Name", "Address", "TelephoneNumber"]


def test_a_consumer_is_ten_zeros_and_gross() -> None:
    """B2C: SalesAmount holds the tax, TaxAmount is 0, lines are as the till stated them."""
    xml = to_xml(IssuedInvoice(INVOICES["consumer"]))
    assert texts(xml, "Identifier") == ["24634102", "0000000000"]
    assert texts(xml, "SalesAmount") == ["50"]
    assert texts(xml, "TaxAmount") == ["0"]
    assert texts(xml, "UnitPrice") == ["25"]
    assert texts(xml, "PrintMark") == ["Y"]
    assert texts(xml, "Description") == ["牛奶 <大>"]


def test_a_carrier_stands_twice_and_asks_for_no_paper() -> None:
    """CarrierId1 equals CarrierId2 for a mobile barcode; PrintMark is N."""
    xml = to_xml(IssuedInvoice(INVOICES["carrier"]))
    assert texts(xml, "CarrierId1") == texts(xml, "CarrierId2") == ["/ABC+123"]
    assert (texts(xml, "PrintMark"), texts(xml, "DonateMark")) == (["N"], ["0"])


def test_a_donation_names_its_receiver() -> None:
    """DonateMark 1 comes with NPOBAN."""
    xml = to_xml(IssuedInvoice(INVOICES["donation"]))
    assert (texts(xml, "DonateMark"), texts(xml, "NPOBAN"), texts(xml, "PrintMark")) == (["1"], ["919"], ["N"])


def test_a_buyer_without_a_name_is_named_by_the_identifier() -> None:
    """Buyer/Name may not be empty."""
    assert texts(to_xml(IssuedInvoice(INVOICES["business without a name"])), "Name") == ["測試商店", "04595257"]


@pytest.mark.parametrize("made", INVOICES.values(), ids=INVOICES)
def test_lines_add_up_to_the_sums_of_their_tax_type(made: Any) -> None:
    """E0103 is what the platform would say otherwise; nothing has more than seven decimals."""
    told = told_lines(made)
    for tax_type, total in (("1", made.sales_amount), ("3", made.free_tax_sales_amount)):
        own = [Decimal(amount) for item, (_, amount) in zip(made.items, told, strict=True) if item.tax_type == tax_type]
        assert sum(own) == total
    assert all(re.fullmatch(r"-?\d+(\.\d{1,7})?", text) for pair in told for text in pair)


def test_a_buyers_lines_are_net() -> None:
    """Gross prices of a B2B sale lose their tax; a net one's stay as they are but for the rounding of the sum."""
    assert told_lines(INVOICES["business without a name"]) == [("23.8095238", "48")]
    assert told_lines(INVOICES["business net"]) == [("33.333", "100")]


def test_what_rounding_leaves_goes_to_the_largest_line() -> None:
    """Small lines and discounts keep their exact net amount."""
    made = invoice(line("A", "1", "100"), line("B", "1", "10"), line("折扣", "1", "-5"), total=105, buyer=BUYER)
    (_, largest), (_, small), (_, discount) = told_lines(made)
    assert (small, discount) == ("9.5238095", "-4.7619048")
    assert Decimal(largest) == 100 - Decimal("9.5238095") + Decimal("4.7619048")


def test_an_allowance_keeps_net_and_tax_apart() -> None:
    """Amount is net, Tax whole beside it; the type is always 2."""
    xml = to_xml(MESSAGES["G0401 business"])
    assert (texts(xml, "Tax"), texts(xml, "AllowanceType")) == (["1", "1"], ["2"])
    assert texts(xml, "AllowanceSequenceNumber") == ["001", "002"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("F0401 consumer", "AB00001234", "AB0000123"),
        ("F0401 consumer", '"20261126"', '"20261326"'),
        ("F0501", "客人退貨", "客" * 21),
        ("G0401", "A10100000001", "A1010000000123456"),
        ("E0402", "11512", "11511"),
    ],
)
def test_what_breaks_a_rule_of_the_tables_does_not_leave(name: str, old: str, new: str) -> None:
    """The error names the message and the element."""
    message = MESSAGES[name]
    broken = msgspec.json.encode(message).decode().replace(old, new)
    with pytest.raises(BadMessage) as caught:
        to_xml(msgspec.json.decode(broken, type=type(message)))
    assert caught.value.facts["kind"] == kind_of(message)
    assert "/" in str(caught.value.facts["detail"])


def test_no_range_is_no_message() -> None:
    """E0402 without a range would say nothing."""
    with pytest.raises(BadMessage):
        to_xml(UnusedNumbers("24634102", "24634102", "11512", "AB", []))


def test_the_own_schemas_insist_on_the_order() -> None:
    """The official ones would take any; ours would not let a swapped pair leave."""
    root = etree.fromstring(to_xml(IssuedInvoice(INVOICES["consumer"])))
    main = root[0]
    main.insert(0, main[1])
    with pytest.raises(BadMessage):
        schema.check("F0401", root)


def test_schemas_are_package_data() -> None:
    """Every kind has its file inside the package, and the package says so."""
    assert {f"{kind}.xsd" for kind in schema.KINDS} < {path.name for path in schema.FOLDER.iterdir()}
    assert importlib.metadata.version("einvoiced")
    assert all(kind_of(message) in schema.KINDS for message in MESSAGES.values())


def test_a_line_that_xml_cannot_hold_is_refused_not_dropped() -> None:
    """A control character never gets this far; if it did, the message would not leave."""
    made = msgspec.structs.replace(
        INVOICES["consumer"], items=[msgspec.structs.replace(INVOICES["consumer"].items[0], description="a\x0bb")]
    )
    assert MILK.description != "a\x0bb"
    with pytest.raises(BadMessage):
        to_xml(IssuedInvoice(made))
