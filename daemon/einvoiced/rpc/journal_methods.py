"""The methods about the journal, for followers, witnesses and technicians. The admin's socket only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from einvoiced import errors
from einvoiced.actions.box import Box
from einvoiced.actions.box_life import Retired, retire_box
from einvoiced.actions.correct_clock import correct_clock
from einvoiced.actions.follow import Judged, Page, judge_report, read_entries
from einvoiced.actions.seal_segment import Sealed, seal_segment
from einvoiced.journal.entries import Peer
from einvoiced.journal.witnesses import Report
from einvoiced.rpc.registry import ADMIN_ONLY, Registry
from einvoiced.rules.sale import check_text
from einvoiced.waiting import happened

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal

LONGEST_WAIT = 30.0
"""Seconds that a question may wait for an entry."""


class Appended:
    """Wakes followers that wait for entries. Main loop only; `waited_for` may be read anywhere."""

    def __init__(self) -> None:
        self.waited_for = 0
        self._event = asyncio.Event()

    def note(self, _sequence: int) -> None:
        """Entries were appended."""
        self._event.set()
        self._event = asyncio.Event()

    @contextlib.contextmanager
    def watched(self) -> Iterator[asyncio.Event]:
        """An event that the first entry appended from now on sets."""
        self.waited_for += 1
        try:
            yield self._event
        finally:
            self.waited_for -= 1


class TechnicianParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Who decides."""

    technician: str


class SealParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A period by its MIG YearMonth."""

    year_month: str


class JournalReadParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Entries after a sequence, or from a time on; `wait` seconds for the first of them to come (0 to 30)."""

    after: int = 0
    since: datetime | None = None
    limit: int = 500
    wait: float = 0.0


class JournalMethods:
    """The verbs. Loop thread only. `on_report` is told what a witness reported and how it was judged."""

    def __init__(self, box: Box, journal: Callable[[], Journal], registry: Registry) -> None:
        self._box, self._journal = box, journal
        self.on_report: Callable[[Report, Judged], None] = lambda _report, _judged: None
        self.appended = Appended()
        for name, params, run, doc in (
            ("clock.correct", TechnicianParams, self._correct_clock, "The clock had run ahead: go on."),
            ("box.retire", TechnicianParams, self._retire, "End this box; lists its leftovers."),
            ("journal.read", JournalReadParams, self._read, "Entries in pages, for followers."),
            ("journal.seal", SealParams, self._seal, "The entries of a past period are complete."),
            ("witness.report", Report, self._report, "A witness tells how far it holds the journal."),
        ):
            registry.add(name, ADMIN_ONLY, params, run, doc)

    def _correct_clock(self, params: TechnicianParams, peer: Peer) -> Awaitable[int]:
        return self._journal().submit(correct_clock(params.technician, peer))

    async def _retire(self, params: TechnicianParams, peer: Peer) -> Retired:
        by = check_text(params.technician, 40, "technician", "technician")
        retired = await self._journal().submit(retire_box(by, peer))
        error = errors.BoxRetiredError(technician=by)
        self._box.lock(error.name, error.message, error.message_zh)
        return retired

    async def _read(self, params: JournalReadParams, _peer: Peer) -> Page:
        if not 0 <= params.wait <= LONGEST_WAIT:
            raise errors.InvalidParams("wait", detail=f"0 to {LONGEST_WAIT:g} seconds")
        reading = read_entries(params.after, params.limit, params.since)
        if not params.wait:
            return await self._journal().submit(reading)
        with self.appended.watched() as event:  # before looking: what is appended in between counts
            page = await self._journal().submit(reading)
            if page.entries:
                return page
            await happened(event, params.wait)
        return await self._journal().submit(reading)

    def _seal(self, params: SealParams, _peer: Peer) -> Awaitable[Sealed]:
        return self._journal().submit(seal_segment(self._box, params.year_month))

    async def _report(self, params: Report, _peer: Peer) -> Judged:
        judged = await self._journal().submit(judge_report(self._box.journal_id, params))
        self.on_report(params, judged)
        return judged
