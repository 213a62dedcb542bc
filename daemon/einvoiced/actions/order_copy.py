"""`proof.copy`: a marked copy (補印) of a proof that is on paper, with the same random code and content."""

from __future__ import annotations

from typing import Literal

from einvoiced.actions.box import Box
from einvoiced.actions.named import Found, Named, ProofState, find, stands
from einvoiced.errors import NoPrinter, ProofStateWrong
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.sale import check_text

ON_PAPER: tuple[entries.Paper, ...] = ("printed", "sent")


def order_copy(box: Box, named: Named, by: str, peer: Peer | None) -> Action[ProofState]:
    """Queue a copy for the box's printer. NoPrinter, NoProofWanted, or ProofStateWrong before the original is out."""
    by = check_text(by, 40, "by", "by")
    locate = find(box, named)

    def action(tx: Transaction) -> ProofState:
        found = locate(tx)
        if not box.prints:
            raise NoPrinter
        add_copy(tx, found, "box", by, peer)
        box.paper_waits = True
        return stands(tx, found)

    return action


def add_copy(tx: Transaction, found: Found, printer: Literal["box", "till"], by: str, peer: Peer | None) -> int:
    """Append the order of the next copy and give its number, counted per invoice whoever prints."""
    found.need_proof()
    if found.paper not in ON_PAPER:
        raise ProofStateWrong(
            invoice_number=found.invoice.invoice_number, paper=found.paper, needed=" or ".join(ON_PAPER)
        )
    number = found.copies + 1
    tx.append(entries.CopyOrdered(found.sequence, number, printer, by, peer))
    return number
