"""The methods of the two sockets, one to one to the actions; the till gets a few, the admin all.

Each method is described by its parameters' struct, from which `box.info` makes the machine-readable description.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, Struct

import einvoiced
from einvoiced import errors
from einvoiced.actions import ask
from einvoiced.actions.adopt_invoice import adopt_invoice
from einvoiced.actions.box import Box
from einvoiced.actions.box_life import Retired, retire_box
from einvoiced.actions.change_share import ShareShown, change_share
from einvoiced.actions.close_period import PeriodShown, close_period, reopen_period, report_period
from einvoiced.actions.correct_clock import correct_clock
from einvoiced.actions.export_tracks import Exported, Form, export_tracks
from einvoiced.actions.follow import Judged, Page, judge_report, read_entries
from einvoiced.actions.hold_tracks import hold_tracks, unhold_tracks
from einvoiced.actions.import_tracks import Imported, Importer
from einvoiced.actions.issue_invoice import IssueParams, issue_invoice
from einvoiced.actions.plan_stock import StockPlan, plan_stock
from einvoiced.actions.release_tracks import Released, release_tracks
from einvoiced.actions.reserve_tracks import Reserved, reserve_tracks
from einvoiced.actions.seal_segment import Sealed, seal_segment
from einvoiced.actions.status import Status
from einvoiced.actions.track_history import History, track_history
from einvoiced.actions.type_tracks import SOURCE, Typed, type_tracks
from einvoiced.journal.entries import Peer
from einvoiced.journal.witnesses import Report
from einvoiced.journal.writer import Journal
from einvoiced.rpc import protocol
from einvoiced.rpc.paper_methods import PaperMethods
from einvoiced.rules.by_hand import Typing
from einvoiced.rules.sale import check_text
from einvoiced.waiting import happened

TILL, ADMIN = "till", "admin"
PROTOCOL = 1
"""Raised when an old till would misunderstand a new box."""


class Appended:
    """Wakes followers that wait for entries. Main loop only; `waited_for` may be read anywhere."""

    def __init__(self) -> None:
        self.waited_for = 0
        self._event = asyncio.Event()

    def note(self, _sequence: int) -> None:
        """Entries were appended."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until an entry is appended, or time is up."""
        self.waited_for += 1
        try:
            await happened(self._event, seconds)
        finally:
            self.waited_for -= 1


