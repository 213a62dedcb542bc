"""The package over an older one, while tills sell."""

from __future__ import annotations

import time

import pytest

from tests.box import needs, previous
from tests.box.counter import CARRIER, CONFIG, Counter, sale
from tests.box.hand import answered
from tests.box.line import numbers_on
from tests.box.stages import INSTALL, Stages, package_disk


def test_upgrade(off: Counter, stages: Stages, figures: dict[str, float]) -> None:
    """An upgrade keeps journal and configuration; a till that asks meanwhile waits a little, and is answered."""
    try:
        older = previous.build()
    except needs.NotRun as why:
        pytest.skip(str(why))
    machine = off.machine
    off.thaw(stages.older(older))
    off.take_tracks()
    sold = [sale(), sale(**CARRIER)]
    before = [answered(each) for each in off.hand.ask([("invoice.issue", each) for each in sold])]
    off.until_strips(1)
    configuration = machine.sh(f"sha256sum {CONFIG}")
    version = _version(off)
    with package_disk(machine, stages.package) as path:
        running = machine.agent.spawn(f"DEBIAN_FRONTEND=noninteractive {INSTALL} {path} 2>&1")
        longest = 0.0
        while (result := machine.agent.poll(running)) is None:
            begin = time.monotonic()
            off.issue(**CARRIER)
            longest = max(longest, time.monotonic() - begin)
    assert result.code == 0, result.out
    figures["upgrade_longest_wait_seconds"] = round(longest, 1)
    assert _version(off) != version
    assert machine.sh(f"sha256sum {CONFIG}") == configuration
    again = [answered(each) for each in off.hand.ask([("invoice.issue", each) for each in sold])]
    assert again == before
    last = off.issue()["invoice_number"]
    deadline = time.monotonic() + 60
    while {last} not in [numbers_on(strip) for strip in off.printer.strips_since(1)]:  # a slip may come before it
        assert time.monotonic() < deadline, off.log()
        time.sleep(0.2)
    assert not machine.run("systemctl --failed --no-legend").out
    assert machine.sh("systemctl is-enabled einvoiced.service").strip() == "enabled"


def _version(counter: Counter) -> str:
    return counter.machine.sh("dpkg-query -Wf '${Version}' einvoiced")
