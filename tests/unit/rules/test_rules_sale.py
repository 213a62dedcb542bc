"""A sale's checks and sums: the law's vectors, every refusal with its place, and the laws that always hold."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced import errors
from einvoiced.errors import EinvoicedError
from einvoiced.rules.sale import Buyer, Carrier, Line, Policy, Sale, Settlement, check_text, permit, settle

BUYER = Buyer("04595257")


def line(price: object, quantity: object = 1, tax_type: Any = "1", **more: Any) -> Line:
    """A line of this price and quantity."""
    return Line("乾電池", Decimal(str(quantity)), Decimal(str(price)), tax_type=tax_type, **more)


def sale(*lines: Line, total: object, prices: Any = "gross", **more: Any) -> Sale:
    """A sale of these lines."""
    return Sale(lines=list(lines), total_amount=Decimal(str(total)), prices=prices, **more)


def sums(settled: Settlement) -> tuple[int, int, int, int]:
    """SalesAmount, FreeTaxSalesAmount, TaxAmount, TotalAmount."""
    return settled.sales_amount, settled.free_tax_sales_amount, settled.tax_amount, settled.total_amount


def refused(what: Sale) -> EinvoicedError:
    """The error that settling the sale raises."""
    with pytest.raises(EinvoicedError) as caught:
        settle(what)
    return caught.value


# -- sums --------------------------------------------------------------------------------------------------------------


def test_the_published_consumer_sale() -> None:
    """105 + 210 + 25 are 340, all of it sales without tax, and 324 net for the QR code."""
    settled = settle(sale(line(105), line(210), line(25), total=340))
    assert sums(settled) == (340, 0, 0, 340)
    assert settled.net_amount == 324
    assert (settled.tax_type, settled.tax_rate, settled.print_mark) == ("1", "0.05", "Y")


def test_the_same_sale_with_a_buyer() -> None:
    """The tax is what S - round(S / 1.05) gives."""
    settled = settle(sale(line(105), line(210), line(25), total=340, buyer=BUYER))
    assert sums(settled) == (324, 0, 16, 340)
    assert settled.net_amount == 324


@pytest.mark.parametrize(
    ("lines", "total", "want"),
    [((100,), 105, (100, 0, 5, 105)), ((324,), 340, (324, 0, 16, 340)), ((10,), 11, (10, 0, 1, 11))],
)
def test_net_prices_for_a_buyer(lines: tuple[int, ...], total: int, want: tuple[int, int, int, int]) -> None:
    """Net lines add up to SalesAmount, and the tax comes on top, half up."""
    settled = settle(sale(*(line(each) for each in lines), total=total, prices="net", buyer=BUYER))
    assert sums(settled) == want
    assert [item.unit_price for item in settled.items] == [str(each) for each in lines]


def test_net_prices_for_a_consumer_become_gross() -> None:
    """A consumer's lines show prices with tax; exempt lines stay as they are."""
    settled = settle(sale(line(100), line(40, tax_type="3"), total=145, prices="net"))
    assert sums(settled) == (105, 40, 0, 145)
    assert [item.unit_price for item in settled.items] == ["105", "40"]


def test_mixed_sales_keep_exempt_apart() -> None:
    """Taxed and exempt make tax type 9; exempt is counted in its own field only, and is in the net amount."""
    settled = settle(sale(line(105), line(50, tax_type="3"), total=155, buyer=BUYER))
    assert sums(settled) == (100, 50, 5, 155)
    assert (settled.tax_type, settled.tax_rate, settled.net_amount) == ("9", "0.05", 150)


def test_an_exempt_sale() -> None:
    """All exempt: tax type 3, rate 0, no sales amount."""
    settled = settle(sale(line(50, tax_type="3"), total=50, buyer=BUYER))
    assert sums(settled) == (0, 50, 0, 50)
    assert (settled.tax_type, settled.tax_rate, settled.net_amount) == ("3", "0", 50)


def test_a_discount_reduces_its_tax_type() -> None:
    """A line of quantity 1 and a negative price, down to 0 for its tax type."""
    assert sums(settle(sale(line(105), line(-5), total=100))) == (100, 0, 0, 100)
    assert sums(settle(sale(line(105), line(-105), line(20, tax_type="3"), total=20))) == (0, 20, 0, 20)


@pytest.mark.parametrize(
    ("price", "quantity", "total"),
    [("0.5", 1, 1), ("2.5", 1, 3), ("1.5", 1, 2), ("33.3333333", 3, 100), ("0.1", 105, 11)],
)
def test_totals_are_rounded_half_up(price: str, quantity: int, total: int) -> None:
    """Once, on the subtotal."""
    assert settle(sale(line(price, quantity), total=total)).total_amount == total