class NoParams(Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class TracksImportParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A track file: its name (only a label) and its bytes in Base64."""

    file_name: str
    content: str


class InvoiceGetParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Either the till's key, or the number with its period where two periods may share it."""

    key: str | None = None
    invoice_number: str | None = None
    year_month: str | None = None


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


class AdoptParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A till's key and the `result` that it still holds, byte for byte."""

    key: str
    result: Raw
    technician: str


class TechnicianParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Who decides."""

    technician: str


class SealParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A period by its MIG YearMonth."""

    year_month: str


class JournalReadParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Entries after a sequence; `wait` seconds for the first of them to come (0 to 30)."""

    after: int
    limit: int = 500
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Method:
    """One method: who may call it, its parameters, its code and one sentence."""

    name: str
    sockets: tuple[str, ...]
    params: type[Struct]
    run: Callable[[Any, Peer], Any]
    doc: str
    decoder: msgspec.json.Decoder[Any]


class Methods:
    """All methods of a box. Loop thread only."""

    def __init__(
        self, box: Box, journal: Callable[[], Journal], importer: Importer, status: Callable[[], Awaitable[Status]]
    ) -> None:
        """`journal` gives the open journal or raises what is wrong with it."""
        self._box, self._journal, self._importer, self._status = box, journal, importer, status
        self.on_report: Callable[[Report, Judged], None] = lambda _report, _judged: None
        self.on_plan: Callable[[StockPlan], None] = lambda _plan: None
        self.appended = Appended()
        both = (TILL, ADMIN)
        self.all: dict[str, Method] = {}
        self.paper = PaperMethods(
            box, journal, lambda name, params, run, doc: self._add(name, both, params or NoParams, run, doc)
        )
        self._add("box.info", both, NoParams, self._info, "What this box is: version, methods, errors.")
        self._add("box.status", both, NoParams, self._box_status, "Can it issue, can it print, what is due.")
        self._add("invoice.issue", both, IssueParams, self._issue, "Issue an invoice; safe to repeat with its key.")
        self._add("invoice.get", both, InvoiceGetParams, self._get, "An invoice by key or number, as it stands.")
        self._add("tracks.import", (ADMIN,), TracksImportParams, self._import, "Take the ranges of a track file.")
        self._add("tracks.list", (ADMIN,), NoParams, self._list, "The ranges and how far they are used.")
        self._add("tracks.release", (ADMIN,), TracksReleaseParams, self._release, "Say what was used elsewhere.")
        self._add("invoice.adopt", (ADMIN,), AdoptParams, self._adopt, "Take back an invoice that a till still holds.")
        self._add("clock.correct", (ADMIN,), TechnicianParams, self._correct_clock, "The clock had run ahead: go on.")
        self._add("box.retire", (ADMIN,), TechnicianParams, self._retire, "End this box; lists its leftovers.")
        self._add("journal.read", (ADMIN,), JournalReadParams, self._read, "Entries in pages, for followers.")
        self._add("journal.seal", (ADMIN,), SealParams, self._seal, "The entries of a past period are complete.")
        self._add("witness.report", (ADMIN,), Report, self._report, "A witness tells how far it holds the journal.")

        self._add_tracks()

    def _add_tracks(self) -> None:
        """What people do with number ranges and periods."""
        admin = (ADMIN,)
        self._add("tracks.reserve", admin, TracksReserveParams, self._reserve, "Booklets that another system uses.")
        self._add("tracks.hold", admin, TracksHoldParams, self._hold, "Take a range out of use.")
        self._add("tracks.unhold", admin, TracksUnholdParams, self._unhold, "Bring a held range back.")
        self._add("tracks.share", admin, PeriodParams, self._share, "Split an untouched period as configured now.")
        self._add("tracks.type", admin, TracksTypeParams, self._type, "Type a range; two persons must type the same.")
        self._add("tracks.export", admin, TracksExportParams, self._export, "What was taken of a period, as a file.")
        self._add("tracks.history", admin, TracksHistoryParams, self._history, "Who did what with tracks, and when.")
        self._add("stock.plan", admin, StockPlanParams, self._plan, "How long numbers last; what to ask for, by when.")
        self._add("period.close", admin, PeriodParams, self._close, "What is left of a past period is unused.")
        self._add("period.reopen", admin, PeriodParams, self._reopen, "Undo a closing that was not reported.")
        self._add("period.reported", admin, PeriodParams, self._reported, "The unused numbers were reported.")

    def _add(
        self, name: str, sockets: tuple[str, ...], params: type[Struct], run: Callable[[Any, Peer], Any], doc: str
    ) -> None:
        self.all[name] = Method(name, sockets, params, run, doc, msgspec.json.Decoder(params))

    def dispatch(self, request: protocol.Request, peer: Peer) -> Any:
        """The result of a request, or an awaitable of it; MethodNotFound, InvalidParams or the method's refusals."""
        method = self.all.get(request.method)
        if method is None or peer.socket not in method.sockets:
            raise errors.MethodNotFound(method=request.method[:60])
        return method.run(protocol.read_params(request.params, method.decoder), peer)

    def _issue(self, params: IssueParams, peer: Peer) -> Awaitable[Raw]:
        return self._journal().submit(issue_invoice(self._box, params, peer))

    def _get(self, params: InvoiceGetParams, _peer: Peer) -> Awaitable[ask.InvoiceShown]:
        return self._journal().submit(
            ask.get_invoice(
                self._box, key=params.key, invoice_number=params.invoice_number, year_month=params.year_month
            )
        )

    def _list(self, _params: NoParams, _peer: Peer) -> Awaitable[list[ask.RangeState]]:
        return self._journal().submit(ask.list_tracks(self._box))

    def _release(self, params: TracksReleaseParams, peer: Peer) -> Awaitable[Released]:
        p = params
        return self._journal().submit(
            release_tracks(self._box, p.year_month, p.track, p.begin, p.last_used, p.technician, peer)
        )

    def _adopt(self, params: AdoptParams, peer: Peer) -> Awaitable[int]:
        return self._journal().submit(adopt_invoice(self._box, params.key, params.result, params.technician, peer))

    def _correct_clock(self, params: TechnicianParams, peer: Peer) -> Awaitable[int]:
        return self._journal().submit(correct_clock(params.technician, peer))

    async def _retire(self, params: TechnicianParams, peer: Peer) -> Retired:
        by = check_text(params.technician, 40, "technician", "technician")
        retired = await self._journal().submit(retire_box(by, peer))
        error = errors.BoxRetiredError(technician=by)
        self._box.lock(error.name, error.message, error.message_zh)
        return retired

    async def _read(self, params: JournalReadParams, _peer: Peer) -> Page:
        reading = read_entries(params.after, params.limit)
        waiting = asyncio.ensure_future(self.appended.wait(params.wait)) if 0 < params.wait <= 30 else None
        page = await self._journal().submit(reading)
        if waiting is None:
            return page
        if page.entries:
            waiting.cancel()
            return page
        await waiting
        return await self._journal().submit(reading)

    def _seal(self, params: SealParams, _peer: Peer) -> Awaitable[Sealed]:
        return self._journal().submit(seal_segment(self._box, params.year_month))

    async def _report(self, params: Report, _peer: Peer) -> Judged:
        judged = await self._journal().submit(judge_report(self._box.journal_id, params))
        self.on_report(params, judged)
        return judged

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

    def _box_status(self, _params: NoParams, _peer: Peer) -> Any:
        return self._status()

    async def _import(self, params: TracksImportParams, peer: Peer) -> Imported:
        try:
            data = base64.b64decode(params.content, validate=True)
        except (binascii.Error, ValueError):
            raise errors.InvalidParams("content", detail="not Base64") from None
        return await self._importer.import_file(params.file_name, data, "socket", peer)

    def _info(self, _params: NoParams, peer: Peer) -> dict[str, object]:
        return {
            "name": "einvoiced",
            "version": einvoiced.__version__,
            "protocol": PROTOCOL,
            "box": self._box.id,
            "methods": {m.name: _described(m) for m in self.all.values() if peer.socket in m.sockets},
            "errors": [
                {"code": e.code, "name": e.name, "retry": e.retry, "en": e.en, "zh": e.zh} for e in errors.every()
            ],
        }


def _described(method: Method) -> dict[str, object]:
    return {"doc": method.doc, "params": msgspec.json.schema(method.params)}
