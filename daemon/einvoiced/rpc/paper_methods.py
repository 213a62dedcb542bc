"""The methods about paper: proofs and copies, slips, the drawer.

What only the journal must know are actions; what needs the printer or a picture is the `Desk`'s, which the daemon
gives.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.list_proofs import ProofShown, list_proofs
from einvoiced.actions.named import Named, ProofState
from einvoiced.actions.order_copy import order_copy
from einvoiced.actions.order_proof import order_proof
from einvoiced.actions.queue_slip import SlipState
from einvoiced.actions.report_proof import report_proof
from einvoiced.actions.resolve_proof import resolve_proof
from einvoiced.journal.entries import Outcome, Peer, Verdict
from einvoiced.rpc.registry import BOTH, NoParams, Registry

if TYPE_CHECKING:
    from einvoiced.journal.writer import Journal


class ResolveParams(Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person found on paper, and who looked."""

    verdict: Verdict
    by: str


class CopyParams(Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A copy, and who wants it."""

    by: str


class ReportParams(Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of an original that the till prints itself."""

    outcome: Outcome
    reason: str = ""


class BytesParams(Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Printer bytes for a till with a printer of its own; `profile` names its kind (default: as configured)."""

    what: Literal["original", "copy", "details"] = "original"
    profile: str | None = None
    by: str = "till"


class PrinterBytes(Struct, frozen=True):
    """What the till sends to its printer, in Base64, and how the proof stands now."""

    content: str
    sha256: str
    state: ProofState


class SlipLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One line; exactly one of `text`, `rule`, `gap_mm`, `barcode`, `qr` and `image` (a PNG in Base64).

    `right` stands at the other end of the text's line.
    """

    text: str | None = None
    right: str | None = None
    size: Literal["detail", "small", "title", "huge"] = "small"
    bold: bool = False
    inverse: bool = False
    align: Literal["left", "center", "right"] = "left"
    rule: bool = False
    gap_mm: float | None = None
    barcode: str | None = None
    qr: str | None = None
    image: str | None = None


class SlipParams(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A till's slip: lines, or raw printer bytes in Base64. `wait`: seconds to wait for it to be printed (0 to 10)."""

    key: str
    lines: list[SlipLine] | None = None
    raw: str | None = None
    cut: bool = True
    if_unprintable: Literal["refuse", "queue"] = "refuse"
    wait: float = 0.0


class Done(Struct, frozen=True):
    """It was done."""

    done: bool = True


class Desk(Protocol):
    """What the daemon does about paper beside the journal."""

    async def hand_out(self, params: BytesParams, peer: Peer) -> PrinterBytes: ...

    async def print_slip_of(self, params: SlipParams, peer: Peer) -> SlipState: ...

    async def print_details(self, params: Named) -> Done: ...

    async def open_drawer(self, peer: Peer) -> Done: ...


class PaperMethods:
    """The verbs. `desk` is given before anybody calls."""

    desk: Desk

    def __init__(self, box: Box, journal: Callable[[], Journal], registry: Registry) -> None:
        self._box, self._journal = box, journal
        for name, params, run, doc in (
            ("proof.list", NoParams, self._list, "Proofs that wait, or that a person must do something about."),
            ("proof.resolve", ResolveParams, self._resolve, "Say what is on paper of an unconfirmed proof."),
            ("proof.copy", CopyParams, self._copy, "Print a marked copy (補印)."),
            ("proof.print", Named, self._print, "Print an original that nobody has begun."),
            ("proof.bytes", BytesParams, self._bytes, "Printer bytes, for a till with a printer of its own."),
            ("proof.report", ReportParams, self._report, "What became of a proof that the till prints itself."),
            ("proof.details", Named, self._details, "Print the details (交易明細) on a sheet of their own."),
            ("slip.print", SlipParams, self._slip, "Print a slip of the till's own; its key never prints twice."),
            ("drawer.open", NoParams, self._drawer, "Open the cash drawer now, or not at all."),
        ):
            registry.add(name, BOTH, params, run, doc)

    def _list(self, _params: Any, _peer: Peer) -> Awaitable[list[ProofShown]]:
        return self._journal().submit(list_proofs)

    def _resolve(self, params: ResolveParams, peer: Peer) -> Awaitable[ProofState]:
        return self._journal().submit(resolve_proof(self._box, params, params.verdict, params.by, peer))

    def _copy(self, params: CopyParams, peer: Peer) -> Awaitable[ProofState]:
        return self._journal().submit(order_copy(self._box, params, params.by, peer))

    def _print(self, params: Named, peer: Peer) -> Awaitable[ProofState]:
        return self._journal().submit(order_proof(self._box, params, peer))

    def _report(self, params: ReportParams, peer: Peer) -> Awaitable[ProofState]:
        return self._journal().submit(report_proof(self._box, params, params.outcome, params.reason, peer))

    def _bytes(self, params: BytesParams, peer: Peer) -> Awaitable[PrinterBytes]:
        return self.desk.hand_out(params, peer)

    def _details(self, params: Named, _peer: Peer) -> Awaitable[Done]:
        return self.desk.print_details(params)

    def _slip(self, params: SlipParams, peer: Peer) -> Awaitable[SlipState]:
        return self.desk.print_slip_of(params, peer)

    def _drawer(self, _params: Any, peer: Peer) -> Awaitable[Done]:
        return self.desk.open_drawer(peer)
