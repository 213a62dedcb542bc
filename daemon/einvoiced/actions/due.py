"""What is due when, and what is overdue: uploads, unused numbers, the last day to cancel (rules.deadlines).

Asked again and again for the status and the lamps, so its cost does not grow: of the outbox only the oldest messages
are read, and counts end at a limit.
"""

from __future__ import annotations

from datetime import date

import msgspec
from msgspec import Raw, Struct

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import state_of
from einvoiced.actions.paper_notices import Reason
from einvoiced.actions.report_unused import reporter_of
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules import deadlines
from einvoiced.rules.period import Period

LOOKED_AT = 1000
"""The oldest messages of the outbox, whose days count: consumers' may stand behind many of businesses, due later."""

READ_AT_ONCE = 200
"""How many of them are read in one go; the others are, when it is looked again."""

MOST = 10_000
"""Where counting ends."""

_OLDEST = "SELECT entry, subject FROM outbox WHERE message <> 'E0402' ORDER BY entry, place LIMIT ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE message <> 'E0402' LIMIT ?)"
_STATE = """
SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state <> 'waiting' AND state = ? LIMIT ?)
"""
_PERIODS = "SELECT DISTINCT year_month FROM ranges WHERE seller = ? AND year_month < ? ORDER BY year_month"
_TAKEN = "SELECT count(*) FROM ranges WHERE seller = ? AND year_month = ? AND taken > 0"


_BY_HAND = (
    ("refused", "{} messages were refused by the platform; see {}.", "有 {} 筆資料被平台退件，處理方式：{}。"),
    (
        "unknown",
        "Nobody knows whether the platform has {} messages; see {}.",
        "有 {} 筆資料不確定平台是否收到，處理方式：{}。",
    ),
)

_UNUSED = (
    "The unused numbers of {period} are not reported; do it by {by}, at the latest {last}.",
    "{period}空白發票號碼尚未申報；請於 {by} 前完成，最晚 {last}。",
)
_UNUSED_ELSEWHERE = (
    "Give this box's unused numbers of {period} to {whom} by {by} (einvoicectl unused export {year_month}); when they "
    "are reported, at the latest {last}, say so here: einvoicectl period reported {year_month}.",
    "{period}空白發票號碼請於 {by} 前交給{whom}申報（einvoicectl unused export {year_month}）；"
    "申報後（最晚 {last}）請執行 einvoicectl period reported {year_month}。",
)


class Due(Struct, frozen=True):
    """One duty: `by` is its last good day (YYYY-MM-DD, "" where a person must act first).

    `count`: how many it is about, `late`: at least how many of them are overdue; both end at 10,000.
    """

    name: str
    by: str
    count: int
    late: int
    overdue: bool
    en: str
    zh: str


class _Told(Struct, frozen=True):
    buyer: Raw | msgspec.UnsetType = msgspec.UNSET


class _Result(Struct, frozen=True):
    invoice: _Told = _Told()
    allowance: _Told = _Told()


class _Data(Struct, frozen=True):
    result: _Result = _Result()


Known = dict[tuple[int, int], date]
"""By when messages are due (entry, subject), as `look` found out before: it never changes."""


def look(box: Box, known: Known | None = None) -> Action[list[Due]]:
    """Every duty, the most urgent first; nothing without a shop. Keeps in `known` what it needs the next time."""
    kept: Known = {} if known is None else known

    def action(tx: Transaction) -> list[Due]:
        if box.shop is None:
            return []
        seller, today = box.shop.seller.identifier, tx.now().date()
        found = [
            *_uploads(tx, today, kept),
            *_unanswered(tx),
            *_unused(tx, box, seller, today),
            *_cancel(tx, seller, today),
        ]
        return sorted(found, key=lambda due: (not due.overdue, due.by or "9999"))

    return action


def overdue_warnings(dues: list[Due]) -> list[Reason]:
    """What the lamps ask attention for: what is late, and what only a person can set right."""
    return [Reason(due.name, due.en, due.zh) for due in dues if due.overdue or not due.by]


