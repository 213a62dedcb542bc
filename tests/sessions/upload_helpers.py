"""What the sessions about uploads share: a box, the platform behind its spool, the follower, death at any step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import Client, new_key
from einvoiced.rules.period import TAIPEI
from tests.boxes import RANGE, SALE, fresh_folder
from tests.conftest import boxes_of
from tests.platform.books import Books
from tests.platform.desk import Desk
from tools.virtualbox import SELLER, VirtualBox, this_period

CARRIER = {"carrier": {"type": "3J0002", "id": "/ABC+123"}}
"""No paper: it may leave at once."""


class Shop:
    """A box, its spool, the platform behind it, and the follower."""

    def __init__(self, box: VirtualBox, spool: Path) -> None:
        self.box, self.spool = box, spool
        self.stick = spool
        self.books = Books(SELLER)
        self.books.allot(this_period().year_month, *RANGE)
        self.platform = Desk(spool, self.books, lambda: datetime.now(TAIPEI))
        self.platform.make_folders()
        self.process: subprocess.Popen[bytes] | None = None

    def issue(self, **more: Any) -> str:
        """A sale without paper."""
        with self.box.client() as till:
            answer = till.call("invoice.issue", key=new_key(), **{**SALE, **CARRIER, **more})
        return str(answer["invoice"]["invoice_number"])

    def command(self, *more: str) -> list[str]:
        """How the follower is started."""
        return [
            *(sys.executable, "-m", "einvoiced.followers.turnkey"),
            *("--config", str(self.box.folder / "einvoiced.toml"), "--run", str(self.box.run)),
            *("--state", str(self.box.folder / "turnkey"), "--retry", "0.1", *more),
        ]

    def once(self) -> int:
        """One look."""
        with (self.box.folder / "log").open("ab") as log:
            return subprocess.run(self.command("--once"), stderr=log, check=False, timeout=60).returncode

    def follow(self) -> None:
        """Start it to stay."""
        with (self.box.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End the follower."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
        self.process = None

    def uploads(self, **asked: Any) -> list[dict[str, Any]]:
        """`upload.list`."""
        return list(self.box.call("upload.list", **asked)["uploads"])


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Work in a process of its own that dies by SIGKILL before its n-th step; False: it ended.

    A step is whatever changes the disk or asks the box.
    """
    pid = os.fork()
    if pid == 0:
        left = step

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            def run(*arguments: Any, **named: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **named)

            return run

        for owner, name in ((os, "write"), (os, "fsync"), (os, "rename"), (os, "unlink"), (os, "mkdir"), (os, "rmdir")):
            setattr(owner, name, counted(getattr(owner, name)))
        Client.call = counted(Client.call)  # type: ignore[method-assign]
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def one_shop(request: pytest.FixtureRequest, name: str) -> Iterator[Shop]:
    """What a fixture yields: one shop with a folder of this name, put away in the end."""
    folder = fresh_folder(name)
    for make in boxes_of(request.node):
        yield _start_shop(make, folder)
    shutil.rmtree(folder)


def _start_shop(make_box: Callable[..., VirtualBox], folder: Path) -> Shop:
    """A running box with numbers, its spool and its stick in a folder."""
    spool = folder / "spool"
    spool.mkdir()
    box = make_box(turnkey={"spool": str(spool), "poll_seconds": 0.05})
    box.start()
    box.take_tracks(RANGE)
    return Shop(box, spool)


def renewed(shop: Shop) -> Shop:
    """The same box for the next test: nothing waits, nothing lies in its folders, the platform knows nothing."""
    shop.end()
    while uploads := shop.uploads():
        named = [{name: each[name] for name in ("entry", "message", "part")} for each in uploads]
        shop.box.call("upload.settle", uploads=named, reason="下一個測試", by="測試")
    for each in shop.spool.iterdir():
        shutil.rmtree(each)
    shutil.rmtree(shop.box.folder / "turnkey", ignore_errors=True)
    return Shop(shop.box, shop.spool)
