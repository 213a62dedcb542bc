"""The daemon: start order, wiring, stop. The only place where all parts meet."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

import einvoiced
from einvoiced import config, log, parts, systemd
from einvoiced.actions.ask import count
from einvoiced.actions.box import Box, Shop
from einvoiced.actions.box_life import start_box, stop_box
from einvoiced.actions.import_tracks import Importer, Verdict
from einvoiced.actions.status import PaperState, Status, make_status
from einvoiced.errors import ConfigError, EinvoicedError, JournalBroken
from einvoiced.followers import slips
from einvoiced.followers.paper import PaperFollower
from einvoiced.inbox import Inbox
from einvoiced.journal.writer import Journal
from einvoiced.lamp_keeper import LampKeeper
from einvoiced.rpc import server
from einvoiced.rpc.methods import ADMIN, TILL, Methods
from einvoiced.rules.barcodes import aes_sealer
from einvoiced.rules.invoice import Seller
from einvoiced.rules.sale import Policy

SWITCH_INTERVAL = 0.0002
"""Seconds a thread may keep the interpreter: rendering a strip must not hold up an answer."""

EXIT_STORAGE = 74
"""EX_IOERR of sysexits.h: a sync failed and nothing cached is true any more."""

logger = logging.getLogger("einvoiced")


class Daemon:
    """One box. Everything here runs in the loop's thread."""

    def __init__(self, config_file: Path, state: Path, run: Path) -> None:
        self._config_file, self._state, self._run = config_file, state, run
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[server.Server] = []
        self._journal: Journal | None = None
        self._journal_error: EinvoicedError = JournalBroken(detail="not open yet")
        self._paper: PaperFollower | None = None
        self._inbox: Inbox | None = None
        self._shop_name = ""
        self._loop = asyncio.get_running_loop()
        self.stopping = asyncio.Event()

    async def start(self) -> None:
        """Bring everything up; READY when it can issue or can say why not."""
        self._config, problem = self._read_config()
        self._box = Box(parts.clock(self._config.clock), self._state / "journal")
        if problem is not None:
            self._box.lock("config_error", problem.message, problem.message_zh)
        self._take_shop()
        self._box.rtc_agrees = self._box.clock.rtc_agrees(parts.RTC_TOLERANCE)
        self._open_journal()
        self._importer = Importer(self._box, self.journal)
        self._importer.on_verdict = self._tell_verdict
        self._lamps = LampKeeper(parts.lamps(self._config.lamps), self.status)
        await self._listen()
        systemd.notify(READY=1, STATUS=(await self.status()).sentence_zh)
        logger.info("ready: %s", (await self.status()).sentence)
        self._start_hardware()
        gc.collect()
        gc.freeze()

    def journal(self) -> Journal:
        """The open journal, or raise what is wrong with it."""
        if self._journal is None:
            raise self._journal_error
        return self._journal

    async def status(self) -> Status:
        """What `box.status` answers."""
        counts = None if self._journal is None else await self._journal.submit(count(self._box))
        paper = self._paper.state if self._paper is not None else PaperState()
        return make_status(self._box, counts, paper)

    async def stop(self) -> None:
        """Let what is due leave, then end in order."""
        systemd.notify(STOPPING=1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._servers:
            await each.stop()
        if self._paper is not None:
            await asyncio.to_thread(self._paper.stop)
        if self._journal is not None:
            await self._journal.submit(stop_box)
            await asyncio.to_thread(self._journal.close)
        await self._lamps.close()

    # -- start order

    def _read_config(self) -> tuple[config.Config, ConfigError | None]:
        try:
            return config.load(self._config_file), None
        except ConfigError as error:
            logger.error("locked: %s", error)
            return config.UNCONFIGURED, error

    def _take_shop(self) -> None:
        """The shop of a valid configuration; a lock that names what is missing otherwise."""
        if self._config is config.UNCONFIGURED:
            return
        settings = self._config
        self._box.id = settings.box.id
        self._box.prints = settings.printer.transport != "none"
        try:
            seal = aes_sealer(config.qr_key(self._config_file, settings))
        except ConfigError as error:
            logger.error("locked: %s", error)
            self._box.lock("config_error", error.message, error.message_zh)
            return
        s = settings.seller
        self._shop_name = s.name
        self._box.shop = Shop(
            Seller(s.identifier, s.name, s.address, s.telephone),
            Policy(settings.sales.mixed_tax, frozenset(settings.sales.carriers)),
            seal,
        )

    def _open_journal(self) -> None:
        journal = Journal(self._state / "journal", self._box.clock, self._loop)
        journal.on_append = self._appended
        journal.on_fatal = self._fatal
        try:
            journal.open()
            journal.call(start_box(self._box))
        except EinvoicedError as error:
            self._journal_error = error
        except OSError as error:
            self._journal_error = JournalBroken(detail=str(error))
        else:
            self._journal = journal
            return
        logger.error("locked: %s", self._journal_error)
        self._box.lock(self._journal_error.name, self._journal_error.message, self._journal_error.message_zh)

    async def _listen(self) -> None:
        methods = Methods(self._box, self.journal, self._importer, self.status)
        given = systemd.listening_sockets()
        for name, limits in ((TILL, server.Limits()), (ADMIN, server.ADMIN_LIMITS)):
            listening = given.get(name) or server.bind(self._run / f"{name}.sock", f"einvoice-{name}")
            each = server.Server(name, methods.dispatch, limits)
            await each.start(listening)
            self._servers.append(each)

    def _start_hardware(self) -> None:
        self._start_printer()
        folder = parts.folder_stick(self._config.stick, self._state / "inbox")
        inbox = self._inbox = Inbox(self._state / "inbox", self._importer, folder)
        inbox.on_busy = self._lamps.busy
        inbox.on_empty = lambda: self._print_slip(slips.empty_stick_slip(self._shop_name, self._box.clock.now()))
        parts.watch_usb(self._config.stick, self._lamps.stick_seen)
        self._tasks = [
            asyncio.create_task(inbox.run(), name="inbox"),
            asyncio.create_task(self._lamps.run(), name="lamps"),
            asyncio.create_task(self._housekeeping(), name="housekeeping"),
        ]

    def _start_printer(self) -> None:
        transport = parts.printer(self._config.printer)
        if transport is None or self._journal is None:
            return
        profile = parts.profile(self._config.printer)
        self._paper = PaperFollower(self._journal, transport, profile, self._shop_name)
        self._paper.start()

    # -- what happens meanwhile

    def _appended(self, _sequence: int) -> None:
        if self._paper is not None:
            self._paper.wake()

    def _tell_verdict(self, source: str, file_name: str, verdict: Verdict) -> None:
        refused = isinstance(verdict, EinvoicedError)
        logger.log(logging.WARNING if refused else logging.INFO, "track file %s: %s", file_name, verdict)
        if source == "stick":
            self._lamps.verdict(refused)
            self._print_slip(slips.verdict_slip(file_name, verdict, self._shop_name, self._box.clock.now()))

    def _print_slip(self, document: object) -> None:
        if self._paper is not None:
            self._paper.print_slip(document)  # type: ignore[arg-type]

    async def _housekeeping(self) -> None:
        """Every few seconds: look at the hardware clock, feed the watchdog once loop and journal have answered."""
        pause = systemd.watchdog_seconds() or 30.0
        while True:
            self._box.rtc_agrees = await asyncio.to_thread(self._box.clock.rtc_agrees, parts.RTC_TOLERANCE)
            status = await self.status()
            systemd.notify(WATCHDOG=1, STATUS=status.sentence_zh)
            await asyncio.sleep(pause)

    def _fatal(self, error: Exception) -> None:
        """A sync has failed (journal thread): answer what waits, then end without touching the database again."""
        logger.critical("the journal's disk failed (%s); ending, so that the next start proves the disk", error)
        asyncio.run_coroutine_threadsafe(_end(), self._loop)


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
    asyncio.run(_main(options))
    return 0


async def _main(options: argparse.Namespace) -> None:
    daemon = Daemon(options.config, options.state, options.run)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stopping.set)
    await daemon.start()
    await daemon.stopping.wait()
    await daemon.stop()


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
