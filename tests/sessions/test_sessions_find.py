"""發票查詢 with a real box: an answer holds what was committed before, whatever becomes of the process that answers."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import BoxError, new_key
from tests.boxes import RANGE, SALE, until
from tests.sessions.test_sessions_cli import ctl, ctl_json
from tools.virtualbox import VirtualBox

pytestmark = pytest.mark.sessions


def child_of(box: VirtualBox) -> int | None:
    """The process that answers questions, as the kernel tells."""
    assert box.process is not None
    for each in Path("/proc").glob("[0-9]*"):
        try:
            words = (each / "cmdline").read_bytes()
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == box.process.pid and b"einvoiced.readmodel.child" in words:
            return int(each.name)
    return None


def issue(box: VirtualBox, **sale: Any) -> str:
    """An invoice over the till's socket; its number."""
    with box.client() as client:
        return str(client.issue(new_key(), **{**SALE, **sale})["invoice"]["invoice_number"])


def found(box: VirtualBox, socket: str = "till", **params: Any) -> list[str]:
    """The numbers of a page."""
    with box.client(socket) as client:
        return [each["invoice_number"] for each in client.call("invoice.find", **params)["invoices"]]


def test_an_invoice_is_found_the_moment_it_is_issued(shared_box: VirtualBox) -> None:
    """By both sockets; the process that answers is started by the first question and stays."""
    assert child_of(shared_box) is None
    for n in range(10):
        number = issue(shared_box, labels={"order_no": f"A-{n}"})
        assert found(shared_box, order_no=f"A-{n}") == found(shared_box, "admin", order_no=f"A-{n}") == [number]
    assert child_of(shared_box) is not None
    assert (shared_box.state / "find.db").stat().st_mode & 0o777 == 0o600


def test_a_killed_answerer_is_replaced(shared_box: VirtualBox) -> None:
    """The next question starts another; nothing is missing."""
    number = issue(shared_box, labels={"order_no": "B-1"})
    assert found(shared_box)[0] == number
    was = child_of(shared_box)
    assert was is not None
    os.kill(was, signal.SIGKILL)
    assert found(shared_box)[0] == number
    assert child_of(shared_box) != was


def test_a_damaged_model_is_built_anew(shared_box: VirtualBox) -> None:
    """Noise in the middle of the file while it is in use; the answers are right."""
    numbers = [issue(shared_box) for _ in range(3)]
    assert found(shared_box, limit=3) == numbers[::-1]
    child = child_of(shared_box)
    assert child is not None
    os.kill(child, signal.SIGKILL)
    for end in ("", "-wal"):
        (shared_box.state / f"find.db{end}").write_bytes(os.urandom(65536))
    assert found(shared_box, limit=3) == numbers[::-1]


def test_a_till_is_told_what_it_may_not_ask(shared_box: VirtualBox) -> None:
    """The admin socket may."""
    with pytest.raises(BoxError, match="a till may ask"):
        found(shared_box, date_from="2020-01-01")
    assert found(shared_box, "admin", date_from="2020-01-01", date_to="2020-12-31") == []


def test_the_command_gives_a_table_csv_and_json(shared_box: VirtualBox) -> None:
    """All pages put together; leading zeros and Chinese survive."""
    labels = {"order_no": "007", "cashier": "王小明"}
    numbers = [issue(shared_box, labels=labels) for _ in range(3)]
    table = ctl(shared_box, "invoice", "find", "--order-no", "007").stdout
    assert [line.split()[0] for line in table.splitlines()[1:]] == numbers[::-1]
    assert re.findall("[a-z]+", table) == [], "under Chinese heads states are said in Chinese"
    text = ctl(shared_box, "invoice", "find", "--order-no", "007", "--csv", PYTHONIOENCODING="utf-8").stdout
    assert text.startswith("\ufeffinvoice_number,")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [(row["invoice_number"], row["order_no"], row["cashier"]) for row in rows] == [
        (number, "007", "王小明") for number in numbers[::-1]
    ]
    for more in ((), ("--amount", "20-30"), ("--amount", "25"), ("--number", numbers[0])):
        order = () if more[:1] == ("--number",) else ("--order-no", "007")
        answer = ctl_json(shared_box, "invoice", "find", *order, *more)
        assert numbers[0] in [each["invoice_number"] for each in answer["invoices"]]
    assert "No invoice fits" in ctl(shared_box, "invoice", "find", "--amount", "999999").stdout


def test_the_answerer_ends_with_its_box(make_box: Callable[..., VirtualBox]) -> None:
    """After a stop in order, and after a kill: the journal is let go of at once."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    box.stop()
    for end in (box.kill, box.stop):
        box.start()
        number = issue(box)
        assert found(box)[0] == number
        child = child_of(box)
        assert child is not None
        end()
        until(lambda pid=child: not Path(f"/proc/{pid}").exists(), what="the process to end")
        if end != box.kill:
            assert not (box.state / "journal" / "journal.db-wal").exists()
