"""`tracks.share`: split a period of which nothing was taken by the share that the configuration states now."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import check_open
from einvoiced.actions.import_tracks import share_of_period, taken_now
from einvoiced.errors import NotConfigured, RangeUnknown, ShareInUse
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.period import Period
from einvoiced.rules.sale import check_text

_RANGES = "SELECT count(*), sum(taken) FROM ranges WHERE seller = ? AND year_month = ?"
_DOUBT = """
SELECT count(*) FROM set_aside WHERE seller = ? AND year_month = ? AND state NOT IN ('reserved', 'skipped', 'elsewhere')
"""


class ShareShown(Struct, frozen=True):
    """A period's share, as it was and as it is."""

    year_month: str
    was: str
    share: str


def change_share(box: Box, year_month: str, person: str, peer: Peer | None) -> Action[ShareShown]:
    """Give a period's ranges the configured share. RangeUnknown without any; ShareInUse when a number was taken."""
    shop = box.shop
    if shop is None:
        raise NotConfigured(detail="no seller")
    by, seller = check_text(person, 40, "person", "person"), shop.seller.identifier

    def action(tx: Transaction) -> ShareShown:
        ranges, taken = tx.one(_RANGES, seller, year_month)
        if not ranges:
            raise RangeUnknown("year_month", asked=year_month[:20])
        check_open(tx, seller, year_month)
        was = share_of_period(tx, shop, year_month)
        if was == shop.share:
            return ShareShown(year_month, str(was), str(was))
        (doubtful,) = tx.one(_DOUBT, seller, year_month)
        if taken or doubtful:
            label = Period.from_year_month(year_month).label
            raise ShareInUse("year_month", period=label, share=str(was))
        tx.append(entries.ShareChanged(seller, year_month, str(shop.share), by, peer))
        taken_now(box)
        return ShareShown(year_month, str(was), str(shop.share))

    return action
