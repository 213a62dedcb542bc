"""Where requests about paper, the printer's thread and the drawing of strips meet."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from einvoiced import config, errors, parts
from einvoiced.actions.box import Box, Lock
from einvoiced.actions.hand_out_proof import hand_out_proof, look_at_proof
from einvoiced.actions.named import Named, find, stands
from einvoiced.actions.paper_notices import PaperState, trouble
from einvoiced.actions.queue_slip import SlipState, find_slip, note_drawer, queue_slip
from einvoiced.followers.paper import PaperFollower
from einvoiced.followers.slip_queue import OWN_SLIPS, Slip
from einvoiced.hardware.printer.raw import objection
from einvoiced.rpc.paper_methods import BytesParams, Done, PrinterBytes, SlipParams

if TYPE_CHECKING:
    from einvoiced.journal.entries import Peer
    from einvoiced.journal.writer import Journal
    from einvoiced.proof.document import Document
    from einvoiced.proof.profile import PrinterProfile

MOST_SLIPS = 20
RAW_BYTES = 64 * 1024
LONGEST_WAIT = 10.0
LEND_SECONDS = 30.0
"""How long a borrower waits for the strip that is leaving."""

START_SECONDS = 3.0
"""How long a slip waits for a printer that nobody has asked yet."""

_PAUSE = 0.05


class PaperDesk:
    """Paper of one box. The methods of `rpc.paper_methods.Desk` run in any loop, the rest in the main loop."""

    def __init__(self, box: Box, journal: Callable[[], Journal]) -> None:
        self._box, self._journal = box, journal
        self._section, self._file, self._shop_name = config.PrinterSection(), Path(), ""
        self._follower: PaperFollower | None = None
        self._early: deque[Document] = deque(maxlen=OWN_SLIPS)

    def configure(self, section: config.PrinterSection, file: Path, shop_name: str) -> None:
        """Take the configuration, and tell the box what it means for issuing."""
        self._file = file
        self.take(section, shop_name)
        self._box.prints = section.transport != "none"
        self._box.unprintable = _lock("starting") if self._box.prints else None

    def take(self, section: config.PrinterSection, shop_name: str) -> None:
        """Take what may change while the printer works: its options of `config.edit.LIVE`, and the shop's name."""
        self._section, self._shop_name = section, shop_name
        box = self._box
        box.if_unprintable = section.if_unprintable
        box.donation_slip, box.carrier_slip = section.donation_slip, section.carrier_slip
        if self._follower is not None:
            self._follower.shop_name, self._follower.note = shop_name, section.note

    def start(self, journal: Journal) -> None:
        """Start the printer's thread, where there is a printer."""
        profile = parts.profile(self._section, self._file)
        transport = parts.printer(self._section, profile)
        if transport is None:
            return
        baudrate = self._section.baudrate if self._section.transport == "serial" else 0
        follower = PaperFollower(
            journal, transport, profile, self._shop_name, courtesy=self._box.courtesy, baudrate=baudrate
        )

        def tell() -> None:
            """The printer's thread: what issuing must know, before those who waited for it are woken."""
            reason = follower.state.trouble
            self._box.unprintable = None if reason is None else Lock(reason.name, reason.en, reason.zh)
            if not profile.prints_proofs:
                self._box.unprintable = _lock("wrong_roll")
            journal.release()

        follower.on_change = tell
        follower.note = self._section.note
        self._follower = follower
        follower.start()
        self._hand_on()

    @property
    def state(self) -> PaperState:
        """What the printer says."""
        return self._follower.state if self._follower is not None else PaperState()

    def wake(self) -> None:
        """Something may wait for the printer. Any thread."""
        if self._follower is not None:
            self._follower.wake()

    def print_slip(self, document: Document) -> None:
        """Print a slip of the box's own, where there is a printer; it waits for the thread to begin. Any thread."""
        self._early.append(document)
        self._hand_on()

    def _hand_on(self) -> None:
        if self._follower is None:
            return
        while self._early:
            with contextlib.suppress(IndexError):  # another thread was quicker
                self._follower.print_slip(self._early.popleft())

    def stop(self) -> None:
        """Finish the strip that is leaving. Blocks."""
        if self._follower is not None:
            self._follower.stop()

    async def lend(self) -> str:
        """Close the device between two strips; returns the printer's name. NoPrinter, PrinterLent when it is busy."""
        follower = await self._need_follower()
        try:
            await asyncio.wait_for(asyncio.wrap_future(follower.lend()), LEND_SECONDS)
        except TimeoutError:
            raise errors.PrinterLent(detail="it is printing", detail_zh="列印中") from None
        return follower.printer

    def take_back(self, *, clean: bool) -> None:
        """Print again; not `clean`: the printer may stand within a strip."""
        if self._follower is not None:
            self._follower.take_back(clean=clean)

    # -- methods

    async def hand_out(self, params: BytesParams, peer: Peer) -> PrinterBytes:
        """The bytes of an original (once), of a copy (counted) or of the details."""
        journal, copy = self._journal(), params.what == "copy"
        if params.what == "details":
            found = await journal.submit(find(self._box, params))
        else:
            found = await journal.submit(look_at_proof(self._box, params, copy))
        profile = self._profile(params.profile)
        if params.what != "details":
            profile = _as_the_law_wants(profile)
        strip = await asyncio.to_thread(self._draw, found.invoice, params.what, profile)
        sha256 = hashlib.sha256(strip).hexdigest()
        if params.what == "details":
            state = await journal.submit(lambda tx: stands(tx, found))
        else:
            state = await journal.submit(
                hand_out_proof(self._box, params, copy=copy, sha256=sha256, by=params.by, peer=peer)
            )
        return PrinterBytes(base64.b64encode(strip).decode(), sha256, state)

    async def print_details(self, params: Named) -> Done:
        """Print the details of an invoice on a sheet of their own."""
        from einvoiced.proof.content import details

        await self._need_follower()
        found = await self._journal().submit(find(self._box, params))
        self.print_slip(details(found.invoice, shop_name=self._shop_name, note=self._section.note))
        return Done()

    async def print_slip_of(self, params: SlipParams, peer: Peer) -> SlipState:
        """Queue a till's slip; the same key gives the slip that it stands for."""
        follower, journal = await self._need_follower(), self._journal()
        kind: Literal["lines", "raw"] = "lines" if params.raw is None else "raw"
        content = self._raw(params) if params.raw is not None else msgspec.json.encode(params.lines)
        sha256 = hashlib.sha256(content).hexdigest()
        known = await journal.submit(find_slip(params.key, sha256))
        if known is None:
            strip = content if kind == "raw" else await asyncio.to_thread(self._slip_strip, params)
            await self._need_printer(follower, params.if_unprintable)
            queued = await journal.submit(queue_slip(params.key, kind, sha256, len(content), peer))
            known = queued.slip
            if queued.new:
                follower.add_slip(Slip(lambda: strip, queued.slip.slip))
        deadline = asyncio.get_running_loop().time() + min(max(params.wait, 0.0), LONGEST_WAIT)
        while known.state == "queued" and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
            known = await journal.submit(find_slip(params.key, sha256)) or known
        return known

    async def open_drawer(self, peer: Peer) -> Done:
        """Open the drawer now, and keep who asked."""
        follower = await self._need_follower()
        await asyncio.to_thread(follower.open_drawer)
        await self._journal().submit(note_drawer(peer))
        return Done()

    # -- parts of them

    async def _need_follower(self) -> PaperFollower:
        """The printer's thread; a box that has just begun to answer starts it in a moment."""
        for _ in range(int(START_SECONDS / _PAUSE)):
            if self._follower is not None:
                return self._follower
            if self._section.transport == "none":
                break
            await asyncio.sleep(_PAUSE)
        raise errors.NoPrinter

    async def _need_printer(self, follower: PaperFollower, if_unprintable: str) -> None:
        """PrinterNotReady or SlipQueueFull; a printer that was just switched on is waited for."""
        for _ in range(int(START_SECONDS / _PAUSE)):
            if follower.state.state != "starting":
                break
            await asyncio.sleep(_PAUSE)
        reason = follower.state.trouble
        if reason is not None and if_unprintable == "refuse":
            raise errors.PrinterNotReady(detail=reason.en, detail_zh=reason.zh)
        if follower.slips_waiting >= MOST_SLIPS:
            raise errors.SlipQueueFull(limit=MOST_SLIPS)

    def _profile(self, name: str | None) -> PrinterProfile:
        section = self._section if name is None else config.PrinterSection(profile=name)
        try:
            if name is not None and (name.endswith(".toml") or "/" in name):
                raise errors.InvalidParams("profile", detail="a profile's name, not a file")
            return parts.profile(section, self._file)
        except errors.ConfigError as error:
            raise errors.InvalidParams("profile", detail=str(error.facts["detail"])) from None

    def _draw(self, invoice: object, what: str, profile: PrinterProfile) -> bytes:
        from einvoiced.proof.content import details, proof
        from einvoiced.proof.render import render
        from einvoiced.rules.invoice import Invoice

        assert isinstance(invoice, Invoice)
        if what == "details":
            return render(details(invoice, shop_name=self._shop_name, note=self._section.note), profile)
        return render(proof(invoice, shop_name=self._shop_name, copy=what == "copy"), profile)

    def _slip_strip(self, params: SlipParams) -> bytes:
        """The strip of a slip's lines; BadSlip."""
        from einvoiced.keepers.slip_lines import to_document
        from einvoiced.proof.render import render

        profile = parts.profile(self._section, self._file)
        if not params.cut:
            profile = msgspec.structs.replace(profile, cutter=False)
        try:
            return render(to_document(params.lines or [], profile.dots), profile)
        except ValueError as error:
            raise errors.BadSlip("lines", detail=str(error)) from None

    def _raw(self, params: SlipParams) -> bytes:
        """The bytes of a raw slip; RawForbidden, BadSlip or InvalidParams."""
        if params.lines is not None:
            raise errors.InvalidParams(detail="give either lines or raw")
        if not self._section.raw_slips:
            raise errors.RawForbidden(detail="printer.raw_slips is false")
        try:
            data = base64.b64decode(params.raw or "", validate=True)
        except (binascii.Error, ValueError):
            raise errors.InvalidParams("raw", detail="not Base64") from None
        if len(data) > RAW_BYTES:
            raise errors.BadSlip("raw", detail=f"{len(data)} bytes, at most {RAW_BYTES} are taken")
        against = objection(data)
        if against is not None:
            raise errors.RawForbidden("raw", detail=against)
        return data


def _as_the_law_wants(profile: PrinterProfile) -> PrinterProfile:
    """The printer with a 57 mm roll; InvalidParams where none fits."""
    try:
        return profile.on_roll(57)
    except ValueError as error:
        raise errors.InvalidParams("profile", detail=f"{error}, and a proof is 5.7 cm wide") from None


def _lock(name: str) -> Lock:
    reason = trouble(name)
    return Lock(reason.name, reason.en, reason.zh)
