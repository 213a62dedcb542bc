"""Does the disk lie? `hw-tests disk arm`, pull the plug, `hw-tests disk verdict`.

Two files on the journal's disk are written in turn, a page each, and each page is synced before the next one is begun.
The number of the last pair that was acknowledged stands on the screen. After the power cut the disk lies when it has

* less than the number on the screen: what it said was safe is gone (tell it with `--seen`, or answer the question);
* a page of the second file without the page of the first that was synced before it: it keeps what it likes;
* an older page where a newer one was acknowledged, or a torn one.

Without the number nothing is passed; the trial stays to be asked again.

A machine that was shut down in order, or only restarted its kernel, proves nothing: the file says how it ended, and the
kernel's boot id that it was another boot. Whether the power was really cut only the person knows.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec
from msgspec import Struct

from einvoiced.hardware.board import disk_serial
from einvoiced.journal.store import file_system
from hw_tests.bench import Bench, Figure, Outcome, Skip

FOLDER = ".hw-tests-cut"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PAGE, SLOTS = 4096, 4096
"""Each file has 16 MiB: more than the caches of cards and USB disks that were seen."""

MOST_SECONDS = 600.0
SHOWN_SECONDS = 0.2
_HEAD = struct.Struct("<8sQ32s")
_MAGIC = b"EINVCUT1"


class Armed(Struct, frozen=True):
    """What stands beside the two files. `ended`: the writer ended in order, so that a later verdict means nothing."""

    boot: str
    disk: str
    salt: str
    begun: float
    ended: bool = False


def arm(bench: Bench, seconds: float = MOST_SECONDS) -> Outcome:
    """Write until the plug is pulled; ends in order with Ctrl-C or after ten minutes."""
    folder = _place(bench)
    shutil.rmtree(folder, ignore_errors=True)
    armed = _prepare(folder)
    print(
        "Armed. The number below counts what the disk has acknowledged: remember the last one, and PULL THE PLUG.\n"
        "已就緒。下方數字為磁碟已確認寫入的次數；請記住最後的數字，然後直接拔掉電源。(Ctrl-C: stop 停止)",
        file=sys.stderr,
        flush=True,
    )
    count = 0
    with _two_files(folder) as files, _stoppable() as stop:
        deadline, shown = time.monotonic() + seconds, 0.0
        while not stop and time.monotonic() < deadline:
            count += 1
            for descriptor in files:
                _write(descriptor, count, armed.salt)
            if time.monotonic() - shown >= SHOWN_SECONDS:
                shown = time.monotonic()
                print(f"\r  {count:>9} ", end="", file=sys.stderr, flush=True)
    _note(folder, msgspec.structs.replace(armed, ended=True))
    print(file=sys.stderr)
    return Outcome("skipped", "the plug was not pulled: nothing is shown", {"acknowledged": count})


def verdict(bench: Bench, seen: int | None = None) -> Outcome:
    """What the disk has kept. Skip when nothing was armed, or the power was not cut."""
    folder = _place(bench)
    try:
        armed = msgspec.json.decode((folder / "armed.json").read_bytes(), type=Armed)
    except FileNotFoundError:
        raise Skip("nothing is armed: run hw-tests disk arm, and pull the plug") from None
    except msgspec.DecodeError:
        return Outcome("fail", "the disk has lost a file that was synced before it was armed: it lies", {})
    if armed.ended:
        raise Skip("the writer ended in order: arm again, and pull the plug while the number runs")
    if armed.boot == BOOT_ID.read_text().strip():
        raise Skip("this is still the same boot: pull the plug, then ask again")
    outcome = _judge(folder, armed, seen)
    if outcome.verdict != "skipped":
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _judge(folder: Path, armed: Armed, seen: int | None) -> Outcome:
    first, second = (_kept(folder / name, armed.salt) for name in ("a", "b"))
    kept = min(max(first, default=0), max(second, default=0))
    figures: dict[str, Figure] = {
        "disk": armed.disk,
        "file_system": file_system(folder),
        "acknowledged": seen,
        "kept": kept,
        "first_file": max(first, default=0),
        "second_file": max(second, default=0),
    }
    trouble = lie(first, second, seen)
    if trouble is not None:
        return Outcome("fail", f"the disk lies: {trouble}. Change it, or its write cache will lose invoices", figures)
    if seen is None:
        why = (
            "a cache that forgets its end in order is not seen without the number on the screen: ask again with --seen"
        )
        return Outcome("skipped", f"{kept} pairs are there in order, but {why}", figures)
    return Outcome("pass", f"all {seen} acknowledged pairs are there, {kept} in all", figures)


def lie(first: set[int], second: set[int], seen: int | None) -> str | None:
    """What speaks against the disk, by the numbers of the pages it kept in each file; None when nothing does."""
    a, b = max(first, default=0), max(second, default=0)
    if b > a:
        return f"page {b} of the second file is there, page {b} of the first, synced before it, is not (only {a})"
    if a > b + 1:
        return f"page {a} of the first file is there, page {a - 1} of the second, synced before it, is not (only {b})"
    window = range(max(1, b - SLOTS + 2), b + 1)
    lost = [number for number in window if number not in first or number not in second]
    if lost:
        return f"{len(lost)} synced pages before the last are gone or torn, the first is {lost[0]}"
    if seen is not None and b < seen:
        return f"{seen} pairs were acknowledged, {b} are there"
    return None


def _place(bench: Bench) -> Path:
    if not bench.state.is_dir():
        raise Skip(f"{bench.state} is not there: the disk to test is the journal's")
    return bench.state / FOLDER


def _prepare(folder: Path) -> Armed:
    """Both files in their full size, and the note, all synced: from then on only pages are overwritten."""
    try:
        folder.mkdir(mode=0o700)
    except PermissionError:
        raise Skip(f"no folder can be made in {folder.parent}; run hw-tests with sudo") from None
    armed = Armed(BOOT_ID.read_text().strip(), disk_serial(folder), os.urandom(16).hex(), time.time())
    for name in ("a", "b"):
        with (folder / name).open("wb") as file:
            for _ in range(SLOTS // 256):
                file.write(bytes(PAGE * 256))
            file.flush()
            os.fsync(file.fileno())
    _note(folder, armed)
    _sync_folder(folder.parent)
    return armed


def _note(folder: Path, armed: Armed) -> None:
    aside = folder / ".armed.json.part"
    with aside.open("wb") as file:
        file.write(msgspec.json.encode(armed))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / "armed.json")
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _two_files(folder: Path) -> Iterator[list[int]]:
    files = [os.open(folder / name, os.O_WRONLY | os.O_CLOEXEC) for name in ("a", "b")]
    try:
        yield files
    finally:
        for descriptor in files:
            os.close(descriptor)


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """A list that holds something once somebody wants an end: Ctrl-C, a shutdown."""
    wanted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        wanted.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def page(number: int, salt: str) -> bytes:
    """The page of a number: head, checksum, and bytes that no other page has."""
    body = hashlib.shake_256(f"{salt}{number}".encode()).digest(PAGE - _HEAD.size)
    check = hashlib.sha256(number.to_bytes(8, "little") + body).digest()
    return _HEAD.pack(_MAGIC, number, check) + body


def _write(descriptor: int, number: int, salt: str) -> None:
    os.pwrite(descriptor, page(number, salt), number % SLOTS * PAGE)
    os.fdatasync(descriptor)


def _kept(file: Path, salt: str) -> set[int]:
    """The numbers of the whole pages in a file."""
    numbers = set()
    with file.open("rb") as pages:
        for slot in range(SLOTS):
            data = pages.read(PAGE)
            if len(data) == PAGE and data[:8] == _MAGIC:
                number = _HEAD.unpack_from(data)[1]
                if number % SLOTS == slot and data == page(number, salt):
                    numbers.add(number)
    return numbers