def test_rounding_happens_on_the_subtotal_not_on_lines() -> None:
    """Three lines of 0.4 are 1.2, so 1, not 0."""
    assert settle(sale(line("0.4"), line("0.4"), line("0.4"), total=1)).total_amount == 1


def test_a_stated_line_amount_counts() -> None:
    """A till that rounds each line to whole dollars is followed, as long as it rounds half up."""
    settled = settle(sale(line("0.5", amount=Decimal(1)), line("0.5", amount=Decimal(1)), total=2))
    assert [item.amount for item in settled.items] == ["1", "1"]
    assert settled.total_amount == 2


def test_items_are_spelled_plainly() -> None:
    """Numbers without idle zeros, texts without blanks around them."""
    (item,) = settle(
        sale(Line("  乾電池 ", Decimal("1.0"), Decimal("1E+2"), unit=" 個 ", remark=" TX "), total=100)
    ).items
    assert (item.description, item.quantity, item.unit_price, item.amount) == ("乾電池", "1", "100", "100")
    assert (item.unit, item.remark) == ("個", "TX")


# -- refusals ----------------------------------------------------------------------------------------------------------

GOOD = line(100)
REFUSALS: list[tuple[Sale, type[EinvoicedError], str]] = [
    (sale(total=0), errors.BadLineCount, "lines"),
    (sale(*[line(1)] * 1000, total=1000), errors.BadLineCount, "lines"),
    (sale(GOOD, line(1, tax_type="2"), total=101), errors.ZeroRateUnsupported, "lines[1].tax_type"),
    (sale(line(1, tax_type="4"), total=1), errors.SpecialTaxUnsupported, "lines[0].tax_type"),
    (sale(Line("", Decimal(1), Decimal(1)), total=1), errors.BadText, "lines[0].description"),
    (sale(Line(" \u3000", Decimal(1), Decimal(1)), total=1), errors.BadText, "lines[0].description"),
    (sale(Line("x" * 501, Decimal(1), Decimal(1)), total=1), errors.BadText, "lines[0].description"),
    (sale(Line("a\nb", Decimal(1), Decimal(1)), total=1), errors.BadText, "lines[0].description"),
    (sale(Line("a\x1b@", Decimal(1), Decimal(1)), total=1), errors.BadText, "lines[0].description"),
    (sale(Line("a\u202eb", Decimal(1), Decimal(1)), total=1), errors.BadText, "lines[0].description"),
    (sale(line(1, unit="1234567"), total=1), errors.BadText, "lines[0].unit"),
    (sale(line(1, unit=""), total=1), errors.BadText, "lines[0].unit"),
    (sale(line(1, remark="x" * 121), total=1), errors.BadText, "lines[0].remark"),
    (sale(GOOD, line(1, 0), total=100), errors.ZeroQuantity, "lines[1].quantity"),
    (sale(line(1, "-0.0"), total=0), errors.ZeroQuantity, "lines[0].quantity"),
    (sale(line(1, "NaN"), total=1), errors.BadNumber, "lines[0].quantity"),
    (sale(line("0.00000001"), total=1), errors.BadNumber, "lines[0].unit_price"),
    (sale(line("1E+999999"), total=1), errors.BadNumber, "lines[0].unit_price"),
    (sale(line(999_999_999_999, 2), total=1), errors.BadNumber, "lines[0].amount"),
    (sale(line(1, amount=Decimal("Infinity")), total=1), errors.BadNumber, "lines[0].amount"),
    (sale(GOOD, total="NaN"), errors.BadNumber, "total_amount"),
    (sale(GOOD, line(3, 2, amount=Decimal(7)), total=107), errors.LineAmountMismatch, "lines[1].amount"),
    (sale(line("1.5", amount=Decimal(1)), total=1), errors.LineAmountMismatch, "lines[0].amount"),
    (sale(GOOD, total=99), errors.TotalMismatch, "total_amount"),
    (sale(GOOD, total="100.5"), errors.TotalMismatch, "total_amount"),
    (sale(GOOD, total=100, prices="net"), errors.TotalMismatch, "total_amount"),
    (sale(GOOD, line(-101), line(50, tax_type="3"), total=49), errors.NegativeSubtotal, "lines"),
    (sale(GOOD, line(-1, tax_type="3"), total=99), errors.NegativeSubtotal, "lines"),
    (sale(GOOD, line(-100), total=0), errors.NoInvoiceNeeded, "total_amount"),
    (sale(line("0.4"), total=0), errors.NoInvoiceNeeded, "total_amount"),
    (sale(line(999_999_999), line(1), total=1_000_000_000), errors.TotalTooLarge, "total_amount"),
    (sale(GOOD, total=100, buyer=Buyer("1234567")), errors.BadBuyerId, "buyer.identifier"),
    (sale(GOOD, total=100, buyer=Buyer("00000000", confirmed=True)), errors.BadBuyerId, "buyer.identifier"),
    (sale(GOOD, total=100, buyer=Buyer("12345678")), errors.BuyerIdSuspect, "buyer.identifier"),
    (sale(GOOD, total=100, buyer=Buyer("04595257", "x" * 61)), errors.BadText, "buyer.name"),
    (sale(GOOD, total=100, buyer=Buyer("04595257", " ")), errors.BadText, "buyer.name"),
    (sale(GOOD, total=100, buyer=BUYER, npoban="919"), errors.BuyerCannotDonate, "npoban"),
    (sale(GOOD, total=100, npoban="12"), errors.BadNpoban, "npoban"),
    (sale(GOOD, total=100, carrier=Carrier("3J0002", "/abc1234")), errors.BadCarrier, "carrier.id"),
    (sale(GOOD, total=100, carrier=Carrier("CQ0001", "/ABC1234")), errors.BadCarrier, "carrier.id"),
    (sale(GOOD, total=100, carrier=Carrier("XX", "1")), errors.CarrierNotConfigured, "carrier.type"),
    (sale(GOOD, total=100, buyer=BUYER, carrier=Carrier("1K0001", "1")), errors.BuyerCarrierRefused, "carrier.type"),
    (sale(GOOD, total=100, print_mark="N"), errors.PrintMarkRefused, "print_mark"),
    (sale(GOOD, total=100, buyer=BUYER, print_mark="N"), errors.PrintMarkRefused, "print_mark"),
    (sale(GOOD, total=100, npoban="919", print_mark="Y"), errors.PrintMarkRefused, "print_mark"),
    (
        sale(GOOD, total=100, carrier=Carrier("3J0002", "/ABC1234"), print_mark="Y"),
        errors.PrintMarkRefused,
        "print_mark",
    ),
]


