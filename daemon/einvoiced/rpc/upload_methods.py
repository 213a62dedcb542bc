"""The methods about uploads, for the followers that carry them and the people who decide. The admin's socket only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.decide_uploads import Decided, send_again, settle_uploads
from einvoiced.actions.list_uploads import PAGE as LIST_PAGE
from einvoiced.actions.list_uploads import Asked, UploadsPage, list_uploads
from einvoiced.actions.report_unused import (
    ExportedLeftovers,
    UnusedState,
    export_leftovers,
    list_unused,
    take_leftovers,
)
from einvoiced.actions.report_uploads import (
    AnsweredTaken,
    Form,
    PlatformSaid,
    SentTaken,
    SentUpload,
    uploads_answered,
    uploads_pending,
    uploads_sent,
)
from einvoiced.actions.stick_outcome import Outcome
from einvoiced.actions.upload_next import PAGE, OutgoingPage, next_uploads
from einvoiced.journal.entries import Peer, Upload, Way
from einvoiced.rpc.paper_methods import Done
from einvoiced.rpc.registry import ADMIN_ONLY, NoParams, Registry

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal


class UploadNextParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A page after a cursor."""

    after: str | None = None
    limit: int = PAGE


class UploadSentParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Files that wait in the folder `batch`, written and synced, and which way they leave."""

    uploads: list[SentUpload]
    way: Way
    batch: str


class UploadPendingParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Files found in the folder `batch`."""

    uploads: list[Upload]
    batch: str


class UploadAnsweredParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What one file of the platform says; `source` is its SHA-256."""

    form: Form
    answers: list[PlatformSaid]
    source: str


class UploadListParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A page after a cursor, of one state or of all."""

    state: Asked | None = None
    after: str | None = None
    limit: int = LIST_PAGE


class UploadDecideParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Messages as `upload.list` names them, why, and who says so."""

    uploads: list[Upload]
    reason: str
    by: str


class UnusedExportParams(Struct, frozen=True, forbid_unknown_fields=True):
    """A period by its MIG YearMonth."""

    year_month: str


class UnusedTakeParams(Struct, frozen=True, forbid_unknown_fields=True):
    """The text of another box's file, and where it came from."""

    content: str
    source: str = "socket"


class UploadMethods:
    """The verbs. Loop thread only. `on_exported` says on a slip what was done on a stick."""

    def __init__(self, box: Box, journal: Callable[[], Journal], registry: Registry) -> None:
        self._box, self._journal = box, journal
        self.on_exported: Callable[[Outcome], None] = lambda _done: None
        for name, params, run, doc in (
            ("upload.next", UploadNextParams, self._next, "Messages that may leave for the platform now."),
            ("upload.sent", UploadSentParams, self._sent, "Files leave, once this is answered: none leaves twice."),
            ("upload.pending", UploadPendingParams, self._pending, "Which files left aside by a crash must leave."),
            ("upload.answered", UploadAnsweredParams, self._answered, "What a file of the platform says."),
            ("upload.exported", Outcome, self._exported, "A stick was written and may be pulled out."),
            ("upload.list", UploadListParams, self._list, "What the platform has not accepted, and what to do."),
            ("upload.again", UploadDecideParams, self._again, "Send messages again."),
            ("upload.settle", UploadDecideParams, self._settle, "The platform has them, or does not want them."),
            ("unused.list", NoParams, self._list_unused, "Closed periods whose unused numbers are not reported."),
            ("unused.export", UnusedExportParams, self._export_unused, "This box's unused numbers, for the lead box."),
            ("unused.take", UnusedTakeParams, self._take_unused, "Take another box's unused numbers in."),
        ):
            registry.add(name, ADMIN_ONLY, params, run, doc)

    def _next(self, p: UploadNextParams, _peer: Peer) -> Awaitable[OutgoingPage]:
        return self._journal().submit(next_uploads(self._box, p.after, p.limit))

    def _sent(self, p: UploadSentParams, peer: Peer) -> Awaitable[SentTaken]:
        return self._journal().submit(uploads_sent(p.uploads, p.way, p.batch, peer))

    def _pending(self, p: UploadPendingParams, _peer: Peer) -> Awaitable[list[Upload]]:
        return self._journal().submit(uploads_pending(p.uploads, p.batch))

    def _answered(self, p: UploadAnsweredParams, peer: Peer) -> Awaitable[AnsweredTaken]:
        return self._journal().submit(uploads_answered(self._box, p.form, p.answers, p.source, peer))

    async def _exported(self, p: Outcome, _peer: Peer) -> Done:
        self.on_exported(p)
        return Done()

    def _list(self, p: UploadListParams, _peer: Peer) -> Awaitable[UploadsPage]:
        return self._journal().submit(list_uploads(p.state, p.after, p.limit))

    def _again(self, p: UploadDecideParams, peer: Peer) -> Awaitable[Decided]:
        return self._journal().submit(send_again(p.uploads, p.reason, p.by, peer))

    def _settle(self, p: UploadDecideParams, peer: Peer) -> Awaitable[Decided]:
        return self._journal().submit(settle_uploads(p.uploads, p.reason, p.by, peer))

    def _list_unused(self, _params: NoParams, _peer: Peer) -> Awaitable[list[UnusedState]]:
        return self._journal().submit(list_unused(self._box))

    def _export_unused(self, p: UnusedExportParams, _peer: Peer) -> Awaitable[ExportedLeftovers]:
        return self._journal().submit(export_leftovers(self._box, p.year_month))

    def _take_unused(self, p: UnusedTakeParams, peer: Peer) -> Awaitable[UnusedState]:
        return self._journal().submit(take_leftovers(self._box, p.content.encode(), p.source, peer))
