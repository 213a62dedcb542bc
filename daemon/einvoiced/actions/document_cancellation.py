"""`invoice.document`: the tax office's number (專案作廢核准文號) for a cancellation, without which it was refused.

Whether a period was filed before the time was over only the tax office knows: a cancellation that the box let through
may be refused (E0213). It stays what it is and leaves anew with the number (MIG: ReturnTaxDocumentNumber).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct, structs

from einvoiced import errors
from einvoiced.actions.box import Box
from einvoiced.actions.keyed import compare, stored_result
from einvoiced.actions.list_uploads import UploadShown, uploads_of
from einvoiced.actions.named import Found, Subject, find_subject
from einvoiced.actions.upload_content import content_of
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.messages import CancelledInvoice
from einvoiced.rules.sale import check_text

_UNDER_WAY = {"sent": "已送出，等待回覆", "handed_over": "已交隨身碟，等待回覆"}


class DocumentParams(Subject, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which cancelled invoice, the number of the tax office's document, and who says so."""

    document: str
    by: str


class Documented(Struct, frozen=True):
    """The result: its place in the journal with the place's MAC, and the cancellation as it leaves from now on."""

    epoch: int
    sequence: int
    mac: str
    cancellation: CancelledInvoice


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Documented).decode


def document_cancellation(box: Box, params: DocumentParams, peer: Peer | None) -> Action[Raw]:
    """Add the number and give the result's bytes; the same key gives them again.

    BadText, InvalidParams; the action raises InvoiceNotFound, KeyConflict, BoxLocked, InvoiceNotCancelled,
    UploadNotFound (the platform has the cancellation), UploadUnderWay or DiskNearlyFull. None of them burns the key.
    """
    key = key_bytes(params.key)
    document = check_text(params.document, 60, "document", "document")
    by = check_text(params.by, 40, "by", "by")
    locate = find_subject(box, params)

    def action(tx: Transaction) -> Raw:
        found = locate(tx)
        stored = stored_result(tx, found.invoice.seller.identifier, key, "invoice.document")
        if stored is not None:
            _compare(stored, found, document, by)
            return stored[0]
        box.need_shop()
        upload = _cancellation_of(tx, found)
        tx.check_space()
        told = content_of(tx, upload.entry, upload.message, found.sequence, upload.part)
        assert isinstance(told, CancelledInvoice)
        told = structs.replace(told, return_tax_document_number=document)
        epoch, sequence = tx.next_place
        result = Raw(_encode(Documented(epoch, sequence, box.mac(epoch, sequence), told)))
        tx.append(entries.CancellationDocumented(params.key, found.sequence, document, by, peer, result))
        return result

    return action


def _cancellation_of(tx: Transaction, found: Found) -> UploadShown:
    """The F0501 of a cancelled invoice, which the platform has not accepted and which is not on its way to it."""
    number = found.invoice.invoice_number
    if found.state != "cancelled":
        raise errors.InvoiceNotCancelled(invoice_number=number)
    upload = next((each for each in uploads_of(tx, found.sequence) if each.message == "F0501"), None)
    if upload is None:
        raise errors.UploadNotFound(asked=f"F0501 {number}")
    if upload.state in _UNDER_WAY:
        raise errors.UploadUnderWay(asked=f"F0501 {number}", state=upload.state, state_zh=_UNDER_WAY[upload.state])
    return upload


def _compare(stored: tuple[Raw, entries.Envelope], found: Found, document: str, by: str) -> None:
    """KeyConflict unless the stored number is this one."""
    was, data = _decode(stored[0]).cancellation, entries.read_data(stored[1])
    assert isinstance(data, entries.CancellationDocumented)
    sent = (
        ("invoice_number", was.invoice_number, found.invoice.invoice_number),
        ("invoice_date", was.invoice_date, found.invoice.invoice_date),
        ("document", data.document, document),
        ("by", data.by, by),
    )
    compare(found.invoice.invoice_number, sent)
