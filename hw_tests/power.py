"""The power supply: does it hold under load, how hot does it get, how often was the box not stopped in order?

Every core works for some seconds at the lowest priority; meanwhile the board is asked. A Raspberry Pi tells of every
drop below 4.63 V; other boards do not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from einvoiced.actions.start_checks import fact
from einvoiced.doctor.site import Site
from einvoiced.errors import EinvoicedError
from einvoiced.hardware.power import Power, board_model, read_power
from hw_tests.bench import Bench, Figure, Outcome

LOAD_SECONDS = 10.0
LOOK_SECONDS = 0.5
HOT = 80.0
"""Degrees from which a Raspberry Pi slows itself down."""

MANY_STOPS = 10
_BURN = """
import os, sys, time
os.nice(19)
parent, end = os.getppid(), time.monotonic() + float(sys.argv[1])
while time.monotonic() < end and os.getppid() == parent:
    sum(number * number for number in range(10_000))
"""
SUPPLY = "use the board's own power supply and a short cable"


def run(bench: Bench) -> Outcome:
    """Pass when the voltage held under load and no core was slowed down; skipped where the board does not tell."""
    first = read_power()
    with load():
        looks = list(_watch())
    figures = _figures(first, looks)
    stops = unclean_stops(bench)
    figures["unclean_stops"] = stops
    figures["machine"] = " ".join(board_model()).strip() or None
    during = {trouble for look in looks for trouble in look.now}
    trouble = judge(first, looks, during)
    if trouble is not None:
        return Outcome("fail", trouble, figures)
    told = f"; not stopped in order {stops} times" if stops else ""
    if not first.source:
        hot = figures["celsius_hot"]
        heat = f"; {hot} °C under load" if hot is not None else ""
        return Outcome("skipped", f"this board does not tell its voltage{heat}{told}", figures)
    if stops is not None and stops >= MANY_STOPS:
        told += ": shut it down before it is switched off, or fit a UPS"
    return Outcome("pass", f"the voltage held under load{told}", figures)


def judge(first: Power, looks: list[Power], during: set[str]) -> str | None:
    """What is wrong with the supply or the cooling; None when nothing is."""
    if "under_voltage" in during:
        return f"the voltage fell below 4.63 V under load: {SUPPLY}"
    if "under_voltage" in first.since_boot:
        return f"the voltage was below 4.63 V since the last boot: {SUPPLY}"
    if {"throttled", "soft_temperature_limit"} & during:
        return "the processor was slowed down by heat: give it air, fit a heat sink"
    hottest = max((look.celsius for look in looks if look.celsius is not None), default=None)
    if hottest is not None and hottest >= HOT:
        return f"the processor reached {hottest} °C: give it air, fit a heat sink"
    return None


def _figures(first: Power, looks: list[Power]) -> dict[str, Figure]:
    heat = [look.celsius for look in looks if look.celsius is not None]
    return {
        "source": first.source or None,
        "now": ",".join(first.now) or None,
        "since_boot": ",".join(first.since_boot) or None,
        "celsius": first.celsius,
        "celsius_hot": max(heat) if heat else None,
        "load_seconds": LOAD_SECONDS,
    }


def _watch() -> Iterator[Power]:
    deadline = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        yield read_power()


@contextmanager
def load() -> Iterator[None]:
    """Every core busy, behind everybody else: the till does not wait for it."""
    command = [sys.executable, "-S", "-c", _BURN, str(2 * LOAD_SECONDS)]
    workers = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def unclean_stops(bench: Bench) -> int | None:
    """How often the journal began without a stop before it; None when it may not be read, or is not there."""
    site = Site(bench.config_file, bench.state, bench.run)
    try:
        return int(site.read(lambda tx: fact(tx, "unclean_stops")) or 0)
    except (OSError, EinvoicedError):
        return None
