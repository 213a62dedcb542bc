"""The methods about sums and copies for accountants. The admin's socket only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from msgspec import Raw, Struct

from einvoiced.actions.ask_report import MOST_ROWS, Report, ReportParams, report_question
from einvoiced.actions.box import Box
from einvoiced.errors import ReportTooLong
from einvoiced.journal.entries import Peer
from einvoiced.rpc.invoice_methods import Finder
from einvoiced.rpc.registry import ADMIN_ONLY, Registry

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal


class DayParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A day (YYYY-MM-DD, today unless told); `print`: on a slip too."""

    date: str | None = None
    print: bool = False


class SnapshotParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Begin a snapshot, or ask about one by its name and wait (0 to 30 seconds) for it to get on."""

    snapshot: str | None = None
    wait: float = 0.0


class SnapshotReadParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a snapshot that is ready."""

    snapshot: str
    offset: int = 0


class SnapshotState(Struct, frozen=True):
    """How far a snapshot is: entries done, of how many; size and hash once it is ready."""

    snapshot: str
    state: Literal["building", "ready", "failed"]
    done: int
    of: int
    size: int
    sha256: str
    detail: str


class SnapshotPart(Struct, frozen=True):
    """Bytes of a snapshot in Base64; `next`: the offset to go on from, None at the end."""

    content: str
    next: int | None


class Desk(Protocol):
    """Who makes snapshots."""

    async def snapshot(self, name: str | None, wait: float) -> SnapshotState: ...

    async def part(self, name: str, offset: int) -> SnapshotPart: ...


class ReportMethods:
    """The verbs. `finder` and `desk` are given before anybody calls; `on_day` prints a day's slip."""

    finder: Finder
    desk: Desk

    def __init__(self, box: Box, journal: Callable[[], Journal], registry: Registry) -> None:
        self._box, self._journal = box, journal
        self.on_day: Callable[[Report, Report], None] = lambda _day, _tills: None
        for name, params, run, doc in (
            ("report.period", ReportParams, self._period, "Sums of a time by groups, as an accountant asks for them."),
            ("report.day", DayParams, self._day, "A day's sums; on a slip too (日結)."),
            ("report.snapshot", SnapshotParams, self._snapshot, "Make a copy with views for spreadsheets."),
            ("report.read", SnapshotReadParams, self._read, "Fetch a part of a snapshot."),
        ):
            registry.add(name, ADMIN_ONLY, params, run, doc)

    async def _period(self, params: ReportParams, _peer: Peer) -> Raw:
        asked = report_question(params)
        self._journal()  # or what is wrong with it
        answer = await self.finder.ask("report", asked)
        if answer == Raw(b"null"):
            raise ReportTooLong(limit=MOST_ROWS)
        return answer

    async def _day(self, params: DayParams, peer: Peer) -> Raw:
        day = params.date or str(self._box.clock.now().date())
        answer = await self._period(ReportParams(date_from=day, date_to=day, by=["tax_type", "buyer"]), peer)
        if params.print:
            tills = await self._period(ReportParams(date_from=day, date_to=day, by=["till"]), peer)
            self.on_day(_decoded(answer), _decoded(tills))
        return answer

    def _snapshot(self, params: SnapshotParams, _peer: Peer) -> Awaitable[SnapshotState]:
        self._journal()
        return self.desk.snapshot(params.snapshot, min(max(params.wait, 0.0), 30.0))

    def _read(self, params: SnapshotReadParams, _peer: Peer) -> Awaitable[SnapshotPart]:
        return self.desk.part(params.snapshot, params.offset)


def _decoded(answer: Any) -> Report:
    return msgspec.json.decode(answer, type=Report)
