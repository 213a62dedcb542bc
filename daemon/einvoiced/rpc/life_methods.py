"""The methods about an invoice's later life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Raw

from einvoiced.actions.box import Box
from einvoiced.actions.cancel_invoice import WithdrawParams, cancel_invoice
from einvoiced.actions.correct_invoice import CorrectParams, correct_invoice
from einvoiced.actions.document_cancellation import DocumentParams, document_cancellation
from einvoiced.actions.replace_invoice import ReplaceParams, replace_invoice
from einvoiced.journal.entries import Peer
from einvoiced.rpc.registry import BOTH, Registry

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal


class LifeMethods:
    """The verbs. The loop thread of their socket only."""

    def __init__(self, box: Box, journal: Callable[[], Journal], registry: Registry) -> None:
        self._box, self._journal = box, journal
        registry.add("invoice.cancel", BOTH, WithdrawParams, self._cancel, "Cancel an invoice (作廢).")
        registry.add(
            "invoice.document", BOTH, DocumentParams, self._document, "The tax office's number for a cancellation."
        )
        registry.add("invoice.replace", BOTH, ReplaceParams, self._replace, "Cancel an invoice and issue it anew.")
        registry.add("invoice.correct", BOTH, CorrectParams, self._correct, "Carrier, donation, print mark.")

    def _cancel(self, params: WithdrawParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(cancel_invoice(self._box, params, peer))

    def _document(self, params: DocumentParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(document_cancellation(self._box, params, peer))

    def _replace(self, params: ReplaceParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(replace_invoice(self._box, params, peer))

    def _correct(self, params: CorrectParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(correct_invoice(self._box, params, peer))
