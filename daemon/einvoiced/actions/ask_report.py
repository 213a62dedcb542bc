"""`report.period`: what may be summed, and how the sums look. The read model (`einvoiced.readmodel`) does the work."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

from einvoiced.actions.find_invoices import read_day, read_period
from einvoiced.errors import InvalidParams

Group = Literal["period", "day", "tax_type", "buyer", "till", "cashier", "business_day", "order_no"]
"""By what a report is split; `buyer`: `B2C` or `B2B`."""

MOST_ROWS = 5000


class ReportParams(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A span of days (YYYY-MM-DD, both ends included) or a period by its MIG YearMonth, and how it is split."""

    year_month: str | None = None
    date_from: str | None = None
    date_to: str | None = None
    by: list[Group] = []
    business_day: str | None = None


class ReportQuestion(Struct, frozen=True, kw_only=True):
    """A checked question for the read model."""

    date_from: date | None
    date_to: date | None
    by: list[Group]
    business_day: str | None


class Sums(Struct, frozen=True):
    """Sums of invoices under MIG's names, whole NT$.

    `consumer_sales_amount`: the part of `sales_amount` that was sold to consumers, whose invoices hold their tax in it
    and have a `tax_amount` of 0 (MIG). `tax_within` is that tax, S - round(S / 1.05) of the sum and not of each.
    """

    count: int = 0
    sales_amount: int = 0
    free_tax_sales_amount: int = 0
    zero_tax_sales_amount: int = 0
    tax_amount: int = 0
    total_amount: int = 0
    consumer_sales_amount: int = 0
    tax_within: int = 0


class AllowanceSums(Struct, frozen=True):
    """Sums of allowances, net and tax apart; cancelled ones are not among them."""

    count: int = 0
    net_amount: int = 0
    tax_amount: int = 0


class ReportRow(Struct, frozen=True):
    """One group: what stands (`valid`), what was cancelled, and what was taken back, each by its own date.

    `net_total`: the valid total less the allowances.
    """

    group: dict[str, str | None]
    valid: Sums
    cancelled: Sums
    allowances: AllowanceSums
    net_total: int


class Report(Struct, frozen=True):
    """The rows, in the order of their groups, and the sum of all."""

    date_from: str | None
    date_to: str | None
    rows: list[ReportRow]
    total: ReportRow


def report_question(params: ReportParams) -> ReportQuestion:
    """The checked question; InvalidParams."""
    begin, end = read_day(params.date_from, "date_from"), read_day(params.date_to, "date_to")
    if params.year_month is not None:
        if begin or end:
            raise InvalidParams("year_month", detail="give either a period or days")
        period = read_period(params.year_month)
        begin, end = period.begins.date(), date.fromordinal(period.ends.toordinal() - 1)
    if len(set(params.by)) != len(params.by):
        raise InvalidParams("by", detail="a group is named twice")
    read_day(params.business_day, "business_day")
    return ReportQuestion(date_from=begin, date_to=end, by=params.by, business_day=params.business_day)
