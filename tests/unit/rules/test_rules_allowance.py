"""Sums of allowances: net, tax and gross stay exact and within the invoice, whatever comes and goes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced import errors
from einvoiced.rules.allowance import Asked, Left, left_of, sum_up, take_back
from einvoiced.rules.invoice import Invoice, Seller, make_invoice
from einvoiced.rules.messages import AllowanceLine, IssuedAllowance
from einvoiced.rules.period import TAIPEI
from einvoiced.rules.sale import Buyer, Line, Sale, settle

SELLER = Seller("24634102", "示範商店")
BUYER = Buyer("04595257")


def invoice_of(lines: list[tuple[str, str, str]], *, buyer: Buyer | None = None, prices: Any = "gross") -> Invoice:
    """An invoice of (quantity, unit price, tax type)."""
    parts = [Line("品項", Decimal(q), Decimal(p), tax_type=t) for q, p, t in lines]  # type: ignore[arg-type]
    total = Decimal(0)
    while True:
        sale = Sale(lines=parts, total_amount=total, prices=prices, buyer=buyer)
        try:
            settled = settle(sale)
            break
        except errors.TotalMismatch as error:
            total = Decimal(str(error.facts["computed"]))
    moment = datetime(2026, 2, 10, 12, tzinfo=TAIPEI)
    return make_invoice(
        sale, settled, seller=SELLER, track="NQ", number=1, moment=moment, random_number="0000", seal=lambda _: "x"
    )


def allowance(lines: list[AllowanceLine]) -> IssuedAllowance:
    """An allowance of lines."""
    net, tax = sum_up(lines)
    return IssuedAllowance("A10100000001", "20260211", SELLER, None, lines, tax, net)


def sums(lines: list[AllowanceLine]) -> list[tuple[int, int]]:
    """Net and tax of each line."""
    return [(int(line.amount), line.tax) for line in lines]


@pytest.mark.parametrize("buyer", [None, BUYER])
def test_two_halves_are_the_whole(buyer: Buyer | None) -> None:
    """Two returns of 50 from 100 are 95 + 5, not 48 + 48 (E0221), for a consumer and for a buyer."""
    invoice = invoice_of([("1", "100", "1")], buyer=buyer)
    left = left_of(invoice, [])
    assert (left.net, left.tax) == (95, 5)
    assert sums(take_back(invoice, left, [Asked(1, 50)])) == [(48, 2)]
    assert sums(take_back(invoice, left, [Asked(1, 50)])) == [(47, 3)]
    assert left == Left([0], 0, 0, 0)


def test_many_small_ones_share_the_tax() -> None:
    """It is not left for the last alone."""
    invoice = invoice_of([("10", "10", "1")])
    left = left_of(invoice, [])
    lines = [take_back(invoice, left, [Asked(1, 10)])[0] for _ in range(10)]
    assert sum(int(line.amount) for line in lines) == 95
    assert sum(line.tax for line in lines) == 5
    assert max(line.tax for line in lines) == 1


@pytest.mark.parametrize("lines", [[("20", "1", "1")], [("100", "1", "1")]])
def test_an_allowance_is_never_of_tax_alone(lines: Any) -> None:
    """Dollar by dollar there is a net amount in each as long as there is any; the rest, tax alone, is refused. Together
    with the last one it goes back: that is what the refusal says.
    """
    invoice = invoice_of(lines)
    left = left_of(invoice, [])
    net, tax = left.net, left.tax
    made = [take_back(invoice, left, [Asked(1, 1)]) for _ in range(net)]
    assert {sum_up(each) for each in made} == {(1, 0)}
    with pytest.raises(errors.AllowanceOnlyTax) as caught:
        take_back(invoice, left, [Asked(1, 1)])
    assert (caught.value.path, caught.value.facts["left"]) == ("lines", tax)
    left = left_of(invoice, [allowance(each) for each in made[:-1]])
    assert sum_up(take_back(invoice, left, [Asked(1, 1 + tax)])) == (1, tax)
    assert left.total == 0


def test_a_line_of_a_dollar_may_be_tax_where_the_others_are_not() -> None:
    """Twenty lines of a dollar go back at once: 19 + 1, as they came."""
    invoice = invoice_of([("1", "1", "1")] * 20)
    lines = take_back(invoice, left_of(invoice, []), [Asked(at, 1) for at in range(1, 21)])
    assert sum_up(lines) == (19, 1)


def test_never_more_of_a_line_than_is_left() -> None:
    """Even where the invoice has more; the error shows what is left."""
    invoice = invoice_of([("1", "100", "1"), ("1", "30", "1")])
    left = left_of(invoice, [])
    take_back(invoice, left, [Asked(2, 20)])
    with pytest.raises(errors.AllowanceTooMuch) as caught:
        take_back(invoice, left, [Asked(1, 1), Asked(2, 11)])
    assert caught.value.path == "lines[1].amount"
    assert (caught.value.facts["left"], caught.value.facts["asked"]) == (10, 11)


def test_a_discount_is_gone_too() -> None:
    """Of a line of 100 with a discount of 10 only 90 can go back, and nothing of the discount itself."""
    invoice = invoice_of([("1", "100", "1"), ("1", "-10", "1")])
    for asked in (Asked(1, 91), Asked(2, 1)):
        with pytest.raises(errors.AllowanceTooMuch):
            take_back(invoice, left_of(invoice, []), [asked])
    left = left_of(invoice, [])
    take_back(invoice, left, [Asked(1, 90)])
    assert left.total == 0


def test_exempt_goods_have_no_tax() -> None:
    """And count for themselves."""
    invoice = invoice_of([("1", "105", "1"), ("1", "50", "3")])
    left = left_of(invoice, [])
    assert (left.net, left.tax, left.exempt) == (100, 5, 50)
    assert sums(take_back(invoice, left, [Asked(2, 50), Asked(1, 21)])) == [(50, 0), (20, 1)]
    assert (left.net, left.tax, left.exempt, left.lines) == (80, 4, 0, [84, 0])


def test_net_lines_are_measured_with_their_tax() -> None:
    """A buyer's line of 1,000 net is 1,050 that go back."""
    invoice = invoice_of([("2", "500", "1")], buyer=BUYER, prices="net")
    left = left_of(invoice, [])
    assert left.lines == [1050]
    (line,) = take_back(invoice, left, [Asked(1, 525, Decimal(1))])
    assert (line.quantity, line.unit_price, line.amount, line.tax) == ("1", "500", "500", 25)


