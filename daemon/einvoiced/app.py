"""The daemon: start order, wiring, stop. The only place where all parts meet."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import einvoiced
from einvoiced import log, parts, systemd
from einvoiced.actions.box import Box
from einvoiced.actions.import_tracks import Importer, Verdict
from einvoiced.actions.status import Status, make_status
from einvoiced.actions.stick_outcome import Outcome
from einvoiced.errors import EinvoicedError
from einvoiced.followers import slips
from einvoiced.keepers.boot_slip import StatusPrinter
from einvoiced.keepers.clock import ClockWatch
from einvoiced.keepers.config import ConfigKeeper
from einvoiced.keepers.daily_slip import DailySlip
from einvoiced.keepers.due import DueKeeper
from einvoiced.keepers.finder import Finder
from einvoiced.keepers.inbox import Inbox
from einvoiced.keepers.journal import JournalKeeper
from einvoiced.keepers.lamps import LampKeeper
from einvoiced.keepers.lending import Lending
from einvoiced.keepers.paper import PaperDesk
from einvoiced.keepers.snapshots import SnapshotDesk
from einvoiced.keepers.supervisor import Supervisor
from einvoiced.rpc import server
from einvoiced.rpc.methods import Methods
from einvoiced.rpc.registry import ADMIN, TILL

if TYPE_CHECKING:
    from einvoiced.proof.document import Document

SWITCH_INTERVAL = 0.0002
"""Seconds a thread may keep the interpreter: rendering a strip must not hold up an answer."""

EXIT_STORAGE = 74
"""EX_IOERR of sysexits.h: a sync failed and nothing cached is true any more."""

EXIT_FAILED = 71
"""EX_OSERR of sysexits.h: it could not start, such as without a place for its sockets."""

RETRY_SECONDS = 5.0
"""How often a journal that could not be opened is tried again: a disk may be mended."""

logger = logging.getLogger("einvoiced")


class Daemon:
    """One box. Everything here runs in the main loop's thread, but for what says otherwise."""

    def __init__(self, config_file: Path, state: Path, run: Path) -> None:
        self._state, self._run = state, run
        self._servers: list[server.Server] = []
        self._inbox: Inbox | None = None
        self._head = 0
        self._settings = ConfigKeeper(config_file, lambda: self._keeper.journal())
        self._loop = asyncio.get_running_loop()
        self._keeper: JournalKeeper
        self._tasks: Supervisor
        self._finder, self._snapshots = Finder(state, self._loop), SnapshotDesk(state)
        self.stopping, self.hangup = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        """Bring everything up; READY when it can issue or can say why not."""
        settings = self._settings.running
        self._box = Box(parts.clock(settings.clock), self._state / "journal")
        self._tasks = Supervisor(self._box)
        keeper = self._keeper = JournalKeeper(self._box, self._state, settings.mirror, self._tasks)
        keeper.on_fatal = self._fatal
        self._desk = PaperDesk(self._box, keeper.journal)
        self._clock_watch = ClockWatch(self._box.clock)
        self._settings.start(self._box)
        if self._box.shop is not None:
            self._desk.configure(settings.printer, self._settings.file, self._shop_name)
        self._settings.on_change = lambda now: self._desk.take(now.printer, now.seller.name)
        self._box.rtc_agrees = self._box.clock.rtc_agrees(parts.RTC_TOLERANCE)
        keeper.open()
        self._due = DueKeeper(self._box, keeper.journal)
        self._importer = Importer(self._box, keeper.journal)
        self._importer.on_verdict = self._tell_verdict
        self._lending = Lending(self._box, self._desk)
        self._status_printer = StatusPrinter(self.status, self._print_slip, settings.printer)
        self._lamps = LampKeeper(parts.lamps(settings.lamps), self.status)
        await self._listen()
        await keeper.begin()
        systemd.notify(READY=1, STATUS=(await self.status()).sentence_zh)
        logger.info("ready: %s", (await self.status()).sentence)
        self._start_hardware()
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)

    @property
    def _shop_name(self) -> str:
        return self._box.shop.seller.name if self._box.shop is not None else ""

    async def _reloads(self) -> None:
        """After each SIGHUP read the configuration again; what is wrong with it stands in the status."""
        while True:
            await self.hangup.wait()
            self.hangup.clear()
            systemd.notify(RELOADING=1)
            with contextlib.suppress(EinvoicedError):  # said by the keeper
                await self._settings.reload("", None)
            systemd.notify(READY=1, STATUS=(await self.status()).sentence_zh)

    async def status(self) -> Status:
        """What `box.status` answers."""
        counts = await self._keeper.counts()
        due = await self._due.look() if counts is not None else []
        return make_status(self._box, counts, self._desk.state, due)

    async def stop(self) -> bool:
        """Let what is due leave, then end in order; False where the disk did not take the end."""
        systemd.notify(STOPPING=1)
        await self._tasks.stop()
        await asyncio.gather(self._finder.stop(), self._snapshots.stop())
        self._keeper.let_go()
        for each in self._servers:
            await _in_loop(each.loop, each.stop())
        await asyncio.to_thread(self._desk.stop)
        in_order = await self._keeper.stop()
        await self._lamps.close()
        return in_order

    # -- start order

    async def _listen(self) -> None:
        """The tills' socket is served in the journal's own loop: no request changes threads. The admin's in ours."""
        self._methods = Methods(self._box, self._keeper.journal, self._importer, self.status)
        self._methods.journal.on_report = self._keeper.report
        self._methods.paper.desk = self._desk
        self._methods.config.keeper = self._settings
        self._methods.technician.lending = self._lending
        self._methods.technician.on_show = self._lamps.test
        if self._settings.running.printer.transport != "none":
            self._methods.on_print = lambda status: self._status_printer.print(status, self._shop_name)
        self._methods.invoices.finder = self._methods.reports.finder = self._finder
        self._methods.reports.desk = self._snapshots
        self._methods.reports.on_day = lambda day, tills: self._print_slip(
            slips.day_slip(day, tills, self._shop_name, self._box.clock.now())
        )
        self._methods.tracks.on_plan = lambda plan: self._print_slip(
            slips.plan_slip(plan, self._shop_name, self._box.clock.now())
        )
        self._methods.uploads.on_exported = self._tell_exported
        journal = self._keeper.open_journal
        if journal is not None:
            journal.on_group = self._committed
        given = systemd.listening_sockets()
        for name, limits in ((ADMIN, server.ADMIN_LIMITS), (TILL, server.Limits())):
            listening = given.get(name) or server.bind(self._run / f"{name}.sock", f"einvoice-{name}")
            hurry = journal.commit_now if name == TILL and journal is not None else None
            each = server.Server(name, self._methods.dispatch, limits, hurry)
            if name == ADMIN:
                each.on_gone = self._lending.gone
            await _in_loop(self._loop_of(name), each.start(listening))
            self._servers.append(each)

    def _loop_of(self, name: str) -> asyncio.AbstractEventLoop:
        journal = self._keeper.open_journal
        return journal.loop if name == TILL and journal is not None else self._loop

    def _start_hardware(self) -> None:
        self._start_printer()
        folder = parts.folder_stick(self._settings.running.stick, self._state / "inbox")
        inbox = self._inbox = Inbox(self._state / "inbox", self._importer, folder)
        inbox.on_busy = self._lamps.busy
        inbox.on_nothing, inbox.on_stuck = self._tell_nothing, self._tell_stuck
        parts.watch_usb(self._settings.running.stick, self._lamps.stick_seen)
        for name, run in (
            ("inbox", inbox.run),
            ("lamps", self._lamps.run),
            ("housekeeping", self._housekeeping),
            ("reloads", self._reloads),
            ("boot slip", self._boot_slip),
            ("daily slip", self._daily_slip),
        ):
            self._tasks.start(name, run)

    async def _daily_slip(self) -> None:
        slip = DailySlip(lambda: self._settings.running.box.daily_slip, self._state, self.status, self._box.clock.now)
        await slip.run(lambda: self._desk.state.state, self._print_slip, lambda: self._shop_name)

    async def _boot_slip(self) -> None:
        running = self._settings.running
        if running.printer.transport != "none":
            await self._status_printer.after_start(
                running.box.boot_slip, self._state, lambda: self._desk.state.state, lambda: self._shop_name
            )

    def _start_printer(self) -> None:
        journal = self._keeper.open_journal
        if journal is not None and not self._box.frozen:
            self._desk.start(journal)

    # -- what happens meanwhile

    def _committed(self, sequence: int) -> None:
        """A group was committed (journal's thread): wake those who have something to do, and nobody else."""
        self._keeper.committed()
        if self._box.paper_waits:
            self._box.paper_waits = False
            self._desk.wake()
        grown, self._head = sequence != self._head, sequence  # a question that woke others would be asked by them again
        if grown and self._methods.journal.appended.waited_for:
            self._loop.call_soon_threadsafe(self._methods.journal.appended.note, sequence)

    def _tell_verdict(self, source: str, file_name: str, verdict: Verdict) -> None:
        refused = isinstance(verdict, EinvoicedError)
        told = str(verdict) if isinstance(verdict, EinvoicedError) else f"{verdict.ranges} ranges taken"
        logger.log(logging.WARNING if refused else logging.INFO, "track file %s: %s", file_name, told)
        if source in ("stick", "typed"):
            self._lamps.verdict(refused)
            self._print_slip(slips.verdict_slip(file_name, verdict, self._shop_name, self._box.clock.now()))

    def _tell_nothing(self, why: str) -> None:
        """A stick gave no verdict: say so once."""
        logger.warning("a stick without a track file: %s", why)
        self._lamps.verdict(refused=True)
        self._print_slip(slips.nothing_slip(why, self._shop_name, self._box.clock.now()))

    def _tell_stuck(self, batches: dict[Path, str]) -> None:
        """Batches of the inbox that somebody must look at."""
        if not batches:
            self._box.forget("inbox_stuck")
            return
        what = "; ".join(f"{path} {why}" for path, why in sorted(batches.items()))
        zh = f"收件匣中的批次無法處理或刪除，請聯絡維修人員：{what}"
        self._box.note("inbox_stuck", f"In the inbox something needs a hand: {what}.", zh)

    def _tell_exported(self, done: Outcome) -> None:
        """A stick was written."""
        self._lamps.verdict(refused=bool(done.problems))
        self._print_slip(slips.exported_slip(done, self._shop_name, self._box.clock.now()))

    def _print_slip(self, document: Document) -> None:
        self._desk.print_slip(document)

    async def _housekeeping(self) -> None:
        """Every few seconds: the clocks, the journal that could not be opened, the status; a fault is logged."""
        pause = min(systemd.watchdog_seconds() or RETRY_SECONDS, RETRY_SECONDS)
        while True:
            await asyncio.sleep(pause)
            try:
                await self._look_after()
            except (EinvoicedError, OSError) as error:
                logger.error("housekeeping: %s", error)

    async def _look_after(self) -> None:
        self._box.rtc_agrees = await asyncio.to_thread(self._box.clock.rtc_agrees, parts.RTC_TOLERANCE)
        jump = self._clock_watch.jumped()
        if jump is not None:
            logger.warning("the clock jumped by %.1f s", jump)
            await self._keeper.note_jump(jump)
        if self._keeper.open_journal is None and self._keeper.open_again():
            await self._go_on()
        elif self._keeper.waits_to_begin:
            await self._keeper.begin()
        systemd.notify(STATUS=(await self.status()).sentence_zh)
        if "disk_stuck" not in self._box.locks:  # loop and journal have answered
            systemd.notify(WATCHDOG=1)

    async def _go_on(self) -> None:
        """There is a journal at last."""
        logger.info("the journal can be opened again")
        self._keeper.journal().on_group = self._committed
        await self._keeper.begin()
        self._start_printer()

    def _fatal(self, error: Exception) -> None:
        """A sync has failed (journal thread): answer what waits, then end without touching the database again."""
        logger.critical("the journal's disk failed (%s); ending, so that the next start proves the disk", error)
        asyncio.run_coroutine_threadsafe(_end(), self._loop)


