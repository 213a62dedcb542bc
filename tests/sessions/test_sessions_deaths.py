"""The printer dies at every point of a strip: never two unmarked originals, never an invoice without a word about it.

`make test` takes a sample of the points, `make paper` (EINVOICED_ALL_DEATHS=1) all of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import accumulate, cycle

import pytest

from einvoiced.hardware.printer.escpos_stream import CommandStream
from einvoiced.proof.content import proof
from einvoiced.proof.render import render
from tests.boxes import until
from tests.sessions.stage import SHOP, Stage

pytestmark = [pytest.mark.sessions, pytest.mark.timeout(3600)]

ALL = bool(os.environ.get("EINVOICED_ALL_DEATHS"))
RANDOM_POINTS, EDGE = 300, 64
VERDICTS = ("damaged", "there", "nothing_usable")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One box for all deaths; what it issues is printed when asked for."""
    made = Stage({"printer": {"if_unprintable": "queue"}})
    try:
        made.open()
        yield made
    finally:
        made.close()


def points(job: bytes) -> list[int]:
    """After how many bytes of a job it dies: at every command, at the first and last 64 bytes, at random ones."""
    commands = list(accumulate(len(command) for command in CommandStream().push(job)))
    chooser = random.Random(7)
    inside = [chooser.randrange(1, len(job)) for _ in range(RANDOM_POINTS)]
    edges = [*range(1, EDGE + 1), *range(len(job) - EDGE + 1, len(job) + 4)]
    return sorted({*commands, *edges, *inside})


def job_of(stage: Stage, name: str) -> bytes:
    """The bytes that the box will send for an invoice's original."""
    return render(proof(stage.issued[name].invoice, shop_name=SHOP), stage.kind)


def prepared(stage: Stage, kind: str) -> bytes:
    """A fresh invoice A that nobody has printed, on clean paper; its job."""
    stage.issued.clear()
    stage.issue("A", kind, print="none")
    stage.printer.cut()
    stage.strips.clear()
    return job_of(stage, "A")


def checked(stage: Stage, verdict: str) -> str:
    """What must hold after a strip has died and the printer is back; what became of the original."""
    state = stage.settled("A")
    counts = stage.box.status()["counts"]
    assert state in ("unconfirmed", "printed"), state
    assert counts["proofs_unconfirmed"] == (state == "unconfirmed")
    stage.printer.unplugged, stage.printer.stall_after = False, None
    until(lambda: stage.box.status()["printer"] == "ready", 40, "the printer")
    if state == "printed":
        assert stage.on_paper() == ["A original"]
        return state
    assert stage.originals("A") + stage.on_paper().count("torn") <= 1, stage.on_paper()
    stage.call("proof.resolve", key=stage.issued["A"].key, verdict=verdict, by="店長")
    if verdict == "damaged":
        until(lambda: stage.box.status()["counts"]["copies_waiting"] == 0, 20, "the copy")
        assert stage.on_paper()[-1] == "A copy"
    stage.issue("B")
    assert stage.settled("B") == "printed"
    assert stage.on_paper()[-1] == "B original"
    assert stage.originals("A") + stage.on_paper().count("torn") <= 1, stage.on_paper()
    assert stage.entries("A").count("proof_sending") == 1
    return state


@pytest.mark.parametrize("kind", ["consumer", "buyer"])
def test_a_cable_pulled_at_any_byte(stage: Stage, kind: str) -> None:
    """Unplugged after n bytes of the strip, for every n that matters."""
    wanted = list(range(len(points(prepared(stage, kind)))))
    if not ALL:
        wanted = [*wanted[:2], *random.Random(3).sample(wanted, 10), *wanted[-5:]]
    elif kind == "buyer":
        wanted = wanted[::5]
    died = 0
    for number, which in enumerate(wanted):
        own = points(prepared(stage, kind))  # each invoice has its own bytes
        stage.printer.unplug_after = own[min(which, len(own) - 1)]
        stage.call("proof.print", key=stage.issued["A"].key)
        died += checked(stage, VERDICTS[number % 3]) == "unconfirmed"
        stage.printer.unplug_after = None
    assert died >= len(wanted) - 8


@pytest.mark.parametrize("way", ["stall_after", "power", "paper"])
def test_other_deaths_at_random_bytes(stage: Stage, way: str) -> None:
    """It takes no more data, loses its power, or its paper, after n bytes."""
    chooser = random.Random(way)
    for verdict in [verdict for verdict, _ in zip(cycle(VERDICTS), range(20 if ALL else 1), strict=False)]:
        point = chooser.randrange(1, len(prepared(stage, "consumer")))
        if way == "stall_after":
            stage.printer.stall_after = point
        elif way == "power":
            stage.printer.trigger = (point, lambda: setattr(stage.printer, "powered", False))
        else:
            stage.printer.trigger = (point, lambda: setattr(stage.printer, "paper_out", True))
        stage.call("proof.print", key=stage.issued["A"].key)
        assert stage.settled("A") == "unconfirmed"
        stage.printer.powered, stage.printer.paper_out = True, False
        checked(stage, verdict)


def test_a_box_killed_in_any_strip(stage: Stage) -> None:
    """The daemon dies while a strip leaves; the next life finds it in doubt and prints the next one cleanly."""
    chooser = random.Random(11)
    for verdict in VERDICTS * (10 if ALL else 1):
        point = chooser.randrange(1, len(prepared(stage, "consumer")))
        taken = stage.printer.bytes_taken
        stage.printer.stall_after = point
        stage.call("proof.print", key=stage.issued["A"].key)
        until(lambda taken=taken, point=point: stage.printer.bytes_taken >= taken + point, 20, "the strip to leave")
        stage.box.kill()
        stage.printer.stall_after = None
        stage.box.start()
        checked(stage, verdict)
