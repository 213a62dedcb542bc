"""The methods about company and print settings (公司設定, 列印設定). The admin's socket only."""

from __future__ import annotations

import re
from typing import Protocol

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.errors import InvalidParams, NotConfigured
from einvoiced.journal.entries import Peer
from einvoiced.rpc.registry import ADMIN_ONLY, Registry
from einvoiced.rules.sale import check_text

_QR = re.compile(r"(?P<number>[A-Z]{2}[0-9]{8})[0-9]{7}(?P<code>[0-9]{4})[0-9A-Fa-f]{16}[0-9]{16}(?P<sealed>.{24})")
"""The 77 fixed characters of the left QR code."""


class Reloaded(Struct, frozen=True):
    """What became of a configuration that was read again: taken at once, and after a restart."""

    changed: list[str]
    restart: list[str]


class KeyChecked(Struct, frozen=True):
    """Whether the configured key made the QR code of an older proof."""

    matches: bool
    invoice_number: str
    sentence: str
    sentence_zh: str


class ReloadParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Who changed the file."""

    person: str


class KeyCheckParams(Struct, frozen=True, forbid_unknown_fields=True):
    """The text of the left QR code of a proof, as a phone or a scanner reads it."""

    text: str


class Keeper(Protocol):
    """Who reads the file again."""

    async def reload(self, person: str, peer: Peer | None) -> Reloaded: ...


class ConfigMethods:
    """The verbs. `keeper` is given before anybody calls."""

    keeper: Keeper

    def __init__(self, box: Box, registry: Registry) -> None:
        self._box = box
        registry.add("config.reload", ADMIN_ONLY, ReloadParams, self._reload, "Read the configuration file again.")
        registry.add("key.check", ADMIN_ONLY, KeyCheckParams, self._check, "Does the key fit an older proof's QR code?")

    async def _reload(self, params: ReloadParams, peer: Peer) -> Reloaded:
        return await self.keeper.reload(check_text(params.person, 40, "person", "person"), peer)

    def _check(self, params: KeyCheckParams, _peer: Peer) -> KeyChecked:
        """AES of one block under a fixed vector is a bijection: sealing the text again is the same as opening it."""
        if self._box.shop is None:
            raise NotConfigured(detail="no QR key")
        found = _QR.match(params.text.strip())
        if found is None:
            raise InvalidParams("text", detail="not the text of a proof's left QR code (77 characters and more)")
        if self._box.shop.seal(found["number"] + found["code"]) == found["sealed"]:
            return KeyChecked(True, found["number"], "The key fits this proof.", "金鑰正確，與此證明聯相符。")
        en = "The key does not fit this proof: another key is in use, or the proof is another seller's."
        return KeyChecked(False, found["number"], en, "金鑰與此證明聯不符：金鑰有誤，或證明聯不是本店開立。")
