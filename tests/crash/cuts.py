"""Power cuts by the thousand: a disk for every event of a record and every kind of luck, each judged, on all cores."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from einvoiced.journal import entries
from tests.crash import check, disk, life
from tests.crash.record import MEMORY, SYNC, SYNC_DIRECTORY, Event, Image, Record, put

BLOCK = 16
"""Neighbouring moments that one process works on."""

Ignore = Callable[[Event], bool]


def obey(_event: Event) -> bool:
    """An honest disk."""
    return False


def lie(event: Event) -> bool:
    """A disk that says yes to every sync and does nothing."""
    return event.op in (SYNC, SYNC_DIRECTORY)


def lie_about_names(event: Event) -> bool:
    """A disk that keeps bytes but forgets every new name."""
    return event.op == SYNC_DIRECTORY


@dataclass
class Outcome:
    """What many cuts came to: how many disks, how many of which kind, what was wrong."""

    disks: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """For each fault the first disk that showed it."""

    def add(self, other: Outcome) -> None:
        self.disks += other.disks
        self.kinds += other.kinds
        self.faults += other.faults
        self.examples = {**other.examples, **self.examples}


@dataclass(frozen=True)
class Task:
    """Cuts of a record. `share`: the part of its disks that is judged, by luck; `inherited`: see `check.Promises`."""

    record: Record
    inherited: tuple[bytes, ...] = ()
    chances: int = 4
    seeds: int = 1
    share: float = 1.0
    ignore: Ignore = obey


def cut(task: Task, processes: int | None = None) -> Outcome:
    """Judge every disk of a task."""
    count = processes or os.cpu_count() or 1
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="einvoiced-disks-", dir=MEMORY) as folder:
        if count == 1:
            return _work((task, 0, 1, Path(folder)))
        with multiprocessing.get_context("fork").Pool(count) as pool:
            for part in pool.imap_unordered(_work, [(task, n, count, Path(folder)) for n in range(count)]):
                outcome.add(part)
    return outcome


def _work(order: tuple[Task, int, int, Path]) -> Outcome:
    """One process's part: the moments of its blocks."""
    task, part, parts, folder = order
    judge = check.Judge(check.Promises(task.record, task.inherited))
    outcome = Outcome()
    with check.anywhere():
        for seed in range(task.seeds):
            for moment, kind, image in _images(task, seed, part, parts):
                with OnDisk(folder, image) as state:
                    faults = judge.disk(state, moment)
                outcome.add(_told(faults, moment, kind, judge.reason, task.record))
    return outcome


def _images(task: Task, seed: int, part: int, parts: int) -> Iterator[tuple[int, str, Image]]:
    luck = random.Random(seed)
    now = disk.Disk(task.record.before, ignore=task.ignore)
    for moment, event in enumerate(task.record.events, 1):
        now.play(event)
        if moment // BLOCK % parts != part:
            continue
        for kind, image in now.images(seed * 1_000_003 + moment, task.chances):
            if luck.random() < task.share:
                yield moment, kind, image


def _told(faults: Counter[str], moment: int, kind: str, reason: str, record: Record) -> Outcome:
    """One disk's outcome, with a sentence for whoever looks for the fault."""
    outcome = Outcome(1, Counter({kind: 1}), faults)
    if faults:
        event = record.events[moment - 1]
        text = f"cut after event {moment} ({event.op} {event.path}), {kind}: {dict(faults)} {reason}"
        outcome.examples = dict.fromkeys(faults, text)
    return outcome


class OnDisk:
    """The image as files in a folder of their own, for as long as the context lasts."""

    def __init__(self, folder: Path, image: Image) -> None:
        self.image = image
        self.state = Path(tempfile.mkdtemp(dir=folder))

    def __enter__(self) -> Path:
        put(self.state, self.image)
        for name in self.image:
            if name.endswith("-wal"):  # what an old -shm says must not matter
                (self.state / f"{name[:-4]}-shm").write_bytes(b"\xa5" * 32768)
        return self.state

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.state)


# -- going on after a cut


@dataclass(frozen=True)
class Resumed:
    """A disk that a cut has left, and the recorded life of the real daemon upon it."""

    moment: int
    kind: str
    promised: tuple[bytes, ...]
    printed_twice: int
    record: Record


def resume(record: Record, count: int, seed: int = 0) -> Iterator[Resumed]:
    """Start the real daemon on `count` disks of a record, ask for old invoices, make new ones, kill it, start it again.

    AssertionError when an old invoice is not what had been answered; whatever a locked box answers.
    """
    luck = random.Random(seed)
    promises = check.Promises(record)
    end = datetime.fromisoformat(entries.read(promises.history[-1]).time)
    now, played = disk.Disk(record.before), 0
    for moment in sorted(luck.sample(range(len(record.events)), count)):
        for event in record.events[played:moment]:
            now.play(event)
        played = moment
        kind, image = luck.choice(list(now.images(luck.randrange(1 << 30), 4)))
        promised = tuple(promises.history[: max(promises.promised[moment], default=0)])
        steps = life.again([r for body in promised if (r := check.result_of(body)) and "invoice" in r])
        try:
            later = life.live(steps, before=image, sales=life.FIRST_OF_AGAIN, moment=end)
        except Exception as error:
            error.add_note(f"resumed after a cut after event {moment} (seed {seed}), {kind}")
            raise
        twice = check.originals(record, moment) & check.originals(later)
        yield Resumed(moment, kind, promised, len(twice), later)
