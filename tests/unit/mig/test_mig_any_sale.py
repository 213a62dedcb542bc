"""Any sale that the rules allow becomes a file that the platform's sums agree with."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mig_samples import BARCODE, BUYER, invoice, line

from einvoiced.errors import EinvoicedError
from einvoiced.mig.compose import to_xml
from einvoiced.rules.amounts import dollars, gross_of
from einvoiced.rules.messages import IssuedInvoice
from einvoiced.rules.sale import Line
from tests.platform.books import Books

LINES = st.lists(
    st.builds(
        line,
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Cn")), min_size=1).map(
            lambda text: f"品{text}"[:500]
        ),
        st.decimals("0.001", "50", places=3).map(str),
        st.decimals("-20", "9999", places=4).map(str),
        st.sampled_from(("1", "1", "1", "3")),
    ),
    min_size=1,
    max_size=6,
)
RECEIVERS: list[dict[str, Any]] = [{}, {"buyer": BUYER}, {"carrier": BARCODE}, {"npoban": "919"}]


def total_of(lines: list[Line], net: bool) -> int:
    """What the till would state."""
    sums = {"1": Decimal(0), "3": Decimal(0)}
    for each in lines:
        amount = (each.quantity * each.unit_price).quantize(Decimal("1E-7"))
        sums[each.tax_type] += amount
    return dollars(gross_of(sums["1"]) if net else sums["1"]) + dollars(sums["3"])


@settings(max_examples=150)
@given(LINES, st.sampled_from(RECEIVERS), st.booleans())
def test_the_platform_finds_the_same_sums(lines: list[Line], receivers: dict[str, Any], net: bool) -> None:
    """Lines add up to the sums of their tax type, net for a buyer with a 統編; marks fit; the schema holds."""
    net = net and "buyer" in receivers
    try:
        made = invoice(*lines, total=total_of(lines, net), prices="net" if net else "gross", **receivers)
    except EinvoicedError:
        assume(False)
        return
    books = Books("24634102")
    books.allot("11512", "AB", 0, 9999)
    assert books.take(to_xml(IssuedInvoice(made)), date(2026, 11, 27))[3] == "0"
