"""The questions: one invoice, the ranges, the numbers of a status. They append nothing."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.box import BEHIND, Box
from einvoiced.actions.import_tracks import journal_begun
from einvoiced.errors import DiskNearlyFull, DiskReadOnly, InvalidParams, InvoiceNotFound, NotConfigured
from einvoiced.journal import number_ranges, schema
from einvoiced.journal.entries import stamp
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.identifiers import key_bytes
from einvoiced.rules.numbers import split_invoice_number
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share


class RangeState(Struct, frozen=True):
    """A range and how far it is used; `next` is None when it is spent. `left` counts only this box's share of it."""

    year_month: str
    period: str
    track: str
    begin: str
    end: str
    next: str | None
    left: int
    state: str
    share: str
    issued: int


class Counts(Struct, frozen=True):
    """What a status says of the journal: numbers and papers.

    `numbers_used_this_period` counts from `counted_since` on; `shares`: of this period's ranges and the next one's.
    """

    numbers_left_this_period: int
    numbers_left_next_period: int
    numbers_unreleased: int
    numbers_used_this_period: int
    counted_since: str
    shares: list[str]
    proofs_waiting: int
    proofs_unconfirmed: int
    proofs_failed: int
    proofs_to_replace: int
    copies_waiting: int
    last_number: str | None
    entries: int
    clock_behind: bool
    disk_nearly_full: bool
    disk_read_only: bool


def find_invoice(box: Box, *, key: str | None, invoice_number: str | None, year_month: str | None) -> Action[int]:
    """The entry of an invoice by the till's key, or by its number (newest period first unless `year_month` names one).

    InvalidParams unless exactly one of key and invoice_number is given; the action raises InvoiceNotFound.
    """
    if (key is None) == (invoice_number is None):
        raise InvalidParams(detail="give either key or invoice_number")
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    seller = box.shop.seller.identifier
    if key is not None:
        bits = key_bytes(key)
        return lambda tx: _found(tx.one("SELECT sequence FROM keys WHERE seller = ? AND key = ?", seller, bits), key)
    number = invoice_number or ""
    try:
        track, digits = split_invoice_number(number)
    except ValueError as error:
        raise InvalidParams("invoice_number", detail=str(error)) from None

    def action(tx: Transaction) -> int:
        periods = [year_month] if year_month else [p for (p,) in tx.all(_PERIODS, seller)]
        rows = (tx.one(_BY_NUMBER, seller, period, track, digits) for period in periods)
        return _found(next((row for row in rows if row is not None), None), number)

    return action


def _found(row: tuple[int] | None, asked: str) -> int:
    if row is None:
        raise InvoiceNotFound(asked=asked)
    return row[0]


_PERIODS = "SELECT DISTINCT year_month FROM ranges WHERE seller = ? ORDER BY year_month DESC"
_BY_NUMBER = "SELECT sequence FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"


def list_tracks(box: Box) -> Action[list[RangeState]]:
    """Every range of this seller, by period and track."""
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    seller = box.shop.seller.identifier
    question = (
        f'SELECT year_month, track, begin, "end", next, {number_ranges.LEFT}, state, part, boxes, taken FROM ranges '
        "WHERE seller = ? ORDER BY year_month, track, begin"
    )

    def action(tx: Transaction) -> list[RangeState]:
        return [_range_state(*row) for row in tx.all(question, seller)]

    return action


def _range_state(
    year_month: str,
    track: str,
    begin: int,
    end: int,
    next_: int,
    left: int,
    state: str,
    part: int,
    boxes: int,
    taken: int,
) -> RangeState:
    label = Period.from_year_month(year_month).label
    following = f"{next_:08d}" if left else None
    share = str(Share(part + 1, boxes))
    return RangeState(year_month, label, track, f"{begin:08d}", f"{end:08d}", following, left, state, share, taken)


_OF_PERIOD = f"""
SELECT coalesce(sum(taken), 0), coalesce(sum(iif(state IN ('current', 'fresh'), {number_ranges.LEFT}, 0)), 0),
    coalesce(sum(iif(state = 'unreleased', {number_ranges.LEFT}, 0)), 0),
    min(boxes * 100 + part), max(boxes * 100 + part)
FROM ranges WHERE seller = ? AND year_month = ?
"""
_WAITING = f"SELECT paper, count(*) FROM invoices WHERE {schema.WAITING_PAPER} GROUP BY paper"
_COPIES = "SELECT count(*) FROM copies WHERE state IN ('queued', 'sending')"
_LAST_USED = """
SELECT track, next - 1 - iif(next % 50 = 0, (boxes - 1) * 50, 0) FROM ranges WHERE seller = ? AND taken > 0
ORDER BY year_month DESC, state = 'current' DESC, next DESC LIMIT 1
"""


def count(box: Box) -> Action[Counts]:
    """The journal's part of a status. Every question is answered from a small index, however long the journal is."""
    seller = box.shop.seller.identifier if box.shop else ""

    def action(tx: Transaction) -> Counts:
        now, last_time = tx.now(), tx.last_time()
        period = Period.of(now)
        last = tx.one(_LAST_USED, seller)
        papers, disk = dict(tx.all(_WAITING)), _trouble_of_disk(tx)
        used, left, unreleased, *shares = tx.one(_OF_PERIOD, seller, period.year_month)
        _, left_next, _, *shares_next = tx.one(_OF_PERIOD, seller, period.next().year_month)
        return Counts(
            left,
            left_next,
            unreleased,
            used,
            stamp(journal_begun(tx)),
            sorted({str(Share(s % 100 + 1, s // 100)) for s in (*shares, *shares_next) if s is not None}),
            papers.get("queued", 0) + papers.get("sending", 0),
            papers.get("unconfirmed", 0),
            papers.get("failed", 0),
            papers.get("to_replace", 0),
            tx.one(_COPIES)[0],
            f"{last[0]}{last[1]:08d}" if last else None,
            tx.next_place[1] - 1,
            last_time is not None and last_time - now > BEHIND,
            isinstance(disk, DiskNearlyFull),
            isinstance(disk, DiskReadOnly),
        )

    return action


def _trouble_of_disk(tx: Transaction) -> DiskNearlyFull | DiskReadOnly | None:
    try:
        tx.check_space()
    except (DiskNearlyFull, DiskReadOnly) as error:
        return error
    return None
