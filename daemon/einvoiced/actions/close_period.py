"""`period.close`, `period.reopen`, `period.reported`: left-over numbers of a period that is over are unused, once.

Closing waits for a clock that the network confirms and for 24 hours, because it cannot be taken back once the unused
numbers were reported (design: time).
"""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.start_checks import fact
from einvoiced.errors import (
    InvalidParams,
    NotConfigured,
    PeriodCloseTooEarly,
    PeriodIsClosed,
    PeriodNotClosed,
    PeriodReported,
)
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer, Run
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.period import Period
from einvoiced.rules.sale import check_text
from einvoiced.rules.share import Share

PATIENCE = timedelta(hours=24)
BY_ITSELF = "einvoiced"
"""The person in entries of what the box does by itself."""

FOR_GOOD = ("closed", "queued", "reported")
"""States in which nothing of a period changes any more, unless its closing is undone."""

_LEFT = """
SELECT track, next, last, part, boxes FROM ranges
WHERE seller = ? AND year_month = ? AND state IN ('fresh', 'current', 'held', 'closed') AND next <= last
ORDER BY track, begin
"""
_UNUSED = """
SELECT seller, year_month, track, first, last FROM set_aside
WHERE seller = ? AND year_month = ? AND state = 'unused' ORDER BY track, first
"""
_UNRELEASED = "SELECT count(*) FROM ranges WHERE seller = ? AND year_month = ? AND state = 'unreleased'"
_OPEN = "SELECT DISTINCT year_month FROM ranges WHERE seller = ? AND year_month < ? ORDER BY year_month"


class PeriodShown(Struct, frozen=True):
    """A period: its state (`state_of`) and its unused numbers.

    `unreleased`: ranges of which nobody said what was used elsewhere; their numbers are not among the unused.
    """

    year_month: str
    period: str
    state: str
    unused: list[Run]
    numbers: int
    unreleased: int


def close_period(box: Box, year_month: str, person: str, peer: Peer | None) -> Action[PeriodShown]:
    """Close a period; one that is closed is given as it is. PeriodCloseTooEarly before its time."""
    seller, period = seller_of(box), check_period(year_month)
    by = check_text(person, 40, "person", "person")

    def action(tx: Transaction) -> PeriodShown:
        if state_of(tx, seller, year_month) in FOR_GOOD:
            return _shown(tx, seller, period)
        earliest = period.ends + PATIENCE
        if box.clock.synchronised() is not True or tx.now() < earliest:
            raise PeriodCloseTooEarly("year_month", period=period.label, earliest=f"{earliest:%Y-%m-%d %H:%M}")
        tx.append(entries.PeriodClosed(seller, year_month, _left(tx, seller, year_month), by, peer))
        return _shown(tx, seller, period)

    return action


def reopen_period(box: Box, year_month: str, person: str, peer: Peer | None) -> Action[PeriodShown]:
    """Undo a closing. PeriodNotClosed, or PeriodReported when it is too late."""
    seller, period = seller_of(box), check_period(year_month)
    by = check_text(person, 40, "person", "person")

    def action(tx: Transaction) -> PeriodShown:
        _check_closed(tx, seller, period, "closed")
        tx.append(entries.PeriodReopened(seller, year_month, by, peer))
        return _shown(tx, seller, period)

    return action


def report_period(box: Box, year_month: str, person: str, peer: Peer | None) -> Action[PeriodShown]:
    """Say that the unused numbers of a closed period were reported to the platform. PeriodNotClosed, PeriodReported."""
    seller, period = seller_of(box), check_period(year_month)
    by = check_text(person, 40, "person", "person")

    def action(tx: Transaction) -> PeriodShown:
        _check_closed(tx, seller, period, "closed", "queued")
        tx.append(entries.UnusedReported(seller, year_month, by, peer))
        return _shown(tx, seller, period)

    return action


def close_what_is_over(box: Box) -> Action[list[PeriodShown]]:
    """Close every period whose time has come and which nobody reopened: what the box does by itself."""

    def action(tx: Transaction) -> list[PeriodShown]:
        if box.shop is None or box.frozen or box.clock.synchronised() is not True:
            return []
        seller, now = box.shop.seller.identifier, tx.now()
        over = [
            name
            for (name,) in tx.all(_OPEN, seller, Period.of(now).year_month)
            if Period.from_year_month(name).ends + PATIENCE <= now and state_of(tx, seller, name) == "open"
        ]
        return [close_period(box, name, BY_ITSELF, None)(tx) for name in over]

    return action


def check_open(tx: Transaction, seller: str, year_month: str) -> None:
    """PeriodIsClosed when it is."""
    if state_of(tx, seller, year_month) in FOR_GOOD:
        raise PeriodIsClosed("year_month", period=check_period(year_month).label)


def state_of(tx: Transaction, seller: str, year_month: str) -> str:
    """`open`, `closed`, `reopened`, `queued` (for the platform) or `reported`."""
    return fact(tx, f"period {seller} {year_month}") or "open"


def _check_closed(tx: Transaction, seller: str, period: Period, *allowed: str) -> None:
    state = state_of(tx, seller, period.year_month)
    if state in ("queued", "reported") and state not in allowed:
        raise PeriodReported("year_month", period=period.label)
    if state not in allowed:
        raise PeriodNotClosed("year_month", period=period.label)


def _left(tx: Transaction, seller: str, year_month: str) -> list[Run]:
    return [
        Run(seller, year_month, track, first, last)
        for track, next_, end, part, boxes in tx.all(_LEFT, seller, year_month)
        for first, last in Share(part + 1, boxes).runs(next_, end)
    ]


def _shown(tx: Transaction, seller: str, period: Period) -> PeriodShown:
    unused = [Run(*row) for row in tx.all(_UNUSED, seller, period.year_month)]
    (unreleased,) = tx.one(_UNRELEASED, seller, period.year_month)
    numbers = sum(run.last - run.first + 1 for run in unused)
    state = state_of(tx, seller, period.year_month)
    return PeriodShown(period.year_month, period.label, state, unused, numbers, unreleased)


def seller_of(box: Box) -> str:
    """The shop's 統一編號; NotConfigured."""
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    return box.shop.seller.identifier


def check_period(year_month: str) -> Period:
    """The period of a YearMonth; InvalidParams."""
    try:
        return Period.from_year_month(year_month)
    except ValueError as error:
        raise InvalidParams("year_month", detail=str(error)) from None
