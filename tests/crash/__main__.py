"""`make crash`: all of it, a table, and build/crash.json.

Ends with 1 when a promise was broken, or a control saw nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.crash import check, cuts, kills, life
from tests.crash.record import ROOT, Record

FIGURES = ROOT / "build" / "crash.json"

CONTROLS: dict[str, tuple[cuts.Ignore, str | None]] = {
    "lying disk": (cuts.lie, None),
    "names never synced": (cuts.lie_about_names, None),
    "synchronous=OFF": (cuts.obey, "synchronous=OFF"),
    "synchronous=NORMAL": (cuts.obey, "synchronous=NORMAL"),
    "answers before the commit": (cuts.obey, "answers before the commit"),
}
"""name → the syncs that its disk ignores, and the fault of its daemon. Each must lose what was acknowledged."""


def control(name: str, honest: Record, share: float) -> cuts.Outcome:
    """Cuts of a disk or a daemon that is known to lose; `honest`: the same life without a fault."""
    ignore, fault = CONTROLS[name]
    record = honest if fault is None else life.live(life.SHORT, fault=fault)
    return cuts.cut(cuts.Task(record, ignore=ignore, share=share))


class Figures(dict[str, float]):
    """What is printed and written: one flat table."""

    def say(self, name: str, value: float) -> None:
        """Keep a figure and print it."""
        self[name] = value
        print(f"  {name:<36}{value:>10,}", flush=True)


def main() -> int:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=330)
    parser.add_argument("--resumed", type=int, default=16)
    parser.add_argument("--chances", type=int, default=2)
    options = parser.parse_args()
    figures, begin = Figures(), time.monotonic()
    parts = [part(figures, options) for part in (_cuts, _controls, _kills)]
    good = all(parts)
    figures.say("crash seconds", round(time.monotonic() - begin))
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"{'all promises kept' if good else 'PROMISES BROKEN'}; {FIGURES.relative_to(ROOT)}")
    return 0 if good else 1


def _cuts(figures: Figures, options: argparse.Namespace) -> bool:
    print("power cuts: every write and sync of a box's life, every disk a cut may leave")
    record = life.live(life.LIFE)
    figures.say("crash events recorded", len(record.events))
    figures.say("crash entries", len(check.Promises(record).history))
    total = cuts.cut(cuts.Task(record, chances=options.chances))
    twice, resumed = 0, 0
    for again in cuts.resume(record, options.resumed):
        resumed += 1
        twice += again.printed_twice
        total.add(cuts.cut(cuts.Task(again.record, again.promised, chances=options.chances)))
    figures.say("crash disks", total.disks)
    figures.say("crash lives resumed", resumed)
    total.faults["originals twice"] += twice
    return _faults(figures, "crash", total.faults, total.examples.values())


def _controls(figures: Figures, _options: argparse.Namespace) -> bool:
    print("controls: disks and code that are known to lose")
    honest, lost, blind = life.live(life.SHORT), 0, []
    for name in CONTROLS:
        outcome = control(name, honest, share=0.5)
        found = outcome.faults["acknowledged lost"]
        print(f"    {name:<34}{found:>10,} on {outcome.disks} disks")
        lost += found
        blind += [] if found else [name]
    figures.say("control acknowledged lost", lost)
    for name in blind:
        print(f"  the control {name!r} saw nothing: the rig proves nothing")
    return not blind


def _kills(figures: Figures, options: argparse.Namespace) -> bool:
    print("kill -9 under four tills")
    outcome = kills.kill(options.kills)
    figures.say("kills", outcome.kills)
    figures.say("kills at named steps", sum(n for step, n in outcome.at.items() if step in kills.STEPS))
    figures.say("kills steps reached", sum(step in outcome.at for step in kills.STEPS))
    figures.say("kills steps named", len(kills.STEPS))
    figures.say("kills answers", outcome.answers)
    figures.say("kills repeats compared", outcome.repeats)
    return _faults(figures, "kills", outcome.wrong, outcome.examples)


def _faults(figures: Figures, prefix: str, faults: Counter[str], examples: Iterable[str]) -> bool:
    for name in dict.fromkeys((*check.FAULTS, *faults)):
        figures.say(f"{prefix} {name}", faults[name])
    if +faults:
        for example in examples:
            print(f"    {example}")
    return not +faults


if __name__ == "__main__":
    sys.exit(main())
