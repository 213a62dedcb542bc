"""kill -9 of the real daemon under four tills that repeat: at random moments, and at every step that `launch` names.

Each till asks, and asks again with the same key until it is answered; now and then it repeats an old sale and compares
the bytes. At the end each answer must stand in the journal byte for byte, each number once.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.journal import entries
from tests.crash import check
from tests.crash.launch import STEPS
from tests.crash.life import LaunchedBox, sale
from tests.crash.record import MEMORY

TILLS = 4
PRINTED = 30
"""One sale in so many is printed by the box; the others go to a carrier."""

EARLY = {
    "before the lock",
    "after the lock",
    "after opening",
    "after proving",
    "before the file beside",
    "after the file beside",
    "after ready",
    "before ceilings",
    "after ceilings",
}
"""Steps of a start: they are passed once or twice only."""

RARE = {"before a checkpoint", "after a checkpoint", "before a strip", "after a strip"}


@dataclass
class Killed:
    """What kills came to. `at`: how often at which step (`random`: anywhere); `wrong`: faults as `check.FAULTS`."""

    kills: int = 0
    answers: int = 0
    repeats: int = 0
    at: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, other: Killed) -> None:
        self.kills += other.kills
        self.answers += other.answers
        self.repeats += other.repeats
        self.at += other.at
        self.wrong += other.wrong
        self.examples = (self.examples + other.examples)[:20]


class Till(threading.Thread):
    """One till: a sale at a time, repeated with its key until it is answered. `answers`: key → the result's bytes."""

    def __init__(self, path: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.client = Client(path, timeout=5.0)
        self.luck = random.Random(seed)
        self.answers: dict[str, bytes] = {}
        self.sales: dict[str, dict[str, Any]] = {}
        self.repeats, self.different = 0, 0
        self.refused: list[str] = []
        self.locked = False
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            old = self.answers and self.luck.random() < 0.15
            key = self.luck.choice(list(self.answers)) if old else self._new_key()
            result = self._ask(self.sales[key])
            if key in self.answers:
                self.repeats += 1
                self.different += result != self.answers[key]
            self.answers[key] = result
            self.stopping.wait(self.luck.random() * 0.01)
        self.client.close()

    def _new_key(self) -> str:
        key = str(uuid.UUID(int=self.luck.getrandbits(128), version=4))
        number = self.luck.randrange(1 << 20) * 6 + (0 if self.luck.randrange(PRINTED) == 0 else 1)
        self.sales[key] = {**sale(number), "key": key}
        return key

    def _ask(self, params: dict[str, Any]) -> bytes:
        """The result's bytes, however long it takes."""
        while True:
            try:
                _, _, rest = self.client.call_line("invoice.issue", params).partition(b'"result":')
                self.locked = False
                return rest.rstrip().removesuffix(b"}")
            except BoxUnreachable:
                time.sleep(0.005)
            except BoxError as error:
                self.locked = error.name == "box_locked"
                if error.retry != "same_key" and not self.locked:
                    self.refused.append(str(error))
                time.sleep(0.02)


class Rig:
    """A box, its tills, and what kills it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.luck = random.Random(seed)
        self.outcome = Killed()
        self.box = LaunchedBox(folder)
        self.options = ["--in-memory", "--checkpoint-every", "60"]
        self.tills = [Till(self.box.socket("till"), seed * 10 + n) for n in range(TILLS)]

    def run(self, plan: Sequence[str]) -> Killed:
        """Kill once for each item of the plan: a step's name, or `random`; then judge."""
        self.box.launch = self.options
        with self.box:
            self.box.start()
            self.box.take_tracks(("NQ", 0, 499_999))
            for till in self.tills:
                till.start()
            for step in plan:
                self._once(step)
            self._finish()
        self._judge()
        return self.outcome

    def _once(self, step: str) -> None:
        """Let the running daemon die, start it so that it dies at the step, wait until it has."""
        self.box.kill()
        if step == "random":
            self.box.launch = self.options
            self.box.spawn()
            time.sleep(self.luck.random() * 0.8)
            self.box.kill()
            self.outcome.at["random"] += 1
        else:
            nth = 1 if step in EARLY else self.luck.randint(1, 3 if step in RARE else 40)
            self.box.launch = [*self.options, "--step", step, "--nth", str(nth)]
            self.box.spawn()
            self.outcome.at[step if self._died() else f"{step} (not reached)"] += 1
            self.box.kill()
        self.outcome.kills += 1

    def _died(self) -> bool:
        """Whether the daemon is killed within some seconds; a box that locked itself is freed and counted."""
        deadline = time.monotonic() + 6.0
        process = self.box.process
        assert process is not None
        while process.poll() is None and time.monotonic() < deadline:
            if all(till.locked for till in self.tills):
                self._free()
                return False
            time.sleep(0.005)
        if process.returncode not in (None, -signal.SIGKILL):
            raise RuntimeError(f"the daemon ended with {process.returncode} instead of being killed")
        return process.returncode is not None

    def _free(self) -> None:
        """A locked box is a fault of its own; reconciled, the rig can go on."""
        self.outcome.wrong["locked"] += 1
        self.outcome.examples.append(f"locked: {self.box.status()['sentence']}")
        self.box.kill()
        state = ("--state", str(self.box.state), "--config", str(self.box.folder / "einvoiced.toml"))
        command = [sys.executable, "-m", "einvoiced.cli", "journal", "reconcile", "--technician", "rig", *state]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def _finish(self) -> None:
        """A last start in peace: every till gets its answer."""
        self.box.kill()
        self.box.launch = self.options
        self.box.start()
        time.sleep(0.3)
        if all(till.locked for till in self.tills):
            self._free()
            self.box.start()
        for till in self.tills:
            till.stopping.set()
        for till in self.tills:
            till.join(30)
            if till.is_alive():
                self.outcome.wrong["unanswered"] += 1

    def _judge(self) -> None:
        """The whole journal against every answer that any till has got."""
        outcome, wrong = self.outcome, self.outcome.wrong
        with check.anywhere(), check.opened(self.box.state) as (db, faults):
            chain = check.bodies(db)
            wrong["projections differ"] += check.rows(db) != check.replayed(db)
            wrong["integrity"] += db.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
            wrong["locked"] += bool(faults)
        found = check.numbers(chain)
        wrong.update(
            {
                "chain broken": check.chain_broken(chain),
                "numbers twice": found.twice,
                "numbers outside": found.outside,
                "originals twice": found.originals_twice,
            }
        )
        stored, keys = _stored(chain)
        wrong["keys twice"] += sum(n > 1 for n in keys.values())
        for till in self.tills:
            outcome.answers += len(till.answers)
            outcome.repeats += till.repeats
            wrong["acknowledged lost"] += sum(stored.get(key) != result for key, result in till.answers.items())
            wrong["another answer"] += till.different
            wrong["refused"] += len(till.refused)
            outcome.examples += till.refused[:3]
        outcome.wrong = +wrong


def _stored(chain: Sequence[bytes]) -> tuple[dict[str, bytes], Counter[str]]:
    """key → the stored bytes of its result; and how often each key was used."""
    stored: dict[str, bytes] = {}
    keys: Counter[str] = Counter()
    for body in chain:
        data = entries.read_data(entries.read(body))
        if isinstance(data, entries.InvoiceIssued):
            stored[data.key] = bytes(data.result)
            keys[data.key] += 1
    return stored, keys


def plan(kills: int) -> list[str]:
    """Every named step in turn, each followed by a random moment, shuffled."""
    names = [name for step in STEPS for name in (step, "random")]
    found = [names[n % len(names)] for n in range(kills)]
    random.Random(kills).shuffle(found)
    return found


def kill(kills: int, processes: int | None = None) -> Killed:
    """Kill daemons so many times in all, several boxes side by side."""
    count = processes or os.cpu_count() or 1
    outcome = Killed()
    orders = [(plan(kills)[n::count], n) for n in range(count)]
    with multiprocessing.get_context("fork").Pool(count) as pool:
        for part in pool.starmap(run, orders):
            outcome.add(part)
    return outcome


def run(steps: Sequence[str], seed: int) -> Killed:
    """One box and its kills."""
    with tempfile.TemporaryDirectory(prefix="einvoiced-kill-", dir=MEMORY) as folder:
        rig = Rig(Path(folder) / "box", seed)
        try:
            return rig.run(steps)
        except Exception:  # another process's exception need not survive the way to this one
            raise RuntimeError(f"{traceback.format_exc()}\n{rig.outcome}\n{rig.box.log()[-5000:]}") from None
