"""`allowance.list` and `allowance.print`: allowances of an invoice or the newest, and the slip of one again."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.allowance_slips import queue_allowance_slip
from einvoiced.actions.allowances import (
    LIMIT,
    AllowanceShown,
    allowances_of,
    find_allowance,
    newest_allowances,
    show_allowance,
)
from einvoiced.actions.box import Box
from einvoiced.actions.named import Named, find
from einvoiced.errors import AllowanceIsCancelled, InvalidParams, NoPrinter
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction


class AllowanceListParams(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One by its number; or those of an invoice; or the newest, before an entry's sequence."""

    allowance_number: str | None = None
    invoice_number: str | None = None
    invoice_key: str | None = None
    year_month: str | None = None
    before: int | None = None
    limit: int = LIMIT


class AllowanceNamed(Struct, frozen=True, forbid_unknown_fields=True):
    """One by its number."""

    allowance_number: str


def list_allowances(box: Box, params: AllowanceListParams) -> Action[list[AllowanceShown]]:
    """InvalidParams for two questions at once; the action raises InvoiceNotFound or AllowanceNotFound."""
    asked = [p for p in (params.allowance_number, params.invoice_number, params.invoice_key) if p is not None]
    if len(asked) > 1:
        raise InvalidParams(detail="give one of allowance_number, invoice_number and invoice_key")
    number = params.allowance_number
    if number is not None:
        return lambda tx: [show_allowance(tx, number)]
    if asked:
        named = Named(key=params.invoice_key, invoice_number=params.invoice_number, year_month=params.year_month)
        locate = find(box, named)
        return lambda tx: allowances_of(tx, locate(tx).sequence)
    return lambda tx: newest_allowances(tx, params.before, params.limit)


def print_allowance(box: Box, number: str, peer: Peer | None) -> Action[AllowanceShown]:
    """Queue its slip for the box's printer, unless it waits already.

    NoPrinter, AllowanceNotFound or AllowanceIsCancelled.
    """

    def action(tx: Transaction) -> AllowanceShown:
        if not box.prints:
            raise NoPrinter
        entry, _, state = find_allowance(tx, number)
        if state == "cancelled":
            raise AllowanceIsCancelled("allowance_number", allowance_number=number)
        queue_allowance_slip(tx, entry, peer)
        box.paper_waits = True
        return show_allowance(tx, number)

    return action
