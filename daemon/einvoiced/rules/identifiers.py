"""統一編號, carriers, donation codes and the till's keys: their forms and check digits (domain: identifiers)."""

from __future__ import annotations

import re
from functools import lru_cache

from einvoiced.errors import BadBuyerId, BadCarrier, BadKey, BadNpoban, BuyerIdSuspect

_TAX_ID_WEIGHTS = (1, 2, 1, 2, 1, 2, 4, 1)
_EIGHT_DIGITS = re.compile(r"[0-9]{8}")
_MOBILE_BARCODE = re.compile(r"/[0-9A-Z.+-]{7}")
_CITIZEN_CERTIFICATE = re.compile(r"[A-Z]{2}[0-9]{14}")
_CARRIER_TYPE = re.compile(r"[A-Z]{2}[0-9]{4}|3J0002|1K0001|1H0001|5G0001")
_OTHER_CARRIER_ID = re.compile(r"[\x21-\x7e]{1,400}")
_NPOBAN = re.compile(r"[0-9]{3,7}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CROCKFORD = {letter: value for value, letter in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}

MOBILE_BARCODE = "3J0002"
CITIZEN_CERTIFICATE = "CQ0001"
NO_BUYER = "0000000000"
"""MIG's Buyer/Identifier of a consumer."""


def tax_id_valid(text: str) -> bool:
    """Whether 8 digits are a valid 統一編號 (the rule since 2023-04: modulo 5; a 7 in place 7 counts as 0 or 1)."""
    if not _EIGHT_DIGITS.fullmatch(text):
        return False
    products = (int(digit) * weight for digit, weight in zip(text, _TAX_ID_WEIGHTS, strict=True))
    total = sum(product // 10 + product % 10 for product in products)
    return total % 5 == 0 or (text[6] == "7" and (total + 1) % 5 == 0)


def check_buyer_id(text: str, *, confirmed: bool) -> None:
    """A buyer's 統一編號: BadBuyerId for a wrong form; BuyerIdSuspect for a wrong check digit nobody has confirmed."""
    if not _EIGHT_DIGITS.fullmatch(text) or text == "00000000":
        raise BadBuyerId("identifier", value=text[:40])
    if not confirmed and not tax_id_valid(text):
        raise BuyerIdSuspect("identifier", value=text)


def carrier_type_known(carrier_type: str) -> bool:
    """Whether the code has the form of a carrier type that the platform gives out (two letters and four digits)."""
    return _CARRIER_TYPE.fullmatch(carrier_type) is not None


def check_carrier(carrier_type: str, carrier_id: str) -> None:
    """The id of a carrier in its own form; BadCarrier otherwise (blanks, full-width ones too, are E1005)."""
    if carrier_type == MOBILE_BARCODE:
        form, kind, zh, text = _MOBILE_BARCODE, "mobile barcode", "手機條碼", "/ + 7 × 0-9 A-Z . + -"
    elif carrier_type == CITIZEN_CERTIFICATE:
        form, kind, zh, text = _CITIZEN_CERTIFICATE, "citizen certificate", "自然人憑證", "2 × A-Z + 14 × 0-9"
    else:
        form, kind, zh, text = _OTHER_CARRIER_ID, "carrier id", "載具號碼", "1-400 × ASCII, no blanks"
    if not form.fullmatch(carrier_id):
        raise BadCarrier("id", value=carrier_id[:40], kind=kind, kind_zh=zh, form=text)


def check_npoban(text: str) -> None:
    """A donation code (愛心碼, MIG: NPOBAN); BadNpoban otherwise."""
    if not _NPOBAN.fullmatch(text):
        raise BadNpoban("npoban", value=text[:40])


@lru_cache(maxsize=128)
def key_bytes(text: str) -> bytes:
    """The 128 bits of a till's key, a UUID (RFC 9562, any version, any case) or a ULID; BadKey for anything else.

    Tills restart counters of their own every day, so nothing shorter or padded with zeros is let through.
    """
    if len(text) == 36 and _UUID.fullmatch(text.lower()):
        return bytes.fromhex(text.replace("-", ""))
    if len(text) == 26 and text.isascii() and _ULID.fullmatch(text.upper()):
        value = 0
        for letter in text.upper():
            value = value << 5 | _CROCKFORD[letter]
        if value >> 80:  # the first 48 bits are a time; 0 would be somebody's own counter
            return value.to_bytes(16, "big")
    raise BadKey("key", value=text[:64])
