"""What every action may know of the box that it runs on: the shop, the clock, and what keeps it from issuing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from einvoiced.errors import BoxLocked, ClockUntrusted, ClockWasAhead
from einvoiced.journal.entries import stamp
from einvoiced.journal.writer import Transaction
from einvoiced.rules.invoice import Seller
from einvoiced.rules.sale import Policy

TILL_AGREES = timedelta(minutes=2)
"""How far the till's own time may differ to confirm the box's clock (design: time)."""

BEHIND = timedelta(seconds=2)
"""How far a clock may be behind the last entry before nothing is issued (design: time)."""


class TrustClock(Protocol):
    """A clock that can say whether the kernel calls it synchronised (None: nobody knows)."""

    def now(self) -> datetime: ...

    def synchronised(self) -> bool | None: ...

    def rtc_agrees(self, tolerance: float) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Shop:
    """What the configuration says of the shop; `seal` is the AES of number and random code."""

    seller: Seller
    policy: Policy
    seal: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Lock:
    """One reason why nothing is issued, with its stable name."""

    name: str
    en: str
    zh: str


@dataclass
class Box:
    """The state that is not in the journal. Written in the loop thread; the journal thread only reads it."""

    clock: TrustClock
    journal_directory: Path
    id: str = ""
    shop: Shop | None = None
    prints: bool = True
    rtc_agrees: bool | None = None
    locks: dict[str, Lock] = field(default_factory=dict)

    def lock(self, name: str, en: str, zh: str) -> None:
        """Stop issuing until `unlock` of the same name."""
        self.locks[name] = Lock(name, en, zh)

    def unlock(self, name: str) -> None:
        """Take a reason away; nothing happens if it was not there."""
        self.locks.pop(name, None)

    def need_shop(self) -> Shop:
        """The shop of an unlocked box; BoxLocked with every reason otherwise."""
        locks = list(self.locks.values())
        if locks or self.shop is None:
            raise BoxLocked(
                reasons="; ".join(lock.en for lock in locks) or "not configured",
                reasons_zh="；".join(lock.zh for lock in locks) or "尚未設定",
            )
        return self.shop

    def clock_trusted(self) -> bool:
        """Whether the kernel is synchronised or a hardware clock agrees."""
        return self.clock.synchronised() is True or self.rtc_agrees is True

    def trusted_moment(self, tx: Transaction, till_time: datetime | None) -> datetime:
        """Now, for an invoice; ClockWasAhead or ClockUntrusted when this clock may not decide a period."""
        now, last = tx.now(), tx.last_time()
        if last is not None and last - now > BEHIND:
            raise ClockWasAhead(box_time=stamp(now), last_time=stamp(last))
        if not self.clock_trusted() and (till_time is None or abs(till_time - now) > TILL_AGREES):
            raise ClockUntrusted("till_time", box_time=stamp(now))
        return now if last is None or now >= last else last
