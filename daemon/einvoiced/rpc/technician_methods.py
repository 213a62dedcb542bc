"""The methods for technicians' tests beside a running box: the printer is lent, a lamp pattern is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from msgspec import Struct

from einvoiced.errors import InvalidParams
from einvoiced.journal.entries import Peer
from einvoiced.rpc.registry import ADMIN_ONLY, Registry
from einvoiced.rules.sale import check_text

LONGEST_LOAN, LONGEST_SHOW = 600.0, 60.0

Pattern = Literal["off", "ready", "busy", "taken", "attention", "stop"]


class LendParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Who borrows it, and for how many seconds at most (1 to 600)."""

    borrower: str
    seconds: float = 60.0


class ReturnParams(Struct, frozen=True, forbid_unknown_fields=True):
    """`clean`: the last strip was sent to its end."""

    clean: bool = True


class ShowParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A pattern of docs/lamps.md, and for how many seconds (0 to 60; 0 ends it)."""

    state: Pattern
    seconds: float = 5.0


class Lent(Struct, frozen=True):
    """The printer that was lent, and until when."""

    printer: str
    until: str


class Given(Struct, frozen=True):
    """Whether the box had it not back before."""

    given: bool


class Shown(Struct, frozen=True):
    """The pattern that the lamps show."""

    state: Pattern
    seconds: float


class Lending(Protocol):
    """Who has the printer instead of the box."""

    async def lend(self, borrower: str, seconds: float, peer: Peer) -> Lent: ...

    def give_back(self, clean: bool, peer: Peer) -> Given: ...


class TechnicianMethods:
    """The verbs. `lending` and `on_show` are given before anybody calls."""

    lending: Lending

    def __init__(self, registry: Registry) -> None:
        self.on_show: Callable[[str, float], None] = lambda _state, _seconds: None
        add = registry.add
        add("printer.lend", ADMIN_ONLY, LendParams, self._lend, "Lend the printer to this connection for a test.")
        add("printer.return", ADMIN_ONLY, ReturnParams, self._return, "Give the printer back.")
        add("lamps.show", ADMIN_ONLY, ShowParams, self._show, "Show a lamp pattern for a moment.")

    def _lend(self, params: LendParams, peer: Peer) -> Awaitable[Lent]:
        borrower = check_text(params.borrower, 40, "borrower", "borrower")
        if not 1 <= params.seconds <= LONGEST_LOAN:
            raise InvalidParams("seconds", detail=f"1 to {LONGEST_LOAN:g}")
        return self.lending.lend(borrower, params.seconds, peer)

    def _return(self, params: ReturnParams, peer: Peer) -> Given:
        return self.lending.give_back(params.clean, peer)

    def _show(self, params: ShowParams, _peer: Peer) -> Shown:
        if not 0 <= params.seconds <= LONGEST_SHOW:
            raise InvalidParams("seconds", detail=f"0 to {LONGEST_SHOW:g}")
        self.on_show(params.state, params.seconds)
        return Shown(params.state, params.seconds)