async def _in_loop(loop: asyncio.AbstractEventLoop, what: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a loop that may be another thread's, and wait for it."""
    if loop is asyncio.get_running_loop():
        await what
    else:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(what, loop))


async def _end() -> None:
    await asyncio.sleep(0.05)
    os._exit(EXIT_STORAGE)


def main() -> int:
    """The entry point `einvoiced`."""
    options = _options()
    if options.version:
        sys.stdout.write(f"einvoiced {einvoiced.__version__}\n")
        return 0
    log.set_up(options.verbose)
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        in_order = asyncio.run(_main(options))
    except Exception:
        logger.critical("einvoiced cannot go on", exc_info=True)
        os._exit(EXIT_FAILED)  # the journal's thread would keep a process without sockets alive
    if not in_order:
        os._exit(0)  # nothing may close the journal any more
    return 0


async def _main(options: argparse.Namespace) -> bool:
    daemon = Daemon(options.config, options.state, options.run)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stopping.set)
    loop.add_signal_handler(signal.SIGHUP, daemon.hangup.set)
    await daemon.start()
    await daemon.stopping.wait()
    return await daemon.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="einvoiced", description=einvoiced.__doc__)
    parser.add_argument("--config", type=Path, default=Path("/etc/einvoiced/einvoiced.toml"), help="the TOML file")
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(systemd.directory("STATE_DIRECTORY", "/var/lib/einvoiced")),
        help="where the journal and the inbox live",
    )
    parser.add_argument("--run", type=Path, default=Path("/run/einvoice"), help="where the sockets are made")
    parser.add_argument("--verbose", action="store_true", help="log more")
    parser.add_argument("--version", action="store_true", help="print the version and end")
    return parser.parse_args()
