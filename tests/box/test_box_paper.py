"""A printer whose cable comes and goes, on a kernel's real USB serial line; and a disk that stops answering."""

from __future__ import annotations

import time
from contextlib import closing

from einvoiced.hardware.printer.emulator import Emulator
from tests.box.counter import CARRIER, Counter
from tests.box.line import numbers_on
from tests.box.usb_printer import UsbPrinter
from tests.box.volatile_disk import VolatileDisk, ext4

MIRROR = "/srv/mirror"


def test_the_printer_is_unplugged_and_comes_back(shared_counter: Counter, figures: dict[str, float]) -> None:
    """While the printer is away the box sells; what waited comes out once, in order, when it is plugged in again."""
    counter = shared_counter
    strips = len(counter.printer.finished)
    counter.pull_printer()
    counter.until_status(lambda status: status["printer"] == "absent")
    sold = [counter.issue()["invoice_number"] for _ in range(3)]
    assert counter.status()["counts"]["proofs_waiting"] == 3
    begin = time.monotonic()
    counter.plug_printer()
    counter.until_strips(strips + 3)
    figures["printer_back_to_first_paper_seconds"] = round(counter.printer.finished[strips][0] - begin, 1)
    counter.until_status(lambda status: not status["counts"]["proofs_waiting"])
    assert [numbers_on(strip) for strip in counter.printer.strips_since(strips)] == [{number} for number in sold]


def test_the_cable_is_pulled_in_the_middle_of_a_strip(shared_counter: Counter) -> None:
    """A strip that was cut short is never printed again by itself: it is unconfirmed until a person has looked."""
    counter = shared_counter
    taken, strips = counter.printer.emulator.bytes_taken, len(counter.printer.finished)
    counter.printer.emulator.bytes_per_second = 6000
    number = counter.issue()["invoice_number"]
    deadline = time.monotonic() + 30
    while counter.printer.emulator.bytes_taken < taken + 5000:
        assert time.monotonic() < deadline, "nothing is being printed"
        time.sleep(0.02)
    counter.pull_printer()
    counter.printer.emulator.bytes_per_second = None
    counter.until_status(lambda status: status["counts"]["proofs_unconfirmed"] == 1)
    counter.printer.emulator.cut()
    counter.plug_printer()
    counter.until_status(lambda status: status["can_print"])
    following = counter.issue()["invoice_number"]
    counter.until_status(lambda status: not status["counts"]["proofs_waiting"])
    out = [numbers_on(strip) for strip in counter.printer.strips_since(strips)]
    assert {following} in out
    assert sum(number in numbers for numbers in out) <= 1, out
    assert counter.status()["counts"]["proofs_unconfirmed"] == 1
    counter.hand.call("proof.resolve", {"invoice_number": number, "verdict": "there", "by": "店員"})


def test_a_printer_on_usb(counter: Counter) -> None:
    """A printer of USB's own class, plugged in after boot: its paper's end is seen, and a cable pulled in mid-strip."""
    machine, emulator = counter.machine, Emulator(384, process_id=True)
    with closing(UsbPrinter(machine.path("usb"), emulator)) as printer:
        machine.plug_usb(printer.path)
        machine.until("test -c /dev/usb/lp0")
        counter.configure(printer={"transport": "usb", "device": "/dev/usb/lp0"})
        counter.until_status(lambda status: status["can_print"])
        first = counter.issue()["invoice_number"]
        _until_paper(emulator, first)
        emulator.paper_out = True
        counter.until_status(lambda status: status["printer"] == "paper_out")
        emulator.load_roll()
        counter.until_status(lambda status: status["can_print"])
        emulator.stall_after = 5000
        counter.issue()
        deadline = time.monotonic() + 30
        while emulator.stall_after:
            assert time.monotonic() < deadline, "nothing is being printed"
            time.sleep(0.02)
        machine.pull_usb()
        emulator.stall_after = None
        emulator.cut()
        counter.until_status(lambda status: status["counts"]["proofs_unconfirmed"] == 1)
        machine.plug_usb(printer.path)
        counter.until_status(lambda status: status["can_print"])
        last = counter.issue()["invoice_number"]
        _until_paper(emulator, last)
        assert counter.status()["counts"]["proofs_unconfirmed"] == 1


def _until_paper(emulator: Emulator, number: str) -> None:
    """Wait for a strip of its own with this number; what a cable's pulling left in the printer may come before it."""
    deadline = time.monotonic() + 60
    while {number} not in [numbers_on(strip) for strip in list(emulator.strips)]:
        assert time.monotonic() < deadline, f"{emulator.strips_finished} strips, none with {number}"
        time.sleep(0.1)


def test_a_mirror_on_a_dead_disk(counter: Counter, figures: dict[str, float]) -> None:
    """The mirror's process hangs in the kernel on a dead disk: the till sells on; the disk back, the copy is whole."""
    machine = counter.machine
    disk = VolatileDisk(ext4(machine.path("mirror.raw")), machine.path("mirror.nbd"))
    machine.plug_disk(disk)
    mount = f"mount /dev/disk/by-id/virtio-posdata {MIRROR} && mkdir {MIRROR}/box && chown einvoiced: {MIRROR}/box"
    machine.sh(f"mkdir -p {MIRROR} && {mount}")
    machine.sh(f"runuser -u einvoiced -- einvoicectl mirror init {MIRROR}/box", 90)
    counter.configure(mirror={"directory": f"{MIRROR}/box", "required": False})
    machine.sh("systemctl start einvoiced-mirror.service", 90)
    _until_mirrored(counter)
    disk.stuck.set()
    slowest = 0.0
    for _ in range(20):
        begin = time.monotonic()
        counter.issue(**CARRIER)
        slowest = max(slowest, time.monotonic() - begin)
    figures["dead_mirror_slowest_issue_seconds"] = round(slowest, 2)
    assert slowest < 5
    disk.stuck.clear()
    _until_mirrored(counter)
    machine.power_cut()
    disk.close()


def _until_mirrored(counter: Counter) -> None:
    """Wait until the mirror has a line for every entry of the journal."""
    deadline = time.monotonic() + 90
    while int(counter.machine.sh(f"cat {MIRROR}/box/*.jsonl | wc -l")) < counter.status()["counts"]["entries"]:
        assert time.monotonic() < deadline, counter.log("einvoiced-mirror.service")
        time.sleep(0.5)
