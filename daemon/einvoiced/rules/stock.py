"""How long the numbers last, and what a clerk must ask the platform for, and by when.

The calendar of 期配 shops (domain: how numbers reach a shop): the platform allots the next period on the 18th of an
even month, by default as many booklets as this period used; another number must be asked for before that, and takes
about five working days. So: a plan by the 10th, a last call on the 17th, and from the 18th on the file has to come in.
Working days are Monday to Friday; public holidays are not known here, which is why notices come a day early.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from einvoiced.rules.numbers import BOOKLET, GENERAL_TAX
from einvoiced.rules.period import Period

PLAN_DAY, LAST_CALL_DAY, ALLOTTED_DAY = 10, 17, 18
"""Days of an even month; a picture of 2019 says that the platform allots on the 20th [?]."""

APPLY_WORKING_DAYS = 5
NOTICE_WORKING_DAYS = APPLY_WORKING_DAYS + 1
MARGIN_PERCENT = 10
"""What is asked for above what the pace says."""

CATEGORY_ZH = "一般稅額"
_LEAST_ELAPSED = timedelta(days=1)
_TICK = timedelta(microseconds=1)
"""Spans are multiplied as whole numbers: a timedelta overflows."""

NoticeName = Literal["out", "running_out", "plan_next", "last_call", "next_missing", "next_short"]


@dataclass(frozen=True, slots=True)
class Stock:
    """What one box holds at `now` (Taipei time): numbers used and left of this period, and those held of the next.

    `since`: from when on this box has counted, where it came in the middle of the period. `boxes` share the allotment
    evenly, so that what is asked for is this box's need times `boxes`.
    """

    now: datetime
    used: int
    left: int
    next: int
    since: datetime | None = None
    boxes: int = 1

    @property
    def period(self) -> Period:
        return Period.of(self.now)

    @property
    def elapsed(self) -> timedelta:
        """The time in which `used` was used, at least a day: a busy first hour is no pace."""
        begin = self.period.begins if self.since is None else max(self.period.begins, self.since)
        return max(self.now - begin, _LEAST_ELAPSED)

    def use_in(self, span: timedelta) -> int:
        """Numbers that a span takes at this period's pace, rounded up."""
        return -(-self.used * (span // _TICK) // (self.elapsed // _TICK))

    @property
    def needed_next(self) -> int:
        """Numbers that a whole period takes at this pace, with the margin, in whole booklets; at least one booklet."""
        return _whole_booklets(_with_margin(self.use_in(self.period.ends - self.period.begins)))


@dataclass(frozen=True, slots=True)
class Application:
    """What the clerk types on the platform: 期別, 類別, 本數 (of all boxes together), and by when."""

    period: Period
    booklets: int
    by: date
    category: str = GENERAL_TAX
    category_zh: str = CATEGORY_ZH


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell people today; `by` is the last good day to act."""

    name: NoticeName
    by: date
    en: str
    zh: str


def working_days_before(day: date, count: int) -> date:
    """The day from which on `count` working days (Monday to Friday) lie before `day`, itself among them."""
    while count > 0:
        day -= timedelta(days=1)
        count -= day.weekday() < 5
    return day


def runs_out(stock: Stock) -> datetime | None:
    """When this period's last number is used at this period's pace; None when that is not before its end."""
    if stock.left <= 0:
        return stock.now
    if stock.use_in(stock.period.ends - stock.now) <= stock.left:
        return None
    return stock.now + _TICK * (stock.elapsed // _TICK * stock.left // stock.used)


def plan(stock: Stock) -> tuple[Application, ...]:
    """What to ask the platform for at this pace: more of this period if it runs out, and what the next needs."""
    today = stock.now.date()
    wanted: list[Application] = []
    out = runs_out(stock)
    if out is not None:
        missing = _with_margin(stock.use_in(stock.period.ends - stock.now)) - stock.left
        by = max(today, working_days_before(out.date(), APPLY_WORKING_DAYS))
        wanted.append(Application(stock.period, _booklets(missing) * stock.boxes, by))
    if stock.next < stock.needed_next:
        missing = stock.needed_next - stock.next
        wanted.append(Application(stock.period.next(), _booklets(missing) * stock.boxes, _by_of_next(stock)))
    return tuple(wanted)


def notices(stock: Stock) -> tuple[Notice, ...]:
    """What people must be told today, the most urgent first; empty on a quiet day."""
    today, this, wanted = stock.now.date(), stock.period, plan(stock)
    found: list[Notice] = []
    for application in wanted:
        if application.period == this:
            found += _notice_of_this(stock, application, today)
        elif today.month % 2 == 0:
            found.append(_notice_of_next(stock, application, today))
    return tuple(found)


def _notice_of_this(stock: Stock, wanted: Application, today: date) -> list[Notice]:
    out, label, n = runs_out(stock), stock.period.label, wanted.booklets
    if stock.left <= 0:
        en = f"No number is left for {label}; apply for {n} booklets on the platform now."
        return [Notice("out", today, en, f"{label}已無可用號碼；請立即到平台取號 {n} 本。")]
    if out is None or today < working_days_before(out.date(), NOTICE_WORKING_DAYS):
        return []
    en = f"The numbers of {label} run out about {out:%Y-%m-%d}; apply for {n} more booklets by {wanted.by}."
    zh = f"照目前用量，{label}的號碼約 {out:%Y-%m-%d} 用完；請於 {wanted.by} 前到平台增取 {n} 本。"
    return [Notice("running_out", wanted.by, en, zh)]


def _notice_of_next(stock: Stock, wanted: Application, today: date) -> Notice:
    """For an even month while the next period's numbers are not in, or too few."""
    label, n, by = wanted.period.label, wanted.booklets, wanted.by
    if today.day >= ALLOTTED_DAY and stock.next <= 0:
        en = f"The track file of {label} is not in yet; download it from the platform and plug in the stick."
        return Notice("next_missing", by, en, f"{label}的字軌檔尚未匯入；請到平台下載後插入隨身碟。")
    if today.day >= ALLOTTED_DAY or stock.next > 0:
        en = f"{label} needs about {n} more booklets than there are; apply for them by {by}."
        return Notice("next_short", by, en, f"{label}的號碼預估還差 {n} 本；請於 {by} 前到平台增取。")
    if today.day == LAST_CALL_DAY:
        en = f"Today is the last day to change the booklets of {label}; about {n} are needed."
        return Notice("last_call", by, en, f"今天是更改 {label}本數的最後一天；預估需要 {n} 本。")
    en = f"{label} needs about {n} booklets; the platform allots as many as this period used unless asked by {by}."
    zh = f"{label}預估需要 {n} 本；平台預設依本期用量配號，要更改請於 {by} 前申請。"
    return Notice("plan_next", by, en, zh)


def _by_of_next(stock: Stock) -> date:
    """Until when the next period's booklets should be asked for, never before today."""
    today, last = stock.now.date(), stock.period.ends.date() - timedelta(days=1)
    for day in (PLAN_DAY, LAST_CALL_DAY):
        if today <= last.replace(day=day):
            return last.replace(day=day)
    return max(today, working_days_before(last + timedelta(days=1), APPLY_WORKING_DAYS))


def _with_margin(numbers: int) -> int:
    return -(-numbers * (100 + MARGIN_PERCENT) // 100)


def _booklets(numbers: int) -> int:
    """Whole booklets that hold so many numbers, at least one."""
    return max(1, -(-numbers // BOOKLET))


def _whole_booklets(numbers: int) -> int:
    return _booklets(numbers) * BOOKLET
