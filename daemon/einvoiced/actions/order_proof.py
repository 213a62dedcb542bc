"""`proof.print`: the box prints an original that nobody has begun."""

from __future__ import annotations

from einvoiced.actions.box import Box
from einvoiced.actions.named import Named, ProofState, find, stands
from einvoiced.errors import NoPrinter, OriginalOut
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction

UNTOUCHED: tuple[entries.Paper, ...] = ("till", "unprinted", "failed")


def order_proof(box: Box, named: Named, peer: Peer | None) -> Action[ProofState]:
    """Queue it. NoPrinter, NoProofWanted; OriginalOut when it was begun by anybody. Queued already is fine."""
    locate = find(box, named)

    def action(tx: Transaction) -> ProofState:
        found = locate(tx)
        found.need_proof()
        if not box.prints:
            raise NoPrinter
        if found.paper not in (*UNTOUCHED, "queued"):
            raise OriginalOut(invoice_number=found.invoice.invoice_number, paper=found.paper)
        if found.paper != "queued":
            tx.append(entries.ProofOrdered(found.sequence, peer))
        box.paper_waits = True
        return stands(tx, found)

    return action
