"""Unused numbers (空白字軌, E0402): queued once a period is closed, with the leftovers of all boxes that share it.

One sender per branch, period and track: overlapping uploads replace each other or are refused (E0612). So a box that
shares its tracks gives its leftovers (`unused.export`) to the lead box (`tracks.lead`), which takes them in
(`unused.take`) and reports for all; without a lead box the office does. Whatever is unsettled, numbers in doubt or a
box that is missing, holds the report back until the fifth and not longer (rules.deadlines).
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import BY_ITSELF, check_period, seller_of, state_of
from einvoiced.actions.standing import read_entry
from einvoiced.actions.start_checks import fact
from einvoiced.errors import (
    LeftoversDamaged,
    LeftoversDiffer,
    LeftoversRefused,
    NotLeadBox,
    PeriodNotClosed,
    PeriodReported,
)
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer, Run
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules import deadlines
from einvoiced.rules.period import Period
from einvoiced.rules.share import Share

FORM = "einvoiced leftovers 1"
MOST_BYTES = 4 << 20
UNDO = timedelta(hours=24)
"""How long a person may undo a closing before its unused numbers are queued, while the fifth is not there."""


_CLOSED = "SELECT substr(name, ?), value FROM facts WHERE name GLOB ? AND value IN ('closed', 'queued')"
_CLOSED_BY = "SELECT entry FROM facts WHERE name = ?"
_SHARE = "SELECT max(boxes), min(boxes), max(part) FROM ranges WHERE seller = ? AND year_month = ?"
_UNUSED = """
SELECT seller, year_month, track, first, last FROM set_aside
WHERE seller = ? AND year_month = ? AND state = 'unused' ORDER BY track, first
"""
_IN_DOUBT = "SELECT count(*) FROM set_aside WHERE seller = ? AND year_month = ? AND state = 'in_doubt'"
_UNRELEASED = "SELECT count(*) FROM ranges WHERE seller = ? AND year_month = ? AND state = 'unreleased'"
_HOLDS = """
SELECT count(*) FROM ranges WHERE seller = ? AND year_month = ? AND track = ? AND begin <= ? AND "end" >= ?
"""
_TAKEN = "SELECT name, entry FROM facts WHERE name GLOB ? ORDER BY name"


class LeftRun(Struct, frozen=True, forbid_unknown_fields=True):
    """A run of numbers of one track that a box never issued."""

    track: str
    first: int
    last: int


class Leftovers(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file that a box gives to the one that reports. `sha256` is over the file with this field empty."""

    form: str
    seller: str
    year_month: str
    box: str
    share: str
    unused: list[LeftRun]
    sha256: str = ""


class ExportedLeftovers(Struct, frozen=True):
    """The file's name and text."""

    file_name: str
    content: str
    numbers: int


class UnusedState(Struct, frozen=True):
    """A period whose unused numbers are not reported: `closed`, or `queued` for the platform.

    `boxes_missing`: shares whose leftovers have not come; `in_doubt` and `unreleased`: what else is unsettled.
    `reporter`: `this_box`, `lead_box` or `office`; `send_by` and `due` are the box's own day and the law's.
    """

    year_month: str
    period: str
    state: str
    numbers: int
    reporter: str
    boxes_missing: list[str]
    in_doubt: int
    unreleased: int
    send_by: str
    due: str


def list_unused(box: Box) -> Action[list[UnusedState]]:
    """Every closed period that is not reported."""
    seller = seller_of(box)
    return lambda tx: [_state(tx, box, seller, name, state) for name, state in _open_reports(tx, seller)]


def queue_what_is_due(box: Box) -> Action[list[UnusedState]]:
    """Queue the unused numbers of every period that was closed a day ago and is settled, or whose fifth has come.

    Gives what was queued.
    """

    def action(tx: Transaction) -> list[UnusedState]:
        if box.shop is None or box.frozen:
            return []
        seller = box.shop.seller.identifier
        queued = []
        for name, state in _open_reports(tx, seller):
            shown = _state(tx, box, seller, name, state)
            if state == "closed" and shown.reporter == "this_box" and _due(tx, seller, shown):
                _queue(tx, box, seller, name)
                queued.append(shown)
        return queued

    return action


