"""The lamps show each state in its own rhythm, on pins and in a file, and are dark when closed."""

import json

import pytest
from gpiozero.pins.mock import MockFactory
from hardware_helpers import until

from einvoiced.hardware.lamps import PATTERNS, LampState
from einvoiced.hardware.lamps.gpio import GpioLamps
from einvoiced.hardware.lamps.virtual import VirtualLamps

PINS = {"green": 17, "amber": 27, "red": 22}


@pytest.fixture
def factory():
    factory = MockFactory()
    yield factory
    factory.reset()


def lit(factory):
    return {name for name, pin in PINS.items() if factory.pin(pin).state}


def test_every_state_has_a_rhythm_of_its_own():
    """Without any colours, no two states look the same, and nothing flickers faster than three times a second."""
    rhythms = []
    for state in LampState:
        lights = [light for _, light in PATTERNS[state].lights() if light.lit]
        rhythms.append(tuple((light.on_seconds, light.off_seconds) for light in lights))
        assert all(light.on_seconds + light.off_seconds > 1 / 3 for light in lights if light.blinking)
    assert len(set(rhythms)) == len(LampState) == len(PATTERNS)


def test_pins_follow_the_table(factory):
    """READY lights green and nothing else; STOP blinks red; OFF is dark."""
    lamps = GpioLamps(**PINS, pin_factory=factory)
    assert lit(factory) == set()
    lamps.show(LampState.READY)
    assert lit(factory) == {"green"}
    lamps.show(LampState.STOP)
    assert until(lambda: lit(factory) == {"red"}) and until(lambda: lit(factory) == set())
    lamps.show(LampState.OFF)
    assert lit(factory) == set()
    lamps.close()


def test_the_same_state_again_does_not_disturb_the_rhythm(factory):
    """The blinking thread that runs goes on."""
    lamps = GpioLamps(**PINS, pin_factory=factory)
    lamps.show(LampState.BUSY)
    thread = lamps._leds["amber"]._blink_thread
    lamps.show(LampState.BUSY)
    assert thread is not None and lamps._leds["amber"]._blink_thread is thread
    lamps.show(LampState.ATTENTION)
    assert lamps._leds["amber"]._blink_thread is not thread
    lamps.close()


def test_closing_turns_the_lamps_off(factory):
    """No lamp stays lit or blinks on, closing twice is fine, and showing afterwards does nothing."""
    lamps = GpioLamps(**PINS, pin_factory=factory)
    lamps.show(LampState.TAKEN)
    led = lamps._leds["green"]
    assert until(lambda: lit(factory) == {"green"})
    lamps.close()
    lamps.close()
    lamps.show(LampState.READY)
    assert led.closed
    assert factory.pin(17).state == 0


def test_pins_that_are_taken_are_an_oserror(factory):
    """A pin that cannot be had is reported as OSError, and those already taken are given back."""
    with pytest.raises(OSError):
        GpioLamps(green=17, amber=17, red=22, pin_factory=factory)
    GpioLamps(**PINS, pin_factory=factory).close()


def test_virtual_lamps_tell_the_file_and_remember(tmp_path):
    """The file holds the last state whole; the history is bounded and without repeats."""
    path = tmp_path / "lamps.json"
    lamps = VirtualLamps(path, keep=3)
    for state in (LampState.READY, LampState.READY, LampState.BUSY, LampState.TAKEN, LampState.STOP):
        lamps.show(state)
        assert json.loads(path.read_text())["state"] == state.value == lamps.state.value
    assert list(lamps.history) == [LampState.BUSY, LampState.TAKEN, LampState.STOP]
    assert json.loads(path.read_text())["lamps"]["red"] == {"on_seconds": 0.2, "off_seconds": 0.2}
    lamps.close()
    assert json.loads(path.read_text())["state"] == "off"
    assert [entry.name for entry in tmp_path.iterdir()] == ["lamps.json"]


def test_virtual_lamps_need_no_file():
    """Without a path they only remember."""
    lamps = VirtualLamps()
    assert lamps.state is LampState.OFF
    lamps.show(LampState.STOP)
    assert lamps.state is LampState.STOP
