"""`invoice.document`: the tax office's number for a cancellation that the platform refused (E0213)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from einvoiced import errors
from einvoiced.actions.upload_next import next_uploads
from einvoiced.client import new_key
from einvoiced.journal import entries
from tests.boxes import Desk
from tests.unit.actions.lives import (
    answered,
    append,
    cancel,
    document_bytes,
    entry_of,
    outbox,
    refusal_of,
    replace,
    shown,
)

NUMBER = "財北國稅字第1150012345號"


def refused(desk: Desk, code: str = "E0213", **cancelled: Any) -> str:
    """An invoice that the platform has, and whose cancellation it refused."""
    number = desk.number()
    answered(desk, entry_of(desk, number), "F0401")
    cancel(desk, number, **cancelled)
    answered(desk, desk.entries()[-1].sequence, "F0501", code)
    return number


def leaving(desk: Desk) -> list[Any]:
    """The contents of what may leave for the platform now."""
    page = desk.call(next_uploads(desk.box, None))
    return [json.loads(bytes(each.content)) for each in page.uploads]


def test_a_refused_cancellation_leaves_anew_with_the_number(stocked: Desk) -> None:
    """As it was, and with MIG's ReturnTaxDocumentNumber; a repeat gets the very bytes, and sends nothing twice."""
    number, key = refused(stocked), new_key()
    assert (outbox(stocked), leaving(stocked)) == ([("F0501", "refused")], [])
    cancelled = json.loads(bytes(shown(stocked, number).cancellation or b""))["cancellation"]
    first = document_bytes(stocked, number, key=key)
    wanted = {**cancelled, "return_tax_document_number": NUMBER}
    assert leaving(stocked) == [json.loads(first)["cancellation"]] == [wanted]
    now = shown(stocked, number)
    assert (now.document, now.upload, now.state) == (NUMBER, "waiting", "cancelled")
    before = stocked.entries()
    stocked.reopen()
    assert document_bytes(stocked, number, key=key) == first
    assert stocked.entries() == before
    answered(stocked, now.uploads[0].entry, "F0501")
    assert outbox(stocked) == []


def test_the_number_that_was_sent_with_the_cancellation_is_replaced(stocked: Desk) -> None:
    """A mistyped one can be mended, as often as it takes."""
    number = refused(stocked, document="財北國稅字第1號")
    assert shown(stocked, number).document == "財北國稅字第1號"
    document_bytes(stocked, number, document="財北國稅字第2號")
    document_bytes(stocked, number)
    assert [each["return_tax_document_number"] for each in leaving(stocked)] == [NUMBER]


def test_a_cancellation_within_a_replacement_has_its_number_too(stocked: Desk) -> None:
    """It has no key of its own."""
    number = stocked.number()
    answered(stocked, entry_of(stocked, number), "F0401")
    replace(stocked, number)
    document_bytes(stocked, number)
    assert leaving(stocked)[0]["return_tax_document_number"] == NUMBER


def test_it_is_refused_where_there_is_nothing_to_add_it_to(stocked: Desk) -> None:
    """An invoice that stands, a cancellation that is under way or that the platform has; nothing is appended."""
    number = stocked.number()

    def refusal(kind: type[errors.EinvoicedError]) -> errors.EinvoicedError:
        return refusal_of(stocked, kind, lambda: document_bytes(stocked, number))

    refusal(errors.InvoiceNotCancelled)
    answered(stocked, entry_of(stocked, number), "F0401")
    cancel(stocked, number)
    upload = entries.Upload(stocked.entries()[-1].sequence, "F0501")
    for way, said in (("folder", "已送出"), ("stick", "隨身碟")):
        append(stocked, entries.UploadsSent([upload], way, None))  # type: ignore[arg-type]
        assert said in refusal(errors.UploadUnderWay).message_zh
    append(stocked, entries.UploadsAnswered([entries.Answer(upload, True)], "0" * 64, None))
    assert number in refusal(errors.UploadNotFound).message


def test_a_key_of_another_invoice_is_a_conflict_of_their_numbers(stocked: Desk) -> None:
    """What differs is told as people know it: the invoices' numbers, not their places in the journal."""
    one, other, key = refused(stocked), refused(stocked), new_key()
    document_bytes(stocked, one, key=key)
    with pytest.raises(errors.KeyConflict) as caught:
        document_bytes(stocked, other, key=key)
    facts = caught.value.facts
    assert (facts["differs"], facts["stored"], facts["sent"]) == ("invoice_number", f'"{one}"', f'"{other}"')


@pytest.mark.parametrize(("name", "value"), [("document", "別的文號"), ("by", "李店員")])
def test_a_key_with_another_content_is_a_conflict(stocked: Desk, name: str, value: str) -> None:
    """It shows both; a key of the cancellation itself is another verb's."""
    number, key = refused(stocked, key=(cancelled := new_key())), new_key()
    document_bytes(stocked, number, key=key)
    with pytest.raises(errors.KeyConflict) as caught:
        document_bytes(stocked, number, key=key, **{name: value})
    assert caught.value.facts["differs"] == name
    with pytest.raises(errors.KeyConflict) as caught:
        document_bytes(stocked, number, key=cancelled)
    assert (caught.value.facts["stored"], caught.value.facts["sent"]) == ("invoice.cancel", "invoice.document")


def test_the_platforms_table_names_the_verb(stocked: Desk) -> None:
    """Whoever reads why it was refused reads what to type."""
    (upload,) = shown(stocked, refused(stocked)).uploads
    assert "einvoicectl invoice document" in upload.to_do
    assert "einvoicectl invoice document" in upload.to_do_zh
