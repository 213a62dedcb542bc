"""The deadlines of an invoice's life, in one place (stock has its own calendar, `rules.stock`).

Every day here is the last good one: what is due on it is overdue on the day after. Days are Taipei's. Fines are 1 % of
the sale, NT$1,500 to 15,000 a time; what a seller mends by itself before being found costs nothing.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from einvoiced.rules.period import Period

CONSUMER_DAYS = 2
"""B2C: within two days from the day after (營業稅法 §32-1; 電子發票實施作業要點)."""

BUSINESS_DAYS = 7
"""B2B: within seven days from the day after (the same)."""

UNUSED_DUE_DAY = 10
"""Unused numbers (空白未使用字軌) are reported within ten days of the next period (電子發票實施作業要點)."""

UNUSED_SEND_BY_DAY = 5
"""The box's own last day for them: five days are left to mend a refusal."""

CANCEL_DAY = 15
"""The 15th of the next odd month, when the period's sales are filed (營業稅法 §35) [?]."""

PROOF_WAIT = timedelta(hours=12)
"""How long an invoice on paper waits for its proof before it is uploaded anyhow; well inside two days."""

KEEP_YEARS = 5
"""Records are kept so many years after the books of their year close [?]."""


def upload_due(happened: date, business: bool) -> date:
    """The last day to upload what happened to an invoice or allowance (issue, cancel, carrier or donation change).

    `business`: the buyer gave a 統一編號 (B2B: seven days from the day after, B2C: two). `happened` in Taipei time.
    """
    return _day(happened) + timedelta(days=BUSINESS_DAYS if business else CONSUMER_DAYS)


def upload_overdue(happened: date, business: bool, today: date) -> bool:
    """Whether it should have been uploaded on an earlier day than today."""
    return _day(today) > upload_due(happened, business)


def cancel_until(period: Period) -> date:
    """The last day on which an invoice of a period may be cancelled (作廢): the 15th of the next odd month.

    And only while the period's sales are not yet filed [?]; later with the tax office's document number
    (ReturnTaxDocumentNumber of F0501), or by an allowance.
    """
    return _day(period.ends).replace(day=CANCEL_DAY)


def may_cancel(period: Period, today: date) -> bool:
    """Whether an invoice of the period may still be cancelled without the tax office's document."""
    return _day(today) <= cancel_until(period)


def unused_from(period: Period) -> date:
    """The first day on which a period's unused numbers (E0402) may be sent: the first of the next period."""
    return _day(period.ends)


def unused_send_by(period: Period) -> date:
    """The day by which this box sends a period's unused numbers, whatever is unsettled: the 5th of the next period."""
    return _day(period.ends).replace(day=UNUSED_SEND_BY_DAY)


def unused_due(period: Period) -> date:
    """The law's last day to report a period's unused numbers: the 10th of the next period."""
    return _day(period.ends).replace(day=UNUSED_DUE_DAY)


def keep_until(period: Period) -> date:
    """The last day on which a period's records must still be there: five years after its year's end [?]."""
    return date(period.begins.year + KEEP_YEARS, 12, 31)


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
