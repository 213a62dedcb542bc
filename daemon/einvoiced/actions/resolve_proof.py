"""`proof.resolve`: a person looked at the paper of an unconfirmed original and says what is there."""

from __future__ import annotations

from einvoiced.actions.box import Box
from einvoiced.actions.named import Named, ProofState, find, stands
from einvoiced.errors import ProofStateWrong
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer, Verdict
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.sale import check_text

DOUBTFUL: tuple[entries.Paper, ...] = ("unconfirmed", "sent", "failed")
_AFTER: dict[Verdict, entries.Paper] = {"there": "printed", "damaged": "printed", "nothing_usable": "to_replace"}


def resolve_proof(box: Box, named: Named, verdict: Verdict, by: str, peer: Peer | None) -> Action[ProofState]:
    """There: it is printed. Damaged: it is, the strip is kept, and a marked copy follows. Nothing usable: the invoice
    must be cancelled and issued anew; a second original is never printed.

    ProofStateWrong unless the original is in doubt; the verdict that was given already may be repeated.
    """
    by = check_text(by, 40, "by", "by")
    locate = find(box, named)

    def action(tx: Transaction) -> ProofState:
        found = locate(tx)
        found.need_proof()
        if verdict != "damaged" and found.paper == _AFTER[verdict]:
            return stands(tx, found)
        if found.paper not in DOUBTFUL or (found.paper == "failed" and verdict != "nothing_usable"):
            raise ProofStateWrong(
                invoice_number=found.invoice.invoice_number, paper=found.paper, needed=" or ".join(DOUBTFUL[:2])
            )
        tx.append(entries.ProofResolved(found.sequence, verdict, by, peer))
        if verdict == "damaged" and box.prints:
            tx.append(entries.CopyOrdered(found.sequence, found.copies + 1, "box", by, peer))
            box.paper_waits = True
        return stands(tx, found)

    return action
