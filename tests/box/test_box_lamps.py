"""Every pattern of the lamps, read back from the pins that the daemon drives through gpiozero and lgpio."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise

import pytest

from einvoiced.hardware.lamps import PATTERNS, LampState, Light
from tests.box.counter import UNIT, Counter, Look

SLACK = 0.25
"""Seconds by which a phase may differ: a thread in an emulated processor wakes up late."""


def _phases(looks: list[Look], lamp: str) -> list[tuple[int, float]]:
    """(level, seconds) of each whole phase of a lamp: the first and the last are cut off."""
    changes = [(looks[0].moment, getattr(looks[0], lamp))]
    for look in looks[1:]:
        if getattr(look, lamp) != changes[-1][1]:
            changes.append((look.moment, getattr(look, lamp)))
    return [(level, end - begin) for (begin, level), (end, _) in pairwise(changes)][1:]


def _assert_rhythm(looks: list[Look], lamp: str, light: Light) -> None:
    levels = {getattr(look, lamp) for look in looks}
    if not light.blinking:
        assert levels == {int(light.lit)}, (lamp, looks)
        return
    for level, seconds in ((1, light.on_seconds), (0, light.off_seconds)):
        found = [length for shown, length in _phases(looks, lamp) if shown == level]
        assert found, (lamp, level, looks)
        assert abs(statistics.median(found) - seconds) <= SLACK, (lamp, level, found)


def _assert_pattern(looks: list[Look], state: LampState) -> None:
    for lamp, light in PATTERNS[state].lights():
        _assert_rhythm(looks, lamp, light)


def _window(state: LampState) -> float:
    """Seconds in which a pattern is seen whole, twice at least."""
    lights = [light for _, light in PATTERNS[state].lights() if light.blinking]
    return 1.5 + 3 * max((light.on_seconds + light.off_seconds for light in lights), default=0.0)


def _until_pattern(counter: Counter, state: LampState, seconds: float = 30.0) -> None:
    """The status says it, and then the pins: the keeper of the lamps looks once a second."""
    counter.until_status(lambda status: status["lamps"] == state.value)
    deadline = time.monotonic() + seconds
    while True:
        looks = counter.lamps(_window(state))
        try:
            return _assert_pattern(looks, state)
        except AssertionError:
            if time.monotonic() > deadline:
                raise


@pytest.mark.parametrize("state", list(LampState), ids=lambda state: state.value)
def test_each_pattern_on_the_pins(shared_counter: Counter, state: LampState) -> None:
    """The pins show the rhythm of the table, measured: which lamp, how long on, how long off."""
    shared_counter.hand.call("lamps.show", {"state": state.value, "seconds": 20})
    looks = shared_counter.lamps(_window(state))
    shared_counter.hand.call("lamps.show", {"state": state.value, "seconds": 0})
    _assert_pattern(looks, state)


def test_the_box_says_ready_attention_and_stop(shared_counter: Counter) -> None:
    """Steady green while it can sell; a printer without paper flashes amber; a clock behind the journal is fast red."""
    counter = shared_counter
    _until_pattern(counter, LampState.READY)
    counter.printer.emulator.paper_out = True
    _until_pattern(counter, LampState.ATTENTION)
    counter.printer.emulator.load_roll()
    counter.set_clock(time.time() - 3600, synchronised=True)
    _until_pattern(counter, LampState.STOP)
    counter.set_clock(time.time(), synchronised=True)
    _until_pattern(counter, LampState.READY)


def test_off(shared_counter: Counter) -> None:
    """A daemon that is stopped leaves all lamps dark."""
    shared_counter.machine.sh(f"systemctl stop {UNIT}")
    _assert_pattern(shared_counter.lamps(1), LampState.OFF)
    shared_counter.machine.sh(f"systemctl start {UNIT}", 120)
    _until_pattern(shared_counter, LampState.READY)
