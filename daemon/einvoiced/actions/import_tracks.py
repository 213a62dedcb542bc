"""`tracks.import`: take the ranges of a track file, or refuse the whole file and say why.

Both are entries: what was taken, and what was refused and by which rule.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.errors import NotConfigured, TrackFileError
from einvoiced.intake import ParsedFile, new_ranges, read_track_file
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.journal.writer import Journal
from einvoiced.rules.numbers import NumberRange
from einvoiced.rules.period import Period


class RangeShown(Struct, frozen=True):
    """A range as answers and slips show it."""

    year_month: str
    period: str
    track: str
    begin: str
    end: str
    booklets: int
    numbers: int


class Imported(Struct, frozen=True):
    """The verdict on a file that was accepted; `stock` counts all numbers left, this period's and later ones'.

    `to_release`: ranges of a period that was running when this journal began; a technician must release them.
    """

    file_name: str
    sha256: str
    taken: list[RangeShown]
    already_known: list[RangeShown]
    to_release: list[RangeShown]
    stock: int


def import_tracks(box: Box, file_name: str, data: bytes, *, source: str, peer: Peer | None) -> Action[Imported]:
    """Parse and check the file now; the returned action compares it with the journal and takes what is new.

    NotConfigured without a shop; the action raises a TrackFileError for a file that is refused.
    """
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    digest = hashlib.sha256(data).hexdigest()
    name = file_name[-100:]
    parsed: ParsedFile | TrackFileError
    try:
        parsed = read_track_file(data, seller=box.shop.seller.identifier, today=box.clock.now().date())
    except TrackFileError as error:
        parsed = error

    def action(tx: Transaction) -> Imported:
        tx.check_space()
        if isinstance(parsed, TrackFileError):
            raise parsed
        verdict = new_ranges(parsed.rows, _known(tx, parsed))
        if verdict.taken:
            begun = _journal_begun(tx)
            ranges = [_entry_range(r, released=r.period.begins >= begun) for r in verdict.taken]
            tx.append(entries.TracksImported(name, digest, source, peer, ranges))
            if box.ceilings is not None:
                box.ceilings.wanted = True
        seller = parsed.rows[0].range.seller
        taken, known = [shown(r) for r in verdict.taken], [shown(r) for r in verdict.known]
        waiting = [shown(r) for r in verdict.taken if r.period.begins < _journal_begun(tx)]
        return Imported(name, digest, taken, known, waiting, _stock(tx, seller))

    return action


Verdict = Imported | TrackFileError


class Importer:
    """Track files from anywhere, one way in: parse, take or refuse, keep the verdict, tell who listens. Loop only."""

    def __init__(self, box: Box, journal: Callable[[], Journal]) -> None:
        self._box, self._journal = box, journal
        self.on_verdict: Callable[[str, str, Verdict], None] = lambda _source, _file_name, _verdict: None

    async def import_file(
        self,
        file_name: str,
        data: bytes,
        source: str,
        peer: Peer | None,
        ignore: tuple[type[TrackFileError], ...] = (),
    ) -> Imported:
        """The verdict on a file; a TrackFileError is kept as an entry, told to `on_verdict`, and raised.

        Refusals of the `ignore` kinds are only raised: a stick holds strangers' files too.
        """
        journal = self._journal()
        try:
            action = await asyncio.to_thread(import_tracks, self._box, file_name, data, source=source, peer=peer)
            verdict = await journal.submit(action)
        except ignore:
            raise
        except TrackFileError as error:
            await journal.submit(record_refusal(file_name, data, error, source, peer))
            self.on_verdict(source, file_name, error)
            raise
        self.on_verdict(source, file_name, verdict)
        return verdict


def record_refusal(file_name: str, data: bytes, error: TrackFileError, source: str, peer: Peer | None) -> Action[int]:
    """Keep in the journal that a file was refused, and why."""
    digest = hashlib.sha256(data).hexdigest()
    refused = entries.TracksRefused(
        file_name[-100:], digest, source, peer, error.name, error.line, error.column, error.value[:200]
    )
    return lambda tx: tx.append(refused)


def shown(r: NumberRange) -> RangeShown:
    """A range with its sums, for people and programs."""
    return RangeShown(
        r.period.year_month, r.period.label, r.track, f"{r.begin:08d}", f"{r.end:08d}", r.booklets, len(r)
    )


def _entry_range(r: NumberRange, *, released: bool) -> entries.Range:
    return entries.Range(r.seller, r.invoice_type, r.period.year_month, r.track, r.begin, r.end, released)


def _journal_begun(tx: Transaction) -> datetime:
    """When this journal began: of a period that was running then, it cannot know which numbers were used elsewhere."""
    row = tx.one("SELECT body FROM entries WHERE sequence = 1")
    return datetime.fromisoformat(entries.read(row[0]).time)


def _known(tx: Transaction, parsed: ParsedFile) -> list[NumberRange]:
    wanted = sorted({(row.range.seller, row.range.period) for row in parsed.rows})
    rows = [
        row
        for seller, period in wanted
        for row in tx.all(
            'SELECT seller, invoice_type, year_month, track, begin, "end" FROM ranges '
            "WHERE seller = ? AND year_month = ?",
            seller,
            period.year_month,
        )
    ]
    return [NumberRange(s, t, Period.from_year_month(ym), track, begin, end) for s, t, ym, track, begin, end in rows]


def _stock(tx: Transaction, seller: str) -> int:
    this = Period.of(tx.now()).year_month
    question = 'SELECT coalesce(sum("end" - next + 1), 0) FROM ranges WHERE seller = ? AND year_month >= ?'
    return int(tx.one(question, seller, this)[0])
