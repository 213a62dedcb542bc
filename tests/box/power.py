"""Power cuts under load: a box whose journal lies on a disk with a volatile cache, and what must be true after each.

What tills were answered is kept outside the box. After a cut another machine starts with what the disk has kept, proves
its journal with the real daemon, and is asked for every one of those invoices.
"""

from __future__ import annotations

import random
import time
from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Any

from tests.box.counter import UNIT, Counter
from tests.box.guest.hand import make_sale
from tests.box.hand import Acknowledged, Refused, answered
from tests.box.line import numbers_on
from tests.box.qmp import MachineError
from tests.box.stages import Stages
from tests.box.volatile_disk import Survivors, VolatileDisk, ext4

TILLS = 4
STATE = "/var/lib/einvoiced"
RANGE = ("PW", 0, 99_999)
LOAD_SECONDS = 600
"""Longer than any load lasts: it ends with the power."""

FEW = 8
"""Answers that must have come before a cut may: a cut of an idle box proves little."""

FLUSH_SECONDS = 0.03
"""What a memory card takes to flush."""

LINE_BYTES_PER_SECOND = 40_000
"""The printer's line: a strip takes a second or two, so that cuts fall into strips."""

_SURVIVORS: tuple[Survivors, ...] = ("none", "subset", "prefix")
_ASKED_AT_ONCE = 500


@dataclass
class Findings:
    """What all cuts together came to. Each of the first four must be 0 on an honest disk."""

    lost: int = 0
    changed: int = 0
    duplicates: int = 0
    second_originals: int = 0
    cuts: int = 0
    sectors_at_stake: int = 0
    cuts_into_writes: int = 0
    originals: int = 0
    strips_torn: int = 0
    seconds: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def note(self, what: str, example: str) -> None:
        """Count one fault, and keep a few to show."""
        setattr(self, what, getattr(self, what) + 1)
        if len(self.examples) < 20:
            self.examples.append(f"cut {self.cuts}: {what}: {example}")

    def __str__(self) -> str:
        return (
            f"cut {self.cuts} ({self.seconds[-1]:.0f} s): {self.broken} faults, "
            f"{self.sectors_at_stake} sectors were at stake, {self.originals} originals came out"
        )

    @property
    def broken(self) -> int:
        """How many promises were broken."""
        return self.lost + self.changed + self.duplicates + self.second_originals


