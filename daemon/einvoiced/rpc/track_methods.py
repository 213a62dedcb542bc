"""The methods about number ranges and periods. The admin's socket only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from einvoiced import errors
from einvoiced.actions import ask
from einvoiced.actions.box import Box
from einvoiced.actions.change_share import ShareShown, change_share
from einvoiced.actions.close_period import PeriodShown, close_period, reopen_period, report_period
from einvoiced.actions.export_tracks import Exported, Form, export_tracks
from einvoiced.actions.hold_tracks import hold_tracks, unhold_tracks
from einvoiced.actions.import_tracks import Imported, Importer
from einvoiced.actions.plan_stock import StockPlan, plan_stock
from einvoiced.actions.release_tracks import Released, release_tracks
from einvoiced.actions.reserve_tracks import Reserved, reserve_tracks
from einvoiced.actions.track_history import History, track_history
from einvoiced.actions.type_tracks import SOURCE, Typed, type_tracks
from einvoiced.journal.entries import Peer
from einvoiced.rpc.registry import ADMIN_ONLY, NoParams, Registry
from einvoiced.rules.by_hand import Typing

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal


class TracksImportParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A track file: its name (only a label) and its bytes in Base64."""

    file_name: str
    content: str


class TracksReleaseParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A range by its period, track and first number; `last_used`: the last number used elsewhere, or `none`."""

    year_month: str
    track: str
    begin: str
    last_used: str
    technician: str


class TracksReserveParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Whole booklets of one range that another system uses, and who says so, and why."""

    year_month: str
    track: str
    begin: str
    end: str
    reason: str
    person: str


class TracksHoldParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A range by its period, track and first number."""

    year_month: str
    track: str
    begin: str
    reason: str
    person: str


class TracksUnholdParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A range by its period, track and first number."""

    year_month: str
    track: str
    begin: str
    person: str


class TracksExportParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A period by its MIG YearMonth, and the form of the list."""

    year_month: str
    person: str
    form: Form = "csv"


class TracksHistoryParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A page: the newest events before an entry's sequence."""

    before: int | None = None
    limit: int = 50


class TracksTypeParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What one person typed (期別, 字軌, 起號, 迄號); `confirms`: the number of the first person's typing."""

    person: str
    period: str
    track: str
    begin: str
    end: str
    confirms: int | None = None
    preview: bool = False


class StockPlanParams(Struct, frozen=True, forbid_unknown_fields=True):
    """`print`: on a slip too."""

    print: bool = False


class PeriodParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A period by its MIG YearMonth, and who decides."""

    year_month: str
    person: str


class TrackMethods:
    """The verbs. Loop thread only. `on_plan` prints a plan on a slip."""

    def __init__(self, box: Box, journal: Callable[[], Journal], importer: Importer, registry: Registry) -> None:
        self._box, self._journal, self._importer = box, journal, importer
        self.on_plan: Callable[[StockPlan], None] = lambda _plan: None
        for name, params, run, doc in (
            ("tracks.import", TracksImportParams, self._import, "Take the ranges of a track file."),
            ("tracks.list", NoParams, self._list, "The ranges and how far they are used."),
            ("tracks.release", TracksReleaseParams, self._release, "Say what was used elsewhere."),
            ("tracks.reserve", TracksReserveParams, self._reserve, "Booklets that another system uses."),
            ("tracks.hold", TracksHoldParams, self._hold, "Take a range out of use."),
            ("tracks.unhold", TracksUnholdParams, self._unhold, "Bring a held range back."),
            ("tracks.share", PeriodParams, self._share, "Split an untouched period as configured now."),
            ("tracks.type", TracksTypeParams, self._type, "Type a range; two persons must type the same."),
            ("tracks.export", TracksExportParams, self._export, "What was taken of a period, as a file."),
            ("tracks.history", TracksHistoryParams, self._history, "Who did what with tracks, and when."),
            ("stock.plan", StockPlanParams, self._plan, "How long numbers last; what to ask for, by when."),
            ("period.close", PeriodParams, self._close, "What is left of a past period is unused."),
            ("period.reopen", PeriodParams, self._reopen, "Undo a closing that was not reported."),
            ("period.reported", PeriodParams, self._reported, "The unused numbers were reported."),
        ):
            registry.add(name, ADMIN_ONLY, params, run, doc)

    async def _import(self, params: TracksImportParams, peer: Peer) -> Imported:
        try:
            data = base64.b64decode(params.content, validate=True)
        except (binascii.Error, ValueError):
            raise errors.InvalidParams("content", detail="not Base64") from None
        return await self._importer.import_file(params.file_name, data, "socket", peer)

    def _list(self, _params: NoParams, _peer: Peer) -> Awaitable[list[ask.RangeState]]:
        return self._journal().submit(ask.list_tracks(self._box))

    def _release(self, params: TracksReleaseParams, peer: Peer) -> Awaitable[Released]:
        p = params
        return self._journal().submit(
            release_tracks(self._box, p.year_month, p.track, p.begin, p.last_used, p.technician, peer)
        )

    def _reserve(self, p: TracksReserveParams, peer: Peer) -> Awaitable[Reserved]:
        return self._journal().submit(
            reserve_tracks(self._box, p.year_month, p.track, p.begin, p.end, p.reason, p.person, peer)
        )

    def _hold(self, p: TracksHoldParams, peer: Peer) -> Awaitable[int]:
        return self._journal().submit(hold_tracks(self._box, p.year_month, p.track, p.begin, p.reason, p.person, peer))

    def _unhold(self, p: TracksUnholdParams, peer: Peer) -> Awaitable[int]:
        return self._journal().submit(unhold_tracks(self._box, p.year_month, p.track, p.begin, p.person, peer))

    def _share(self, p: PeriodParams, peer: Peer) -> Awaitable[ShareShown]:
        return self._journal().submit(change_share(self._box, p.year_month, p.person, peer))

    async def _type(self, p: TracksTypeParams, peer: Peer) -> Typed:
        typing = Typing(p.person, p.period, p.track, p.begin, p.end)
        outcome = await self._journal().submit(type_tracks(self._box, typing, p.confirms, p.preview, peer))
        if isinstance(outcome, errors.EinvoicedError):
            raise outcome
        if outcome.state == "taken" and outcome.verdict is not None:
            self._importer.on_verdict(SOURCE, outcome.verdict.file_name, outcome.verdict)
        return outcome

    def _export(self, p: TracksExportParams, peer: Peer) -> Awaitable[Exported]:
        return self._journal().submit(export_tracks(self._box, p.year_month, p.form, p.person, peer))

    def _history(self, p: TracksHistoryParams, _peer: Peer) -> Awaitable[History]:
        return self._journal().submit(track_history(p.before, p.limit))

    async def _plan(self, p: StockPlanParams, _peer: Peer) -> StockPlan:
        plan = await self._journal().submit(plan_stock(self._box))
        if p.print:
            self.on_plan(plan)
        return plan

    def _close(self, p: PeriodParams, peer: Peer) -> Awaitable[PeriodShown]:
        return self._journal().submit(close_period(self._box, p.year_month, p.person, peer))

    def _reopen(self, p: PeriodParams, peer: Peer) -> Awaitable[PeriodShown]:
        return self._journal().submit(reopen_period(self._box, p.year_month, p.person, peer))

    def _reported(self, p: PeriodParams, peer: Peer) -> Awaitable[PeriodShown]:
        return self._journal().submit(report_period(self._box, p.year_month, p.person, peer))
