"""The printer dies in a strip: never two unmarked originals, never an invoice without a word about it.

A sample of the points; `make paper` takes all of them (deaths.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from einvoiced.proof.content import proof
from einvoiced.proof.render import render
from tests.sessions import deaths
from tests.sessions.deaths import VERDICTS, Death, Kind, Way
from tests.sessions.stage import SHOP, Stage

pytestmark = pytest.mark.sessions


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One box for all deaths."""
    with deaths.stage() as made:
        yield made


@pytest.mark.parametrize("kind", ["consumer", "buyer"])
def test_a_cable_pulled_at_any_byte(stage: Stage, kind: Kind) -> None:
    """After the first bytes, the last ones and some between; behind the last byte it may be printed."""
    places = list(range(len(deaths.points(deaths.prepared(stage, kind)))))
    wanted = [*places[:2], *random.Random(3).sample(places, 8), *places[-4:]]
    died = [deaths.die(stage, Death("cable", kind, place, VERDICTS[n % 3])) for n, place in enumerate(wanted)]
    assert died.count("unconfirmed") >= len(wanted) - 4


@pytest.mark.parametrize("way", ["stall", "power", "paper"])
def test_other_deaths(stage: Stage, way: Way) -> None:
    """It takes no more data, loses its power, or its paper: nobody knows, and a person decides."""
    assert deaths.die(stage, Death(way, "consumer", 150, "damaged")) == "unconfirmed"


def test_a_printer_that_was_never_there(stage: Stage) -> None:
    """Not a byte has left: the original waits, and is printed when it comes."""
    assert deaths.die(stage, Death("absent", "consumer", 0, "there")) == "printed"


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_box_killed_in_any_strip(stage: Stage, verdict: str) -> None:
    """The daemon dies while a strip leaves; the next life finds it in doubt and prints the next one cleanly."""
    place = random.Random(verdict).randrange(300)
    assert deaths.die(stage, Death("box", "consumer", place, verdict)) == "unconfirmed"


def test_a_second_original_or_a_wrong_word_would_be_seen() -> None:
    """A box that printed an original twice, or said "printed" of a torn one, does not pass."""
    with deaths.stage() as made:
        deaths.prepared(made, "consumer")
        made.call("proof.print", key=made.issued["A"].key)
        assert made.settled("A") == "printed"
        deaths.checked(made, "printed")
        with pytest.raises(deaths.Silent):
            deaths.checked(made, "unconfirmed")
        job = render(proof(made.issued["A"].invoice, shop_name=SHOP), made.kind)
        made.printer.feed(job)
        with pytest.raises(deaths.Twice):
            deaths.checked(made, "printed")
        made.strips.clear()
        made.printer.feed(job[: len(job) // 2])
        made.printer.cut()
        with pytest.raises(deaths.Silent):
            deaths.checked(made, "printed")