class PowerRig:
    """One box's life over many cuts. The counter and its printer stay; machines come and go."""

    def __init__(self, stages: Stages, seed: int) -> None:
        self._frozen = stages.stopped()
        self._chance = random.Random(seed)
        self.counter = Counter(stages.image)
        raw, sock = (self.counter.machine.path(name) for name in ("data.raw", "data.nbd"))
        self.disk = VolatileDisk(ext4(raw, 256), sock, flush_seconds=FLUSH_SECONDS)
        self.counter.printer.emulator.bytes_per_second = LINE_BYTES_PER_SECOND
        self.acknowledged = Acknowledged()
        self.findings = Findings()
        self._owners: dict[str, str] = {}
        self._originals: Tally[str] = Tally()
        self._strips_seen = 0
        self._checked: set[str] = set()

    def close(self) -> None:
        """Put everything away."""
        self.counter.power_cut()
        self.disk.close()
        self.counter.machine.close()

    # -- one life after the other

    def start(self) -> None:
        """A machine with the disk as it is, and the daemon on it."""
        self.counter.thaw(self._frozen)
        machine = self.counter.machine
        machine.plug_data(self.disk, STATE)
        machine.sh(f"systemd-tmpfiles --create einvoiced-stick.conf && systemctl start {UNIT}", 180)

    def first_start(self) -> None:
        """A new journal on the empty disk, with numbers."""
        self.start()
        self.counter.take_tracks(RANGE)

    def cut(self, survivors: Survivors | None = None) -> None:
        """Load until a moment that nobody chose, then the plug; then the next machine, and the questions.

        `survivors`: what the disk keeps of what was not flushed; chance decides unless told.
        """
        begin = time.monotonic()
        self._load(f"cut-{self.findings.cuts}")
        at_stake = self._pull_the_plug(self._chance.choice(_SURVIVORS) if survivors is None else survivors)
        self.start()
        self._ask(sorted(self.acknowledged.numbers.keys() - self._checked))
        self._ask_again(f"cut-{self.findings.cuts}")
        self._look_at_paper()
        self.findings.cuts += 1
        self.findings.sectors_at_stake += at_stake
        self.findings.cuts_into_writes += at_stake > 0
        self.findings.seconds.append(time.monotonic() - begin)

    def finish(self) -> None:
        """Once more everything that was ever acknowledged, all paper that waited, and the whole journal's chain."""
        self._ask(sorted(self.acknowledged.numbers))
        self.counter.printer.emulator.bytes_per_second = None
        waiting = self.counter.status()["counts"]["proofs_waiting"]
        self.counter.until_status(lambda status: not status["counts"]["proofs_waiting"], 60 + 5 * waiting)
        self._look_at_paper()
        told = self.counter.machine.run("runuser -u einvoiced -- einvoicectl journal verify", 300)
        if told.code:
            self.findings.note("changed", f"journal verify: {told.out}{told.err}")

    def _load(self, run: str) -> None:
        self.acknowledged.listen(self.counter.machine.path("ack"))
        before = len(self.acknowledged.numbers)
        self.counter.hand.start("load", path="/run/einvoice/till.sock", tills=TILLS, run=run, seconds=LOAD_SECONDS)
        deadline = time.monotonic() + 60
        while len(self.acknowledged.numbers) < before + FEW:
            if time.monotonic() > deadline:
                raise MachineError(f"no load: {self.acknowledged.refused[-3:]} {self.counter.log()}")
            time.sleep(0.02)
        self._chance.choice(
            (self._any_moment, self._into_paper, self._into_paper, self._into_writes, self._into_writes)
        )()

    def _any_moment(self) -> None:
        time.sleep(self._chance.uniform(0.0, 1.5))

    def _into_paper(self) -> None:
        """A moment in which a strip is being sent."""
        emulator, deadline = self.counter.printer.emulator, time.monotonic() + 60
        taken = emulator.bytes_taken
        while emulator.bytes_taken < taken + 3000 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(self._chance.uniform(0.0, 0.3))

    def _into_writes(self) -> None:
        """The worst moment, which chance alone seldom finds: the disk has a part of a commit, or all but its flush."""
        self._any_moment()
        deadline = time.monotonic() + 5
        while not self.disk.at_stake and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(self._chance.uniform(0.0, FLUSH_SECONDS / 2))

    def _pull_the_plug(self, survivors: Survivors) -> int:
        """Box and disk lose it at once: a flush that is under way does not end because a process takes time to die."""
        self.counter.machine.hold_still()
        at_stake, _ = self.disk.power_cut(survivors, self._chance.randrange(1 << 30))
        self.counter.power_cut()
        self.acknowledged.hang_up()
        strips = len(self.counter.printer.finished)
        self.counter.printer.emulator.cut()  # the clerk tears off what hangs out
        self.findings.strips_torn += len(self.counter.printer.finished) - strips
        return at_stake

    # -- what must be true

    def _ask(self, keys: list[str]) -> None:
        """The daemon knows each acknowledged key with the number that its till was told."""
        for begin in range(0, len(keys), _ASKED_AT_ONCE):
            asked = keys[begin : begin + _ASKED_AT_ONCE]
            answers = self.counter.hand.ask([("invoice.get", {"key": key}) for key in asked], timeout=120)
            for key, answer in zip(asked, answers, strict=True):
                self._compare(key, self.acknowledged.numbers[key], answer)
        self._checked.update(keys)

    def _compare(self, key: str, told: str, answer: dict[str, Any]) -> None:
        try:
            found = answered(answer)["result"]["invoice"]["invoice_number"]
        except Refused as refused:
            if refused.name != "invoice_not_found":
                raise
            self.findings.note("lost", f"{told} {key}")
            return
        if found != told:
            self.findings.note("changed", f"{key} was {told}, is {found}")
        self._own(key, told)

    def _own(self, key: str, number: str) -> None:
        if self._owners.setdefault(number, key) != key:
            self.findings.note("duplicates", f"{number} for {key} and {self._owners[number]}")

    def _ask_again(self, run: str) -> None:
        """Each till asks again for the sale that it had no answer to: it gets one invoice, of its own number."""
        sales = []
        for till in range(TILLS):
            number = 0
            while (made := make_sale(f"{run}-{till}", number))["key"] in self.acknowledged.numbers:
                number += 1
            sales.append(made)
        for _ in range(2):
            answers = self.counter.hand.ask([("invoice.issue", made) for made in sales], timeout=120)
            for made, answer in zip(sales, answers, strict=True):
                number = answered(answer)["invoice"]["invoice_number"]
                if self.acknowledged.numbers.setdefault(made["key"], number) != number:
                    self.findings.note("changed", f"{made['key']} asked twice")
                self._own(made["key"], number)

    def _look_at_paper(self) -> None:
        """No number stands on two strips, torn off or cut."""
        strips = self.counter.printer.strips_since(self._strips_seen)
        self._strips_seen += len(strips)
        for strip in strips:
            for number in numbers_on(strip):
                self._originals[number] += 1
                self.findings.originals += 1
                if self._originals[number] > 1:
                    self.findings.note("second_originals", number)
