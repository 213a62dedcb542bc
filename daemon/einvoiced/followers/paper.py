"""Paper: whatever waits goes to the printer, one strip after the other, an original at most once.

Before the first byte of an original leaves, `proof_sending` is committed; after the last, what became of it. Whatever
happens between leaves the proof unconfirmed: nobody knows what is on paper, and a person decides.

One queue: originals, then copies, then slips (tills', the box's own, customers' notes). The drawer never queues.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from einvoiced.actions import print_proof
from einvoiced.actions.allowance_slips import next_allowance_slip
from einvoiced.actions.allowances import read_allowance
from einvoiced.actions.paper_notices import PaperState, notice, trouble
from einvoiced.actions.standing import read_invoice
from einvoiced.errors import BoxStopping, FontsMissing, InvoiceNotFound, StorageFailed
from einvoiced.followers.drawer import Drawer
from einvoiced.followers.drawing import Drawing
from einvoiced.followers.slip_queue import Slip, SlipQueue
from einvoiced.followers.strip_sender import Sent, StripSender
from einvoiced.journal import entries

if TYPE_CHECKING:
    from einvoiced.hardware.printer import Transport
    from einvoiced.journal.transaction import Action
    from einvoiced.proof.document import Document
    from einvoiced.proof.profile import PrinterProfile

RETRY_SECONDS = (0.1, 0.2, 0.3, 0.5, 1.0)
"""How soon a printer that is away or in trouble is asked again; the last for ever, the first after any change."""

IDLE_SECONDS = 1.0
"""How often a printer that has nothing to do is asked how it is."""

BACK_OFF_SECONDS = 60.0
"""Longest pause for a printer that says it is well and takes nothing: every try costs two entries."""

FAULT_SECONDS = 1.0
"""Pause before the thread begins again after a fault that nobody thought of; twice as long after each."""

SLOW_BAUD = 9600

log = logging.getLogger(__name__)
T = TypeVar("T")


class Caller(Protocol):
    """What this follower needs of the journal."""

    def call(self, action: Action[T]) -> T: ...


class PaperFollower:
    """The printer's thread. `wake`, `print_slip`, `add_slip`, `open_drawer` and `state` may be used from any thread.

    `on_change` is called in the printer's thread whenever `state` has changed.
    """

    def __init__(
        self,
        journal: Caller,
        transport: Transport,
        profile: PrinterProfile,
        shop_name: str,
        *,
        courtesy: deque[int] | None = None,
        baudrate: int = 0,
    ) -> None:
        """`baudrate`: of a serial line; 0 for the other ways."""
        self._journal, self._profile, self.shop_name, self.note = journal, profile, shop_name, ""
        self._sender = StripSender(transport, profile, baudrate / 12)
        self._drawing = Drawing(profile)
        self._slips = SlipQueue()
        self._courtesy: deque[int] = courtesy if courtesy is not None else deque()
        self._slow_line = 0 < baudrate <= SLOW_BAUD
        self._wake = threading.Event()
        self._drawer = Drawer(self._wake.set)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="paper")
        self._failures = self._untaken = 0
        self._loan: concurrent.futures.Future[None] | None = None
        self.printer = transport.name
        self.state = PaperState("starting", trouble("starting"))
        self.on_change: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin; the printer may be away, for as long as it likes."""
        self._thread.start()

    def wake(self) -> None:
        """Something may wait now."""
        self._wake.set()

    def print_slip(self, document: Document) -> None:
        """Print a slip of the box's own; of those that wait only the newest are kept."""
        self.add_slip(Slip(lambda: self._drawing.strip(document)))

    def add_slip(self, slip: Slip) -> None:
        """Print a slip behind everything that waits."""
        self._slips.add(slip)
        self._wake.set()

    @property
    def slips_waiting(self) -> int:
        """How many slips wait."""
        return len(self._slips)

    def open_drawer(self) -> None:
        """Open the drawer now; blocks for at most a second. DrawerNotOpened when the printer is busy or not well."""
        self._drawer.open(self.state.trouble)

    def lend(self) -> concurrent.futures.Future[None]:
        """Close the device between two strips and print nothing until `take_back`; done when closed. Any thread."""
        if self._loan is None:
            self._loan = concurrent.futures.Future()
            self._wake.set()
        return self._loan

    def take_back(self, *, clean: bool) -> None:
        """Print again; not `clean`: the printer may wait for the rest of a strip. Any thread."""
        self._sender.torn = self._sender.torn or not clean
        self._loan = None
        self._wake.set()

    def stop(self) -> None:
        """Finish the strip that is leaving, then end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    # -- the thread

    def _run(self) -> None:
        pause = FAULT_SECONDS
        while not self._stopping.is_set():
            try:
                self._work()
            except BoxStopping:
                return
            except Exception:
                log.exception("the printer's thread met a fault and begins again in %g s", pause)
                self._slips.drop_own()
                self._say("fault")
                self._drawer.refuse(self.state.trouble)
                self._stopping.wait(pause)
                pause = min(2 * pause, BACK_OFF_SECONDS)

    def _work(self) -> None:
        """Until the stop; what a fault, or the stop of the box, left in a strip is in doubt first."""
        try:
            self._sender.torn = self._doubted() or self._sender.torn
            while not self._stopping.is_set():
                self._wake.clear()
                pause = self._round()
                self._wake.wait(pause)
        finally:
            self._sender.close()

    def _doubted(self) -> bool:
        """Whether a strip was leaving when its thread ended; tills' slips that nothing waits for any more go."""
        doubted = self._insist(print_proof.doubt_interrupted)
        waiting = self._insist(print_proof.slips_waiting)
        if doubted is None or waiting is None:
            return True
        self._slips.keep(waiting)
        return doubted > 0

    def _insist(self, action: Action[T]) -> T | None:
        """Ask the journal for as long as its disk does not take it; None at a stop, and the next start finds it."""
        while True:
            try:
                return self._journal.call(action)
            except StorageFailed as error:
                log.error("the journal does not take yet what became of a strip: %s", error)
                if self._stopping.wait(RETRY_SECONDS[-1]):
                    return None

    def _round(self) -> float:
        """Print all that waits; returns the seconds until the next look."""
        while not self._stopping.is_set():
            loan = self._loan
            if loan is not None:
                return self._leave_to(loan)
            if not self._ready():
                self._drawer.refuse(self.state.trouble)
                self._failures += 1
                return RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1]
            self._failures = 0
            self._drawer.serve(self._pulse)
            try:
                worked = self._print_next()
            except FontsMissing:
                self._drawing.tried = False
                continue
            except StorageFailed as error:
                log.error("the journal does not take what became of a strip: %s", error)
                return RETRY_SECONDS[-1]
            if not worked:
                return IDLE_SECONDS
            if self._untaken:
                return min(BACK_OFF_SECONDS, 2.0**self._untaken)
        return 0.0

    def _leave_to(self, loan: concurrent.futures.Future[None]) -> float:
        """The device is somebody else's for now."""
        if not loan.done() and loan.set_running_or_notify_cancel():  # who asked may have given up
            self._sender.close()
            self._say("lent")
            loan.set_result(None)
        self._drawer.refuse(self.state.trouble)
        return IDLE_SECONDS

    def _print_next(self) -> bool:
        """Print what stands first in the queue; False when nothing waits."""
        waiting = self._journal.call(print_proof.next_waiting) if self._profile.prints_proofs else None
        if waiting is not None:
            self._print_proof(waiting)
        elif (allowance := self._journal.call(next_allowance_slip)) is not None:
            self._print_allowance(*allowance)
        elif self._courtesy:
            self._print_courtesy()
        elif (slip := self._slips.first) is not None:
            self._print_slip(slip)
        else:
            return False
        return True

    # -- the printer's state

    def _ready(self) -> bool:
        """Ask the printer; says in `state` what is wrong."""
        look = self._sender.look()
        if look.trouble is None and not self._drawing.tried and self._drawing.possible():
            look = self._sender.look()  # loading took its time
        name = look.trouble or (None if self._drawing.possible() else "no_font")
        self._say(name, look.paper_low)
        return name is None

    def _say(self, name: str | None, paper_low: bool = False) -> None:
        notices = [notice("paper_low")] if paper_low else []
        if self._slow_line:
            notices.append(notice("slow_line"))
        state = PaperState(name or "ready", None if name is None else trouble(name), notices)
        if state != self.state:
            self._failures = 0
            self.state = state
            log.info("printer: %s%s", state.state, " (its roll is near its end)" if paper_low else "")
            self.on_change()

    # -- originals and copies

    def _print_proof(self, waiting: print_proof.Waiting) -> None:
        from einvoiced.proof.content import proof

        try:
            strip = self._drawing.strip(proof(waiting.invoice, shop_name=self.shop_name, copy=waiting.copy is not None))
        except FontsMissing:
            raise
        except Exception as error:
            log.exception("%s cannot be drawn", waiting.invoice.invoice_number)
            self._note(print_proof.failed(waiting, f"{type(error).__name__}: {error}"[:200]))
            return
        if self._journal.call(print_proof.begin(waiting, hashlib.sha256(strip).hexdigest())):
            sent = self._send(strip, waiting.copy or waiting.sequence)
            self._note(print_proof.became(waiting, sent.outcome, sent.reason, sent.confirmation))

    def _send(self, strip: bytes, number: int) -> Sent:
        sent = self._sender.send(strip, number)
        self._untaken = self._untaken + 1 if sent.outcome == "not_begun" else 0
        if sent.trouble is not None:
            self._say(sent.trouble)
        if sent.outcome != "out":
            log.warning("a strip of %d bytes: %s (%s)", len(strip), sent.outcome, sent.reason)
        return sent

    def _note(self, data: print_proof.Became) -> None:
        """Append what became of a strip; at a stop the next start finds it in doubt."""
        self._insist(print_proof.note(data))

    # -- slips

    def _print_courtesy(self) -> None:
        sequence = self._courtesy.popleft()
        try:
            self._print_note(sequence)
        except StorageFailed:
            self._courtesy.appendleft(sequence)
            raise

    def _print_note(self, sequence: int) -> None:
        """A slip for a customer without a proof; an entry that was never committed gets none."""
        from einvoiced.proof.content import customer_slip

        try:
            invoice = self._journal.call(lambda tx: read_invoice(tx, sequence))
        except InvoiceNotFound:
            return
        slip = customer_slip(invoice, shop_name=self.shop_name, note=self.note)
        if slip is not None:
            self.print_slip(slip)

    def _print_allowance(self, sequence: int, allowance: int) -> None:
        """Both copies of an allowance's slip as one strip; it waits while not a byte of it leaves."""
        found, verified = self._journal.call(lambda tx: read_allowance(tx, allowance))

        def strip() -> bytes:
            from einvoiced.proof.allowance_slip import allowance_slips

            both = allowance_slips(found, shop_name=self.shop_name, verified=verified)
            return b"".join(self._drawing.strip(copy) for copy in both)

        self._print_slip(Slip(strip, sequence))

    def _print_slip(self, slip: Slip) -> None:
        try:
            strip = slip.make()
        except FontsMissing:
            raise
        except Exception as error:
            log.exception("a slip cannot be drawn")
            self._finish_slip(slip, Sent("unknown", f"{type(error).__name__}: {error}"[:200]))
            return
        sent = self._send(strip, slip.entry or 0)
        if sent.outcome != "not_begun":
            self._finish_slip(slip, sent)

    def _finish_slip(self, slip: Slip, sent: Sent) -> None:
        self._slips.drop(slip)
        if slip.entry is None:
            return
        if sent.outcome == "out":
            self._note(entries.SlipPrinted(slip.entry, sent.confirmation))
        else:
            self._note(entries.SlipUnconfirmed(slip.entry, sent.reason))

    def _pulse(self) -> None:
        from einvoiced.proof.commands import drawer_pulse

        self._sender.pulse(drawer_pulse(self._profile))
