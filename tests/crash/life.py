"""The scripted life of a box: `LIFE` is its list of steps; append to it what the box has learnt.

A step is a function of one `Life`. The daemon is the real one, on virtual hardware, below the shim; the steps talk to
its sockets, its stick and its clock. Only these differ from production: the clock moves, tmpfs is allowed, the WAL is
checkpointed more often, and notes are taken (`launch`).
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from einvoiced.client import BoxError
from einvoiced.rules.period import TAIPEI, Period
from tests.crash.record import MEMORY, Image, Record, build_shim, files, put, read
from tools.virtualbox import VirtualBox, track_file

LAUNCH = Path(__file__).parent / "launch.py"
CHECKPOINT_EVERY = 45
NAMESPACE = uuid.UUID("5e1f0c5e-0000-4000-8000-000000000000")
BEGIN = datetime(2026, 2, 28, 22, 0, tzinfo=TAIPEI)
"""Two hours before a period ends."""


class LaunchedBox(VirtualBox):
    """A virtual box whose daemon is started by `launch` with these options."""

    launch: Sequence[str] = ()

    def command(self) -> list[str]:
        """How this box is started."""
        python, _, _, *rest = super().command()
        return [python, str(LAUNCH), *self.launch, "--", *rest]

    def stop(self) -> None:
        """SIGTERM, and wait; RuntimeError with what it was doing, for a daemon that does not end."""
        process = self.process
        try:
            super().stop()
        except subprocess.TimeoutExpired:
            assert process is not None
            process.send_signal(signal.SIGUSR1)
            time.sleep(1)
            self.kill()
            raise RuntimeError(f"the daemon did not stop:\n{self.log()[-9000:]}") from None


class Life:
    """What steps need: the box, the clock, and the sales that were made."""

    def __init__(self, box: LaunchedBox, prefix: Sequence[str], sales: int, moment: datetime) -> None:
        self.box, self._prefix = box, prefix
        self.sales, self.moment = sales, moment
        self.results: dict[int, Any] = {}
        self.move(timedelta())

    def move(self, by: timedelta) -> None:
        """Put the clock forward; it stands still between."""
        self.moment += by
        self.box.set_clock(set=self.moment.isoformat(), frozen=True)

    def start(self) -> None:
        """Start the daemon below the shim."""
        self.box.start(*self._prefix)

    def next_sales(self, count: int) -> list[int]:
        """Sales that nobody has made yet."""
        self.sales += count
        return list(range(self.sales - count, self.sales))

    def issue(self, *numbers: int) -> None:
        """Make these sales in one group: all requests leave in one piece. An old sale must get its old answer."""
        answers = pipeline(self.box.socket("till"), [sale(n) for n in numbers])
        for number, answer in zip(numbers, answers, strict=True):
            if self.results.setdefault(number, answer["result"]) != answer["result"]:
                raise AssertionError(f"sale {number} got another answer: {answer}")


def key(number: int) -> str:
    """The key of a sale."""
    return str(uuid.uuid5(NAMESPACE, str(number)))


def sale(number: int) -> dict[str, Any]:
    """A sale of its own for every number, and its key; one in six is printed, the others go to a carrier."""
    lines = [
        {"description": f"品項{n}", "quantity": 1 + number % 3, "unit_price": 25 + n} for n in range(1 + number % 4)
    ]
    total = sum(int(line["quantity"]) * int(line["unit_price"]) for line in lines)  # type: ignore[call-overload]
    made: dict[str, Any] = {"key": key(number), "lines": lines, "total_amount": total, "prices": "gross"}
    if number % 6:
        made["carrier"] = {"type": "3J0002", "id": "/ABC+123"}
    return made


def pipeline(path: str, sales: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers to several `invoice.issue` that were sent in one piece, in the order of the requests."""
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": n, "method": "invoice.issue", "params": each})
        for n, each in enumerate(sales)
    ]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(20)
        sock.connect(path)
        sock.sendall("".join(line + "\n" for line in lines).encode())
        with sock.makefile("rb") as answers:
            found = [json.loads(answers.readline()) for _ in lines]
    return sorted(found, key=lambda answer: answer["id"])


# -- steps

Step = Callable[[Life], None]


def start(life: Life) -> None:
    """The daemon comes up."""
    life.start()


def stop(life: Life) -> None:
    """The daemon goes down in order."""
    life.box.stop()


def kill(life: Life) -> None:
    """The daemon dies; the disk keeps what it has."""
    life.box.kill()


def tracks(track: str, begin: int, end: int, *, later: int = 0) -> Step:
    """Import (and release) a range of the clock's period, or of one `later`."""

    def step(life: Life) -> None:
        life.box.take_tracks((track, begin, end), period=Period(Period.of(life.moment).index + later))

    return step


def stick(track: str, begin: int, end: int) -> Step:
    """A stick with a track file of the clock's period."""

    def step(life: Life) -> None:
        before = len(life.box.call("tracks.list"))
        life.box.plug_in(track_file((track, begin, end), period=Period.of(life.moment)), f"{track}.csv")
        life.box.wait_for(lambda: len(life.box.call("tracks.list")) > before, 10, "the stick to be taken")
        life.box.release()

    return step


