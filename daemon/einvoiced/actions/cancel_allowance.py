"""`allowance.cancel`: an allowance that was a mistake is undone; what it took back is as before."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from einvoiced import errors
from einvoiced.actions.allowances import allowance_in, find_allowance, left_now
from einvoiced.actions.box import Box, need_zone
from einvoiced.actions.keyed import compare, stored_result
from einvoiced.actions.standing import read_entry, read_invoice
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.messages import CancelledAllowance, IssuedAllowance, buyer_id
from einvoiced.rules.sale import check_text


class AllowanceCancelParams(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key of this request, which allowance, why, and who says so."""

    key: str
    allowance_number: str
    reason: str
    by: str
    till_time: datetime | None = None


class AllowanceUndone(Struct, frozen=True, omit_defaults=True):
    """The result: the cancellation; `left`: what can be taken back of the invoice again, whole NT$ with tax."""

    epoch: int
    sequence: int
    mac: str
    cancellation: CancelledAllowance
    left: int | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AllowanceUndone).decode


def cancel_allowance(box: Box, params: AllowanceCancelParams, peer: Peer | None) -> Action[Raw]:
    """Cancel it and give the result's bytes; the same key gives them again.

    BadText, InvalidParams; the action raises AllowanceNotFound, KeyConflict, BoxLocked, AllowanceIsCancelled,
    ClockUntrusted, ClockWasAhead or DiskNearlyFull. None of them burns the key.
    """
    key = key_bytes(params.key)
    reason, by = check_text(params.reason, 20, "reason", "reason"), check_text(params.by, 40, "by", "by")
    need_zone(params.till_time)

    def action(tx: Transaction) -> Raw:
        entry, invoice, state = find_allowance(tx, params.allowance_number)
        allowance = allowance_in(read_entry(tx, entry)[1])
        seller = allowance.seller.identifier
        stored = stored_result(tx, seller, key, "allowance.cancel")
        if stored is not None:
            _compare(stored, allowance, reason, by)
            return stored[0]
        box.need_shop()
        if state == "cancelled":
            raise errors.AllowanceIsCancelled("allowance_number", allowance_number=params.allowance_number)
        tx.check_space()
        moment = box.trusted_moment(tx, params.till_time)
        told = _cancellation(allowance, reason, moment)
        left = left_now(tx, invoice, read_invoice(tx, invoice)).total if invoice else None
        if left is not None:
            left += allowance.total_amount + allowance.tax_amount
        epoch, sequence = tx.next_place
        result = Raw(_encode(AllowanceUndone(epoch, sequence, box.mac(epoch, sequence), told, left)))
        tx.append(entries.AllowanceCancelled(seller, params.key, entry, reason, by, peer, result), moment)
        return result

    return action


def _cancellation(allowance: IssuedAllowance, reason: str, moment: datetime) -> CancelledAllowance:
    return CancelledAllowance(
        allowance.allowance_number,
        allowance.allowance_date,
        buyer_id(allowance.buyer),
        allowance.seller.identifier,
        f"{moment:%Y%m%d}",
        f"{moment:%H:%M:%S}",
        reason,
    )


def _compare(stored: tuple[Raw, entries.Envelope], allowance: IssuedAllowance, reason: str, by: str) -> None:
    was, data = _decode(stored[0]).cancellation.allowance_number, entries.read_data(stored[1])
    assert isinstance(data, entries.AllowanceCancelled)
    sent = (("allowance_number", was, allowance.allowance_number), ("reason", data.reason, reason), ("by", data.by, by))
    compare(allowance.lines[0].original_invoice_number, sent)