@pytest.mark.parametrize(("what", "kind", "path"), REFUSALS, ids=lambda each: getattr(each, "name", None) or "")
def test_each_refusal_names_its_place(what: Sale, kind: type[EinvoicedError], path: str) -> None:
    """The class, the path inside params, and sentences whose facts are all there."""
    error = refused(what)
    assert (type(error), error.path) == (kind, path)
    assert "{" not in error.message + error.message_zh


def test_both_numbers_of_a_difference_are_told() -> None:
    """The computed and the stated amount, of a line and of the total."""
    assert refused(sale(GOOD, total="99.50")).facts == {"computed": 100, "stated": "99.5"}
    assert refused(sale(line(3, 2, amount=Decimal("7.0")), total=7)).facts == {"computed": "6", "stated": "7"}


@pytest.mark.parametrize(
    ("what", "policy", "kind", "path"),
    [
        (sale(GOOD, line(50, tax_type="3"), total=150), Policy(), errors.MixedTaxNotApproved, "lines"),
        (sale(GOOD, line(50, tax_type="3"), total=150), Policy(mixed_tax=True), None, None),
        (sale(GOOD, total=100), Policy(), None, None),
        (sale(GOOD, total=100, carrier=Carrier("3J0002", "/ABC1234")), Policy(), None, None),
        (sale(GOOD, total=100, carrier=Carrier("CQ0001", "AB12345678901234")), Policy(), None, None),
        (sale(GOOD, total=100, carrier=Carrier("1K0001", "12")), Policy(), errors.CarrierNotConfigured, "carrier.type"),
        (sale(GOOD, total=100, carrier=Carrier("1K0001", "12")), Policy(carriers=frozenset({"1K0001"})), None, None),
    ],
)
def test_what_the_shop_must_have_allowed(
    what: Sale, policy: Policy, kind: type[EinvoicedError] | None, path: str | None
) -> None:
    """Mixed tax needs the approval; carriers beside the two national ones need the configuration."""
    settled = settle(what)
    if kind is None:
        permit(what, settled, policy)
        return
    with pytest.raises(kind) as caught:
        permit(what, settled, policy)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("buyer", "carrier", "npoban", "marks"),
    [
        (None, None, None, "Y"),
        (None, None, "919", "N"),
        (None, Carrier("3J0002", "/ABC1234"), None, "N"),
        (None, Carrier("3J0002", "/ABC1234"), "919", "N"),
        (None, Carrier("CQ0001", "AB12345678901234"), None, "N"),
        (None, Carrier("1K0001", "12"), None, "N"),
        (BUYER, None, None, "Y"),
        (BUYER, Carrier("3J0002", "/ABC1234"), None, "NY"),
        (BUYER, Carrier("CQ0001", "AB12345678901234"), None, "N"),
    ],
)
def test_print_marks(buyer: Buyer | None, carrier: Carrier | None, npoban: str | None, marks: str) -> None:
    """The marks that the law allows, the first being the one that a silent till gets."""
    receivers: dict[str, Any] = {"buyer": buyer, "carrier": carrier, "npoban": npoban}
    assert settle(sale(GOOD, total=100, **receivers)).print_mark == marks[0]
    for mark in "YN":
        what = sale(GOOD, total=100, print_mark=mark, **receivers)
        if mark in marks:
            assert settle(what).print_mark == mark
        else:
            assert isinstance(refused(what), errors.PrintMarkRefused)


