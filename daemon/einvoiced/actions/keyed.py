"""Keys of verbs about invoices: one key, one request, for ever; its bytes are kept in the entry that it made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from einvoiced.errors import KeyConflict
from einvoiced.journal import entries
from einvoiced.journal.transaction import Transaction

FIND_KEY = "SELECT body FROM entries WHERE sequence = (SELECT sequence FROM keys WHERE seller = ? AND key = ?)"

_VERBS = {
    "invoice_cancelled": "invoice.cancel",
    "cancellation_documented": "invoice.document",
    "invoice_corrected": "invoice.correct",
    "allowance_issued": "allowance.issue",
    "allowance_cancelled": "allowance.cancel",
}
_NUMBERS = ("invoice", "cancellation", "allowance")


class _Kept(Struct, frozen=True):
    """What the entries of all keyed verbs have in common."""

    result: Raw


class _Replacing(Struct, frozen=True):
    """Only the result of `invoice.replace` says what it replaced."""

    replaced: dict[str, Any] | None = None


_encode = msgspec.json.Encoder().encode
_decode_kept = msgspec.json.Decoder(_Kept).decode
_decode_replacing = msgspec.json.Decoder(_Replacing).decode


def stored_result(tx: Transaction, seller: str, key: bytes, verb: str) -> tuple[Raw, entries.Envelope] | None:
    """The result that a key already has, and its entry; None for a new key.

    KeyConflict naming both verbs where another one used it.
    """
    row = tx.one(FIND_KEY, seller, key)
    if row is None:
        return None
    envelope = entries.read(row[0])
    result = _decode_kept(envelope.data).result
    used = _VERBS.get(envelope.type) or (
        "invoice.issue" if _decode_replacing(result).replaced is None else "invoice.replace"
    )
    if used != verb:
        raise KeyConflict("key", invoice_number=_number_in(result), differs="method", stored=used, sent=verb)
    return result, envelope


def compare(invoice_number: str, sent: Iterable[tuple[str, object, object]]) -> None:
    """KeyConflict for the first of (path, stored value, sent value) that differs."""
    for path, old, new in sent:
        if old != new:
            raise KeyConflict(path, invoice_number=invoice_number, differs=path, stored=_shown(old), sent=_shown(new))


def _number_in(result: Raw) -> str:
    """The number that a result is about, whatever verb gave it."""
    found: dict[str, Any] = msgspec.json.decode(result)
    part = next(found[name] for name in _NUMBERS if name in found)
    return str(part.get("invoice_number") or part["allowance_number"])


def _shown(value: object) -> str:
    return _encode(value).decode()[:200]