def test_fractions_of_a_dollar_are_no_trap() -> None:
    """All of three lines of 33.4 can go back, to the last dollar of 100."""
    invoice = invoice_of([("1", "33.4", "1")] * 3)
    left = left_of(invoice, [])
    take_back(invoice, left, [Asked(1, 34), Asked(2, 33), Asked(3, 33)])
    assert left.total == 0


def test_a_line_says_what_mig_asks_for() -> None:
    """Date, number and line of the invoice; the unit price is the net amount by the quantity."""
    invoice = invoice_of([("3", "35", "1")])
    (line,) = take_back(invoice, left_of(invoice, []), [Asked(1, 70, Decimal(3))])
    assert line == AllowanceLine("20260210", "NQ00000001", 1, "品項", "3", "22.3333333", "67", 3, "1")


@pytest.mark.parametrize("line", [0, -1, 3])
def test_a_line_that_is_not_there(line: int) -> None:
    """They are counted from 1."""
    invoice = invoice_of([("1", "100", "1")] * 2)
    with pytest.raises(errors.AllowanceLineUnknown):
        take_back(invoice, left_of(invoice, []), [Asked(line, 1)])


quantities = st.integers(1, 2000).map(lambda n: str(Decimal(n) / 100))
prices = st.integers(1, 99999).map(lambda n: str(Decimal(n) / 100))
sale_lines = st.lists(st.tuples(quantities, prices, st.sampled_from("113")), min_size=1, max_size=4)
moves = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1), st.booleans(), st.integers(0, 9)), max_size=25)


@given(lines=sale_lines, business=st.booleans(), net=st.booleans(), moves=moves)
def test_whatever_comes_and_goes_the_sums_stay_exact(lines: Any, business: bool, net: bool, moves: Any) -> None:
    """Any sequence of allowances and cancellations keeps net, tax and gross within the invoice, and what stands plus
    what is left is the invoice; none is of tax alone; the rest can be taken back at once, to the last dollar.
    """
    try:
        invoice = invoice_of(lines, buyer=BUYER if business else None, prices="net" if net else "gross")
    except errors.NoInvoiceNeeded:
        return
    first = left_of(invoice, [])
    assert first.total == invoice.total_amount
    assert first.net + first.exempt == int(invoice.qr_left[21:29], 16)
    standing: list[IssuedAllowance] = []
    for line, part, cancel, which in moves:
        if cancel and standing:
            standing.pop(which % len(standing))
        else:
            at = line % len(invoice.items)
            left = left_of(invoice, standing)
            exempt = invoice.items[at].tax_type == "3"
            most = min(left.lines[at], left.exempt if exempt else left.net + left.tax)
            amount = max(1, round(most * part))
            if most < 1:
                continue
            try:
                lines = take_back(invoice, left, [Asked(at + 1, amount)])
            except errors.AllowanceOnlyTax:
                assert left_of(invoice, standing).net == 0
                continue
            standing.append(allowance(lines))
            assert left == left_of(invoice, standing)
        _holds(invoice, first, standing)
    while left_of(invoice, standing).net == 0 < left_of(invoice, standing).tax:
        standing.pop()  # what the refusal says: the last one is cancelled and issued anew with the rest
    left = left_of(invoice, standing)
    if asked := _all_of(invoice, left):
        standing.append(allowance(take_back(invoice, left, asked)))
    _holds(invoice, first, standing)
    assert (left.net, left.tax, left.exempt) == (0, 0, 0)


def _all_of(invoice: Invoice, left: Left) -> list[Asked]:
    """Whatever is left, by lines; of each no more than is left of its tax type."""
    rest = {"1": left.net + left.tax, "3": left.exempt}
    asked = []
    for at, item in enumerate(invoice.items):
        amount = min(left.lines[at], rest[item.tax_type])
        rest[item.tax_type] -= amount
        if amount:
            asked.append(Asked(at + 1, amount))
    return asked


def _holds(invoice: Invoice, first: Left, standing: list[IssuedAllowance]) -> None:
    left = left_of(invoice, standing)
    assert min(left.net, left.tax, left.exempt, *left.lines) >= 0
    assert sum(a.total_amount for a in standing) == first.net + first.exempt - left.net - left.exempt
    assert sum(a.tax_amount for a in standing) == first.tax - left.tax
    for each in standing:
        assert each.total_amount > 0
        assert all(int(line.amount) >= 0 and line.tax >= 0 for line in each.lines)
