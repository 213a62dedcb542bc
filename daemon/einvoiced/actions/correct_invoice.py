"""`invoice.correct`: carrier, donation or print mark of an invoice whose original has not come out; its number stays.

What the platform does not have yet leaves as it is now; what it has, or may have, is erased first (F0701) and then sent
anew (F0401). The outbox does both, in this order, whatever happens in between.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Raw, Struct, structs

from einvoiced import errors
from einvoiced.actions.box import Box, need_zone
from einvoiced.actions.issue_invoice import need_printer, paper_for
from einvoiced.actions.keyed import compare, stored_result
from einvoiced.actions.list_uploads import uploads_of
from einvoiced.actions.named import Found, Subject, find_subject
from einvoiced.actions.standing import standing_allowances
from einvoiced.journal import entries, outbox
from einvoiced.journal.entries import Peer
from einvoiced.journal.lives import NOT_BEGUN
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.invoice import Invoice
from einvoiced.rules.platform_codes import SENT_BEFORE
from einvoiced.rules.sale import Buyer, Carrier, Sale, check_receivers, check_text, permit_carrier


class CorrectParams(Subject, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The receivers as they are from now on, all of them; `print` and `if_unprintable` as in `invoice.issue`."""

    reason: str
    by: str
    carrier: Carrier | None = None
    npoban: str | None = None
    print_mark: Literal["Y", "N"] | None = None
    print: Literal["box", "till", "none"] = "box"
    if_unprintable: Literal["refuse", "queue"] | None = None
    till_time: datetime | None = None


class Corrected(Struct, frozen=True, omit_defaults=True):
    """The result: the invoice as it is now, where its original is, and whether the platform must erase its copy.

    `proofs_waiting` as in `invoice.issue`.
    """

    epoch: int
    sequence: int
    mac: str
    invoice: Invoice
    paper: entries.Paper
    void: bool
    proofs_waiting: int = 0


_encode = msgspec.json.Encoder().encode
_decode_result = msgspec.json.Decoder(Corrected).decode


def correct_invoice(box: Box, params: CorrectParams, peer: Peer | None) -> Action[Raw]:
    """Correct it and give the result's bytes; the same key gives them again.

    BadText, InvalidParams; the action raises InvoiceNotFound, KeyConflict, BoxLocked, what `rules.sale` refuses of the
    receivers, InvoiceIsCancelled, AllowancesStand, CorrectAfterPaper, NothingToCorrect, PrinterNotReady,
    ClockUntrusted, ClockWasAhead or DiskNearlyFull. None of them burns the key.
    """
    key = key_bytes(params.key)
    reason = check_text(params.reason, 20, "reason", "reason")
    by = check_text(params.by, 40, "by", "by")
    if (params.carrier, params.npoban, params.print_mark) == (None, None, None):
        raise errors.InvalidParams(detail="say carrier, npoban or print_mark (Y: on paper)")
    need_zone(params.till_time)
    locate = find_subject(box, params)

    def action(tx: Transaction) -> Raw:
        found = locate(tx)
        invoice = _corrected(found.invoice, params)
        stored = stored_result(tx, found.invoice.seller.identifier, key, "invoice.correct")
        if stored is not None:
            _compare(stored, found, invoice, reason, by)
            return stored[0]
        permit_carrier(params.carrier, box.need_shop().policy)
        _need_correctable(tx, found, invoice)
        tx.check_space()
        paper = _paper(box, params, found, invoice)
        ahead = need_printer(tx, box, params.if_unprintable) if paper == "queued" != found.paper else 0
        moment = box.trusted_moment(tx, params.till_time)
        _settle_what_it_has(tx, found.sequence, by, moment, peer)
        newest = outbox.newest_invoice(tx.db, found.sequence)
        void = newest is None or newest[2] not in ("waiting", "refused")
        epoch, sequence = tx.next_place
        result = Raw(_encode(Corrected(epoch, sequence, box.mac(epoch, sequence), invoice, paper, void, ahead)))
        data = entries.InvoiceCorrected(params.key, found.sequence, reason, by, paper, void, peer, result)
        tx.append(data, moment)
        box.paper_waits = box.paper_waits or paper == "queued"
        return result

    return action


def _corrected(invoice: Invoice, params: CorrectParams) -> Invoice:
    """The invoice with its new receivers, as the law lets them be (domain: F0401, rules)."""
    buyer = Buyer(invoice.buyer.identifier, confirmed=True) if invoice.buyer else None
    carrier = params.carrier
    sale = Sale(
        lines=[],
        total_amount=Decimal(invoice.total_amount),
        prices="gross",
        buyer=buyer,
        carrier=carrier,
        npoban=params.npoban,
        print_mark=params.print_mark,
    )
    return structs.replace(
        invoice,
        carrier_type=carrier.type if carrier else None,
        carrier_id=carrier.id if carrier else None,
        npoban=params.npoban,
        print_mark=check_receivers(sale),
    )


def _need_correctable(tx: Transaction, found: Found, invoice: Invoice) -> None:
    number = invoice.invoice_number
    found.need_standing()
    allowances = standing_allowances(tx, found.sequence)
    if allowances:
        raise errors.AllowancesStand(invoice_number=number, allowances=", ".join(each for _, each in allowances))
    if found.paper not in NOT_BEGUN:
        raise errors.CorrectAfterPaper(invoice_number=number, paper=found.paper)
    if invoice == found.invoice:
        raise errors.NothingToCorrect(invoice_number=number)


def _settle_what_it_has(tx: Transaction, sequence: int, by: str, moment: datetime, peer: Peer | None) -> None:
    """An F0401 that was refused because the platform has one (E0201) is done with: that copy is to be erased."""
    for each in uploads_of(tx, sequence):
        if (each.message, each.state, each.code) == ("F0401", "refused", SENT_BEFORE):
            upload = entries.Upload(each.entry, each.message, each.part)
            tx.append(entries.UploadsSettled([upload], SENT_BEFORE, by, peer), moment)


def _paper(box: Box, params: CorrectParams, found: Found, invoice: Invoice) -> entries.Paper:
    """Where the original is from now on: one that waited and is still wanted waits where it was."""
    if invoice.print_mark == "Y" and found.paper != "none":
        return found.paper
    return paper_for(box, params.print, invoice.print_mark)


def _compare(stored: tuple[Raw, entries.Envelope], found: Found, invoice: Invoice, reason: str, by: str) -> None:
    """KeyConflict unless the stored correction is this one."""
    was, data = _decode_result(stored[0]).invoice, entries.read_data(stored[1])
    assert isinstance(data, entries.InvoiceCorrected)
    compare(
        was.invoice_number,
        (
            ("invoice_number", was.invoice_number, found.invoice.invoice_number),
            ("carrier", (was.carrier_type, was.carrier_id), (invoice.carrier_type, invoice.carrier_id)),
            ("npoban", was.npoban, invoice.npoban),
            ("print_mark", was.print_mark, invoice.print_mark),
            ("reason", data.reason, reason),
            ("by", data.by, by),
        ),
    )