def _due(tx: Transaction, seller: str, shown: UnusedState) -> bool:
    """Settled and closed for a day, so that a closing can still be undone; or its fifth has come."""
    if tx.now().date() >= deadlines.unused_send_by(Period.from_year_month(shown.year_month)):
        return True
    unsettled = shown.boxes_missing or shown.in_doubt or shown.unreleased
    (entry,) = tx.one(_CLOSED_BY, f"period {seller} {shown.year_month}")
    closed = datetime.fromisoformat(read_entry(tx, entry)[0].time)
    return not unsettled and tx.now() >= closed + UNDO


def _queue(tx: Transaction, box: Box, seller: str, year_month: str) -> None:
    """Own leftovers and those that were taken in; a period without any has nothing to report."""
    unused = [Run(*row) for row in tx.all(_UNUSED, seller, year_month)]
    boxes = [box.id]
    for _, entry in _taken(tx, seller, year_month).values():
        data = read_entry(tx, entry)[1]
        unused += data.unused
        boxes.append(data.box)
    if unused:
        unused.sort(key=lambda run: (run.track, run.first))
        tx.append(entries.UnusedQueued(seller, year_month, _joined(unused), boxes, BY_ITSELF, None))
    else:
        tx.append(entries.UnusedReported(seller, year_month, BY_ITSELF, None))


def _joined(runs: list[Run]) -> list[Run]:
    """Neighbouring runs as one."""
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last is not None and last.track == run.track and last.last + 1 == run.first:
            joined[-1] = Run(run.seller, run.year_month, run.track, last.first, run.last)
        else:
            joined.append(run)
    return joined


def export_leftovers(box: Box, year_month: str) -> Action[ExportedLeftovers]:
    """This box's leftovers of a closed period as a file; PeriodNotClosed before that."""
    seller, period = seller_of(box), check_period(year_month)

    def action(tx: Transaction) -> ExportedLeftovers:
        if state_of(tx, seller, year_month) in ("open", "reopened"):
            raise PeriodNotClosed("year_month", period=period.label)
        runs = [LeftRun(*row[2:]) for row in tx.all(_UNUSED, seller, year_month)]
        boxes, _, part = tx.one(_SHARE, seller, year_month)
        share = str(Share((part or 0) + 1, boxes or 1))
        made = Leftovers(form=FORM, seller=seller, year_month=year_month, box=box.id, share=share, unused=runs)
        made = msgspec.structs.replace(made, sha256=_digest(made))
        name = f"leftovers-{seller}-{year_month}-{share.replace('/', '-')}.json"
        numbers = sum(run.last - run.first + 1 for run in runs)
        return ExportedLeftovers(name, msgspec.json.format(msgspec.json.encode(made)).decode(), numbers)

    return action


def take_leftovers(box: Box, content: bytes, source: str, peer: Peer | None) -> Action[UnusedState]:
    """Take another box's file in; the same one again changes nothing.

    LeftoversDamaged, LeftoversRefused or LeftoversDiffer say what is wrong; NotLeadBox, PeriodNotClosed (this box's own
    period), PeriodReported when it is too late.
    """
    seller, file = seller_of(box), read_leftovers(content)
    period = check_period(file.year_month)

    def action(tx: Transaction) -> UnusedState:
        if not _is_lead(box):
            raise NotLeadBox(lead=box.shop.lead if box.shop and box.shop.lead else "-")
        state = state_of(tx, seller, file.year_month)
        taken = _taken(tx, seller, file.year_month).get(file.share)
        if taken is not None and read_entry(tx, taken[1])[1].sha256 == file.sha256:
            return _state(tx, box, seller, file.year_month, state)
        if state in ("queued", "reported"):
            raise PeriodReported("content", period=period.label)
        if state != "closed":
            raise PeriodNotClosed("content", period=period.label)
        if taken is not None:
            raise LeftoversDiffer("content", share=file.share, period=period.label)
        runs = [Run(seller, file.year_month, run.track, run.first, run.last) for run in file.unused]
        _check(tx, seller, file, runs)
        tx.append(entries.UnusedTaken(seller, file.year_month, file.box, file.share, runs, file.sha256, source, peer))
        return _state(tx, box, seller, file.year_month, state)

    return action


def read_leftovers(content: bytes) -> Leftovers:
    """The file; LeftoversDamaged unless it is whole."""
    if len(content) > MOST_BYTES:
        raise LeftoversDamaged("content", detail="it is too big")
    try:
        file = msgspec.json.decode(content, type=Leftovers)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LeftoversDamaged("content", detail=str(error)[:100]) from None
    if file.form != FORM or file.sha256 != _digest(file):
        raise LeftoversDamaged("content", detail="its content does not agree with its SHA-256")
    return file