def refused_tracks(life: Life) -> None:
    """A file that is no track file: refused, which is an entry too."""
    try:
        life.box.call("tracks.import", file_name="x.csv", content="//5ub3RoaW5n")
    except BoxError:
        return
    raise AssertionError("the file was taken")


def issue(*groups: int) -> Step:
    """New sales, in groups of these sizes."""

    def step(life: Life) -> None:
        for size in groups:
            life.issue(*life.next_sales(size))

    return step


def repeats(life: Life) -> None:
    """Old sales among new ones in one group, and one sale twice in a group."""
    new = life.next_sales(2)
    life.issue(0, new[0], life.sales // 2, new[1], new[1])


def refusals(life: Life) -> None:
    """A sale that conflicts with its key, between two that are good, in one group."""
    first, last = life.next_sales(2)
    wrong = {**sale(first + 1000), "key": key(0)}
    good, bad, other = pipeline(life.box.socket("till"), [sale(first), wrong, sale(last)])
    if "error" not in bad or "error" in good or "error" in other:
        raise AssertionError(f"a conflict and its neighbours: {bad} {good} {other}")


def cancel(life: Life) -> None:
    """Two invoices are cancelled, one of them once more with the same key."""
    told = [
        life.box.call(
            "invoice.cancel",
            key=str(uuid.uuid5(NAMESPACE, f"cancel {number}")),
            invoice_key=key(number),
            reason="商品退回",
            by="王小明",
            consent="口頭同意",
        )
        for number in (1, 2, 1)
    ]
    if told[0] != told[2] or told[0] == told[1]:
        raise AssertionError(f"a cancellation and its repeat: {told}")


def printed(life: Life) -> None:
    """Wait until all paper is out."""
    life.box.wait_for(lambda: not life.box.status()["counts"]["proofs_waiting"], 30, "the proofs to be printed")


def wait(**more: float) -> Step:
    """Time passes (timedelta's words)."""
    return lambda life: life.move(timedelta(**more))


LIFE: list[Step] = [
    start,
    tracks("NQ", 42_519_550, 42_519_599),
    issue(1, 1, 1),
    repeats,
    printed,
    cancel,
    refused_tracks,
    stop,
    start,
    issue(8, 1, 5),
    refusals,
    tracks("NR", 100, 149),
    tracks("NS", 0, 99, later=1),
    issue(17, 1, 1, 1),
    kill,
    start,
    wait(minutes=30),
    issue(5, 1, 1),
    wait(hours=2),
    issue(1, 12, 1),
    repeats,
    stop,
    start,
    stick("NT", 200, 349),
    wait(days=1),
    *(issue(1, 1, 3) for _ in range(16)),
    cancel,
    printed,
    kill,
    start,
    issue(6, 1, 2, 1, 3),
    refusals,
    stop,
]
"""One box over the end of a period: several checkpoints, five starts, two of them after a kill."""

SHORT: list[Step] = [
    start,
    tracks("NQ", 0, 49),
    issue(1, 3, 1, 1, 1),
    stop,
    start,
    issue(1, 2),
    repeats,
    cancel,
    printed,
    stop,
]
"""The same in a few entries, for `make test` and the controls."""

FIRST_OF_AGAIN = 5000
"""The first sale of a resumed life: never made before."""


def again(results: Sequence[dict[str, Any]]) -> list[Step]:
    """What a box does on a disk that a cut has left: a cut during this is a cut during recovery.

    `results`: what had been answered before the cut; the first three and the last three are asked for again.
    """

    def promised(life: Life) -> None:
        for result in (*results[:3], *results[3:][-3:]):
            number = result["invoice"]["invoice_number"]
            shown = life.box.call("invoice.get", invoice_number=number, year_month=result["invoice"]["year_month"])
            repeated = life.box.call("invoice.get", key=shown["key"])
            if json.dumps(repeated["result"], default=str) != json.dumps(result, default=str):
                raise AssertionError(f"{number} is not what it was: {repeated}")

    return [start, promised, tracks("ZZ", 0, 49), issue(1, 2), kill, start, promised, issue(1), stop]


def live(
    steps: Sequence[Step],
    *,
    before: Image | None = None,
    sales: int = 0,
    moment: datetime = BEGIN,
    fault: str | None = None,
) -> Record:
    """Let a box live through the steps below the shim, from the disk `before` (a new one: None).

    NotRecorded for what the shim does not understand; whatever a step raises, with the daemon's log.
    """
    with tempfile.TemporaryDirectory(prefix="einvoiced-life-", dir=MEMORY) as folder:
        log = Path(folder) / "record"
        log.touch()
        box = LaunchedBox(Path(folder) / "box")
        broken = ["--fault", fault] if fault else []
        box.launch = ["--in-memory", "--notes", "--checkpoint-every", str(CHECKPOINT_EVERY), *broken]
        box.state.mkdir()
        put(box.state, before or {})
        environment = {"LD_PRELOAD": build_shim(), "CRASH_ROOT": box.state, "CRASH_LOG": log}
        life = Life(box, ["env", *(f"{name}={value}" for name, value in environment.items())], sales, moment)
        try:
            with box:
                for step in steps:
                    step(life)
        except Exception as error:
            error.add_note(box.log())
            raise
        finally:
            shutil.rmtree(box.run, ignore_errors=True)
        return Record(dict(before or {}), read(log.read_bytes()), files(box.state))