def test_a_confirmed_buyer_passes() -> None:
    """Some real 統編 fail the check digit."""
    assert settle(sale(GOOD, total=100, buyer=Buyer("12345678", confirmed=True))).tax_amount == 5


@pytest.mark.parametrize("kind", [Line, Buyer, Carrier, Sale])
def test_unknown_fields_are_refused(kind: type[Any]) -> None:
    """A till's slip of the pen is not dropped silently."""
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(b'{"discuont": 1}', type=kind)


def test_texts_are_measured_without_blanks_around_them() -> None:
    """60 characters between blanks are 60 characters."""
    assert check_text(" " + "名" * 60 + " ", 60, "p", "name") == "名" * 60


# -- laws --------------------------------------------------------------------------------------------------------------

prices = st.decimals(0, 99_999, places=2)
lines = st.lists(st.builds(line, prices, st.integers(1, 99), st.sampled_from(["1", "1", "3"])), min_size=1, max_size=8)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def subtotals(of: list[Line]) -> dict[str, Fraction]:
    """The exact sum of each tax type."""
    found = {"1": Fraction(0), "3": Fraction(0)}
    for each in of:
        found[each.tax_type] += Fraction(each.quantity) * Fraction(each.unit_price)
    return found


def settled_or_none(of: list[Line], total: int, **more: Any) -> Settlement | None:
    """The settlement; None where there is nothing to invoice."""
    try:
        return settle(sale(*of, total=total, **more))
    except errors.NoInvoiceNeeded:
        assert total == 0
        return None


@given(lines, st.booleans(), st.booleans())
def test_the_sum_law(of: list[Line], business: bool, net: bool) -> None:
    """Total = sales + exempt + zero-rated + tax, and the total is the lines', computed independently in fractions."""
    exact = subtotals(of)
    taxed = half_up(exact["1"] * (Fraction(21, 20) if net else 1))
    total = taxed + half_up(exact["3"])
    settled = settled_or_none(of, total, prices="net" if net else "gross", buyer=BUYER if business else None)
    if settled is None:
        return
    assert settled.total_amount == total
    assert settled.total_amount == settled.sales_amount + settled.free_tax_sales_amount + 0 + settled.tax_amount
    assert settled.free_tax_sales_amount == half_up(exact["3"])
    assert settled.tax_amount == (taxed - half_up(Fraction(taxed * 20, 21)) if business else 0)
    assert settled.net_amount == half_up(Fraction(taxed * 20, 21)) + settled.free_tax_sales_amount


@given(st.lists(st.integers(1, 99_999), min_size=1, max_size=8))
def test_net_and_gross_agree(net: list[int]) -> None:
    """For a buyer, whole net lines and one gross line of their total give the same sums."""
    total = half_up(sum(net) * Fraction(21, 20))
    from_net = settle(sale(*(line(each) for each in net), total=total, prices="net", buyer=BUYER))
    from_gross = settle(sale(line(total), total=total, buyer=BUYER))
    assert sums(from_net) == sums(from_gross)
    assert from_net.sales_amount == sum(net)


@given(lines, st.integers(-3, 3))
def test_a_wrong_total_is_never_settled(of: list[Line], off: int) -> None:
    """One dollar more or less is a difference, whatever the lines."""
    exact = subtotals(of)
    total = half_up(exact["1"]) + half_up(exact["3"])
    if off:
        assert isinstance(refused(sale(*of, total=total + off)), errors.TotalMismatch)
    elif total:
        assert settle(sale(*of, total=total)).total_amount == total
