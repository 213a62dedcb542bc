"""The one screen of status: can it issue, can it print, numbers left, what is wrong, one sentence in Chinese."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from einvoiced.actions.ask import Counts
from einvoiced.actions.box import Box
from einvoiced.actions.due import Due, overdue_warnings
from einvoiced.actions.paper_notices import PaperState, Reason, paper_warnings
from einvoiced.journal.entries import stamp
from einvoiced.rules import stock
from einvoiced.rules.period import Period

QUIET_NOTICES = frozenset(("plan_next", "restart_needed"))
"""What a status tells without a lamp: a plan is asked for during seventeen days, and nobody looks at a lamp so long."""

LOW_STOCK = 100
"""Numbers left (two booklets) below which the lamps ask for attention."""


class Status(Struct, frozen=True):
    """The answer of `box.status`."""

    box: str
    time: str
    period: str
    clock_trusted: bool
    can_issue: bool
    can_print: bool
    printer: str
    lamps: str
    locks: list[Reason]
    warnings: list[Reason]
    counts: Counts | None
    due: list[Due]
    sentence: str
    sentence_zh: str


def make_status(box: Box, counts: Counts | None, paper: PaperState, due: list[Due]) -> Status:
    """Put the status together; `counts` is None when there is no usable journal."""
    now = box.clock.now()
    locks = [Reason(lock.name, lock.en, lock.zh) for lock in box.locks.values()]
    warnings = _warnings(box, counts, paper) + overdue_warnings(due)
    if counts is not None and counts.clock_behind:
        locks.append(Reason("clock_was_ahead", "The clock is behind the journal.", "時鐘落後於日誌，請聯絡維修人員。"))
    if counts is not None and counts.disk_nearly_full:
        en = "The journal's disk is nearly full; free some space."
        locks.append(Reason("disk_nearly_full", en, "日誌磁碟空間不足，請聯絡維修人員清出空間。"))
    if counts is not None and counts.disk_read_only:
        en = "The journal's disk is read-only; the technician must look at it."
        locks.append(Reason("disk_read_only", en, "日誌磁碟已變成唯讀（可能故障），請聯絡維修人員檢查。"))
    can_issue = not locks and counts is not None and counts.numbers_left_this_period > 0
    can_print = paper.state == "ready" and box.unprintable is None
    loud = [warning for warning in warnings if warning.name not in QUIET_NOTICES]
    lamps = "stop" if not can_issue else "attention" if loud else "ready"
    first = (locks + loud)[:1]
    return Status(
        box.id,
        stamp(now),
        Period.of(now).label,
        box.clock_trusted(),
        can_issue,
        can_print,
        paper.state,
        lamps,
        locks,
        warnings,
        counts,
        due,
        first[0].en if first else "Ready.",
        first[0].zh if first else "可以開立發票。",
    )


def _notices(box: Box, counts: Counts | None) -> list[Reason]:
    """What the stock says, and a share that is not the configured one."""
    if counts is None or box.shop is None or box.locks:
        return []
    share = box.shop.share
    held = stock.Stock(
        box.clock.now(),
        counts.numbers_used_this_period,
        counts.numbers_left_this_period,
        counts.numbers_left_next_period,
        datetime.fromisoformat(counts.counted_since),
        share.of,
    )
    found = [Reason(notice.name, notice.en, notice.zh) for notice in stock.notices(held)]
    other = [each for each in counts.shares if each != str(share)]
    if other:
        en = f"The configured share is {share}, but ranges were taken with {', '.join(other)} and keep it."
        zh = f"設定的份額是 {share}，但已匯入的字軌份額為 {'、'.join(other)}，將維持不變。"
        found.append(Reason("share_differs", en, zh))
    return found


def _warnings(box: Box, counts: Counts | None, paper: PaperState) -> list[Reason]:
    found = [Reason(notice.name, notice.en, notice.zh) for notice in box.notices.values()]
    notices = _notices(box, counts)
    if counts is not None and not box.locks:
        if counts.numbers_unreleased:
            n = counts.numbers_unreleased
            found.append(
                Reason(
                    "tracks_not_released",
                    f"{n} numbers wait until a technician says what was used elsewhere (einvoicectl tracks release).",
                    f"有 {n} 號等待維修人員登記其他設備已用到的號碼。",
                )
            )
        elif counts.numbers_left_this_period == 0:
            found.append(
                Reason(
                    "no_numbers_left",
                    "No number is left; bring a track file.",
                    "本期已無發票號碼，請插入字軌檔隨身碟。",
                )
            )
        elif counts.numbers_left_this_period <= LOW_STOCK:
            left = counts.numbers_left_this_period
            found.append(Reason("numbers_low", f"Only {left} numbers are left.", f"本期發票號碼只剩 {left} 號。"))
    found += [notice for notice in notices if notice.name != "out"]
    found += paper_warnings(counts, paper)
    if not box.clock_trusted():
        found.append(
            Reason(
                "clock_untrusted",
                "The clock is not confirmed; tills must send till_time.",
                "時間未經校時，收銀機須送 till_time。",
            )
        )
    return found
