"""The journal's life inside the daemon: opened and proven, compared with all who know better, written, closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from einvoiced import config, parts, systemd
from einvoiced.actions.ask import Counts, count
from einvoiced.actions.box import Box
from einvoiced.actions.box_life import start_box, stop_box
from einvoiced.actions.correct_clock import note_jump
from einvoiced.actions.follow import Judged
from einvoiced.actions.start_checks import check_files, find_faults
from einvoiced.errors import BoxStopping, EinvoicedError, JournalBehind, JournalBroken, JournalForked, StorageFailed
from einvoiced.journal import beside, migrations, store
from einvoiced.journal.transaction import NotYet
from einvoiced.journal.witnesses import Report, Witnesses
from einvoiced.journal.writer import Journal
from einvoiced.keepers.ceilings import CeilingKeeper
from einvoiced.keepers.periods import PeriodKeeper
from einvoiced.keepers.supervisor import Supervisor
from einvoiced.waiting import happened

WITNESS_SECONDS = 5.0
"""How long a start waits for its witnesses before it says that they are silent."""

DISK_SECONDS = 3.0
"""How long a status waits for the journal before it says that the disk does not answer."""

RECOVERY_SECONDS = 600
"""What systemd is asked to wait for a long WAL to be copied at a start, or for each step of a migration."""

logger = logging.getLogger("einvoiced")


class JournalKeeper:
    """Main loop only, but for what says otherwise. `on_fatal` is called in the journal's thread: a sync has failed."""

    def __init__(self, box: Box, state: Path, mirror: config.MirrorSection, tasks: Supervisor) -> None:
        """`tasks` gets the work that the journal needs beside it; who made it ends it before `let_go`."""
        self._box, self._state, self._tasks = box, state, tasks
        self._journal: Journal | None = None
        self._error: EinvoicedError = JournalBroken(detail="not open yet", detail_zh="尚未開啟")
        self._beside: beside.Beside | None = None
        self._reported = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._witnesses = Witnesses(*parts.witnesses(mirror))
        self._ceilings: CeilingKeeper
        self.on_fatal: Callable[[Exception], None] = lambda _error: None
        self._begun = False
        box.on_behind = self._freeze_soon

    def journal(self) -> Journal:
        """The open journal, or raise what is wrong with it."""
        if self._journal is None:
            raise self._error
        return self._journal

    @property
    def open_journal(self) -> Journal | None:
        """The open journal; None where there is none."""
        return self._journal

    async def counts(self) -> Counts | None:
        """The journal's part of a status; None when there is no journal, or a disk that does not answer."""
        if self._journal is None:
            return None
        try:
            async with asyncio.timeout(DISK_SECONDS):
                counts = await self._journal.submit(count(self._box))
            self._box.unlock("disk_stuck")
            return counts
        except StorageFailed:
            return None  # damage: `on_broken` has locked the box
        except TimeoutError:
            self._box.lock("disk_stuck", "The journal's disk does not answer.", "日誌磁碟沒有回應。")
            return None

    def open(self) -> None:
        """Open and prove the journal; nothing is appended until `begin`. A lock that names what is wrong otherwise."""
        journal = Journal(self._state / "journal", self._box.clock)
        journal.on_fatal, journal.on_broken = self.on_fatal, self._freeze_soon
        _extend("檢查日誌中")
        try:
            self._state.mkdir(parents=True, exist_ok=True)
            self._beside = beside.read(self._state)
            check_files(self._state / "journal", self._beside)
            database = self._state / "journal" / store.FILE
            journal.open(lambda: migrations.migrate_apart(database, _told), may_begin=self._beside is None)
            journal.freeze(NotYet())
        except EinvoicedError as error:
            self._error = error
        except Exception as error:
            logger.error("the journal cannot be opened", exc_info=error)
            self._error = JournalBroken(detail=str(error) or type(error).__name__)
        else:
            self._journal = journal
            self._box.journal_id, self._box.secret, self._box.key_epoch = journal.id, journal.secret, journal.key_epoch
            self._ceilings = CeilingKeeper(self._box, journal, self._witnesses, self._state)
            return
        self._lock(self._error)

    @property
    def waits_to_begin(self) -> bool:
        """Whether `begin` did not get through, for a disk that took nothing (full, say), and is to be tried again."""
        return self._journal is not None and not self._begun and not self._box.frozen

    async def begin(self) -> None:
        """Compare with everything that knows better, then append `box_started`; a lock and a frozen journal if not."""
        if self._journal is None:
            return
        try:
            await self._begin(self._journal)
        except StorageFailed as error:
            self._lock(error)
            if not self._box.frozen:
                self._journal.freeze(NotYet())
        except EinvoicedError:
            if not self._box.frozen:  # what froze it in this very moment has locked the box
                raise

    async def _begin(self, journal: Journal) -> None:
        identity = await asyncio.to_thread(parts.identity, self._state)
        faults = await journal.submit(find_faults(self._box, journal.id, self._beside, identity))
        await self._hear_witnesses()
        for fault in faults:
            self.freeze(fault)
        if self._box.frozen:
            return
        if self._beside is None:
            self._beside = await self._first_beside(journal)
        await asyncio.wrap_future(journal.thaw(start_box(self._box, identity, self._witnesses.verdicts)))
        known = self._beside.ceilings if self._beside is not None else []
        self._begun = True
        self._box.unlock(StorageFailed.name)
        content = beside.Beside(journal.id, True, known).at(await journal.submit(lambda tx: tx.head), running=True)
        await self._ceilings.write(content)
        self._tasks.start("ceilings", self._ceilings.run)
        self._tasks.start("periods", PeriodKeeper(self._box, journal, self._state).run)

    async def _first_beside(self, journal: Journal) -> beside.Beside:
        """The file beside a new journal, written before its second entry; StorageFailed where the disk takes none."""
        content = beside.Beside(journal.id).at(await journal.submit(lambda tx: tx.head), running=True)
        try:
            await asyncio.to_thread(beside.write, self._state, content)
        except OSError as error:
            raise StorageFailed(detail=f"{beside.FILE}: {error.strerror}") from None
        return content

    async def note_jump(self, seconds: float) -> None:
        """Keep that the clock jumped; before the box has begun nobody waits for that, least of all who begins it."""
        if self._journal is not None and not self._journal.frozen:
            await self._journal.submit(note_jump(seconds, self._box.clock.synchronised()))

    def open_again(self) -> bool:
        """Try again to open a journal whose disk may have been mended; whether there is one now, for `begin`."""
        was = self._error
        self.open()
        if self._error.name != was.name or self._journal is not None:
            self._box.unlock(was.name)
        return self._journal is not None

    def report(self, report: Report, judged: Judged) -> None:
        """A witness reported: ahead of us or of another history, the box locks and appends nothing."""
        self._witnesses.note(report, judged.verdict)
        self._reported.set()
        if judged.verdict == "agrees":
            self._ceilings.witness_reported()
            return
        kind = JournalBehind if judged.verdict == "journal_behind" else JournalForked
        detail = f"entry {report.sequence} of journal {report.journal}; this one has {judged.sequence} entries"
        zh = f"日誌 {report.journal} 第 {report.sequence} 筆，本機有 {judged.sequence} 筆"
        who = f"The witness {report.witness}"
        self.freeze(kind(who=who, who_zh=f"備份端 {report.witness}", detail=detail, detail_zh=zh))

    def committed(self) -> None:
        """A group was committed (journal's thread): ceilings that run low are raised."""
        ceilings = self._box.ceilings
        if ceilings is not None and ceilings.wanted:
            self._loop.call_soon_threadsafe(self._ceilings.poke)

    def freeze(self, error: EinvoicedError) -> None:
        """Lock the box and append nothing until a technician has reconciled the journal, offline."""
        self._lock(error)
        self._box.frozen = True
        if self._journal is not None:
            self._journal.freeze(error)
            self._journal.release(error)

    def let_go(self) -> None:
        """Nothing is appended by itself any more; what waits at a ceiling is answered: its keeper is gone."""
        if self._journal is not None:
            self._journal.release(BoxStopping())

    async def stop(self) -> bool:
        """The last entry, then the file beside, then the checkpoint that empties the WAL: in this order.

        False where the disk did not take these. Then the journal stays open and the process must end at once, as by a
        power cut: a close would take the WAL away, and a start that was promised one would lock the box.
        """
        journal = self._journal
        if journal is None:
            return True
        try:
            await self._write_the_end(journal)
        except (EinvoicedError, OSError) as error:
            what = "the journal" if isinstance(error, EinvoicedError) else beside.FILE
            logger.error("the end cannot be written to %s; the next start is as after a power cut: %s", what, error)
            return False
        await asyncio.to_thread(journal.close)
        return True

    async def _write_the_end(self, journal: Journal) -> None:
        known = await asyncio.to_thread(beside.read, self._state)
        if not journal.frozen:
            await journal.submit(stop_box)
            if known is not None:
                known = known.at(await journal.submit(lambda tx: tx.head), running=False)
        if known is not None:
            await asyncio.to_thread(beside.write, self._state, msgspec.structs.replace(known, running=False))

    async def _hear_witnesses(self) -> None:
        """Give every configured witness a little time to report before anything is appended."""
        deadline = self._loop.time() + WITNESS_SECONDS
        while not self._witnesses.heard_all and self._loop.time() < deadline:
            self._reported.clear()
            await happened(self._reported, deadline - self._loop.time())

    def _freeze_soon(self, error: EinvoicedError) -> None:
        """A till holds a valid later answer, or damage was met (journal's thread)."""
        self._loop.call_soon_threadsafe(self.freeze, error)

    def _lock(self, error: EinvoicedError) -> None:
        if error.name not in self._box.locks:
            logger.error("locked: %s", error)
        self._box.lock(error.name, error.message, error.message_zh)


def _extend(status: str) -> None:
    systemd.notify(STATUS=status, EXTEND_TIMEOUT_USEC=RECOVERY_SECONDS * 1_000_000)


def _told(sequence: int) -> None:
    """A migration plays entries again."""
    if sequence % 100_000 < 1000:
        _extend(f"更新日誌格式中，已處理 {sequence:,} 筆")
