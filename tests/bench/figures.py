"""The figures, a function a section; each gives {figure: number} with its baselines."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from einvoiced.client import Client
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import serve_tcp
from tests.bench import load, loader, rig
from tests.boxes import Latency
from tools.virtualbox import SELLER, VirtualBox, this_period, track_file

ROUNDS = 7


def latency(folder: Path) -> dict[str, float]:
    """One client, request to durable answer; each WAL has been filled once before, as it is for all but minutes."""
    with (
        rig.floor(folder / "floor") as floor,
        rig.floor(folder / "bare", protocol=True) as bare,
        rig.daemon(folder / "box") as ours,
    ):
        for each in (floor, bare, ours):
            each.load(1, 800)
        rounds = [[each.load(1, 400).p50 for each in (floor, bare, ours)] for _ in range(ROUNDS)]
    floors, bares, mine = (list(column) for column in zip(*rounds, strict=True))
    return {
        "floor 1 client p50 ms": statistics.median(floors),
        "bare protocol floor 1 client p50 ms": statistics.median(bares),
        "1 client p50 ms": statistics.median(mine),
        "1 client p50 over floor": rig.ratios(mine, floors),
        "1 client p50 over bare protocol floor": rig.ratios(mine, bares),
    }


def throughput(folder: Path) -> dict[str, float]:
    """1, 8 and 64 clients, printing off and on; duplicates over everything that was issued."""
    found: dict[str, float] = {}
    numbers: list[str] = []
    with (
        rig.floor(folder / "floor") as floor,
        rig.floor(folder / "bare", protocol=True) as bare,
        rig.daemon(folder / "box") as ours,
    ):
        ours.load(64, 3000)
        found["bare protocol floor 64 clients rate"] = statistics.median(bare.load(64, 3000).rate for _ in range(3))
        for clients, requests in ((1, 500), (8, 1500), (64, 4000)):
            before = ours.counters.read()[0]
            rounds = [(floor.load(clients, requests), ours.load(clients, requests)) for _ in range(3)]
            syncs = ours.counters.read()[0] - before
            name = f"{clients} client{'s' if clients > 1 else ''}"
            found[f"floor {name} rate"] = statistics.median(a.rate for a, _ in rounds)
            found[f"{name} rate"] = statistics.median(b.rate for _, b in rounds)
            found[f"{name} rate over floor"] = rig.ratios([b.rate for _, b in rounds], [a.rate for a, _ in rounds])
            found[f"{name} syncs an invoice"] = syncs / (3 * requests)
            numbers += [_number(answer) for _, b in rounds for answer in b.answers]
    found["duplicates"] = len(numbers) - len(set(numbers))
    found |= _printing(folder)
    return found


def _number(answer: bytes) -> str:
    return str(json.loads(answer)["result"]["invoice"]["invoice_number"])


def _printing(folder: Path) -> dict[str, float]:
    """The same with every proof printed, as fast as the printer takes it."""
    found: dict[str, float] = {}
    with _network_printer() as (device, _), rig.daemon(folder / "printing", prints=True, printer=device) as ours:
        ours.load(1, 50)
        for clients, requests in ((1, 200), (8, 400), (64, 1200)):
            result = ours.load(clients, requests)
            name = f"printing on {clients} client{'s' if clients > 1 else ''}"
            found[f"{name} rate"] = result.rate
            if clients == 1:
                found[f"{name} p50 ms"] = result.p50
    return found


@contextlib.contextmanager
def _network_printer():  # type: ignore[no-untyped-def]
    emulator = Emulator(keep=2)
    port, stop = serve_tcp(emulator)
    try:
        yield {"transport": "network", "device": f"127.0.0.1:{port}"}, emulator
    finally:
        stop()


def slow_disk(folder: Path) -> dict[str, float]:
    """10 ms added to each sync, as on an SD card; 64 clients."""
    with rig.floor(folder / "floor", sync_ms=10) as floor, rig.daemon(folder / "box", sync_ms=10) as ours:
        ours.load(64, 2000)
        rounds = [(floor.load(64, 256), ours.load(64, 4000)) for _ in range(3)]
    return {
        "10 ms syncs floor 64 clients rate": statistics.median(a.rate for a, _ in rounds),
        "10 ms syncs 64 clients rate": statistics.median(b.rate for _, b in rounds),
        "10 ms syncs 64 clients rate over floor": rig.ratios([b.rate for _, b in rounds], [a.rate for a, _ in rounds]),
        "10 ms syncs 1 client p50 ms": _one_client_slow(folder),
    }


def _one_client_slow(folder: Path) -> float:
    with rig.daemon(folder / "one", sync_ms=10) as ours:
        return ours.load(1, 60).p50


def writes(folder: Path) -> dict[str, float]:
    """Syncs and bytes an invoice, counted inside the daemon; one client, so that each request is a commit of its own.

    A window of 50 commits without a checkpoint is the median one.
    """
    with rig.daemon(folder / "box") as ours:
        ours.load(1, 200)
        windows = []
        for _ in range(9):
            before = ours.counters.read()
            ours.load(1, 50)
            windows.append((ours.counters.read()[1] - before[1]) / 50)
        short = ours.counters.read()
        ours.load(1, 4000)
        after = ours.counters.read()
    with _network_printer() as (device, emulator), rig.daemon(folder / "p", prints=True, printer=device) as ours:
        _print_one_by_one(ours, 20)
        printed = ours.counters.read()
        _print_one_by_one(ours, 200)
        printed_after = ours.counters.read()
        assert emulator.strips_finished >= 200
    return {
        "syncs a commit outside checkpoints": statistics.median(windows),
        "syncs a commit overall": (after[0] - short[0]) / 4000,
        "bytes written an invoice": (after[2] - short[2]) / 4000,
        "syncs an invoice printed": (printed_after[0] - printed[0]) / 200,
        "bytes written an invoice printed": (printed_after[2] - printed[2]) / 200,
    }


def _print_one_by_one(ours: rig.Measured, count: int) -> None:
    till = Client(ours.path)
    for _ in range(count):
        ours.load(1, 1)
        VirtualBox.wait_for(lambda: till.call("box.status")["counts"]["proofs_waiting"] == 0, 20, "the proof")
    till.close()


def start(folder: Path) -> dict[str, float]:
    """Start to READY, of a new box and of one with a journal."""
    box = VirtualBox(folder)
    with box:
        first = rig.seconds_to_ready(box)
        box.stop()
        again = []
        for _ in range(5):
            again.append(rig.seconds_to_ready(box))
            box.stop()
    return {"first start to ready s": first, "start to ready s": statistics.median(again)}


def long_work(folder: Path) -> dict[str, float]:
    """Issue latency while verify, export and 10,000 synced files (as an upload writes them) run beside."""
    with rig.daemon(folder / "box") as ours:
        ours.load(64, 20_000)
        idle = statistics.median(ours.load(1, 400).p50 for _ in range(3))
        work = _LongWork(folder / "box", folder / "upload")
        busy = statistics.median(ours.load(1, 400).p50 for _ in range(5))
        rounds = work.end()
    return {
        "idle p50 ms": idle,
        "p50 while long work runs ms": busy,
        "p50 while long work runs over idle": busy / idle,
        "long work rounds": rounds,
    }


class _LongWork:
    """Verify, export and file writing, each again and again until ended."""

    def __init__(self, box: Path, upload: Path) -> None:
        self._ending = threading.Event()
        ctl = [sys.executable, "-m", "einvoiced.cli", "journal"]
        state = ["--state", str(box / "state")]
        upload.mkdir(parents=True)
        self._commands = [
            [*ctl, "verify", *state],
            [*ctl, "export", *state],
            [sys.executable, "-m", "tests.bench.files", str(upload), "10000"],
        ]
        self._rounds = 0
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._threads = [threading.Thread(target=self._repeat, args=(n,)) for n in range(len(self._commands))]
        for thread in self._threads:
            thread.start()
        time.sleep(1.0)

    def _repeat(self, which: int) -> None:
        while not self._ending.is_set():
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(self._commands[which], cwd=rig.ROOT, stdout=quiet, stderr=quiet)
            self._processes[which] = process
            if process.wait() > 0 and not self._ending.is_set():
                raise RuntimeError(f"{self._commands[which]} failed")
            self._rounds += 1

    def end(self) -> int:
        """Stop it all; how many rounds were done."""
        self._ending.set()
        for process in self._processes.values():
            process.kill()
        for thread in self._threads:
            thread.join()
        return self._rounds


def million(folder: Path) -> dict[str, float]:
    """The empty journal against one with a million invoices."""
    return _grown(folder, 1_000_000, "1 million")


def ten_million(folder: Path) -> dict[str, float]:
    """The empty journal against one with ten million invoices."""
    return _grown(folder, 10_000_000, "10 million")


def _grown(folder: Path, invoices: int, name: str) -> dict[str, float]:
    begin = time.monotonic()
    loader.load(folder / "grown", invoices)
    seconds = time.monotonic() - begin
    size = sum(f.stat().st_size for f in (folder / "grown" / "state" / "journal").iterdir())
    starts: dict[str, list[float]] = {"empty": [], "grown": []}
    for which in starts:
        with VirtualBox(folder / which) as box:
            for _ in range(5):
                starts[which].append(rig.seconds_to_ready(box))
                box.stop()
    with rig.daemon(folder / "other") as empty, rig.daemon(folder / "grown") as grown:
        for each in (empty, grown):
            each.load(1, 500)
        pairs = [(empty.load(1, 400).p50, grown.load(1, 400).p50) for _ in range(ROUNDS)]
    shutil.rmtree(folder / "grown", ignore_errors=True)
    return {
        f"loading {name} s": seconds,
        f"size with {name} MiB": size / (1 << 20),
        f"bytes an invoice with {name}": size / invoices,
        "empty start to ready s": statistics.median(starts["empty"]),
        f"start to ready with {name} s": statistics.median(starts["grown"][1:]),
        f"start to ready with {name} over empty": statistics.median(starts["grown"][1:])
        / statistics.median(starts["empty"][1:]),
        "empty p50 ms": statistics.median(a for a, _ in pairs),
        f"p50 with {name} ms": statistics.median(b for _, b in pairs),
        f"p50 with {name} over empty": rig.ratios([b for _, b in pairs], [a for a, _ in pairs]),
    }


def context(folder: Path) -> dict[str, float]:
    """For context, not as a gate: Redis with its append-only file synced always, where redis-server is installed."""
    if shutil.which("redis-server") is None:
        return {}
    folder.mkdir(parents=True)
    path = f"/tmp/einvoiced-bench-redis-{time.monotonic_ns()}.sock"
    options = ["--port", "0", "--unixsocket", path, "--dir", str(folder), "--appendonly", "yes"]
    command = ["redis-server", *options, "--appendfsync", "always", "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        VirtualBox.wait_for(lambda: Path(path).exists(), 10, "redis")
        return {
            "context: redis 1 client p50 ms": load.redis(path, 1, 1000).p50,
            "context: redis 64 clients rate": load.redis(path, 64, 10_000).rate,
        }
    finally:
        process.kill()
        process.wait()


def stick(folder: Path) -> dict[str, float]:
    """Track files: from the stick to the slip, a large one, and a stick made to hurt; the folder plays the stick."""
    found = {"stick in to slip printed s": _stick_to_slip(folder / "slip")}
    found |= _large_file(folder / "large")
    for name, large in (("hostile", False), ("all good", True)):
        cost = _hostile_stick(folder / name.replace(" ", "-"), large)
        found |= {f"{name} stick {figure}": value for figure, value in cost.items()}
    return found


def _stick_to_slip(folder: Path) -> float:
    """The median of five new files."""
    seconds = []
    with VirtualBox(folder) as box:
        box.start()
        for number in range(5):
            printed = len(box.prints())
            begin = time.monotonic()
            box.plug_in(track_file(("NQ", number * 5000, number * 5000 + 2499)), name=f"{number}.csv")
            VirtualBox.wait_for(lambda printed=printed: len(box.prints()) > printed, 20, "the slip")
            seconds.append(time.monotonic() - begin)
            (box.stick / f"{number}.csv").unlink()
            VirtualBox.wait_for(lambda: not list((box.state / "inbox").iterdir()), 20, "the inbox")
            time.sleep(0.5)
    return statistics.median(seconds)


def _large_file(folder: Path) -> dict[str, float]:
    """Ten thousand ranges over the admin socket, and how long a till waits at worst meanwhile."""
    rows = track_file(*(("NQ", number * 100, number * 100 + 49) for number in range(10_000)))
    content = base64.b64encode(rows.encode()).decode()
    with VirtualBox(folder, printer={"transport": "none"}) as box:
        box.start()
        begin = time.monotonic()
        taken = box.call("tracks.import", file_name="f.csv", content=content)["ranges"]
        first = time.monotonic() - begin
        with box.client() as client, Latency(lambda: (time.sleep(0.002), client.call("box.status"))) as till:
            begin = time.monotonic()
            box.call("tracks.import", file_name="f.csv", content=content)
            again = time.monotonic() - begin
        assert taken == 10_000
        return {
            "10,000 ranges s": first,
            "10,000 known ranges s": again,
            "till's worst wait meanwhile ms": till.worst * 1000,
        }


def _hostile_stick(folder: Path, good: bool) -> dict[str, float]:
    """CPU seconds and MiB that 10,000 files cost the daemon, which here does the stick unit's work too."""
    period = this_period().csv_form
    with VirtualBox(folder, printer={"transport": "none"}) as box:
        box.start()
        box.status()
        cpu, high = _cost(box)
        aside = folder / "aside"
        for number in range(100):
            (aside / f"{number % 10}" / f"{number}").mkdir(parents=True)
        for number in range(64):
            track = f"{chr(65 + number // 26)}{chr(65 + number % 26)}"
            lines = (f"{SELLER},7,,{period},{track},{n * 50:08d},{n * 50 + 49:08d}\r\n" for n in range(1 << 15))
            text = "".join(lines) if good else "x," * (1 << 19)
            (aside / f"{number:02d}.csv").write_bytes(text.encode()[: 1 << 20].rsplit(b"\n", 1)[0])
        for number in range(10_000 - 64):
            where = aside / f"{number % 100 % 10}" / f"{number % 100}"
            (where / f"{number}.csv").write_bytes((b"a,b\r\n", b"\xff\0", b"<html>", b"", b"\0" * 5000)[number % 5])
        begin = time.monotonic()
        aside.rename(box.stick / "files")
        inbox = box.state / "inbox"
        VirtualBox.wait_for(lambda: list(inbox.glob("folder*")), 60, "the batch")
        VirtualBox.wait_for(lambda: not list(inbox.glob("folder*")), 120, "the batch to be read")
        seconds = time.monotonic() - begin
        cpu_after, high_after = _cost(box)
        return {"CPU s": cpu_after - cpu, "s": seconds, "MiB": high_after - high}


def _cost(box: VirtualBox) -> tuple[float, float]:
    """CPU seconds and peak MiB of a box's daemon."""
    assert box.process is not None
    pid = box.process.pid
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(line.split()[1]) / 1024
