"""`tracks.import`: take the ranges of a track file, or refuse the whole file and say why.

Both are entries: what was taken, and what was refused and by which rule.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice

from msgspec import Struct

from einvoiced.actions.box import Box, Shop
from einvoiced.errors import NotConfigured, TrackFileError
from einvoiced.intake import ParsedFile, TrackRow, new_ranges, read_track_file
from einvoiced.intake.compare import Verdict as Comparison
from einvoiced.journal import entries, number_ranges
from einvoiced.journal.entries import Peer
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.journal.writer import Journal
from einvoiced.rules.numbers import BOOKLET, NumberRange
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share


class RangeShown(Struct, frozen=True):
    """A range as answers and slips show it; `ours`: how many of its `numbers` are this box's share."""

    seller: str
    year_month: str
    period: str
    track: str
    begin: str
    end: str
    booklets: int
    numbers: int
    ours: int


MOST_SHOWN = 200
"""Ranges that each list of a verdict names: a file may hold twenty thousand."""

MOST_IN_ENTRY = 2000
"""Ranges that one entry holds; a file with more is several entries, all of them or none."""


class Imported(Struct, frozen=True):
    """The verdict on a file that was accepted; `stock` counts all numbers left, this period's and later ones'.

    `ranges`, `numbers` and `ours` (this box's share) count all that was taken; the lists name the first 200 of each.
    `to_release`: ranges of a period that was running when this journal began; a technician must release them.
    `branches`: rows of the shop's branches, which are never taken. `share`: this box's part of what was taken.
    """

    file_name: str
    sha256: str
    ranges: int
    booklets: int
    numbers: int
    ours: int
    taken: list[RangeShown]
    already_known: list[RangeShown]
    to_release: list[RangeShown]
    branches: list[RangeShown]
    share: str
    stock: int


def import_tracks(box: Box, file_name: str, data: bytes, *, source: str, peer: Peer | None) -> Action[Imported]:
    """Parse and check the file now; the returned action compares it with the journal and takes what is new.

    NotConfigured without a shop; the action raises a TrackFileError for a file that is refused.
    """
    shop = box.shop
    if shop is None:
        raise NotConfigured(detail="no seller")
    digest = hashlib.sha256(data).hexdigest()
    name = label(file_name)
    parsed: ParsedFile | TrackFileError
    try:
        parsed = read_track_file(
            data, seller=shop.seller.identifier, today=box.clock.now().date(), branches=shop.branches
        )
    except TrackFileError as error:
        parsed = error.with_traceback(None)

    def action(tx: Transaction) -> Imported:
        tx.check_space()
        if isinstance(parsed, TrackFileError):
            raise parsed
        taking = compare_rows(tx, shop, parsed.rows)
        for begin in range(0, len(taking.ranges), MOST_IN_ENTRY):
            part = taking.ranges[begin : begin + MOST_IN_ENTRY]
            tx.append(entries.TracksImported(name, digest, source, peer, part))
            taken_now(box)
        return verdict_of(tx, shop, taking, name, digest, parsed.branch_rows)

    return action


class Taking(Struct, frozen=True):
    """Rows against the journal: what is new and known, and the new as ranges of an entry, with their share."""

    compared: Comparison
    ranges: list[entries.Range]
    begun: datetime
    shares: dict[Period, Share]


def compare_rows(tx: Transaction, shop: Shop, rows: Iterable[TrackRow]) -> Taking:
    """What of the rows is new; a TrackFileError when they cut a range that is known. Appends nothing."""
    rows = tuple(rows)
    compared = new_ranges(rows, _known(tx, rows))
    begun = journal_begun(tx)
    shares = {p: share_of_period(tx, shop, p.year_month) for p in {r.period for r in compared.taken}}
    said = {p: (p.year_month, p.begins >= begun, str(share)) for p, share in shares.items()}
    ranges = []
    for r in compared.taken:
        year_month, released, share = said[r.period]
        ranges.append(entries.Range(r.seller, r.invoice_type, year_month, r.track, r.begin, r.end, released, share))
    return Taking(compared, ranges, begun, shares)


