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
from einvoiced.actions.box import Box
from einvoiced.actions.import_tracks import Imported, Importer
from einvoiced.actions.issue_invoice import IssueParams, issue_invoice
from einvoiced.actions.status import Status
from einvoiced.journal.entries import Peer
from einvoiced.journal.writer import Journal
from einvoiced.rpc import protocol

TILL, ADMIN = "till", "admin"
PROTOCOL = 1
"""Raised when an old till would misunderstand a new box."""


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
        both = (TILL, ADMIN)
        self.all: dict[str, Method] = {}
        self._add("box.info", both, NoParams, self._info, "What this box is: version, methods, errors.")
        self._add("box.status", both, NoParams, self._box_status, "Can it issue, can it print, what is due.")
        self._add("invoice.issue", both, IssueParams, self._issue, "Issue an invoice; safe to repeat with its key.")
        self._add("invoice.get", both, InvoiceGetParams, self._get, "An invoice by key or number, as it stands.")
        self._add("tracks.import", (ADMIN,), TracksImportParams, self._import, "Take the ranges of a track file.")
        self._add("tracks.list", (ADMIN,), NoParams, self._list, "The ranges and how far they are used.")

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

    def _issue(self, params: IssueParams, peer: Peer) -> asyncio.Future[Raw]:
        return self._journal().submit(issue_invoice(self._box, params, peer))

    def _get(self, params: InvoiceGetParams, _peer: Peer) -> asyncio.Future[ask.InvoiceShown]:
        return self._journal().submit(
            ask.get_invoice(
                self._box, key=params.key, invoice_number=params.invoice_number, year_month=params.year_month
            )
        )

    def _list(self, _params: NoParams, _peer: Peer) -> asyncio.Future[list[ask.RangeState]]:
        return self._journal().submit(ask.list_tracks(self._box))

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
