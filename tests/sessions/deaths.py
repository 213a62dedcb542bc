"""`make paper`: the printer dies at every point of a strip; prints a table, writes build/paper.json.

After each death, whatever a person then says: no two strips that could be taken for an original, and no invoice of
which the box says nothing or something that is not so. `make test` takes a sample (test_sessions_deaths.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing import get_context
from typing import Any, Literal, get_args

from einvoiced.hardware.printer.escpos_stream import CommandStream
from einvoiced.hardware.printer.pieces import QUESTION, in_pieces
from einvoiced.proof.content import proof
from einvoiced.proof.render import render
from tests.boxes import ROOT, until
from tests.sessions.stage import SHOP, Stage

FIGURES = ROOT / "build" / "paper.json"
RANDOM_POINTS, EDGE = 300, 64
VERDICTS = ("damaged", "there", "nothing_usable")
CHUNK = 32
"""Deaths of one box."""

Way = Literal["cable", "power", "stall", "paper", "box", "absent"]
"""Its cable is pulled; it loses its power; it takes no more; its roll ends; the box is killed; it was never there."""

Kind = Literal["consumer", "buyer"]


class Wrong(AssertionError):
    """A promise was broken."""


class Twice(Wrong):
    """Two strips could both be taken for the original."""


class Silent(Wrong):
    """What the box says of an invoice's paper is not so, or it says nothing."""


@dataclass(frozen=True)
class Death:
    """One: `place` is the number of a point in `points`, since each invoice has bytes of its own."""

    way: Way
    kind: Kind
    place: int
    verdict: str


def points(wire: bytes) -> list[int]:
    """After how many bytes it dies: at every command, at the first and last 64 bytes, at 300 random ones."""
    commands = list(accumulate(len(command) for command in CommandStream().push(wire)))
    chooser = random.Random(7)
    inside = [chooser.randrange(1, len(wire)) for _ in range(RANDOM_POINTS)]
    edges = [*range(1, EDGE + 1), *range(len(wire) - EDGE + 1, len(wire) + 4)]
    return sorted({*commands, *edges, *inside})


@contextmanager
def stage() -> Iterator[Stage]:
    """A box whose invoices are printed when asked for, however the printer is."""
    made = Stage({"printer": {"if_unprintable": "queue"}}, {"patience_seconds": 2})
    try:
        made.open()
        yield made
    finally:
        made.close()


def prepared(stage: Stage, kind: Kind) -> bytes:
    """A fresh invoice A that nobody has printed, on clean paper; the bytes that its strip will be on the wire."""
    stage.issued.clear()
    stage.issue("A", kind, print="none")
    stage.printer.cut()
    stage.strips.clear()
    pieces = list(in_pieces(render(proof(stage.issued["A"].invoice, shop_name=SHOP), stage.kind)))
    return QUESTION.join(pieces)


def die(stage: Stage, death: Death) -> str:
    """Print an invoice, let the printer die, mend it, let a person decide; what became of the original. Wrong."""
    own = points(prepared(stage, death.kind))
    _arm(stage, death.way, own[min(death.place, len(own) - 1)])
    try:
        stage.call("proof.print", key=stage.issued["A"].key)
        if death.way == "box":
            until(lambda: stage.printer.stall_after == 0, 20, "the strip to leave")
            stage.box.kill()
            _mend(stage)
            stage.box.start()
        elif death.way == "absent":
            until(lambda: stage.box.status()["printer"] == "absent", 20, "the printer to be missed")
            _mend(stage)
        state = stage.settled("A")
        checked(stage, state)
    finally:
        _mend(stage)
    until(lambda: stage.box.status()["printer"] == "ready", 40, "the printer")
    if state == "unconfirmed":
        decided(stage, death.verdict)
    return state


def _arm(stage: Stage, way: Way, point: int) -> None:
    printer = stage.printer
    match way:
        case "cable":
            printer.unplug_after = point
        case "power":
            printer.trigger = (point, lambda: setattr(printer, "powered", False))
        case "paper":
            printer.trigger = (point, lambda: setattr(printer, "paper_out", True))
        case "stall" | "box":
            printer.stall_after = point
        case "absent":
            printer.unplugged = True


def _mend(stage: Stage) -> None:
    printer = stage.printer
    printer.unplug_after = printer.stall_after = printer.trigger = None
    printer.unplugged = printer.paper_out = False
    if not printer.powered:
        printer.powered = True


