"""Ceilings: before a booklet's first number is used, its end is known to every witness and to the file beside.

The entry comes first, then the witnesses, then the file; only then may the numbers be used (`Box.ceilings`).
"""

from __future__ import annotations

from einvoiced.actions.box import Box
from einvoiced.journal import entries
from einvoiced.journal.doubt import remembered
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share

_IN_ORDER = """
SELECT track, begin, last, next, ceiling, part, boxes FROM ranges
WHERE seller = ? AND year_month = ? AND state = ? ORDER BY track, begin LIMIT 200
"""
_USABLE = """
SELECT seller, year_month, track, begin, ceiling FROM ranges
WHERE seller = ? AND year_month = ? AND state IN ('current', 'fresh') AND ceiling >= next
"""


def raise_ceilings(box: Box, ahead: int) -> Action[int | None]:
    """Raise the ceilings of this and the next period so that `ahead` numbers lie below them; the entry's sequence.

    None when nothing needs raising.
    """

    def action(tx: Transaction) -> int | None:
        if box.shop is None:
            return None
        this = Period.of(tx.now())
        raised = [c for period in (this, this.next()) for c in _raised(tx, box.shop.seller.identifier, period, ahead)]
        return tx.append(entries.CeilingsRaised(raised)) if raised else None

    return action


def _raised(tx: Transaction, seller: str, period: Period, ahead: int) -> list[entries.Ceiling]:
    """The new ceilings of a period, in the order in which its ranges are used."""
    found: list[entries.Ceiling] = []
    missing = ahead
    for state in ("current", "fresh"):
        for track, begin, last, next_, ceiling, part, boxes in tx.all(_IN_ORDER, seller, period.year_month, state):
            if missing <= 0:
                return found
            share = Share(part + 1, boxes)
            wanted = min(last, share.reach(next_, missing))
            if wanted > ceiling:
                found.append(entries.Ceiling(seller, period.year_month, track, begin, wanted))
            missing -= share.count_between(next_, min(last, max(wanted, ceiling)))
    return found


def remembered_ceilings(tx: Transaction) -> list[entries.Ceiling]:
    """What the file beside must know: every range that may have been used lately."""
    return remembered(tx.db, Period.of(tx.now()))


def usable_ceilings(box: Box) -> Action[list[entries.Ceiling]]:
    """The ceilings of the ranges that may be used in this and the next period, as the entries have them."""

    def action(tx: Transaction) -> list[entries.Ceiling]:
        if box.shop is None:
            return []
        this = Period.of(tx.now())
        return [
            entries.Ceiling(*row)
            for period in (this, this.next())
            for row in tx.all(_USABLE, box.shop.seller.identifier, period.year_month)
        ]

    return action
