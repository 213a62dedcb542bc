"""The box's own life: it started (with the start checks of the self-check form, item 3), it stopped, it was retired."""

from __future__ import annotations

from msgspec import Struct

import einvoiced
from einvoiced.actions.ask import count
from einvoiced.actions.box import Box
from einvoiced.actions.change_company import change_company, company_of
from einvoiced.actions.start_checks import Identity, fact
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.share import Share

_LAST_TYPE = "SELECT json_extract(CAST(body AS TEXT), '$.type') FROM entries ORDER BY sequence DESC LIMIT 1"
_TRACKS = "SELECT track, begin, \"end\", next FROM ranges WHERE state IN ('current', 'fresh') ORDER BY track, begin"
_LEFT = """
SELECT seller, year_month, track, next, last, part, boxes FROM ranges
WHERE state NOT IN ('spent', 'closed') AND next <= last
ORDER BY year_month, track, begin
"""


def start_box(box: Box, identity: Identity, witnesses: dict[str, str]) -> Action[int]:
    """Append `box_started` with what the start checks found: clock, seller, tracks, last number, unclean stops."""

    def action(tx: Transaction) -> int:
        (last_type,) = tx.one(_LAST_TYPE)
        clean = last_type in ("box_stopped", "journal_created", "epoch_opened", "journal_restored")
        if fact(tx, "board") is None:
            tx.append(entries.BoxIdentified(identity.board, identity.disk))
        if box.shop is not None:
            change_company(box.shop, "", None)(tx)
        started = entries.BoxStarted(
            version=einvoiced.__version__,
            box=box.id,
            seller=box.shop.seller.identifier if box.shop else "",
            clock_synchronised=box.clock.synchronised(),
            clock_trusted=box.clock_trusted(),
            tracks=[f"{t} {begin:08d}-{end:08d} next {next_:08d}" for t, begin, end, next_ in tx.all(_TRACKS)[:50]],
            last_number=count(box)(tx).last_number,
            locks=sorted(box.locks),
            clean_stop=clean,
            unclean_stops=int(fact(tx, "unclean_stops") or 0) + (not clean),
            witnesses=witnesses,
            company=company_of(box.shop) if box.shop else None,
        )
        return tx.append(started)

    return action


def stop_box(tx: Transaction) -> int:
    """Append `box_stopped`."""
    return tx.append(entries.BoxStopped())


class Retired(Struct, frozen=True):
    """What a retired box leaves: runs of numbers that were never issued."""

    leftovers: list[entries.Run]
    numbers: int


def retire_box(technician: str, peer: Peer | None) -> Action[Retired]:
    """End the box: close its ranges and list what they still held."""

    def action(tx: Transaction) -> Retired:
        left = [
            entries.Run(seller, period, track, first, last)
            for seller, period, track, next_, end, part, boxes in tx.all(_LEFT)
            for first, last in Share(part + 1, boxes).runs(next_, end)
        ]
        tx.append(entries.BoxRetired(technician, peer, left))
        return Retired(left, sum(run.last - run.first + 1 for run in left))

    return action