def checked(stage: Stage, state: str) -> None:
    """Whether the box's word on A is so, and is said wherever people look. Silent or Twice when it is not."""
    status, seen = stage.box.status(), stage.on_paper()
    listed = {each["invoice_number"]: each["paper"] for each in stage.call("proof.list")}
    number = stage.issued["A"].invoice.invoice_number
    if taken_for_originals(stage) > 1:
        raise Twice(f"{seen}")
    if state == "printed" and seen != ["A original"]:
        raise Silent(f"printed, it says, and on paper is {seen}")
    if state not in ("printed", "unconfirmed"):
        raise Silent(f"it says {state!r} and {seen} is on paper")
    told = (
        status["counts"]["proofs_unconfirmed"] == 1,
        "proofs_unconfirmed" in [warning["name"] for warning in status["warnings"]],
        status["lamps"] in ("attention", "stop"),
        listed.get(number) == "unconfirmed",
    )
    if state == "unconfirmed" and not all(told):
        raise Silent(f"unconfirmed, and who is told: {told}, {status}")


def decided(stage: Stage, verdict: str) -> None:
    """A person decides, the next invoice is printed; still no second original, and the next one is whole. Wrong."""
    stage.call("proof.resolve", key=stage.issued["A"].key, verdict=verdict, by="店長")
    if verdict == "damaged":
        until(lambda: stage.box.status()["counts"]["copies_waiting"] == 0, 20, "the copy")
        if stage.on_paper()[-1] != "A copy":
            raise Wrong(f"the copy is not whole: {stage.on_paper()}")
    stage.issue("B")
    if stage.settled("B") != "printed" or stage.on_paper()[-1] != "B original":
        raise Wrong(f"the next one is {stage.paper_of('B')}, on paper is {stage.on_paper()}")
    if taken_for_originals(stage) > 1 or stage.entries("A").count("proof_sending") > 1:
        raise Twice(f"{stage.on_paper()}, {stage.entries('A')}")


def taken_for_originals(stage: Stage) -> int:
    """How many strips could be taken for A's original; one too short to tell is counted."""
    return stage.originals("A") + stage.on_paper().count("torn")


# -- all of them


def all_deaths() -> list[Death]:
    """Cable and power at every point of both kinds of strips, the others at a sample of them."""
    with stage() as made:
        count = {kind: len(points(prepared(made, kind))) for kind in get_args(Kind)}
    chooser = random.Random(3)
    some = {way: sorted(chooser.sample(range(count["consumer"]), 30)) for way in ("stall", "paper", "box")}
    some["absent"] = [0] * 6
    where: list[tuple[Any, Any, Iterable[int]]] = [
        ("cable", "consumer", range(count["consumer"])),
        ("cable", "buyer", range(count["buyer"])),
        ("power", "consumer", range(count["consumer"])),
        *((way, "consumer", places) for way, places in some.items()),
    ]
    flat = [(way, kind, place) for way, kind, places in where for place in places]
    return [Death(way, kind, place, VERDICTS[n % 3]) for n, (way, kind, place) in enumerate(flat)]


def die_of(deaths: list[Death]) -> tuple[Counter[str], list[str]]:
    """Several deaths of one box (another one after a broken promise): what came of them, and what was wrong."""
    found, wrong, left = Counter[str](), list[str](), list(deaths)
    while left:
        with stage() as made:
            while left:
                death = left.pop(0)
                found[f"deaths by {death.way}"] += 1
                try:
                    found[die(made, death)] += 1
                except (AssertionError, TimeoutError, OSError) as error:
                    found[type(error).__name__ if isinstance(error, Wrong) else "Wrong"] += 1
                    wrong.append(f"{death}: {error}")
                    break
    return found, wrong


def main() -> int:
    """Run everything; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="make paper", description=__doc__)
    parser.add_argument("--processes", type=int, default=3 * (os.cpu_count() or 1), help="boxes at a time: most wait")
    options = parser.parse_args()
    begin, deaths = time.monotonic(), all_deaths()
    random.Random(1).shuffle(deaths)
    chunks = [deaths[n : n + CHUNK] for n in range(0, len(deaths), CHUNK)]
    found, wrong = Counter[str](), list[str]()
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        for counted, said in pool.map(die_of, chunks):
            found += counted
            wrong += said
            print(
                f"\r  {sum(v for k, v in found.items() if k.startswith('deaths'))} of {len(deaths)}", end="", flush=True
            )
    return _tell(found, wrong, time.monotonic() - begin)


def _tell(found: Counter[str], wrong: list[str], seconds: float) -> int:
    ways = [f"deaths by {way}" for way in get_args(Way)]
    figures = {
        "deaths tried": sum(found[way] for way in ways),
        **{way: found[way] for way in ways},
        "unconfirmed": found["unconfirmed"],
        "printed": found["printed"],
        "unmarked originals twice": found["Twice"],
        "silent invoices": found["Silent"],
        "other promises broken": found["Wrong"],
        "paper seconds": round(seconds),
    }
    print("\r" + "\n".join(f"  {name:<36}{value:>10,}" for name, value in figures.items()))
    for each in wrong:
        print(f"    {each}")
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"{'PROMISES BROKEN' if wrong else 'all promises kept'}; {FIGURES.relative_to(ROOT)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
