"""The real pyudev and libudev on devices that umockdev plays, and on the kernel's own events for the overflow."""

import asyncio
import functools
import json
import os
import shutil
import site
import socket
import subprocess
from pathlib import Path

import pytest
from hardware_helpers import until

from einvoiced.hardware.stick.udev import UdevSticks

CHILD = Path(__file__).with_name("udev_child.py")
PYTHON = "/usr/bin/python3"
UEVENT = Path("/sys/block/loop0/uevent")
A, B, C = "/dev/sda1", "/dev/sdb", "/dev/sdc1"


def environment():
    """The system's interpreter with this project's packages, which need nothing that is compiled."""
    packages = [str(Path(__file__).parents[3] / "daemon"), *site.getsitepackages()]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(packages)}


@functools.cache
def missing():
    """Why umockdev cannot be used here, or ""."""
    if shutil.which("umockdev-wrapper") is None:
        return "umockdev is not installed"
    code = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev; import pyudev"
    done = subprocess.run([PYTHON, "-c", code], env=environment(), capture_output=True, text=True)
    return f"no umockdev for {PYTHON}: {done.stderr.strip()[-200:]}" if done.returncode else ""


def told(scenario):
    """The changes that were told in a scenario of udev_child.py, and the sticks that were there at its end."""
    if missing():
        pytest.skip(missing())
    command = ["umockdev-wrapper", PYTHON, str(CHILD), scenario]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    return [(added, removed) for added, removed in result["changes"]], result["last"]


def test_a_stick_comes_and_goes():
    """Once each way, by events alone."""
    assert told("come_and_go") == ([([A], []), ([], [A])], [])


def test_sticks_that_are_in_at_the_start_are_told():
    """With a partition table and without, by one look; and listening has begun by then."""
    changes, last = told("at_start")
    assert changes == [([A, B], []), ([C], [])]
    assert last[1] == {"devnode": B, "fs_type": "exfat", "fs_uuid": "", "label": ""}


def test_what_is_no_stick_is_passed_over():
    """Other buses, other uses, other kinds of device."""
    assert told("strangers")[0] == []


def test_thirty_times_in_a_minute_is_a_normal_case():
    """Every one of them is told, in order."""
    assert told("thirty_in_a_minute") == ([([A], []), ([], [A])] * 30, [])


def test_a_burst_ends_in_the_truth():
    """Events that come faster than they are read may be told as one; what is told at last is what is there."""
    changes, last = told("burst")
    known = set()
    for added, removed in changes:
        assert not known & set(added)
        assert set(removed) <= known
        known = (known - set(removed)) | set(added)
    assert known == {A}
    assert [stick["devnode"] for stick in last] == [A, "/dev/sdz1"]


def test_two_sticks_at_once_are_two():
    """Two partitions of one and one of another; pulling the first takes both of its own."""
    changes, last = told("two_at_once")
    assert sorted(name for added, _ in changes for name in added) == [A, "/dev/sda2", "/dev/sdb1"]
    assert sorted(name for _, removed in changes for name in removed) == [A, "/dev/sda2"]
    assert [stick["devnode"] for stick in last] == ["/dev/sdb1"]


def test_another_stick_under_the_same_name_is_another():
    """One event that tells of a new file system is a removal and an arrival in one."""
    changes, last = told("swapped")
    assert changes == [([A], []), ([A], [A])]
    assert last[0]["fs_uuid"] == "0000-0002"


class Devices:
    """Stands for the enumeration; the events of the test are the kernel's own."""

    def __init__(self):
        self.devices = []

    def list_devices(self, subsystem):
        return list(self.devices)


class Device:
    properties = {"DEVNAME": A, "DEVTYPE": "partition", "ID_BUS": "usb", "ID_FS_USAGE": "filesystem"}  # noqa: RUF012


def kernel_monitor(made):
    """A factory of real monitors of the kernel's events, whose queue holds hardly one; each is added to `made`."""
    import pyudev

    def make(_context):
        monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
        with socket.socket(fileno=os.dup(monitor.fileno())) as duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        monitor.start()
        made.append(monitor)
        return monitor

    return make


def kernel_event():
    UEVENT.write_text("change")


def test_after_a_real_overflow_no_stick_is_lost():
    """The kernel drops events and every read fails from then on: the monitor is rebuilt and hears the next event."""
    if os.geteuid() != 0 or not os.access(UEVENT, os.W_OK):
        pytest.skip(f"only root may cause kernel events through {UEVENT}")
    changes, monitors, context = [], [], Devices()

    async def scenario():
        sticks = UdevSticks(
            lambda added, removed: changes.append((len(added), len(removed))),
            context=context,
            make_monitor=kernel_monitor(monitors),
        )
        sticks.start(asyncio.get_running_loop())
        context.devices = [Device()]
        for _ in range(200):
            kernel_event()  # the loop is not reading meanwhile
        assert await asyncio.to_thread(until, lambda: len(monitors) >= 2 and changes == [(1, 0)])
        context.devices = []
        kernel_event()
        assert await asyncio.to_thread(until, lambda: changes == [(1, 0), (0, 1)])
        sticks.close()

    try:
        import pyudev

        pyudev.Context()
    except (ImportError, OSError) as error:
        pytest.skip(f"no libudev here: {error}")
    asyncio.run(asyncio.wait_for(scenario(), 30))
