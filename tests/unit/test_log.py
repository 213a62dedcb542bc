"""A log that a fault cannot flood."""

from __future__ import annotations

import logging

from einvoiced.log import BURST, MOST, Calm


def said(times: list[tuple[float, str]], level: int = logging.WARNING) -> list[tuple[float, str]]:
    """What is let through of warnings at these seconds."""
    now = 0.0
    calm, found = Calm(lambda: now), []
    for at, text in times:
        now = at
        record = logging.LogRecord("einvoiced", level, __file__, 1, "%s", (text,), None)
        if calm.filter(record):
            found.append((at, record.getMessage()))
    return found


def test_a_warning_every_second_is_said_once_a_minute_after_its_first_times() -> None:
    """With how often it was left out; others are not hidden by it."""
    every_second: list[tuple[float, str]] = [(float(at), "full") for at in range(180)]
    found = said([*every_second[:100], (100.0, "another"), *every_second[100:]])
    assert [text for _, text in found[:BURST]] == ["full"] * BURST
    assert found[BURST:] == [
        (60.0, "full (and 55 times more since it was last said)"),
        (100.0, "another"),
        (120.0, "full (and 59 times more since it was last said)"),
    ]


def test_a_warning_now_and_then_is_always_said() -> None:
    """A clerk tries a stick again; a printer is unplugged each day."""
    times = [(at * 20.0, "refused") for at in range(50)]
    assert said(times) == times


def test_what_is_no_warning_is_always_said() -> None:
    """It happens as often as somebody does something."""
    times = [(float(at), "taken") for at in range(50)]
    assert said(times, logging.INFO) == times


def test_ever_new_warnings_are_not_remembered_for_ever() -> None:
    """Texts with numbers in them are as many as the years are long."""
    calm = Calm(lambda: 0.0)
    for number in range(10 * MOST):
        assert calm.filter(logging.LogRecord("einvoiced", logging.ERROR, __file__, 1, "entry %d", (number,), None))
    assert len(calm._said) <= MOST
