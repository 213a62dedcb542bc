"""What the platform knows and checks: allotted ranges, invoices, cancellations, allowances, unused numbers.

It recomputes every sum and keeps the order that the law wants. Written from the domain's list of codes, not from the
daemon's code: the two must agree by themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from lxml import etree

ONE = Decimal(1)


@dataclass
class Copy:
    """The platform's copy of an invoice."""

    day: date
    buyer: str
    total: Decimal
    sales: Decimal
    tax: Decimal
    tax_type: str
    stated_tax: Decimal
    carrier: str
    cancelled: bool = False
    voided: bool = False
    allowances: set[str] = field(default_factory=set)


@dataclass
class AllowanceCopy:
    """The platform's copy of an allowance."""

    invoice: tuple[str, str]
    net: Decimal
    tax: Decimal
    cancelled: bool = False


class Refused(Exception):
    """A code of the platform."""


class Books:
    """All books of one seller."""

    def __init__(self, seller: str) -> None:
        self.seller = seller
        self.ranges: list[tuple[str, str, int, int]] = []
        self.invoices: dict[tuple[str, str], Copy] = {}
        self.allowances: dict[str, AllowanceCopy] = {}
        self.unused: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.filed: set[str] = set()
        """Months (MIG's YearMonth) whose sales the shop has filed: no box can know."""
        self._times: dict[tuple[str, str, int], str] = {}

    def allot(self, year_month: str, track: str, begin: int, end: int) -> None:
        """Numbers for the seller."""
        self.ranges.append((year_month, track, begin, end))

    def take(self, data: bytes, today: date) -> tuple[str, str, str, str]:
        """Judge one file that arrives on a day: (message, reference, date, code); code "0" is yes."""
        try:
            root = etree.fromstring(data)
        except etree.XMLSyntaxError:
            return "", "", "", "E0304"
        found = re.fullmatch(r"\{urn:GEINV:eInvoiceMessage:([A-Z]\d{4}):4\.1\}(\w+)", root.tag)
        if found is None:
            return "", "", "", "E0306"
        message = found[1]
        reader = _Reader(root)
        reference, day = reader.named(message)
        try:
            getattr(self, f"_{message.lower()}")(reader, today)
        except Refused as refusal:
            return message, reference, day, str(refusal)
        return message, reference, day, "0"

    def refuse(self, data: bytes) -> tuple[str, str, str, str]:
        """Refuse a file without looking at it, as a platform does that is out of order."""
        root = etree.fromstring(data)
        message = re.search(r":([A-Z]\d{4}):", root.tag)
        assert message is not None
        return message[1], *_Reader(root).named(message[1]), "E0305"

    def has(self, message: str, reference: str, carrier: str) -> bool:
        """Whether the books hold what a message would tell; `carrier`: as the invoice is now.

        A copy that was erased and sent anew counts as erased: nobody may erase the new one.
        """
        if message == "E0402":
            return (reference[:5], reference[5:]) in self.unused
        if message[0] == "G":
            allowance = self.allowances.get(reference)
            return allowance is not None and (message == "G0401" or allowance.cancelled)
        copies = [copy for (number, month), copy in self.invoices.items() if number == reference]
        copy = copies[-1] if copies else None
        if copy is None:
            return False
        now = not copy.voided and copy.carrier == carrier
        return {"F0401": now, "F0501": copy.cancelled, "F0701": copy.voided or now}[message]

    # -- invoices

    def _f0401(self, x: _Reader, today: date) -> None:
        number, day = x.one("Main/InvoiceNumber"), x.date("Main/InvoiceDate")
        key = (number, month_of(day))
        self._check_range(number, day)
        old = self.invoices.get(key)
        if old is not None and not old.voided:
            raise Refused("E0201")
        if day > today + timedelta(days=1):
            raise Refused("E1002")
        if day < today - timedelta(days=365):
            raise Refused("E0207")
        if " " in (x.maybe("Main/CarrierId1") or ""):
            raise Refused("E1005")
        self._check_order(x, number, day)
        self._check_marks(x)
        total = self._check_sums(x)
        business = x.one("Main/Buyer/Identifier") != "0000000000"
        sales, tax = x.number("Amount/SalesAmount"), x.number("Amount/TaxAmount")
        net = sales if business else gross_to_net(sales)
        self.invoices[key] = Copy(
            day,
            x.one("Main/Buyer/Identifier"),
            total,
            net + x.number("Amount/FreeTaxSalesAmount"),
            tax if business else sales - net,
            x.one("Amount/TaxType"),
            tax,
            x.maybe("Main/CarrierId1") or "",
        )

    def _check_range(self, number: str, day: date) -> None:
        track, digits = number[:2], int(number[2:])
        holding = [r for r in self.ranges if r[1] == track and r[2] <= digits <= r[3]]
        if not holding:
            raise Refused("E0102")
        if not any(r[0] == month_of(day) for r in holding):
            raise Refused("E0107")
        for begin, end in self.unused.get((month_of(day), track), []):
            if begin <= digits <= end:
                raise Refused("E0603")

    def _check_order(self, x: _Reader, number: str, day: date) -> None:
        """Numbers go up in time: the neighbours that are known are not later, or earlier."""
        time = x.one("Main/InvoiceDate") + x.one("Main/InvoiceTime")
        month, track, digits = month_of(day), number[:2], int(number[2:])
        if self._times.get((month, track, digits - 1), time) > time:
            raise Refused("E0209")
        if self._times.get((month, track, digits + 1), time) < time:
            raise Refused("E0209")
        self._times[month, track, digits] = time

    def _check_marks(self, x: _Reader) -> None:
        """PrintMark against carrier, donation and buyer."""
        carrier, donated, mark = x.maybe("Main/CarrierType"), x.one("Main/DonateMark") == "1", x.one("Main/PrintMark")
        business = x.one("Main/Buyer/Identifier") != "0000000000"
        if donated != (x.maybe("Main/NPOBAN") is not None) or (business and donated):
            raise Refused("E0305")
        expected = "Y" if carrier is None and not donated else "YN" if business and carrier == "3J0002" else "N"
        if mark not in expected:
            raise Refused("E0305")

    def _check_sums(self, x: _Reader) -> Decimal:
        sales, free, zero, tax, total = (
            x.number(f"Amount/{name}")
            for name in ("SalesAmount", "FreeTaxSalesAmount", "ZeroTaxSalesAmount", "TaxAmount", "TotalAmount")
        )
        if total == 0:
            raise Refused("E0105")
        lines = x.all("Details/ProductItem")
        if [line.one("SequenceNumber") for line in lines] != [f"{n:03d}" for n in range(1, len(lines) + 1)]:
            raise Refused("E0220")
        if any(line.number("Quantity") == 0 for line in lines):
            raise Refused("E0106")
        for tax_type, amount in (("1", sales), ("3", free), ("2", zero)):
            if sum(line.number("Amount") for line in lines if line.one("TaxType") == tax_type) != amount:
                raise Refused("E0103")
        if sales + free + zero + tax != total:
            raise Refused("E0103")
        business = x.one("Main/Buyer/Identifier") != "0000000000"
        if tax != ((sales + tax) - gross_to_net(sales + tax) if business else 0):
            raise Refused("E0103")
        return total

    def _standing(self, number: str, day: date) -> Copy:
        copy = self.invoices.get((number, month_of(day)))
        if copy is None or copy.voided or copy.day != day:
            raise Refused("E0213")
        return copy

    def _f0501(self, x: _Reader, today: date) -> None:
        number, day = x.one("CancelInvoiceNumber"), x.date("InvoiceDate")
        copy = self._standing(number, day)
        if copy.cancelled:
            raise Refused("E0402")
        if copy.buyer != x.one("BuyerId") or any(not self.allowances[a].cancelled for a in copy.allowances):
            raise Refused("E0213")
        late = month_of(day) in self.filed or x.date("CancelDate") > cancel_until(day)
        if late and x.maybe("ReturnTaxDocumentNumber") is None:
            raise Refused("E0213")
        copy.cancelled = True

    def _f0701(self, x: _Reader, today: date) -> None:
        copy = self._standing(x.one("VoidInvoiceNumber"), x.date("InvoiceDate"))
        if copy.cancelled or copy.buyer != x.one("BuyerId"):
            raise Refused("E0213")
        copy.voided = True

    # -- allowances

    def _g0401(self, x: _Reader, today: date) -> None:
        number = x.one("Main/AllowanceNumber")
        if number in self.allowances:
            raise Refused("E0201")
        lines = x.all("Details/ProductItem")
        if sum(line.number("Amount") for line in lines) != x.number("Amount/TotalAmount"):
            raise Refused("E0103")
        if sum(line.number("Tax") for line in lines) != x.number("Amount/TaxAmount"):
            raise Refused("E0103")
        named = {(line.one("OriginalInvoiceNumber"), line.date("OriginalInvoiceDate")) for line in lines}
        if len(named) != 1:
            raise Refused("E0305")
        ((invoice, day),) = named
        copy = self._standing(invoice, day)
        if copy.cancelled:
            raise Refused("E0213")
        net, tax = x.number("Amount/TotalAmount"), x.number("Amount/TaxAmount")
        if net == 0:
            raise Refused("E0105")
        others = [self.allowances[each] for each in copy.allowances if not self.allowances[each].cancelled]
        if sum(o.net for o in others) + net > copy.sales or sum(o.tax for o in others) + tax > copy.tax:
            raise Refused("E0221")
        self.allowances[number] = AllowanceCopy((invoice, month_of(day)), net, tax)
        copy.allowances.add(number)

    def _g0501(self, x: _Reader, today: date) -> None:
        copy = self.allowances.get(x.one("CancelAllowanceNumber"))
        if copy is None:
            raise Refused("E0213")
        if copy.cancelled:
            raise Refused("E0402")
        copy.cancelled = True

    # -- unused numbers

    def _e0402(self, x: _Reader, today: date) -> None:
        month, track = x.one("Main/YearMonth"), x.one("Main/InvoiceTrack")
        first_day = first_day_after(month)
        if not first_day <= today:
            raise Refused("E1002")
        if today >= first_day + timedelta(days=10):
            raise Refused("E0609")
        runs = [
            (int(r.one("InvoiceBeginNo")), int(r.one("InvoiceEndNo"))) for r in x.all("Details/BranchTrackBlankItem")
        ]
        if any(begin > end for begin, end in runs):
            raise Refused("E0604")
        ordered = sorted(runs)
        if any(a[1] >= b[0] for a, b in pairwise(ordered)):
            raise Refused("E0613")
        if (month, track) in self.unused:
            raise Refused("E0612")
        for begin, end in runs:
            if not any(r[0] == month and r[1] == track and r[2] <= begin and end <= r[3] for r in self.ranges):
                raise Refused("E0601")
            if any(k[1] == month and k[0][:2] == track and begin <= int(k[0][2:]) <= end for k in self.invoices):
                raise Refused("E0603")
        self.unused[month, track] = runs


