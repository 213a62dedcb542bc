"""The plug is pulled under load: `make box` does it a few times, `make box-power` at least fifty."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.box.power import PowerRig
from tests.box.stages import Stages

CUTS = int(os.environ.get("EINVOICED_BOX_CUTS", "5"))
SEED = 20261126


@pytest.fixture
def rig(stages: Stages) -> Iterator[PowerRig]:
    """A box with numbers on an honest disk with a volatile cache."""
    with closing(PowerRig(stages, SEED)) as rig:
        rig.first_start()
        yield rig


def test_power_cuts(rig: PowerRig, figures: dict[str, float]) -> None:
    """No acknowledged invoice is lost or changed, no number is given twice, no original comes out twice."""
    found = rig.findings
    for _ in range(CUTS):
        rig.cut()
        print(f"  {found}, {len(rig.acknowledged.numbers)} acknowledged", flush=True)
    rig.finish()
    figures["power_cuts"] = found.cuts
    figures["acknowledged"] = len(rig.acknowledged.numbers)
    figures["lost"], figures["changed"], figures["duplicates"] = found.lost, found.changed, found.duplicates
    figures["second_originals"], figures["originals_printed"] = found.second_originals, found.originals
    figures["sectors_at_stake"], figures["strips_torn"] = found.sectors_at_stake, found.strips_torn
    figures["cuts_into_writes"] = found.cuts_into_writes
    figures["seconds_a_cut"] = round(statistics.mean(found.seconds), 1)
    assert not found.broken, found.examples
    assert found.sectors_at_stake, "the disk had nothing to lose: the cuts prove nothing"
    assert found.originals, "nothing came out on paper: nothing is known of second originals"
    assert not rig.acknowledged.refused


def test_a_disk_that_lies_loses(rig: PowerRig, figures: dict[str, float]) -> None:
    """The control: on a disk that ignores flushes acknowledged invoices are lost, and the rig sees it."""
    rig.counter.machine.sh("sync")
    rig.disk.ignores_flush = True
    rig.cut("none")
    figures["control_acknowledged"], figures["control_lost"] = len(rig.acknowledged.numbers), rig.findings.lost
    assert rig.findings.lost, "a lying disk lost nothing: the rig proves nothing"
