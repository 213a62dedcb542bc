"""How the lines of an invoice are told to the platform: net or gross, in this one place.

With a buyer 統編 lines are net with 7 decimals [?: providers differ], without one they hold the tax; either way they
add up to the sums of their tax type, because E0103 is what the platform answers to lines that do not.
"""

from __future__ import annotations

from decimal import Decimal

from einvoiced.rules.amounts import EXACT, WITH_TAX, plain
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.sale import EXEMPT, TAXED

_SEVENTH = Decimal("1E-7")


def told_lines(invoice: Invoice) -> list[tuple[str, str]]:
    """UnitPrice and Amount of each line, as plain decimals.

    What rounding leaves over goes to the largest line of its tax type, whose amount then is the exact remainder.
    """
    net = invoice.buyer is not None and invoice.prices == "gross"
    prices, amounts = [], []
    for item in invoice.items:
        price, amount = Decimal(item.unit_price), Decimal(item.amount)
        if net and item.tax_type == TAXED:
            price, amount = _without_tax(price), _without_tax(amount)
        prices.append(price)
        amounts.append(amount)
    for tax_type, total in ((TAXED, invoice.sales_amount), (EXEMPT, invoice.free_tax_sales_amount)):
        places = [at for at, item in enumerate(invoice.items) if item.tax_type == tax_type]
        if places:
            largest = max(places, key=lambda at: amounts[at])
            amounts[largest] += total - sum(amounts[at] for at in places)
    return [(plain(price), plain(amount)) for price, amount in zip(prices, amounts, strict=True)]


def _without_tax(gross: Decimal) -> Decimal:
    return EXACT.divide(gross, WITH_TAX).quantize(_SEVENTH, context=EXACT)