def _uploads(tx: Transaction, today: date, known: Known) -> list[Due]:
    """Messages that the platform has not accepted, and by when the first of them must be there."""
    rows = [(entry, subject) for entry, subject in tx.all(_OLDEST, LOOKED_AT)]
    fresh = [row for row in rows if row not in known][:READ_AT_ONCE]
    now = {row: known[row] for row in rows if row in known} | {row: _due_of(tx, *row) for row in fresh}
    known.clear()
    known.update(now)
    if not now:
        return []
    count, first = tx.one(_COUNT, MOST)[0], min(now.values())
    late = sum(due < today for due in now.values())
    told = f"{count}+" if count == MOST else str(count)
    if late:
        many = f"{late}+" if late == len(now) < count else str(late)
        en = f"{many} of {told} messages should have been with the platform by now (the first by {first})."
        zh = f"有 {many} 筆資料逾期未上傳（最早期限 {first}），待上傳共 {told} 筆；請檢查上傳程式與網路。"
        return [Due("uploads_overdue", str(first), count, late, True, en, zh)]
    en = f"{told} messages wait for the platform; the first is due on {first}."
    return [Due("uploads_due", str(first), count, 0, False, en, f"待上傳 {told} 筆，最早期限 {first}。")]


def _due_of(tx: Transaction, entry: int, subject: int) -> date:
    """By when the platform must have a message: its own day counts, and whether the buyer is a business."""
    told = _entry(tx, entry)
    about = told if subject == entry else _entry(tx, subject)
    result = msgspec.json.decode(about.data, type=_Data).result
    business = any(each.buyer is not msgspec.UNSET for each in (result.invoice, result.allowance))
    return deadlines.upload_due(date.fromisoformat(told.time[:10]), business)


def _entry(tx: Transaction, sequence: int) -> entries.Envelope:
    return entries.read(tx.one("SELECT body FROM entries WHERE sequence = ?", sequence)[0])


def _unanswered(tx: Transaction) -> list[Due]:
    """Refused messages, and those of which nobody knows: a person must act."""
    found = []
    for state, en, zh in _BY_HAND:
        (count,) = tx.one(_STATE, state, MOST)
        if count:
            see = f"einvoicectl upload list --state {state}"
            found.append(Due(f"uploads_{state}", "", count, 0, False, en.format(count, see), zh.format(count, see)))
    return found


def unreported(tx: Transaction, seller: str) -> list[tuple[Period, str]]:
    """Past periods of which this box had numbers and whose unused ones are not reported, with their state."""
    names = [name for (name,) in tx.all(_PERIODS, seller, Period.of(tx.now()).year_month)]
    states = ((Period.from_year_month(name), state_of(tx, seller, name)) for name in names)
    return [(period, state) for period, state in states if state != "reported"]


def _unused(tx: Transaction, box: Box, seller: str, today: date) -> list[Due]:
    found = []
    for period, _ in unreported(tx, seller):
        by, last = deadlines.unused_send_by(period), deadlines.unused_due(period)
        late = today > last
        name = "unused_overdue" if late else "unused_due"
        en, zh = _whose(reporter_of(tx, box, seller, period.year_month), box.shop.lead if box.shop else "")
        facts = {"period": period.label, "by": by, "last": last, "year_month": period.year_month}
        en, zh = en.format(**facts), zh.format(**facts)
        found.append(Due(name, str(by if today <= by else last), 1, int(late), late, en, zh))
    return found


def _whose(reporter: str, lead: str) -> tuple[str, str]:
    """The sentence by who reports: of what another one sends, this box never hears."""
    if reporter == "this_box":
        return _UNUSED
    whom = (lead, f"主機 {lead}") if reporter == "lead_box" else ("the office", "公司")
    return _UNUSED_ELSEWHERE[0].replace("{whom}", whom[0]), _UNUSED_ELSEWHERE[1].replace("{whom}", whom[1])


def _cancel(tx: Transaction, seller: str, today: date) -> list[Due]:
    """Until when invoices of the period before may be cancelled."""
    before = Period.of(today).previous()
    until = deadlines.cancel_until(before)
    if today > until or not tx.one(_TAKEN, seller, before.year_month)[0]:
        return []
    en = f"Invoices of {before.label} may be cancelled until {until}."
    return [Due("cancel_until", str(until), 0, 0, False, en, f"{before.label}的發票最遲可於 {until} 前作廢。")]
