"""`invoice.replace`: cancel an invoice and issue it anew in one transaction, each linked to the other.

A buyer's 統一編號 that came too late, a wrong amount, a proof of which nothing usable came out. Either both happen or
neither: what `invoice.issue` or `invoice.cancel` would refuse is refused, and nothing is cancelled then.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Raw

from einvoiced import errors
from einvoiced.actions.box import Box
from einvoiced.actions.cancel_invoice import (
    Cancelled,
    Withdrawal,
    WithdrawParams,
    checked_withdrawal,
    compare_withdrawal,
    withdraw,
)
from einvoiced.actions.issue_invoice import Issued, IssueParams, checked_labels, compare_sale, take_number
from einvoiced.actions.keyed import compare, stored_result
from einvoiced.actions.named import Found, find_subject
from einvoiced.actions.standing import issued_entry
from einvoiced.journal import entries
from einvoiced.journal.entries import Labels, Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.numbers import invoice_number, split_invoice_number
from einvoiced.rules.sale import Buyer, Carrier, Line, Settlement, permit, settle, settle_again


class ReplaceParams(WithdrawParams, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is cancelled and why, and what comes in its place.

    With `lines` (and their `total_amount` and `prices`) all of a new sale; without them the lines of the invoice, for
    the receivers that are given here, or for its own when none is.
    """

    lines: list[Line] | None = None
    total_amount: Decimal | None = None
    prices: Literal["gross", "net"] | None = None
    buyer: Buyer | None = None
    carrier: Carrier | None = None
    npoban: str | None = None
    print_mark: Literal["Y", "N"] | None = None
    print: Literal["box", "till", "none"] = "box"
    if_unprintable: Literal["refuse", "queue"] | None = None
    labels: Labels | None = None


Planned = tuple[IssueParams, Settlement]
_decode_result = msgspec.json.Decoder(Issued).decode


def replace_invoice(box: Box, params: ReplaceParams, peer: Peer | None) -> Action[Raw]:
    """Cancel and issue; gives the bytes of the new invoice's result, with the cancellation in it. The same key gives
    them again.

    Errors of `invoice.cancel` and of `invoice.issue`; none of them burns the key, cancels, or takes a number.
    """
    key, wanted = key_bytes(params.key), checked_withdrawal(params)
    locate = find_subject(box, params)
    labels = None if params.labels is None else checked_labels(params.labels)
    new = _new_sale(params)

    def action(tx: Transaction) -> Raw:
        try:
            found = locate(tx)
        except errors.InvoiceNotFound:
            if (result := _adopted_alone(tx, box, params, key, wanted, new)) is not None:
                return result
            raise
        sale, settled = new or _same_lines(params, found.invoice)
        stored = stored_result(tx, found.invoice.seller.identifier, key, "invoice.replace")
        if stored is not None:
            _compare(tx, stored[0], found, wanted)
            compare_sale(stored[0], sale, settled)
            return stored[0]
        shop = box.need_shop()
        permit(sale, settled, shop.policy)
        moment = box.trusted_moment(tx, params.till_time)
        replaced = withdraw(tx, box, found, wanted, moment, "", peer)[0]
        kept = issued_entry(tx, found.sequence).labels if labels is None else labels
        return take_number(tx, box, shop, sale, settled, kept, peer, replaces=found.sequence, replaced=replaced)

    return action


def _new_sale(params: ReplaceParams) -> Planned | None:
    """The new sale and its settlement, or None where the lines stay; InvalidParams for half a sale."""
    p = params
    if p.lines is None:
        for name in ("total_amount", "prices"):
            if getattr(p, name) is not None:
                raise errors.InvalidParams(name, detail="it belongs to lines, and there are none")
        return None
    if p.total_amount is None or p.prices is None:
        missing = "total_amount" if p.total_amount is None else "prices"
        raise errors.InvalidParams(missing, detail="new lines need their total_amount and prices")
    sale = _sale(p, p.lines, p.total_amount, p.prices, p.buyer, p.carrier, p.npoban, p.print_mark)
    return sale, settle(sale)


def _same_lines(params: ReplaceParams, invoice: Invoice) -> Planned:
    """The lines of the invoice, for the receivers that are given, or for its own when none is."""
    p, i = params, invoice
    buyer, carrier, npoban, print_mark = p.buyer, p.carrier, p.npoban, p.print_mark
    if (buyer, carrier, npoban, print_mark) == (None, None, None, None):
        buyer = Buyer(i.buyer.identifier, i.buyer.name, confirmed=True) if i.buyer else None
        carrier = Carrier(i.carrier_type, i.carrier_id) if i.carrier_type and i.carrier_id else None
        npoban, print_mark = i.npoban, "Y" if i.print_mark == "Y" else "N"
    prices: Literal["gross", "net"] = "net" if i.prices == "net" else "gross"
    sale = _sale(p, [], Decimal(i.total_amount), prices, buyer, carrier, npoban, print_mark)
    return sale, settle_again(sale, i.items, prices)


def _sale(
    params: ReplaceParams,
    lines: list[Line],
    total: Decimal,
    prices: Literal["gross", "net"],
    buyer: Buyer | None,
    carrier: Carrier | None,
    npoban: str | None,
    print_mark: Literal["Y", "N"] | None,
) -> IssueParams:
    return IssueParams(
        key=params.key,
        lines=lines,
        total_amount=total,
        prices=prices,
        buyer=buyer,
        carrier=carrier,
        npoban=npoban,
        print_mark=print_mark,
        till_time=params.till_time,
        print=params.print,
        if_unprintable=params.if_unprintable,
    )


def _compare(tx: Transaction, result: Raw, found: Found, wanted: Withdrawal) -> None:
    """KeyConflict unless the stored replacement cancelled this invoice in these words."""
    replaced = _decode_result(result).replaced
    assert isinstance(replaced, Cancelled)
    old = replaced.cancellation.invoice_number
    compare(old, [("invoice_number", old, found.invoice.invoice_number)])
    row = tx.one("SELECT body FROM entries WHERE sequence = ?", replaced.sequence)
    data = entries.read_data(entries.read(row[0])) if row else None
    if isinstance(data, entries.InvoiceCancelled):  # an adopted replacement may have lost it
        compare_withdrawal(data, found, wanted)


def _adopted_alone(
    tx: Transaction, box: Box, params: ReplaceParams, key: bytes, wanted: Withdrawal, new: Planned | None
) -> Raw | None:
    """The result of a replacement that was lost and taken back, where nobody could take back what it replaced.

    KeyConflict as far as its result tells what was asked; None for a new key.
    """
    shop = box.shop or box.need_shop()
    stored = stored_result(tx, shop.seller.identifier, key, "invoice.replace")
    if stored is None:
        return None
    told = _decode_result(stored[0])
    assert isinstance(told.replaced, Cancelled)
    was = told.replaced.cancellation
    asked = params.invoice_number
    number = was.invoice_number if asked is None else invoice_number(*split_invoice_number(asked))
    sent = (
        ("invoice_number", was.invoice_number, number),
        ("reason", was.cancel_reason, wanted.reason),
        ("document", was.return_tax_document_number or "", wanted.document),
        ("remark", was.remark or "", wanted.remark),
    )
    compare(was.invoice_number, sent)
    compare_sale(stored[0], *(new or _same_lines(params, told.invoice)))
    return stored[0]
