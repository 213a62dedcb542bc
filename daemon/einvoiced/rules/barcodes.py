"""The texts of the Code 39 and of the two QR codes on the proof (一維及二維條碼規格說明 v1.8/1.9).

Texts, not pictures: how they are drawn is `proof`'s matter. The AES is given as a function, so that the key stays out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from einvoiced.rules.sale import Item

QR_CAPACITY = {6: 134, 7: 154, 8: 192, 9: 230, 10: 271}
"""Bytes that a QR code of level L holds, by version (ISO/IEC 18004 table 7); readers fail above small versions."""

AES_IV = base64.b64decode("Dt8lyToo17X/XkXaQvihuA==")
"""The initialisation vector that the specification prints, the same for every seller."""

OWN_USE = "**********"
UTF8 = "1"
"""The code for the encoding of the item texts."""


def aes_sealer(key_hex: str) -> Callable[[str], str]:
    """A function from 14 ASCII characters (number + random code) to 24 of Base64: AES-128-CBC with PKCS#7.

    `key_hex`: the platform's 32 hex digits; ValueError otherwise.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = bytes.fromhex(key_hex)
    if len(key) != 16:
        raise ValueError("the QR key has 32 hex digits")
    # The text is one block, of which CBC is the block cipher itself over the text XOR the vector: no context per text.
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    vector = int.from_bytes(AES_IV, "big")

    def seal(text: str) -> str:
        block = int.from_bytes(text.encode("ascii") + b"\x02\x02", "big") ^ vector
        return base64.b64encode(encrypt(block.to_bytes(16, "big"))).decode()

    return seal


def code39_text(year_month: str, invoice_number: str, random_number: str) -> str:
    """The 19 characters of the Code 39: period, number, random code."""
    return year_month + invoice_number + random_number


def qr_item(item: Item) -> str:
    """One item as the codes carry it; a colon inside the name becomes a full-width one."""
    return f"{item.description.replace(':', '：')}:{item.quantity}:{item.unit_price}"


def qr_texts(head: str, items: Sequence[Item]) -> tuple[str, str]:
    """The left and the right text: as many items, in order, as two codes of at most version 10 hold.

    `head`: the 77 fixed characters. The smallest version that holds all is aimed at; what does not fit even then is
    left out and the first count says so.
    """
    texts = [qr_item(item) for item in items]
    sizes = [len(text.encode()) + 1 for text in texts]
    filling = (0, 0)
    for capacity in QR_CAPACITY.values():
        filling = _fill(sizes, len(texts), capacity)
        if sum(filling) == len(texts):
            break
    left, right = filling
    counts = f":{OWN_USE}:{left + right}:{len(texts)}:{UTF8}"
    shown = [head + counts, *texts[:left]]
    return ":".join(shown) + (":" if right else ""), "**" + ":".join(texts[left : left + right])


def _fill(sizes: list[int], total: int, capacity: int) -> tuple[int, int]:
    """How many items the left and then the right code take; each size includes its colon."""
    digits = len(str(total))
    room = capacity - (77 + len(OWN_USE) + 4 + 2 * digits + 1) - 1
    left = _count(sizes, room)
    return left, _count(sizes[left:], capacity - 2 + 1)


def _count(sizes: list[int], room: int) -> int:
    taken = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        taken += 1
    return taken


def qr_head(
    invoice_number: str, roc_date: str, random_number: str, net: int, total: int, buyer: str, seller: str, sealed: str
) -> str:
    """The 77 fixed characters of the left code; amounts in whole NT$, `buyer` `00000000` for a consumer."""
    return f"{invoice_number}{roc_date}{random_number}{net:08x}{total:08x}{buyer}{seller}{sealed}"
