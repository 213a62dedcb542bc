"""The Turnkey follower: the real daemon, the real process, a platform that takes files and answers."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import new_key
from einvoiced.rules.period import TAIPEI
from tests.boxes import RANGE, SALE, until
from tests.platform.books import Books
from tests.platform.desk import Desk
from tools.virtualbox import SELLER, VirtualBox, this_period

CARRIER = {"carrier": {"type": "3J0002", "id": "/ABC+123"}}
"""No paper: it may leave at once."""


class Shop:
    """A box, its spool, the platform behind it, and the follower."""

    def __init__(self, box: VirtualBox, spool: Path) -> None:
        self.box = box
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


@pytest.fixture
def shop(make_box: Callable[..., VirtualBox], durable: Path) -> Iterator[Shop]:
    """A running box with numbers, whose spool is a folder beside it."""
    spool = durable / "spool"
    spool.mkdir()
    box = make_box(turnkey={"spool": str(spool), "poll_seconds": 0.05})
    box.start()
    box.take_tracks(RANGE)
    made = Shop(box, spool)
    yield made
    made.end()


def test_from_sale_to_accepted(shop: Shop) -> None:
    """An invoice becomes one file in SRC, the platform takes it, its answer clears the outbox."""
    shop.follow()
    number = shop.issue()
    until(shop.platform.files, what="a file in SRC")
    (path,) = shop.platform.files()
    assert path.parent.relative_to(shop.platform.spool) == Path("UpCast/B2SSTORAGE/F0401/SRC")
    (listed,) = shop.uploads()
    assert (listed["reference"], listed["state"], listed["overdue"]) == (number, "sent", False)
    (verdict,) = shop.platform.take()
    assert (verdict.reference, verdict.code) == (number, "0")
    shop.platform.answer()
    until(lambda: not shop.uploads(), what="the answer to be read")


def test_a_refused_one_says_what_to_do_and_can_be_sent_again(shop: Shop) -> None:
    """Code, plain sentences in both languages; `upload.again` makes one more file."""
    number = shop.issue()
    shop.books.ranges.clear()
    assert shop.once() == 0
    shop.platform.take()
    shop.platform.answer(form="odd")
    assert shop.once() == 0
    (listed,) = shop.uploads(state="refused")
    assert (listed["code"], listed["cure"]) == ("E0102", "office")
    assert "配給" in listed["sentence_zh"] and listed["to_do"].endswith(".")
    shop.books.allot(this_period().year_month, *RANGE)
    upload = {name: listed[name] for name in ("entry", "message", "part")}
    shop.box.call("upload.again", uploads=[upload], reason="字軌已核對", by="店長")
    assert shop.once() == 0
    assert [verdict.code for verdict in shop.platform.take()] == ["0"]
    shop.platform.answer()
    assert shop.once() == 0
    assert not shop.uploads()
    assert [v.reference for v in shop.platform.verdicts] == [number, number]