def taken_now(box: Box) -> None:
    """Ranges were taken: the ceilings' keeper has something to do."""
    if box.ceilings is not None:
        box.ceilings.wanted = True


def verdict_of(
    tx: Transaction, shop: Shop, taking: Taking, name: str, digest: str, branch_rows: Iterable[TrackRow] = ()
) -> Imported:
    """The verdict as data."""
    new, share = taking.compared.taken, shop.share
    shares = taking.shares
    numbers = sum(len(r) for r in new)
    waiting = (r for r in new if r.period.begins < taking.begun and shares[r.period].left(r))
    return Imported(
        name,
        digest,
        len(new),
        numbers // BOOKLET,
        numbers,
        sum(shares[r.period].left(r) for r in new),
        [shown(r, shares[r.period]) for r in new[:MOST_SHOWN]],
        [shown(r, share) for r in taking.compared.known[:MOST_SHOWN]],
        [shown(r, shares[r.period]) for r in islice(waiting, MOST_SHOWN)],
        [shown(row.range, share, ours=0) for row in islice(branch_rows, MOST_SHOWN)],
        ", ".join(sorted({str(each) for each in shares.values()})) or str(share),
        _stock(tx, shop.seller.identifier),
    )


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
        journal, file_name = self._journal(), label(file_name)
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
        label(file_name), digest, source, peer, error.name, error.line, error.column, error.value[:200]
    )
    return lambda tx: tx.append(refused)


def label(file_name: str) -> str:
    """A file's name as it may stand in the journal, on paper and in a log: its last 100 characters.

    Controls, and bytes that are no text (a stick's names are bytes), are `?`.
    """
    return "".join(char if char.isprintable() or char == "\u3000" else "?" for char in file_name[-100:])


def shown(r: NumberRange, share: Share, ours: int | None = None) -> RangeShown:
    """A range with its sums, for people and programs."""
    mine = share.left(r) if ours is None else ours
    period, bounds = r.period, (f"{r.begin:08d}", f"{r.end:08d}")
    return RangeShown(r.seller, period.year_month, period.label, r.track, *bounds, r.booklets, len(r), mine)


def share_of_period(tx: Transaction, shop: Shop, year_month: str) -> Share:
    """The share of a period's ranges: that of its first import, the configured one where nothing was imported yet."""
    row = tx.one(
        "SELECT part, boxes FROM ranges WHERE seller = ? AND year_month = ? ORDER BY entry LIMIT 1",
        shop.seller.identifier,
        year_month,
    )
    return shop.share if row is None else Share(row[0] + 1, row[1])


def journal_begun(tx: Transaction) -> datetime:
    """When this journal began: of a period that was running then, it cannot know which numbers were used elsewhere."""
    row = tx.one("SELECT body FROM entries WHERE sequence = 1")
    return datetime.fromisoformat(entries.read(row[0]).time)


_KNOWN = """
SELECT begin, "end" FROM ranges WHERE seller = ?1 AND year_month = ?2 AND track = ?3
UNION ALL SELECT first, last FROM set_aside
WHERE seller = ?1 AND year_month = ?2 AND track = ?3 AND state = 'reserved'
"""


def _known(tx: Transaction, rows: Iterable[TrackRow]) -> list[NumberRange]:
    """What the journal holds of the rows' own tracks."""
    wanted = {(row.range.seller, row.range.invoice_type, row.range.period, row.range.track) for row in rows}
    return [
        NumberRange(seller, kind, period, track, begin, end)
        for seller, kind, period, track in sorted(wanted)
        for begin, end in tx.all(_KNOWN, seller, period.year_month, track)
    ]


_STOCK = f"""
SELECT coalesce(sum({number_ranges.LEFT}), 0) FROM ranges
WHERE seller = ? AND year_month >= ? AND state IN ('current', 'fresh', 'unreleased')
"""


def _stock(tx: Transaction, seller: str) -> int:
    return int(tx.one(_STOCK, seller, Period.of(tx.now()).year_month)[0])
