"""`proof.report`: a till says what became of an original that it prints itself."""

from __future__ import annotations

from einvoiced.actions.box import Box
from einvoiced.actions.named import Named, ProofState, find, stands
from einvoiced.errors import ProofStateWrong
from einvoiced.journal import entries
from einvoiced.journal.entries import Outcome, Peer
from einvoiced.journal.transaction import Action, Transaction

WITH_TILL: tuple[entries.Paper, ...] = ("till", "handed_out")
_AFTER: dict[Outcome, entries.Paper] = {"printed": "printed", "unknown": "unconfirmed", "not_begun": "till"}


def report_proof(box: Box, named: Named, outcome: Outcome, reason: str, peer: Peer | None) -> Action[ProofState]:
    """Printed; unknown (a person must look); or surely not begun, then the bytes may be asked for again.

    ProofStateWrong unless the till has it; the same report may be repeated, and made of a cancelled invoice too.
    """
    locate = find(box, named)

    def action(tx: Transaction) -> ProofState:
        found = locate(tx)
        if found.state == "issued":
            found.need_proof()
        if found.paper == _AFTER[outcome] and found.paper != "till":
            return stands(tx, found)
        if found.paper not in WITH_TILL:
            raise ProofStateWrong(
                invoice_number=found.invoice.invoice_number, paper=found.paper, needed=" or ".join(WITH_TILL)
            )
        tx.append(entries.ProofReported(found.sequence, outcome, reason[:200], peer))
        return stands(tx, found)

    return action
