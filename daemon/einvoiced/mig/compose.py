"""Messages to XML: one function a message, elements in the order of MIG 4.1's tables (other parties insist on it).

`to_xml` is the one way out: what it gives has passed the project's own schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from einvoiced.errors import BadMessage
from einvoiced.mig.line_amounts import told_lines
from einvoiced.mig.schema import check
from einvoiced.rules import messages
from einvoiced.rules.invoice import Invoice, InvoiceBuyer, Seller
from einvoiced.rules.messages import ALLOWANCE_BY_SELLER, NO_BUYER, Message, kind_of

NAMESPACE = "urn:GEINV:eInvoiceMessage:{}:4.1"
CONSUMER = "0000"
"""Buyer/Name of a sale to a consumer [?: `消費者` is seen too, but is longer than the two full-width characters that
MIG's own remark allows]."""

Tree = list[tuple[str, Any]]
"""Children in order: a text, a number, a subtree, or None for an element that is left out."""


def to_xml(message: Message) -> bytes:
    """The message as UTF-8 XML, checked by its schema; BadMessage when it is not fit to be sent."""
    from lxml import etree

    kind = kind_of(message)
    name, children = _COMPOSE[kind](message)
    namespace = NAMESPACE.format(kind)
    root = etree.Element(f"{{{namespace}}}{name}", nsmap={None: namespace})
    try:
        _fill(etree.SubElement, root, namespace, children)
    except ValueError as error:  # a character that XML cannot hold
        raise BadMessage(kind=kind, detail=str(error)) from None
    check(kind, root)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _fill(sub: Callable[..., Any], parent: Any, namespace: str, children: Tree) -> None:
    for name, content in children:
        if content is None:
            continue
        element = sub(parent, f"{{{namespace}}}{name}")
        if isinstance(content, list):
            _fill(sub, element, namespace, content)
        else:
            element.text = str(content)


def _invoice(message: messages.IssuedInvoice) -> tuple[str, Tree]:
    i = message.invoice
    main: Tree = [
        ("InvoiceNumber", i.invoice_number),
        ("InvoiceDate", i.invoice_date),
        ("InvoiceTime", i.invoice_time),
        ("Seller", _seller(i.seller)),
        ("Buyer", _buyer(i.buyer)),
        ("RelateNumber", message.relate_number),
        ("InvoiceType", i.invoice_type),
        ("DonateMark", "0" if i.npoban is None else "1"),
        ("CarrierType", i.carrier_type),
        ("CarrierId1", i.carrier_id),
        ("CarrierId2", i.carrier_id),
        ("PrintMark", i.print_mark),
        ("NPOBAN", i.npoban),
        ("RandomNumber", i.random_number),
    ]
    return "Invoice", [("Main", main), ("Details", _details(i)), ("Amount", _amount(i))]


def _details(i: Invoice) -> Tree:
    return [
        (
            "ProductItem",
            [
                ("Description", item.description),
                ("Quantity", item.quantity),
                ("Unit", item.unit),
                ("UnitPrice", price),
                ("TaxType", item.tax_type),
                ("Amount", amount),
                ("SequenceNumber", f"{number:03d}"),
                ("Remark", item.remark),
            ],
        )
        for number, (item, (price, amount)) in enumerate(zip(i.items, told_lines(i), strict=True), start=1)
    ]


def _amount(i: Invoice) -> Tree:
    return [
        ("SalesAmount", i.sales_amount),
        ("FreeTaxSalesAmount", i.free_tax_sales_amount),
        ("ZeroTaxSalesAmount", i.zero_tax_sales_amount),
        ("TaxType", i.tax_type),
        ("TaxRate", i.tax_rate),
        ("TaxAmount", i.tax_amount),
        ("TotalAmount", i.total_amount),
    ]


def _seller(seller: Seller) -> Tree:
    return [
        ("Identifier", seller.identifier),
        ("Name", seller.name),
        ("Address", seller.address),
        ("TelephoneNumber", seller.telephone),
    ]


def _buyer(buyer: InvoiceBuyer | None) -> Tree:
    """A buyer whose name nobody knows is named by the 統編 itself."""
    if buyer is None:
        return [("Identifier", NO_BUYER), ("Name", CONSUMER)]
    return [("Identifier", buyer.identifier), ("Name", buyer.name or buyer.identifier)]


def _cancel(m: messages.CancelledInvoice) -> tuple[str, Tree]:
    return "CancelInvoice", [
        ("CancelInvoiceNumber", m.invoice_number),
        ("InvoiceDate", m.invoice_date),
        ("BuyerId", m.buyer_id),
        ("SellerId", m.seller_id),
        ("CancelDate", m.cancel_date),
        ("CancelTime", m.cancel_time),
        ("CancelReason", m.cancel_reason),
        ("ReturnTaxDocumentNumber", m.return_tax_document_number),
        ("Remark", m.remark),
    ]


def _void(m: messages.VoidedInvoice) -> tuple[str, Tree]:
    return "VoidInvoice", [
        ("VoidInvoiceNumber", m.invoice_number),
        ("InvoiceDate", m.invoice_date),
        ("BuyerId", m.buyer_id),
        ("SellerId", m.seller_id),
        ("VoidDate", m.void_date),
        ("VoidTime", m.void_time),
        ("VoidReason", m.void_reason),
        ("Remark", m.remark),
    ]


def _allowance(m: messages.IssuedAllowance) -> tuple[str, Tree]:
    main: Tree = [
        ("AllowanceNumber", m.allowance_number),
        ("AllowanceDate", m.allowance_date),
        ("Seller", _seller(m.seller)),
        ("Buyer", _buyer(m.buyer)),
        ("AllowanceType", ALLOWANCE_BY_SELLER),
    ]
    amount: Tree = [("TaxAmount", m.tax_amount), ("TotalAmount", m.total_amount)]
    lines = _numbered(m.lines, _allowance_line)
    return "Allowance", [("Main", main), ("Details", lines), ("Amount", amount)]


def _numbered(lines: Iterable[Any], tree: Callable[[Any, int], Tree]) -> Tree:
    return [("ProductItem", tree(line, number)) for number, line in enumerate(lines, start=1)]


def _allowance_line(line: messages.AllowanceLine, number: int) -> Tree:
    original = line.original_sequence_number
    return [
        ("OriginalInvoiceDate", line.original_invoice_date),
        ("OriginalInvoiceNumber", line.original_invoice_number),
        ("OriginalSequenceNumber", None if original is None else f"{original:03d}"),
        ("OriginalDescription", line.original_description),
        ("Quantity", line.quantity),
        ("Unit", line.unit),
        ("UnitPrice", line.unit_price),
        ("Amount", line.amount),
        ("Tax", line.tax),
        ("AllowanceSequenceNumber", f"{number:03d}"),
        ("TaxType", line.tax_type),
    ]


def _cancel_allowance(m: messages.CancelledAllowance) -> tuple[str, Tree]:
    return "CancelAllowance", [
        ("CancelAllowanceNumber", m.allowance_number),
        ("AllowanceType", ALLOWANCE_BY_SELLER),
        ("AllowanceDate", m.allowance_date),
        ("BuyerId", m.buyer_id),
        ("SellerId", m.seller_id),
        ("CancelDate", m.cancel_date),
        ("CancelTime", m.cancel_time),
        ("CancelReason", m.cancel_reason),
        ("Remark", m.remark),
    ]


def _unused(m: messages.UnusedNumbers) -> tuple[str, Tree]:
    main: Tree = [
        ("HeadBan", m.head_ban),
        ("BranchBan", m.branch_ban),
        ("InvoiceType", m.invoice_type),
        ("YearMonth", m.year_month),
        ("InvoiceTrack", m.track),
    ]
    items: Tree = [
        ("BranchTrackBlankItem", [("InvoiceBeginNo", f"{run.first:08d}"), ("InvoiceEndNo", f"{run.last:08d}")])
        for run in m.runs
    ]
    return "BranchTrackBlank", [("Main", main), ("Details", items)]


_COMPOSE: dict[str, Callable[[Any], tuple[str, Tree]]] = {
    "F0401": _invoice,
    "F0501": _cancel,
    "F0701": _void,
    "G0401": _allowance,
    "G0501": _cancel_allowance,
    "E0402": _unused,
}
