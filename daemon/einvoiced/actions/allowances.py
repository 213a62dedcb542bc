"""The allowances that a journal holds: by number, of an invoice, the newest; and what they leave of it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from einvoiced.actions.allowance_slips import slip_state
from einvoiced.actions.standing import read_entry, standing_allowances
from einvoiced.errors import AllowanceNotFound
from einvoiced.journal.transaction import Transaction
from einvoiced.rules.allowance import Left, left_of
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.messages import IssuedAllowance

LIMIT = 50


class AllowanceShown(Struct, frozen=True):
    """One allowance: `total_amount` is net, as MIG's; `verified`: this journal holds the invoice.

    `slip`: its newest slip on the box's printer: `none` `queued` `printed` `unconfirmed` `dropped`.
    """

    sequence: int
    allowance_number: str
    allowance_date: str
    state: str
    invoice_number: str
    total_amount: int
    tax_amount: int
    verified: bool
    by: str
    slip: str


class _WithAllowance(Struct, frozen=True):
    allowance: IssuedAllowance


_read = msgspec.json.Decoder(_WithAllowance).decode
_BY_NUMBER = "SELECT entry, invoice, state FROM allowances WHERE number = ?"
_NEWEST = "SELECT entry, state FROM allowances WHERE entry < ? ORDER BY entry DESC LIMIT ?"
_OF_INVOICE = """
SELECT entry, state FROM allowances WHERE entry IN (SELECT entry FROM events WHERE invoice = ?) ORDER BY entry
"""


def allowance_in(data: Any) -> IssuedAllowance:
    """The allowance that an entry's result holds."""
    return _read(data.result).allowance


def find_allowance(tx: Transaction, number: str) -> tuple[int, int, str]:
    """Entry, the invoice's entry (0: not in this journal) and state; AllowanceNotFound."""
    row: tuple[int, int, str] | None = tx.one(_BY_NUMBER, number)
    if row is None:
        raise AllowanceNotFound("allowance_number", asked=number[:40])
    return row


def read_allowance(tx: Transaction, sequence: int) -> tuple[IssuedAllowance, bool]:
    """The allowance of an entry that is known to hold one, and whether its invoice is known."""
    _, data = read_entry(tx, sequence)
    return allowance_in(data), data.invoice != 0


def left_now(tx: Transaction, sequence: int, invoice: Invoice) -> Left:
    """What of the invoice of an entry was not taken back."""
    standing = (read_entry(tx, entry)[1] for entry, _ in standing_allowances(tx, sequence))
    return left_of(invoice, (allowance_in(data) for data in standing))


def allowances_of(tx: Transaction, sequence: int) -> list[AllowanceShown]:
    """Those of the invoice of an entry, oldest first, the cancelled ones too."""
    return [_shown(tx, entry, state) for entry, state in tx.all(_OF_INVOICE, sequence)]


def newest_allowances(tx: Transaction, before: int | None, limit: int) -> list[AllowanceShown]:
    """The newest before an entry."""
    rows = tx.all(_NEWEST, before or 1 << 62, min(max(limit, 1), LIMIT))
    return [_shown(tx, entry, state) for entry, state in rows]


def show_allowance(tx: Transaction, number: str) -> AllowanceShown:
    """One by its number; AllowanceNotFound."""
    entry, _, state = find_allowance(tx, number)
    return _shown(tx, entry, state)


def _shown(tx: Transaction, entry: int, state: str) -> AllowanceShown:
    data = read_entry(tx, entry)[1]
    a = allowance_in(data)
    original = a.lines[0].original_invoice_number
    return AllowanceShown(
        *(entry, a.allowance_number, a.allowance_date, state, original),
        *(a.total_amount, a.tax_amount, data.invoice != 0, data.by, slip_state(tx, entry)),
    )
