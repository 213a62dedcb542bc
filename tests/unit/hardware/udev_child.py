"""A machine of umockdev's for the real pyudev code; run by test_hardware_udev_mock.py as a program of its own.

`umockdev-wrapper python3 udev_child.py SCENARIO`, under an interpreter that has GObject introspection. It prints what
was told, as JSON: a list of [added, removed], each a sorted list of device names; then the full last sticks.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402

from einvoiced.hardware.stick.udev import UdevSticks  # noqa: E402

PARTITION = {"DEVTYPE": "partition", "ID_BUS": "usb", "ID_FS_USAGE": "filesystem", "ID_FS_TYPE": "vfat"}


class Machine:
    """Devices to plug and pull, and the sticks that the code under test tells of."""

    def __init__(self):
        self.bed = UMockdev.Testbed.new()
        self.changes = []
        self.sticks = UdevSticks(lambda added, removed: self.changes.append((names(added), names(removed))))

    def plug(self, name, event=True, **properties):
        fields = {**PARTITION, "DEVNAME": f"/dev/{name}", **properties}
        flat = [text for pair in fields.items() if pair[1] is not None for text in pair]
        path = self.bed.add_device("block", name, None, ["size", "2048"], flat)
        if event:
            self.bed.uevent(path, "add")
        return path

    def pull(self, path):
        self.bed.uevent(path, "remove")
        self.bed.remove_device(path)
        # umockdev 0.17.16 forgets the link in /sys/block and then cannot add the device again.
        Path(self.bed.get_root_dir(), "sys/block", Path(path).name).unlink(missing_ok=True)

    def start(self):
        self.sticks.start(asyncio.get_running_loop())

    async def told(self, count):
        await self.until(lambda: len(self.changes) >= count)

    async def until(self, condition):
        deadline = time.monotonic() + 10
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"not told within 10 s; so far {self.changes}")
            await asyncio.sleep(0.001)

    async def quiet(self):
        """Until everything sent so far was read: a marker behind it was told."""
        before = len(self.changes)
        self.plug("sdz1")
        await self.told(before + 1)
        assert self.changes[-1] == (["/dev/sdz1"], []), self.changes[-1]
        self.changes.pop()


def names(sticks):
    return sorted(stick.devnode for stick in sticks)


async def come_and_go(machine):
    """One partition, labelled."""
    machine.start()
    path = machine.plug("sda1", ID_FS_LABEL="發票", ID_FS_UUID="1234-ABCD")
    await machine.told(1)
    machine.pull(path)
    await machine.told(2)


async def at_start(machine):
    """Two are in before the daemon starts; one more comes."""
    machine.plug("sda1", event=False)
    machine.plug("sdb", event=False, DEVTYPE="disk", ID_FS_TYPE="exfat")
    machine.start()
    machine.plug("sdc1")
    await machine.told(2)


async def strangers(machine):
    """Fixed disks, encrypted volumes, a partitioned disk itself, a card reader without a card."""
    machine.start()
    machine.plug("sda1", ID_BUS="ata")
    machine.plug("sdb1", ID_FS_USAGE="crypto")
    machine.plug("sdc", DEVTYPE="disk", ID_FS_USAGE=None, ID_FS_TYPE=None)
    machine.plug("sr0", DEVTYPE="disk", ID_BUS="scsi", ID_FS_TYPE="iso9660")
    await machine.quiet()


async def thirty_in_a_minute(machine):
    """Plugged and pulled thirty times, each waited for."""
    machine.start()
    for _ in range(30):
        path = machine.plug("sda1")
        await machine.told(len(machine.changes) + 1)
        machine.pull(path)
        await machine.told(len(machine.changes) + 1)


async def burst(machine):
    """Plugged and pulled without waiting, in a burst that the loop sees as one; umockdev itself can hold few events."""
    machine.start()
    for _ in range(2):
        machine.pull(machine.plug("sda1"))
    machine.plug("sda1")
    await machine.told(1)
    await machine.quiet()


async def two_at_once(machine):
    """A stick with two partitions and another stick in the same instant; then the first is pulled out."""
    machine.start()
    first = [machine.plug("sda1"), machine.plug("sda2", ID_FS_TYPE="exfat")]
    machine.plug("sdb1")
    await machine.until(lambda: sum(len(added) for added, _ in machine.changes) == 3)
    for path in first:
        machine.pull(path)
    await machine.until(lambda: sum(len(removed) for _, removed in machine.changes) == 2)


async def swapped(machine):
    """Another stick under the same name, whose removal nobody heard of."""
    machine.start()
    path = machine.plug("sda1", ID_FS_UUID="0000-0001")
    await machine.told(1)
    machine.bed.set_property(path, "ID_FS_UUID", "0000-0002")
    machine.bed.uevent(path, "change")
    await machine.told(2)


async def scenario(name):
    machine = Machine()
    await asyncio.wait_for(globals()[name](machine), 60)
    last = [vars(stick) for stick in machine.sticks.refresh()]
    machine.sticks.close()
    print(json.dumps({"changes": machine.changes, "last": last}), flush=True)


if __name__ == "__main__":
    if "umockdev-preload" not in os.environ.get("LD_PRELOAD", ""):
        sys.exit("umockdev is not preloaded")
    asyncio.run(scenario(sys.argv[1]))
    os._exit(0)  # not through the testbed's destructors, which outlive the loop
