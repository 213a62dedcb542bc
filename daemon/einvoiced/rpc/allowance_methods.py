"""The methods about allowances (折讓)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Raw

from einvoiced.actions.allowances import AllowanceShown
from einvoiced.actions.box import Box
from einvoiced.actions.cancel_allowance import AllowanceCancelParams, cancel_allowance
from einvoiced.actions.issue_allowance import AllowanceParams, issue_allowance
from einvoiced.actions.list_allowances import AllowanceListParams, AllowanceNamed, list_allowances, print_allowance
from einvoiced.journal.entries import Peer
from einvoiced.rpc.registry import BOTH, Registry

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal


class AllowanceMethods:
    """The verbs. The loop thread of their socket only."""

    def __init__(self, box: Box, journal: Callable[[], Journal], registry: Registry) -> None:
        self._box, self._journal = box, journal
        registry.add("allowance.issue", BOTH, AllowanceParams, self._issue, "Take part of an invoice back (折讓).")
        registry.add("allowance.cancel", BOTH, AllowanceCancelParams, self._cancel, "Undo an allowance.")
        registry.add("allowance.list", BOTH, AllowanceListParams, self._list, "Of an invoice, or the newest.")
        registry.add("allowance.print", BOTH, AllowanceNamed, self._print, "Print an allowance's slip again.")

    def _issue(self, params: AllowanceParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(issue_allowance(self._box, params, peer))

    def _cancel(self, params: AllowanceCancelParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(cancel_allowance(self._box, params, peer))

    def _list(self, params: AllowanceListParams, _peer: Peer) -> Awaitable[list[AllowanceShown]]:
        return self._journal().submit(list_allowances(self._box, params))

    def _print(self, params: AllowanceNamed, peer: Peer) -> Awaitable[AllowanceShown]:
        return self._journal().submit(print_allowance(self._box, params.allowance_number, peer))
