"""A stick with a track file: udev, the stick's unit, the inbox, the lamps' pins, the slip on the serial line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.box.counter import CARRIER, Counter, Look
from tests.box.machine import Machine
from tests.box.sticks import Volume, make_stick
from tests.box.volatile_disk import VolatileDisk
from tools.virtualbox import track_file

MUST_REACH_SECONDS = 12.0
"""From the stick's plug to the slip, however slow the machine."""

STRANGERS = {"photo.jpg": b"\xff\xd8\xff\xe0\0", "notes.txt": "明天進貨\n".encode()}


def _tracks(track: str) -> dict[str, bytes]:
    return {**STRANGERS, "invnoapply.csv": track_file((track, 100, 149)).encode()}


KINDS: dict[str, Callable[[Machine, str], Path]] = {
    "fat32": lambda machine, track: make_stick(machine, "stick", Volume("vfat", _tracks(track))),
    "fat32_whole_disk": lambda machine, track: make_stick(
        machine, "stick", Volume("vfat", _tracks(track)), partitioned=False
    ),
    "exfat": lambda machine, track: make_stick(machine, "stick", Volume("exfat", _tracks(track))),
    "exfat_whole_disk": lambda machine, track: make_stick(
        machine, "stick", Volume("exfat", _tracks(track)), partitioned=False
    ),
    "three_partitions": lambda machine, track: make_stick(
        machine, "stick", Volume("vfat", STRANGERS), Volume("exfat", STRANGERS), Volume("vfat", _tracks(track))
    ),
}


def _busy(look: Look) -> bool:
    return look.amber == 1 and look.green == look.red == 0


def _taken(look: Look) -> bool:
    return look.green == 1 and look.amber == look.red == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_stick_is_taken(shared_counter: Counter, figures: dict[str, float], kind: str) -> None:
    """Stick in: busy on the lamps, its ranges taken, then taken on the lamps, and a slip within twelve seconds."""
    counter = shared_counter
    track = f"S{'ABCDE'[list(KINDS).index(kind)]}"
    stick, strips = KINDS[kind](counter.machine, track), len(counter.printer.finished)
    looking = counter.look()
    begin = time.monotonic()
    counter.machine.plug_stick("stick", stick)
    counter.until_strips(strips + 1, 60)
    seconds = counter.printer.finished[strips][0] - begin
    time.sleep(max(0.0, 1.0 - (time.monotonic() - begin - seconds)))  # so long the lamps are looked at after it
    looks = counter.seen(looking)
    counter.machine.pull_stick("stick")
    assert [each["begin"] for each in counter.tracks() if each["track"] == track] == ["00000100"]
    busy = next((n for n, look in enumerate(looks) if _busy(look)), None)
    assert busy is not None, looks
    assert any(_taken(look) for look in looks[busy:]), looks
    assert counter.printer.finished[strips][1].height > 200
    figures[f"stick_in_to_slip_seconds.{kind}"] = round(seconds, 1)
    figures["stick_in_to_slip_seconds"] = max(figures.get("stick_in_to_slip_seconds", 0.0), round(seconds, 1))
    assert seconds <= MUST_REACH_SECONDS
    counter.release()
    counter.until_status(lambda status: status["can_issue"])


def test_a_stick_of_ten_thousand_files(shared_counter: Counter, figures: dict[str, float]) -> None:
    """A stick full of strangers' files costs its unit's limits, not the till: it sells on, and somebody is told."""
    counter = shared_counter
    files = {f"F{number:05d}.TXT": b"no track file\n" for number in range(10_000)}
    stick, strips = make_stick(counter.machine, "stick", Volume("vfat", files, mib=200)), len(counter.printer.finished)
    begin = time.monotonic()
    counter.machine.plug_stick("stick", stick)
    slowest = 0.0
    while len(counter.printer.finished) == strips:
        before = time.monotonic()
        counter.issue(**CARRIER)
        slowest = max(slowest, time.monotonic() - before)
        assert time.monotonic() - begin < 120, counter.log("einvoiced-stick@*")
    figures["hostile_stick_seconds"] = round(counter.printer.finished[strips][0] - begin, 1)
    figures["hostile_stick_slowest_issue_seconds"] = round(slowest, 2)
    counter.machine.pull_stick("stick")
    counter.machine.until("! systemctl is-active --quiet 'einvoiced-stick@*'")
    assert slowest < 10
    assert not list(filter(None, counter.machine.sh("ls /var/lib/einvoiced/inbox").split()))


def test_a_stick_pulled_in_the_middle(shared_counter: Counter) -> None:
    """A stick that is pulled while it is read leaves no unit, mount or half file behind; the next one is taken."""
    counter = shared_counter
    big = {f"BIG{number}.CSV": b"1,2,3\r\n" * 150_000 for number in range(20)}
    first = make_stick(counter.machine, "stick", Volume("vfat", big, mib=60))
    counter.machine.plug_stick("stick", first)
    counter.machine.until("systemctl is-active 'einvoiced-stick@*' | grep -q activating", 30)
    counter.machine.pull_stick("stick")
    counter.machine.until("! systemctl is-active 'einvoiced-stick@*' | grep -q activating", 60)
    counter.machine.until('! grep -q einvoiced-stick /proc/mounts && test -z "$(ls /var/lib/einvoiced/inbox)"', 30)
    strips = len(counter.printer.finished)
    counter.machine.plug_stick("stick", make_stick(counter.machine, "next", Volume("vfat", _tracks("SP"))))
    counter.until_strips(strips + 1)
    counter.machine.pull_stick("stick")
    assert "SP" in {each["track"] for each in counter.tracks()}


def test_a_stick_that_stops_answering(shared_counter: Counter) -> None:
    """The stick's unit hangs in the kernel on a stick that answers no more: the till sells on, the unit is given up."""
    counter = shared_counter
    path = make_stick(counter.machine, "dead", Volume("vfat", {"BIG.CSV": b"1,2,3\r\n" * 140_000}))
    disk = VolatileDisk(path, counter.machine.path("dead.nbd"))
    counter.machine.plug_stick("stick", disk)
    counter.machine.until("systemctl is-active 'einvoiced-stick@*' | grep -q activating", 30)
    disk.stuck.set()
    for _ in range(10):
        begin = time.monotonic()
        counter.issue(**CARRIER)
        assert time.monotonic() - begin < 5
    assert counter.machine.run("systemctl is-active 'einvoiced-stick@*'").out.strip() == "activating"
    disk.stuck.clear()
    counter.machine.pull_stick("stick")
    disk.close()
    counter.machine.until("! systemctl is-active 'einvoiced-stick@*' | grep -q activating", 90)
