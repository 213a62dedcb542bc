"""`clock.correct`: a technician decides that the clock had run ahead; the tracks in use are held, others go on."""

from __future__ import annotations

from einvoiced.actions.box import BEHIND
from einvoiced.errors import ClockNotAhead
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer, stamp
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.sale import check_text


def correct_clock(technician: str, peer: Peer | None) -> Action[int]:
    """Let time go on from the clock's now, behind the last entry; ClockNotAhead when it is not behind."""
    by = check_text(technician, 40, "technician", "technician")

    def action(tx: Transaction) -> int:
        last = tx.last_time()
        if last is None or last - tx.now() <= BEHIND:
            raise ClockNotAhead()
        return tx.append(entries.ClockCorrected(by, peer, stamp(last)))

    return action


def note_jump(seconds: float, synchronised: bool | None) -> Action[int]:
    """Keep that the clock moved against the kernel's monotonic one."""
    return lambda tx: tx.append(entries.ClockJumped(round(seconds, 3), synchronised))