class _Reader:
    """Elements by their local names."""

    def __init__(self, element: Any) -> None:
        self._element = element

    def all(self, path: str) -> list[_Reader]:
        return [_Reader(e) for e in self._element.findall("/".join(f"{{*}}{p}" for p in path.split("/")))]

    def maybe(self, path: str) -> str | None:
        found = self.all(path)
        return None if not found else found[0]._element.text or ""

    def one(self, path: str) -> str:
        text = self.maybe(path)
        if text is None:
            raise Refused("E0305")
        return text

    def number(self, path: str) -> Decimal:
        return Decimal(self.one(path))

    def date(self, path: str) -> date:
        text = self.one(path)
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))

    def named(self, message: str) -> tuple[str, str]:
        """What an answer calls the message: number (or period and track) and date."""
        number, day = {
            "F0401": ("Main/InvoiceNumber", "Main/InvoiceDate"),
            "F0501": ("CancelInvoiceNumber", "InvoiceDate"),
            "F0701": ("VoidInvoiceNumber", "InvoiceDate"),
            "G0401": ("Main/AllowanceNumber", "Main/AllowanceDate"),
            "G0501": ("CancelAllowanceNumber", "AllowanceDate"),
            "E0402": ("Main/YearMonth", "Main/InvoiceTrack"),
        }[message]
        return self.maybe(number) or "", self.maybe(day) or ""


def gross_to_net(gross: Decimal) -> Decimal:
    """round(S / 1.05), half up."""
    return (gross / Decimal("1.05")).quantize(ONE, ROUND_HALF_UP)


def month_of(day: date) -> str:
    """The period of a day as YearMonth."""
    return f"{day.year - 1911:03d}{(day.month + 1) // 2 * 2:02d}"


def first_day_after(year_month: str) -> date:
    """The first day of the next period."""
    year, month = int(year_month[:3]) + 1911, int(year_month[3:])
    return date(year + month // 12, month % 12 + 1, 1)


def cancel_until(day: date) -> date:
    """The 15th of the next odd month."""
    return first_day_after(month_of(day)).replace(day=15)
