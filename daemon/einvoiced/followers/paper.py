"""Paper: every proof that waits goes to the printer, its original at most once.

Before the first byte leaves, `proof_sending` is committed; after the last, `proof_printed`. Whatever happens between
leaves the proof unconfirmed: nobody knows what is on paper, and a person decides. The box's slips go behind proofs.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from einvoiced.actions import print_proof
from einvoiced.actions.status import PaperState, Reason
from einvoiced.errors import EinvoicedError
from einvoiced.hardware.printer import PrinterUnavailable, Transport, WriteInterrupted
from einvoiced.hardware.printer.confirm import process_id_command, wait_for_process_id
from einvoiced.hardware.printer.status import Answer, PrinterStatus, query
from einvoiced.journal import entries

if TYPE_CHECKING:
    from einvoiced.journal.transaction import Action
    from einvoiced.proof.document import Document
    from einvoiced.proof.profile import PrinterProfile

RETRY_SECONDS = 1.0
"""How often a printer that is away or in trouble is asked again, for ever."""

BYTES_PER_SECOND = 600
"""The slowest line we wait for (9,600 baud, with room): a strip's deadline is its length over this, plus 5 s."""

STATUS_SECONDS = 1.0

log = logging.getLogger(__name__)
T = TypeVar("T")

TROUBLES = {
    "absent": ("The printer is not there; check its cable and power.", "找不到印表機，請檢查電源與連接線。"),
    "paper_out": ("The printer is out of paper; put in a 57 mm roll.", "印表機缺紙，請裝入 57 mm 紙捲。"),
    "cover_open": ("The printer's cover is open; close it.", "印表機上蓋未關，請關上。"),
    "error": ("The printer reports an error; switch it off and on.", "印表機故障，請關機再開機。"),
    "offline": ("The printer is offline; press its feed or online key.", "印表機離線，請按進紙鍵或連線鍵。"),
    "silent": ("The printer does not answer; it is asked again.", "印表機沒有回應，將持續重試。"),
}


class Caller(Protocol):
    """What this follower needs of the journal."""

    def call(self, action: Action[T]) -> T: ...


class PaperFollower:
    """The printer's thread. `wake`, `print_slip` and `state` may be used from any thread."""

    def __init__(self, journal: Caller, transport: Transport, profile: PrinterProfile, shop_name: str) -> None:
        self._journal, self._transport = journal, transport
        self._profile, self._shop_name = profile, shop_name
        self._slips: deque[Document] = deque(maxlen=20)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="paper")
        self.state = PaperState("starting")
        self.on_change: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin; the printer may be away, for as long as it likes."""
        self._thread.start()

    def wake(self) -> None:
        """Something may wait now."""
        self._wake.set()

    def print_slip(self, document: Document) -> None:
        """Print a slip of the box's own, behind all proofs; the oldest of more than twenty that wait are dropped."""
        self._slips.append(document)
        self._wake.set()

    def stop(self) -> None:
        """Finish the strip that is leaving, then end."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    # -- the thread

    def _run(self) -> None:
        try:
            self._journal.call(print_proof.doubt_interrupted)
            while not self._stopping.is_set():
                self._wake.clear()
                pause = self._round()
                self._wake.wait(pause)
        except EinvoicedError as error:
            log.warning("paper stops: %s", error)
        finally:
            self._transport.close()

    def _round(self) -> float | None:
        """Print all that waits; returns the seconds until the next look (None: until somebody wakes us)."""
        while not self._stopping.is_set():
            if not self._ready():
                return RETRY_SECONDS
            waiting = self._journal.call(print_proof.next_waiting)
            if waiting is not None:
                self._print_proof(waiting)
            elif self._slips:
                self._print_slip(self._slips[0])
            else:
                return 5.0
        return None

    def _ready(self) -> bool:
        """Open the transport and ask the printer; says in `state` what is wrong."""
        try:
            self._transport.open()
        except PrinterUnavailable as error:
            log.debug("no printer: %s", error)
            self._say("absent")
            return False
        if self._profile.confirmation == "none":
            self._say(None)
            return True
        trouble = _trouble(query(self._transport, STATUS_SECONDS))
        self._say(trouble)
        return trouble is None

    def _say(self, trouble: str | None) -> None:
        state = (
            PaperState("ready")
            if trouble is None
            else PaperState(trouble, Reason(f"printer_{trouble}", *TROUBLES[trouble]))
        )
        if state != self.state:
            self.state = state
            log.info("printer: %s", state.state)
            self.on_change()

    def _print_proof(self, waiting: print_proof.Waiting) -> None:
        from einvoiced.proof.content import proof
        from einvoiced.proof.render import render

        strip = render(proof(waiting.invoice, shop_name=self._shop_name), self._profile)
        sha256 = hashlib.sha256(strip).hexdigest()
        self._journal.call(print_proof.note(entries.ProofSending(waiting.sequence, sha256)))
        self._journal.call(print_proof.note(self._send_proof(waiting.sequence, strip)))

    def _send_proof(
        self, invoice: int, strip: bytes
    ) -> entries.ProofPrinted | entries.ProofRequeued | entries.ProofUnconfirmed:
        """Send the strip and say what became of it."""
        try:
            self._write(strip)
        except WriteInterrupted as error:
            if error.sent == 0:
                return entries.ProofRequeued(invoice, str(error))
            return entries.ProofUnconfirmed(invoice, str(error))
        return self._confirm(invoice)

    def _confirm(self, invoice: int) -> entries.ProofPrinted | entries.ProofUnconfirmed:
        if self._profile.confirmation == "none":
            return entries.ProofPrinted(invoice, "none")
        if self._profile.confirmation == "process_id":
            token = f"{invoice % 10_000:04d}".encode()
            try:
                self._transport.write(process_id_command(token), STATUS_SECONDS)
            except WriteInterrupted as error:
                return entries.ProofUnconfirmed(invoice, str(error))
            if wait_for_process_id(self._transport, token, timeout=15.0) is Answer.YES:
                return entries.ProofPrinted(invoice, "process_id")
            return entries.ProofUnconfirmed(invoice, "the printer did not confirm the strip")
        trouble = _trouble(query(self._transport, STATUS_SECONDS))
        if trouble is None:
            return entries.ProofPrinted(invoice, "status")
        return entries.ProofUnconfirmed(invoice, f"after the strip the printer said: {trouble}")

    def _print_slip(self, document: Document) -> None:
        from einvoiced.proof.render import render

        try:
            self._write(render(document, self._profile))
        except WriteInterrupted as error:
            log.warning("a slip was interrupted: %s", error)
            if error.sent == 0:
                return
        self._slips.remove(document)

    def _write(self, strip: bytes) -> None:
        self._transport.write(strip, 5.0 + len(strip) / BYTES_PER_SECOND)


def _trouble(status: PrinterStatus) -> str | None:
    """The name of what stands in the way; None when the printer says that all is well."""
    if status.paper is Answer.NO:
        return "paper_out"
    if status.cover_closed is Answer.NO:
        return "cover_open"
    if status.error_free is Answer.NO:
        return "error"
    if status.online is Answer.NO:
        return "offline"
    return None if status.ready is Answer.YES else "silent"
