"""The two servers under measurement, the real daemon and the bare floor, each with its syncs counted or slowed."""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import load
from tools.virtualbox import VirtualBox

ROOT = Path(__file__).parent.parent.parent
EVERYTHING = (("NQ", 0, 99_999_999),)


class Counters:
    """What the preloaded shim counts in one process."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(48))
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 48)

    def read(self) -> tuple[int, int, int, float]:
        """Syncs, of these of WAL files, bytes written, seconds inside syncs."""
        syncs, wal, size, nanoseconds = struct.unpack("4Q", self._map[:32])
        return syncs, wal, size, nanoseconds / 1e9


def shim(folder: Path) -> Path:
    """The compiled shim."""
    library = folder / "syncs.so"
    source = Path(__file__).parent / "syncs.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return library


@dataclass
class Measured:
    """A server that can be put under load."""

    path: str
    pid: int
    counters: Counters
    options: dict[str, Any]

    def load(self, clients: int, requests: int) -> load.Result:
        return load.run(self.path, clients, requests, **self.options)


@contextlib.contextmanager
def floor(folder: Path, *, sync_ms: int = 0, protocol: bool = False) -> Iterator[Measured]:
    """The floor on a fresh database; `protocol`: the bare protocol instead of asyncio's own server."""
    folder.mkdir(parents=True)
    counters, path = Counters(folder / "counters"), f"/tmp/einvoiced-{folder.name}-{os.getpid()}-{sync_ms}.sock"
    environment = _environment(folder, counters, sync_ms)
    bare = ["--protocol"] if protocol else []
    command = [sys.executable, "-m", "tests.bench.floor", *bare, str(folder / "db"), path]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        VirtualBox.wait_for(lambda: Path(path).exists(), 20, "the floor")
        yield Measured(path, process.pid, counters, {})
    finally:
        process.kill()
        process.wait()
        Path(path).unlink(missing_ok=True)


@contextlib.contextmanager
def daemon(folder: Path, *, sync_ms: int = 0, prints: bool = False, **sections: Any) -> Iterator[Measured]:
    """The real daemon with one endless range; its clock is the system's, which each request's till_time confirms."""
    folder.mkdir(parents=True, exist_ok=True)
    counters = Counters(folder / "counters")
    box = VirtualBox(folder, clock={"kind": "system"}, **sections)
    box.environment = _environment(folder, counters, sync_ms)
    with box:
        box.start()
        if not box.call("tracks.list"):
            box.take_tracks(*EVERYTHING)
        assert box.process is not None
        yield Measured(box.socket("till"), box.process.pid, counters, {} if prints else {"print": "till"})


def _environment(folder: Path, counters: Counters, sync_ms: int) -> dict[str, str]:
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        **os.environ,
        "TMPDIR": str(temporary),
        "LD_PRELOAD": str(shim(folder)),
        "BENCH_COUNTERS": str(counters.path),
        "BENCH_SYNC_MS": str(sync_ms),
    }


def resident_mib(pid: int) -> float:
    """VmRSS of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def seconds_to_ready(box: VirtualBox) -> float:
    """Start a box as systemd would; seconds until READY=1."""
    address = str(box.run / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(60)
        box.environment = {**os.environ, "NOTIFY_SOCKET": address}
        begin = time.monotonic()
        box.spawn()
        while b"READY=1" not in listening.recv(4096):
            pass
        seconds = time.monotonic() - begin
    Path(address).unlink()
    return seconds


def sync_ms(folder: Path) -> float:
    """The p50 of one 4 KiB append and fdatasync in this folder, in milliseconds."""
    times = []
    with (folder / "sync-probe").open("wb", buffering=0) as file:
        for _ in range(200):
            begin = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def ratios(ours: list[float], floors: list[float]) -> float:
    """The median of the ratios of paired rounds: what drifts with the machine falls out."""
    return statistics.median(a / b for a, b in zip(ours, floors, strict=True))
