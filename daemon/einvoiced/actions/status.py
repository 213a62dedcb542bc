"""The one screen of status: can it issue, can it print, numbers left, what is wrong, one sentence in Chinese."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.ask import Counts
from einvoiced.actions.box import Box
from einvoiced.journal.entries import stamp
from einvoiced.rules.period import Period

LOW_STOCK = 100
"""Numbers left (two booklets) below which the lamps ask for attention."""


class Reason(Struct, frozen=True):
    """Something that is wrong or worth knowing, with its stable name."""

    name: str
    en: str
    zh: str


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
    sentence: str
    sentence_zh: str


class PaperState(Struct, frozen=True):
    """What the paper follower says of the printer: its state in a word, and the trouble if there is one."""

    state: str = "none"
    trouble: Reason | None = None


def make_status(box: Box, counts: Counts | None, paper: PaperState) -> Status:
    """Put the status together; `counts` is None when there is no usable journal."""
    now = box.clock.now()
    locks = [Reason(lock.name, lock.en, lock.zh) for lock in box.locks.values()]
    warnings = _warnings(box, counts, paper)
    if counts is not None and counts.clock_behind:
        locks.append(Reason("clock_was_ahead", "The clock is behind the journal.", "時鐘落後於日誌，請聯絡維修人員。"))
    can_issue = not locks and counts is not None and counts.numbers_left_this_period > 0
    can_print = paper.state == "ready"
    lamps = "stop" if not can_issue else "attention" if warnings else "ready"
    first = (locks + warnings)[:1]
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
        first[0].en if first else "Ready.",
        first[0].zh if first else "可以開立發票。",
    )


def _warnings(box: Box, counts: Counts | None, paper: PaperState) -> list[Reason]:
    found = []
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
    if counts is not None and counts.proofs_unconfirmed:
        n = counts.proofs_unconfirmed
        found.append(
            Reason(
                "proofs_unconfirmed",
                f"{n} proofs may not be on paper; look.",
                f"有 {n} 張證明聯不確定是否印出，請查看。",
            )
        )
    if paper.trouble is not None:
        found.append(paper.trouble)
    if not box.clock_trusted():
        found.append(
            Reason(
                "clock_untrusted",
                "The clock is not confirmed; tills must send till_time.",
                "時間未經校時，收銀機須送 till_time。",
            )
        )
    return found
