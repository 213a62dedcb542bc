"""Does the disk lie? `hw-tests disk arm`, the plug, `hw-tests disk verdict`, with a plug that is really pulled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box.counter import Counter
from tests.box.qmp import MachineError
from tests.box.stages import Stages
from tests.box.volatile_disk import Survivors, VolatileDisk, ext4

PLACE = "/mnt/trial"
NUMBER = "tr '\\r' '\\n' </run/arm | tail -1"
ENOUGH = 60


class Trial:
    """One disk over several lives of a machine."""

    def __init__(self, stages: Stages, counter: Counter, folder: Path) -> None:
        self._stages, self._counter = stages, counter
        self.disk = VolatileDisk(ext4(folder / "trial.raw", 128), folder / "trial.nbd", flush_seconds=0.002)

    def power_on(self) -> None:
        """A machine that has this disk mounted. A thawed one has the boot id of its first life: it gets another."""
        self._counter.thaw(self._stages.stopped(), printer=False)
        machine = self._counter.machine
        machine.plug_data(self.disk, PLACE)
        machine.sh(
            "cat /proc/sys/kernel/random/uuid >/run/boot && mount --bind /run/boot /proc/sys/kernel/random/boot_id"
        )

    def arm(self, *, lies: bool) -> int:
        """Write until there is enough; a liar begins to lie once the trial is armed. The last number on the screen."""
        machine = self._counter.machine
        machine.sh(f"sh -c 'hw-tests disk arm --state {PLACE} >/dev/null 2>/run/arm &'")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            said = machine.run(NUMBER).out.strip()
            seen = int(said) if said.isdecimal() else 0
            self.disk.ignores_flush = lies and seen > 0
            if seen > ENOUGH:
                return seen
            time.sleep(0.2)
        raise MachineError(f"it did not write: {machine.run('cat /run/arm').out}")

    def cut(self, survivors: Survivors) -> None:
        """Pull the plug; the disk keeps of its cache what is said."""
        self._counter.power_cut()
        self.disk.power_cut(survivors, seed=7)
        self.disk.ignores_flush = False

    def verdict(self, seen: int) -> tuple[int, str]:
        """The exit code and what was said."""
        told = self._counter.machine.run(f"hw-tests --yes disk verdict --state {PLACE} --seen {seen}", 120)
        return told.code, told.out


@pytest.fixture
def trial(stages: Stages, off: Counter, tmp_path: Path) -> Iterator[Trial]:
    """A disk to be tried."""
    made = Trial(stages, off, tmp_path)
    yield made
    made.disk.close()


def test_an_honest_disk_passes(trial: Trial) -> None:
    """All that stood on the screen is there, whatever becomes of what was not flushed."""
    trial.power_on()
    seen = trial.arm(lies=False)
    trial.cut("subset")
    trial.power_on()
    code, told = trial.verdict(seen)
    assert (code, f"all {seen} acknowledged pairs are there" in told) == (0, True), told


@pytest.mark.parametrize("survivors", ["none", "subset"])
def test_a_disk_that_ignores_flushes_is_found(trial: Trial, survivors: Survivors) -> None:
    """It said that pages were safe, and they are gone."""
    trial.power_on()
    seen = trial.arm(lies=True)
    trial.cut(survivors)
    trial.power_on()
    code, told = trial.verdict(seen)
    assert (code, "the disk lies" in told) == (1, True), told
