"""The box's own life: it started (with the start checks of the self-check form, item 3), it stopped."""

from __future__ import annotations

import einvoiced
from einvoiced.actions.ask import count
from einvoiced.actions.box import Box
from einvoiced.journal import entries
from einvoiced.journal.writer import Action, Transaction

_LAST_TYPE = "SELECT json_extract(CAST(body AS TEXT), '$.type') FROM entries ORDER BY sequence DESC LIMIT 1"


def start_box(box: Box) -> Action[int]:
    """Append `box_started` with what the start checks found; `clean_stop` says whether the last life ended in order."""

    def action(tx: Transaction) -> int:
        (last_type,) = tx.one(_LAST_TYPE)
        return tx.append(
            entries.BoxStarted(
                einvoiced.__version__,
                box.id,
                box.shop.seller.identifier if box.shop else "",
                box.clock.synchronised(),
                count(box)(tx).last_number,
                sorted(box.locks),
                last_type in ("box_stopped", "journal_created"),
            )
        )

    return action


def stop_box(tx: Transaction) -> int:
    """Append `box_stopped`."""
    return tx.append(entries.BoxStopped())
