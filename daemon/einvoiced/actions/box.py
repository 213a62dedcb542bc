"""What every action may know of the box that it runs on: the shop, the clock, and what keeps it from issuing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from einvoiced.errors import BoxLocked, ClockUntrusted, ClockWasAhead, EinvoicedError, InvalidParams
from einvoiced.journal.entries import Ceiling, stamp
from einvoiced.journal.mac import answer_mac
from einvoiced.journal.transaction import NotYet, Transaction
from einvoiced.rules.invoice import Seller
from einvoiced.rules.sale import Policy
from einvoiced.rules.share import ALONE, Share

TILL_AGREES = timedelta(minutes=2)
"""How far the till's own time may differ to confirm the box's clock (design: time)."""

BEHIND = timedelta(seconds=2)
"""How far a clock may be behind the last entry before nothing is issued (design: time)."""


def need_zone(till_time: datetime | None) -> None:
    """InvalidParams for a till's time that does not say where it is told."""
    if till_time is not None and till_time.tzinfo is None:
        raise InvalidParams("till_time", detail="a time needs its zone, such as +08:00")


class TrustClock(Protocol):
    """A clock that can say whether the kernel calls it synchronised (None: nobody knows)."""

    def now(self) -> datetime: ...

    def synchronised(self) -> bool | None: ...

    def rtc_agrees(self, tolerance: float) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Shop:
    """What the configuration says of the shop; `seal` is the AES of number and random code.

    `share`: this box's part of the shop's numbers; `branches`: 統一編號 whose rows may stand in its track files too;
    `tax_registration`: the 稅籍編號; `lead`: the box that reports the unused numbers of all that share them.
    """

    seller: Seller
    policy: Policy
    seal: Callable[[str], str]
    share: Share = ALONE
    branches: frozenset[str] = frozenset()
    tax_registration: str | None = None
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """One reason why nothing is issued, with its stable name."""

    name: str
    en: str
    zh: str


class Ceilings:
    """Up to which number each range may be used: what every witness and the file beside the journal already know.

    The loop replaces `allowed` as a whole; the journal thread reads it and sets `wanted` when it runs low.
    """

    def __init__(self, known: list[Ceiling]) -> None:
        self.low = 50
        self.wanted = True
        self.allow(known)

    def allow(self, known: list[Ceiling]) -> None:
        """These and no others may be used from now on."""
        self.allowed = {(c.year_month, c.track, c.begin): c.ceiling for c in known}

    def check(self, year_month: str, track: str, begin: int, number: int) -> None:
        """NotYet when the number lies above its range's ceiling."""
        left = self.allowed.get((year_month, track, begin), -1) - number
        if left < self.low:
            self.wanted = True
        if left < 0:
            raise NotYet


@dataclass
class Box:
    """The state that is not in the journal. Written in the loop thread; the journal thread only reads it."""

    clock: TrustClock
    journal_directory: Path
    id: str = ""
    shop: Shop | None = None
    prints: bool = True
    rtc_agrees: bool | None = None
    frozen: bool = False
    """Whether the journal may not be appended to: it is not the one it should be."""
    paper_waits: bool = False
    """Set when a proof was queued, taken back by whoever wakes the printer."""
    unprintable: Lock | None = None
    """Why the printer would print no proof now, as it said last; None while all is well."""
    if_unprintable: Literal["refuse", "queue"] = "refuse"
    donation_slip: bool = False
    carrier_slip: bool = False
    courtesy: deque[int] = field(default_factory=lambda: deque(maxlen=20))
    """Entries of invoices without a proof whose customers get a note; the printer's thread takes them out."""
    on_behind: Callable[[EinvoicedError], None] = lambda _error: None
    """Told in the journal's thread when somebody proves that this journal has lost entries: the box must lock."""
    journal_id: str = ""
    secret: bytes = b""
    key_epoch: int = 1
    """The first epoch whose answers have MACs by `secret`."""
    ceilings: Ceilings | None = None
    """None where no keeper raises them: tools and tests that use actions without the daemon."""
    locks: dict[str, Lock] = field(default_factory=dict)
    notices: dict[str, Lock] = field(default_factory=dict)
    """What the status tells besides, though invoices are issued."""

    def lock(self, name: str, en: str, zh: str) -> None:
        """Stop issuing until `unlock` of the same name."""
        self.locks[name] = Lock(name, en, zh)

    def unlock(self, name: str) -> None:
        """Take a reason away; nothing happens if it was not there."""
        self.locks.pop(name, None)

    def note(self, name: str, en: str, zh: str) -> None:
        """Tell something in the status until `forget` of the same name."""
        self.notices[name] = Lock(name, en, zh)

    def forget(self, name: str) -> None:
        """Take a notice away; nothing happens if it was not there."""
        self.notices.pop(name, None)

    def leave_note(self, tx: Transaction, entry: int) -> None:
        """A customer gets a note about this entry, once it is committed: another may take its place otherwise."""

        def committed() -> None:
            self.courtesy.append(entry)
            self.paper_waits = True

        tx.afterwards.append(committed)

    def need_shop(self) -> Shop:
        """The shop of an unlocked box; BoxLocked with every reason otherwise."""
        locks = list(self.locks.values())
        if locks or self.shop is None:
            raise BoxLocked(
                reasons="; ".join(lock.en for lock in locks) or "not configured",
                reasons_zh="；".join(lock.zh for lock in locks) or "尚未設定",
            )
        return self.shop

    def mac(self, epoch: int, sequence: int) -> str:
        """The MAC of an answer's place in this journal: by it a till can prove that it has seen a later one."""
        return answer_mac(self.journal_id, self.secret, epoch, sequence)

    def clock_trusted(self) -> bool:
        """Whether the kernel is synchronised or a hardware clock agrees."""
        return self.clock.synchronised() is True or self.rtc_agrees is True

    def trusted_moment(self, tx: Transaction, till_time: datetime | None) -> datetime:
        """Now, for an invoice; ClockWasAhead or ClockUntrusted when this clock may not decide a period."""
        now, last = tx.now(), tx.last_time()
        if last is not None and last - now > BEHIND:
            raise ClockWasAhead(box_time=stamp(now), last_time=stamp(last))
        till_agrees = till_time is not None and abs(till_time - now) <= TILL_AGREES
        if not till_agrees and not self.clock_trusted():
            raise ClockUntrusted("till_time", box_time=stamp(now))
        return now if last is None or now >= last else last
