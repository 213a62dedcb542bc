"""The methods about invoices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Raw, Struct

from einvoiced.actions.adopt_invoice import adopt_invoice
from einvoiced.actions.box import Box
from einvoiced.actions.find_invoices import FindParams, FoundPage, find_in_journal, needs_journal, question
from einvoiced.actions.issue_invoice import IssueParams, issue_invoice
from einvoiced.actions.show_invoice import InvoiceShown, get_invoice
from einvoiced.journal.entries import Peer
from einvoiced.rpc.registry import ADMIN_ONLY, BOTH, TILL, Registry

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal


class InvoiceGetParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Either the till's key, or the number with its period where two periods may share it."""

    key: str | None = None
    invoice_number: str | None = None
    year_month: str | None = None


class AdoptParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A till's key and the `result` that it still holds, byte for byte."""

    key: str
    result: Raw
    technician: str


class Finder(Protocol):
    """Who answers from the read model, in any loop."""

    def ask(self, kind: str, question: Any) -> Awaitable[Raw]: ...


class InvoiceMethods:
    """The verbs. The loop thread of their socket only. `finder` is given before anybody calls."""

    finder: Finder

    def __init__(self, box: Box, journal: Callable[[], Journal], registry: Registry) -> None:
        self._box, self._journal = box, journal
        registry.add("invoice.issue", BOTH, IssueParams, self._issue, "Issue an invoice; safe to repeat with its key.")
        registry.add("invoice.get", BOTH, InvoiceGetParams, self._get, "An invoice by key or number, as it stands.")
        registry.add("invoice.find", BOTH, FindParams, self._find, "Invoices by what is known of them (發票查詢).")
        registry.add(
            "invoice.adopt", ADMIN_ONLY, AdoptParams, self._adopt, "Take back an invoice that a till still holds."
        )

    def _issue(self, params: IssueParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(issue_invoice(self._box, params, peer))

    def _get(self, params: InvoiceGetParams, _peer: Peer) -> Awaitable[InvoiceShown]:
        return self._journal().submit(
            get_invoice(self._box, key=params.key, invoice_number=params.invoice_number, year_month=params.year_month)
        )

    def _find(self, params: FindParams, peer: Peer) -> Awaitable[FoundPage | Raw]:
        asked = question(params, of_till=peer.socket == TILL, today=self._box.clock.now().date())
        if needs_journal(params):
            return self._journal().submit(find_in_journal(self._box, params))
        self._journal()  # or what is wrong with it
        return self.finder.ask("find", asked)

    def _adopt(self, params: AdoptParams, peer: Peer) -> Awaitable[int]:
        return self._journal().submit(adopt_invoice(self._box, params.key, params.result, params.technician, peer))
