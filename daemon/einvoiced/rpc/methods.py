"""The methods of the two sockets, one to one to the actions; the till gets a few, the admin all.

Each method is described by its parameters' struct, from which `box.info` makes the machine-readable description. Here
are those about the box itself; the others have modules of their own beside this one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

import einvoiced
from einvoiced import errors
from einvoiced.actions.box import Box
from einvoiced.actions.import_tracks import Importer
from einvoiced.actions.status import Status
from einvoiced.journal.entries import Peer
from einvoiced.rpc.allowance_methods import AllowanceMethods
from einvoiced.rpc.config_methods import ConfigMethods
from einvoiced.rpc.invoice_methods import InvoiceMethods
from einvoiced.rpc.journal_methods import JournalMethods
from einvoiced.rpc.life_methods import LifeMethods
from einvoiced.rpc.paper_methods import PaperMethods
from einvoiced.rpc.registry import BOTH, NoParams, Registry
from einvoiced.rpc.report_methods import ReportMethods
from einvoiced.rpc.technician_methods import TechnicianMethods
from einvoiced.rpc.track_methods import TrackMethods
from einvoiced.rpc.upload_methods import UploadMethods

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal

PROTOCOL = 1
"""Raised when an old till would misunderstand a new box."""


class BoxStatusParams(Struct, frozen=True, forbid_unknown_fields=True):
    """`print`: on a slip too."""

    print: bool = False


class Methods:
    """All methods of a box. Loop thread only."""

    def __init__(
        self, box: Box, journal: Callable[[], Journal], importer: Importer, status: Callable[[], Awaitable[Status]]
    ) -> None:
        """`journal` gives the open journal or raises what is wrong with it."""
        self._box, self._status = box, status
        self.registry = Registry()
        self.dispatch = self.registry.dispatch
        add = self.registry.add
        add("box.info", BOTH, NoParams, self._info, "What this box is: version, methods, errors.")
        add("box.status", BOTH, BoxStatusParams, self._box_status, "Can it issue, can it print, what is due.")
        self.invoices = InvoiceMethods(box, journal, self.registry)
        self.lives = LifeMethods(box, journal, self.registry)
        self.allowances = AllowanceMethods(box, journal, self.registry)
        self.tracks = TrackMethods(box, journal, importer, self.registry)
        self.journal = JournalMethods(box, journal, self.registry)
        self.paper = PaperMethods(box, journal, self.registry)
        self.config = ConfigMethods(box, self.registry)
        self.reports = ReportMethods(box, journal, self.registry)
        self.uploads = UploadMethods(box, journal, self.registry)
        self.technician = TechnicianMethods(self.registry)
        self.on_print: Callable[[Status], Awaitable[None]] | None = None
        """Puts a status on a slip, in the main loop; None where the box has no printer."""

    async def _box_status(self, params: BoxStatusParams, _peer: Peer) -> Status:
        status = await self._status()
        if params.print:
            if self.on_print is None:
                raise errors.NoPrinter
            await self.on_print(status)
        return status

    def _info(self, _params: NoParams, peer: Peer) -> dict[str, object]:
        return {
            "name": "einvoiced",
            "version": einvoiced.__version__,
            "protocol": PROTOCOL,
            "box": self._box.id,
            "methods": self.registry.described(peer.socket),
            "errors": [
                {"code": e.code, "name": e.name, "retry": e.retry, "en": e.en, "zh": e.zh} for e in errors.every()
            ],
        }
