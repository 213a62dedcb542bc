"""`proof.bytes`: a till with a printer of its own takes a proof's bytes; the original goes out once."""

from __future__ import annotations

from einvoiced.actions.box import Box
from einvoiced.actions.named import Found, Named, ProofState, find, stands
from einvoiced.actions.order_copy import add_copy
from einvoiced.errors import OriginalOut
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction

TAKABLE: tuple[entries.Paper, ...] = ("till", "unprinted", "queued")


def look_at_proof(box: Box, named: Named, copy: bool) -> Action[Found]:
    """The invoice whose bytes are wanted, before they are made; refusals as `hand_out_proof`."""
    locate = find(box, named)

    def action(tx: Transaction) -> Found:
        found = locate(tx)
        found.need_proof()
        if not copy and found.paper not in TAKABLE:
            raise OriginalOut(invoice_number=found.invoice.invoice_number, paper=found.paper)
        return found

    return action


def hand_out_proof(
    box: Box, named: Named, *, copy: bool, sha256: str, by: str, peer: Peer | None
) -> Action[ProofState]:
    """Commit that the till gets the bytes: from here on it must report. A copy is counted like every other.

    NoProofWanted; OriginalOut when the original was begun or handed out; ProofStateWrong for a copy before it is out.
    """
    look = look_at_proof(box, named, copy)

    def action(tx: Transaction) -> ProofState:
        found = look(tx)
        if copy:
            add_copy(tx, found, "till", by, peer)
        else:
            tx.append(entries.ProofHandedOut(found.sequence, sha256, peer))
        return stands(tx, found)

    return action