def _check(tx: Transaction, seller: str, file: Leftovers, runs: list[Run]) -> None:
    """LeftoversRefused unless the file is of another part of the same split, and every run is of that part."""
    boxes, fewest, own = tx.one(_SHARE, seller, file.year_month)

    def refuse(detail: str, zh: str) -> LeftoversRefused:
        return LeftoversRefused("content", box=file.box, detail=detail, detail_zh=zh)

    if file.seller != seller:
        raise refuse(f"it is of seller {file.seller}", f"賣方為 {file.seller}")
    try:
        share = Share.parse(file.share)
    except ValueError:
        raise refuse(f"{file.share} is no share", f"份額 {file.share} 有誤") from None
    if boxes != fewest or share.of != boxes or share.index == own + 1:
        mine = f"{(own or 0) + 1}/{boxes}"
        raise refuse(f"its share is {file.share}, this box's is {mine}", f"份額為 {file.share}，本機為 {mine}")
    last: dict[str, int] = {}
    for run in runs:
        name = f"{run.track}{run.first:08d}-{run.last:08d}"
        if run.first > run.last or run.first <= last.get(run.track, -1):
            raise refuse(f"{name} overlaps or is out of order", f"{name} 重疊或順序有誤")
        if list(share.runs(run.first, run.last)) != [(run.first, run.last)]:
            raise refuse(f"{name} is not of share {file.share}", f"{name} 不屬於份額 {file.share}")
        if not tx.one(_HOLDS, seller, file.year_month, run.track, run.first, run.last)[0]:
            raise refuse(f"{name} is of no track file of this box", f"{name} 不在本機匯入的字軌內")
        last[run.track] = run.last


def _state(tx: Transaction, box: Box, seller: str, year_month: str, state: str) -> UnusedState:
    period = Period.from_year_month(year_month)
    boxes, _, own = tx.one(_SHARE, seller, year_month)
    taken = _taken(tx, seller, year_month)
    others = [str(Share(n, boxes)) for n in range(1, (boxes or 1) + 1) if n != (own or 0) + 1]
    numbers = sum(run[4] - run[3] + 1 for run in tx.all(_UNUSED, seller, year_month))
    reporter = _reporter(tx, box, alone=not others)
    return UnusedState(
        year_month,
        period.label,
        state,
        numbers,
        reporter,
        [each for each in others if each not in taken] if reporter == "this_box" else [],
        tx.one(_IN_DOUBT, seller, year_month)[0],
        tx.one(_UNRELEASED, seller, year_month)[0],
        deadlines.unused_send_by(period).isoformat(),
        deadlines.unused_due(period).isoformat(),
    )


def reporter_of(tx: Transaction, box: Box, seller: str, year_month: str) -> str:
    """Who sends the E0402 of a period: `this_box`, `lead_box` or `office`."""
    (boxes, *_) = tx.one(_SHARE, seller, year_month)
    return _reporter(tx, box, alone=(boxes or 1) == 1)


def _reporter(tx: Transaction, box: Box, *, alone: bool) -> str:
    """Who sends the E0402; of a retired box, whose numbers may be used elsewhere, only people can know."""
    if fact(tx, "retired") is not None:
        return "office"
    if alone or _is_lead(box):
        return "this_box"
    return "lead_box" if box.shop is not None and box.shop.lead else "office"


def _is_lead(box: Box) -> bool:
    return box.shop is not None and box.shop.lead == box.id


def _open_reports(tx: Transaction, seller: str) -> list[tuple[str, str]]:
    """(period, state) of closed and queued periods."""
    prefix = f"period {seller} "
    return sorted(tx.all(_CLOSED, len(prefix) + 1, prefix + "*"))


def _taken(tx: Transaction, seller: str, year_month: str) -> dict[str, tuple[str, int]]:
    """Share → (fact, entry) of what was taken in for a period."""
    prefix = f"leftovers {seller} {year_month} "
    return {name.removeprefix(prefix): (name, entry) for name, entry in tx.all(_TAKEN, prefix + "*")}


def _digest(file: Leftovers) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(file, sha256=""))).hexdigest()
