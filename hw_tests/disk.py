"""The journal's disk: does it keep what it is told to sync, how long does a sync take, is there room?"""

from __future__ import annotations

import os
import time
from pathlib import Path

from einvoiced.hardware.board import disk_serial
from einvoiced.hardware.disk import UNSAFE_OPTIONS, mount_options
from einvoiced.journal.store import FORGETFUL, file_system
from einvoiced.journal.transaction import NEEDED_MIB
from hw_tests.bench import Bench, Figure, Outcome, percentiles

SYNCS = 200
SECONDS = 5.0
PAGE = b"einvoiced hw-test".ljust(4096, b".")

SLOW_MS = 250.0
"""95 of 100 syncs must be faster: the customer waits for one at every sale. A sound SD card takes 5 to 50 ms."""


def run(bench: Bench) -> Outcome:
    """Measure syncs of single pages in a throw-away file beside the journal."""
    with bench.scratch() as folder:
        options = mount_options(folder)
        disk = os.statvfs(folder)
        figures: dict[str, Figure] = {
            "file_system": file_system(folder),
            "disk": disk_serial(folder),
            "free_mib": disk.f_bavail * disk.f_frsize >> 20,
        }
        times = measure(folder / "syncs")
    figures |= {"syncs": len(times), **percentiles(times)}
    trouble = judge(figures, options)
    return Outcome("fail" if trouble else "pass", trouble or f"a sync takes {figures['p50_ms']} ms", figures)


def measure(file: Path) -> list[float]:
    """Seconds that each of up to SYNCS appended and synced pages took."""
    times: list[float] = []
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + SECONDS
        while len(times) < SYNCS and time.monotonic() < deadline:
            begin = time.monotonic()
            os.write(descriptor, PAGE)
            os.fdatasync(descriptor)
            times.append(time.monotonic() - begin)
    finally:
        os.close(descriptor)
    return times


def judge(figures: dict[str, Figure], options: set[str]) -> str | None:
    """What is wrong with the disk; None when nothing is."""
    if figures["file_system"] in FORGETFUL:
        return f"{figures['file_system']} forgets what it synced: the journal refuses to live there"
    unsafe = options & UNSAFE_OPTIONS
    if unsafe:
        return f"mounted with {', '.join(sorted(unsafe))}: a power cut loses acknowledged invoices; remount without"
    free, slow = figures["free_mib"], figures["p95_ms"]
    if isinstance(free, int) and free < NEEDED_MIB:
        return f"only {free} MiB are free, {NEEDED_MIB} are needed to issue"
    if isinstance(slow, float) and slow > SLOW_MS:
        return f"one sync in twenty takes longer than {slow} ms: every sale would wait; change the card or disk"
    return None
