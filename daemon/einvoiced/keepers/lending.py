"""The printer, lent to a technician's test: asked for over the admin's socket, given back by itself.

Between two strips the device is closed and the borrower may open it. Originals, copies and slips wait. It comes back
when the borrower says so, when its connection ends, or when its time is over; unless the borrower says that it finished
cleanly, the printer is taken for one that was interrupted within a strip.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from einvoiced.errors import PrinterLent
from einvoiced.journal.entries import stamp
from einvoiced.rpc.technician_methods import Given, Lent

if TYPE_CHECKING:
    from einvoiced.actions.box import Box
    from einvoiced.journal.entries import Peer

log = logging.getLogger(__name__)


class Lender(Protocol):
    """Who has the printer: the paper desk."""

    async def lend(self) -> str:
        """Close the device and print nothing; returns the printer's name. NoPrinter, PrinterLent when it is busy."""

    def take_back(self, *, clean: bool) -> None:
        """Print again."""


class Lending:
    """Who has the printer instead of the box. Main loop only."""

    def __init__(self, box: Box, desk: Lender) -> None:
        self._box, self._desk = box, desk
        self._peer: Peer | None = None
        self._borrower = ""
        self._timer: asyncio.TimerHandle | None = None

    async def lend(self, borrower: str, seconds: float, peer: Peer) -> Lent:
        """Lend it, or, to the one who has it, for longer. PrinterLent when another has it."""
        if self._peer is not None and self._peer is not peer:
            raise PrinterLent(detail=f"{self._borrower} has it", detail_zh=f"{self._borrower} 使用中")
        first = self._peer is None
        self._peer, self._borrower = peer, borrower
        try:
            name = await self._desk.lend()
        except BaseException:
            if first and self._peer is peer:  # its connection may have ended, and another have it now
                self._peer = None
                self._desk.take_back(clean=True)
            raise
        if self._peer is not peer:
            raise PrinterLent(detail="the connection has ended", detail_zh="連線已結束")
        self._set_timer(seconds)
        if first:
            log.warning("the printer is lent to %s for %g s", borrower, seconds)
        return Lent(name, stamp(self._box.clock.now() + timedelta(seconds=seconds)))

    def give_back(self, clean: bool, peer: Peer) -> Given:
        """The borrower is done; `given` is False when it had it no longer."""
        had = self._peer is peer
        if had:
            self._take_back("given back", clean)
        return Given(had)

    def gone(self, peer: Peer) -> None:
        """A connection has ended."""
        if self._peer is peer:
            self._take_back("its borrower is gone", clean=False)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, lambda: self._take_back("its time is over", clean=False))

    def _take_back(self, why: str, clean: bool) -> None:
        log.warning("the printer is back from %s: %s", self._borrower, why)
        if self._timer is not None:
            self._timer.cancel()
        self._peer = self._timer = None
        self._desk.take_back(clean=clean)
