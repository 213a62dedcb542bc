"""`journal.seal`: the entries up to a period's end are complete; they may be archived."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.start_checks import fact
from einvoiced.errors import InvalidParams, PeriodNotOver
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.period import Period


class Sealed(Struct, frozen=True):
    """A sealed segment: its entries from `first` to `last`, and the SHA-256 of the last."""

    year_month: str
    first: int
    last: int
    hash: str


def seal_segment(box: Box, year_month: str) -> Action[Sealed]:
    """Seal the entries from the end of the segment before to the period's end; a sealed one is given again.

    InvalidParams when it is no period or holds nothing; PeriodNotOver while it runs or the clock cannot tell.
    """
    try:
        period = Period.from_year_month(year_month)
    except ValueError as error:
        raise InvalidParams("year_month", detail=str(error)) from None

    def action(tx: Transaction) -> Sealed:
        known = fact(tx, f"segment {year_month}")
        if known is not None:
            first, _, last = known.partition("-")
            return Sealed(year_month, int(first), int(last), _hash(tx, int(last)))
        if tx.now() < period.ends or not box.clock_trusted():
            raise PeriodNotOver("year_month", period=period.label)
        first_, last_ = _end_of_sealed(tx) + 1, _last_before(tx, entries.stamp(period.ends))
        if last_ < first_:
            raise InvalidParams("year_month", detail=f"no entry of {period.label} is left to seal")
        tx.append(entries.SegmentSealed(year_month, first_, last_, _hash(tx, last_)))
        return Sealed(year_month, first_, last_, _hash(tx, last_))

    return action


def _end_of_sealed(tx: Transaction) -> int:
    rows = tx.all("SELECT value FROM facts WHERE name >= 'segment ' AND name < 'segment!'")
    return max((int(value.partition("-")[2]) for (value,) in rows), default=0)


def _last_before(tx: Transaction, time: str) -> int:
    """The last entry before a time, found by halving: times go up along the chain but at a correction of the clock."""
    low, high = 0, tx.head.sequence
    while low < high:
        middle = (low + high + 1) // 2
        row = tx.one("SELECT body FROM entries WHERE sequence = ?", middle)
        if entries.read(row[0]).time < time:
            low = middle
        else:
            high = middle - 1
    return low


def _hash(tx: Transaction, sequence: int) -> str:
    return entries.digest(tx.one("SELECT body FROM entries WHERE sequence = ?", sequence)[0])
