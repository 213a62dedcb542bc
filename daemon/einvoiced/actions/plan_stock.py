"""`stock.plan`: how long the numbers last, and what the clerk types on the platform, and by when."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.import_tracks import journal_begun
from einvoiced.errors import NotConfigured
from einvoiced.journal import number_ranges
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules import stock
from einvoiced.rules.period import Period

_OF_PERIOD = f"""
SELECT coalesce(sum(taken), 0), coalesce(sum(iif(state IN ('current', 'fresh'), {number_ranges.LEFT}, 0)), 0)
FROM ranges WHERE seller = ? AND year_month = ?
"""


class Wanted(Struct, frozen=True):
    """What to type on the platform: period, category, booklets of all boxes together, and the last good day."""

    year_month: str
    period: str
    category: str
    category_zh: str
    booklets: int
    by: str


class NoticeShown(Struct, frozen=True):
    """Something to tell people today."""

    name: str
    by: str
    en: str
    zh: str


class StockPlan(Struct, frozen=True):
    """The stock of this period and the next; `runs_out` is None when it lasts to the period's end."""

    period: str
    used: int
    left: int
    left_next: int
    needed_next: int
    runs_out: str | None
    wanted: list[Wanted]
    notices: list[NoticeShown]


def stock_of(box: Box) -> Action[stock.Stock | None]:
    """This box's stock as the rules want it; None without a shop."""

    def action(tx: Transaction) -> stock.Stock | None:
        if box.shop is None:
            return None
        now, seller = tx.now(), box.shop.seller.identifier
        this = Period.of(now)
        used, left = tx.one(_OF_PERIOD, seller, this.year_month)
        _, left_next = tx.one(_OF_PERIOD, seller, this.next().year_month)
        return stock.Stock(now, used, left, left_next, journal_begun(tx), box.shop.share.of)

    return action


def plan_stock(box: Box) -> Action[StockPlan]:
    """The plan of this day. NotConfigured without a shop."""
    question = stock_of(box)

    def action(tx: Transaction) -> StockPlan:
        held = question(tx)
        if held is None:
            raise NotConfigured(detail="no seller")
        out = stock.runs_out(held)
        return StockPlan(
            held.period.label,
            held.used,
            held.left,
            held.next,
            held.needed_next,
            None if out is None else f"{out:%Y-%m-%d}",
            [
                Wanted(a.period.year_month, a.period.label, a.category, a.category_zh, a.booklets, f"{a.by}")
                for a in stock.plan(held)
            ],
            [NoticeShown(n.name, f"{n.by}", n.en, n.zh) for n in stock.notices(held)],
        )

    return action
