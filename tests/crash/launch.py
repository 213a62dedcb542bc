"""Starts the real daemon with what a test wants of it; production knows nothing of this file.

    python tests/crash/launch.py [--in-memory] [--checkpoint-every N] [--notes] [--fault NAME] [--step NAME --nth N]
                                 -- what einvoiced takes

`--in-memory`: the journal may live on tmpfs. `--notes`: each entry that a future has answered for, and each strip that
is about to leave for the printer, is noted in the record. `--fault`: break the code on purpose, for a control.
`--step`: SIGKILL to this very process at the n-th pass of a named step (see `STEPS`). SIGUSR1 makes it say what it is
doing.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import functools
import hashlib
import importlib
import itertools
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS: dict[str, tuple[str, str, str]] = {
    "before the lock": ("einvoiced.journal.store", "lock", "before"),
    "after the lock": ("einvoiced.journal.store", "lock", "after"),
    "after opening": ("einvoiced.journal.store", "connect", "after"),
    "after proving": ("einvoiced.journal.store", "prove", "after"),
    "before the file beside": ("einvoiced.journal.beside", "write", "before"),
    "after the file beside": ("einvoiced.journal.beside", "write", "after"),
    "after ready": ("einvoiced.app:Daemon", "_start_hardware", "after"),
    "before a group": ("einvoiced.journal.writer:Journal", "_commit", "before"),
    "before an action": ("einvoiced.journal.writer:Journal", "_act", "before"),
    "before an entry": ("einvoiced.journal.transaction:Transaction", "append", "before"),
    "between entry and projection": ("einvoiced.journal.projections", "apply", "before"),
    "after a projection": ("einvoiced.journal.projections", "apply", "after"),
    "before the commit": ("einvoiced.journal.transaction:Transaction", "finish", "after"),
    "after the commit": ("einvoiced.journal.writer:Journal", "_commit", "after"),
    "before an answer leaves": ("einvoiced.rpc.server:Connection", "_send", "before"),
    "after an answer left": ("einvoiced.rpc.server:Connection", "_send", "after"),
    "before a checkpoint": ("einvoiced.journal.writer:Journal", "_checkpoint", "before"),
    "after a checkpoint": ("einvoiced.journal.writer:Journal", "_checkpoint", "after"),
    "before a strip": ("einvoiced.hardware.printer.virtual:VirtualTransport", "write", "before"),
    "after a strip": ("einvoiced.hardware.printer.virtual:VirtualTransport", "write", "after"),
    "before ceilings": ("einvoiced.keepers.ceilings:CeilingKeeper", "raise_now", "before"),
    "after ceilings": ("einvoiced.keepers.ceilings:CeilingKeeper", "raise_now", "after"),
}
"""name → where the function is (module, or module:class), its name, and on which side of it the process dies."""


def _owner(place: str) -> Any:
    module, _, name = place.partition(":")
    owner = importlib.import_module(module)
    return getattr(owner, name) if name else owner


def wrap(place: str, name: str, before: Callable[..., None] | None, after: Callable[..., None] | None) -> None:
    """Call `before` and `after` (with the same arguments) around every call of a function, a coroutine's too."""
    owner = _owner(place)
    real = getattr(owner, name)

    def run(what: Callable[..., None] | None, *arguments: Any) -> None:
        if what is not None:
            what(*arguments)

    @functools.wraps(real)
    def plain(*arguments: Any, **options: Any) -> Any:
        run(before, *arguments)
        result = real(*arguments, **options)
        run(after, *arguments)
        return result

    @functools.wraps(real)
    async def awaited(*arguments: Any, **options: Any) -> Any:
        run(before, *arguments)
        result = await real(*arguments, **options)
        run(after, *arguments)
        return result

    setattr(owner, name, awaited if asyncio.iscoroutinefunction(real) else plain)


def die_at(step: str, nth: int) -> None:
    """SIGKILL at the n-th pass (from 1) of a step; KeyError for a step that is not in the table."""
    place, name, side = STEPS[step]
    passes = itertools.count(1)

    def look(*_: Any) -> None:
        if next(passes) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    wrap(place, name, look if side == "before" else None, look if side == "after" else None)


def take_notes() -> None:
    """Note in the record which entry stands when a future is done, and each strip before its first byte leaves."""
    from einvoiced.journal.job import Job
    from tests.crash.record import note

    def strip(_transport: Any, data: bytes, _timeout: float) -> None:
        note({"strip": hashlib.sha256(data).hexdigest()})

    wrap("einvoiced.hardware.printer.virtual:VirtualTransport", "write", strip, None)

    deliver = Job.deliver

    def noted(job: Any) -> None:
        if job.error is None:
            note({"acked": journals[-1].last_sequence})
        deliver(job)

    journals: list[Any] = []
    wrap("einvoiced.journal.writer:Journal", "open", lambda journal, *_: journals.append(journal), None)
    Job.deliver = noted  # type: ignore[method-assign]


# -- faults: the code broken on purpose


def _synchronous(level: str) -> None:
    from einvoiced.journal import store

    connect = store.connect

    def broken(*arguments: Any, **options: Any) -> sqlite3.Connection:
        db = connect(*arguments, **options)
        db.execute(f"PRAGMA synchronous = {level}")
        return db

    store.connect = broken


def _early_answers() -> None:
    from einvoiced.journal import writer

    act = writer.Journal._act

    def broken(self: Any, job: Any, *, alone: bool) -> None:
        act(self, job, alone=alone)
        if not job.parked:
            job.deliver()
            job.then(lambda _job: None)

    writer.Journal._act = broken  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "synchronous=OFF": lambda: _synchronous("OFF"),
    "synchronous=NORMAL": lambda: _synchronous("NORMAL"),
    "answers before the commit": _early_answers,
}


def show_tasks(*_: Any) -> None:
    """Say on stderr where every thread and every task of every loop is: for a daemon that hangs (SIGUSR1)."""
    faulthandler.dump_traceback()
    for task in list(asyncio.tasks._all_tasks):  # type: ignore[attr-defined]
        task.print_stack()


def main() -> int:
    """The launched process."""
    signal.signal(signal.SIGUSR1, show_tasks)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-memory", action="store_true")
    parser.add_argument("--notes", action="store_true")
    parser.add_argument("--checkpoint-every", type=int)
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("rest", nargs="+")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent.parent))
    _prepare(options)
    from einvoiced import app

    if options.step:
        die_at(options.step, options.nth)
    sys.argv = ["einvoiced", *options.rest]
    return app.main()


def _prepare(options: argparse.Namespace) -> None:
    from einvoiced.journal import migrations, store, writer

    # only this process is recorded: `connect` migrates here instead
    migrations.migrate_apart = lambda _path, _told: None
    if options.in_memory:
        store.check_place = lambda _directory: None
    if options.checkpoint_every:
        writer.CHECKPOINT_PAGES = options.checkpoint_every * 4
    if options.notes:
        take_notes()
    if options.fault:
        FAULTS[options.fault]()


if __name__ == "__main__":
    sys.exit(main())
