"""The daemon dies and comes back, its disk fills up, the till repeats: nothing is lost, nothing is issued twice."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from einvoiced.client import BoxError, BoxUnreachable, Client, new_key
from einvoiced.journal import entries, projections, schema, store
from tests.boxes import RANGE, SALE, Wire, dump, result_of, until, whole_chain
from tools.virtualbox import VirtualBox

pytestmark = pytest.mark.sessions

CLIENTS = 4
SECONDS, KILLS = 5.0, 4
"""At least so long, and so often."""


class Till(threading.Thread):
    """Sells as fast as it can; a sale without an answer is repeated with its key until there is one."""

    def __init__(self, box: VirtualBox, name: int) -> None:
        super().__init__(name=f"till {name}")
        self._box = box
        self._ending = threading.Event()
        self.answers: dict[str, bytes] = {}
        self.sales: dict[str, dict[str, Any]] = {}
        self.repeats = 0
        self.error: BaseException | None = None

    def end(self) -> None:
        """Finish the sale that is open, then stop."""
        self._ending.set()

    def run(self) -> None:
        try:
            with Client(self._box.socket("till"), timeout=5) as client:
                while not self._ending.is_set():
                    self._sell(client)
        except BaseException as error:
            self.error = error

    def _sell(self, client: Client) -> None:
        key = new_key()
        price = random.randrange(1, 1000)
        lines = [{"description": f"{self.name} 牛奶", "quantity": 1, "unit_price": price}]
        printing = "box" if random.random() < 0.03 else "till"
        sale = {"key": key, "prices": "gross", "lines": lines, "total_amount": price, "print": printing}
        self.sales[key] = sale
        deadline = time.monotonic() + 30
        while True:
            try:
                self.answers[key] = result_of(client.call_line("invoice.issue", sale))
                return
            except BoxUnreachable:
                self.repeats += 1
            except BoxError as error:
                if error.retry != "same_key":
                    raise
            if time.monotonic() > deadline:
                raise TimeoutError("the box stays away")
            time.sleep(0.005)


def play(box: VirtualBox) -> list[Till]:
    """Tills sell while the daemon is killed at random moments; returns them."""
    tills = [Till(box, n) for n in range(CLIENTS)]
    for till in tills:
        till.start()
    begin, kills = time.monotonic(), 0
    while kills < KILLS or time.monotonic() - begin < SECONDS:
        time.sleep(random.uniform(0.0, 0.4))
        box.kill()
        kills += 1
        box.start()
    for till in tills:
        till.end()
        till.join()
    return tills


def test_killed_at_any_moment_nothing_is_lost_or_issued_twice(box: VirtualBox) -> None:
    """Four tills and kill -9 again and again: every acknowledged invoice is there, numbers once, keys keep bytes."""
    tills = play(box)
    assert [till.error for till in tills] == [None] * CLIENTS
    answers = {key: answer for till in tills for key, answer in till.answers.items()}
    sales = {key: sale for till in tills for key, sale in till.sales.items()}
    assert len(answers) > 50
    assert sum(till.repeats for till in tills) > 0
    numbers = [json.loads(answer)["invoice"]["invoice_number"] for answer in answers.values()]
    assert len(set(numbers)) == len(numbers)
    with box.client() as client:
        for key, answer in random.sample(sorted(answers.items()), 50):
            assert result_of(client.call_line("invoice.issue", sales[key])) == answer
    until(lambda: not box.status()["counts"]["proofs_waiting"], 60, "the proofs")
    box.stop()
    _examine(box, answers)


def _examine(box: VirtualBox, answers: dict[str, bytes]) -> None:
    """The stopped journal against what was acknowledged: bytes, numbers without a gap, chain, projections, paper."""
    directory = box.state / "journal"
    whole_chain(directory)
    with closing(sqlite3.connect(directory / store.FILE, isolation_level=None)) as db:
        envelopes = [entries.read(body) for (body,) in db.execute("SELECT body FROM entries ORDER BY sequence")]
        found = [entries.read_data(e) for e in envelopes if e.type == "invoice_issued"]
        kept = {each.key: bytes(each.result) for each in found if isinstance(each, entries.InvoiceIssued)}
        assert {key: kept.get(key) for key in answers} == answers
        taken = sorted(json.loads(result)["invoice"]["invoice_number"] for result in kept.values())
        assert taken == [f"{RANGE[0]}{RANGE[1] + n:08d}" for n in range(len(kept))]
        live = dump(db, *schema.PROJECTION_TABLES)
        db.execute("BEGIN")
        projections.rebuild(db)
        assert dump(db, *schema.PROJECTION_TABLES) == live
        db.execute("ROLLBACK")
        papers = dict(db.execute("SELECT paper, count(*) FROM invoices GROUP BY paper"))
        assert set(papers) <= {"till", "printed", "unconfirmed"}
    sent: dict[int, int] = {}
    for envelope in envelopes:
        data = entries.read_data(envelope)
        if isinstance(data, entries.ProofSending):
            sent[data.invoice] = sent.get(data.invoice, 0) + 1
        elif isinstance(data, entries.ProofRequeued):
            sent[data.invoice] -= 1
    assert set(sent.values()) <= {0, 1}  # an original leaves at most once


def test_a_clean_stop_finishes_what_it_began(box: VirtualBox) -> None:
    """SIGTERM with requests on the way: each is answered, or refused with its key to be kept, or never came in."""
    keys = [new_key() for _ in range(20)]
    with Wire(box.socket("till")) as wire:
        for key in keys:
            wire.request(key, "invoice.issue", {**SALE, "key": key})
        assert box.process is not None
        box.process.send_signal(signal.SIGTERM)
        answers = {}
        try:
            while True:
                answer = wire.answer()
                answers[answer["id"]] = answer
        except (EOFError, ConnectionResetError):
            pass
    assert box.process.wait(10) == 0
    for answer in answers.values():
        assert "result" in answer or answer["error"]["data"]["retry"] == "same_key"
    box.start()
    with box.client() as client:
        for key, answer in answers.items():
            if "result" in answer:
                assert client.call("invoice.issue", **SALE, key=key) == answer["result"]
    box.stop()
    types = _types(box)
    assert types[-1] == "box_stopped"
    assert types.count("invoice_issued") >= sum("result" in answer for answer in answers.values())


def _types(box: VirtualBox) -> list[str]:
    with closing(sqlite3.connect(box.state / "journal" / store.FILE)) as db:
        return [entries.read(body).type for (body,) in db.execute("SELECT body FROM entries ORDER BY sequence")]


def test_a_start_knows_how_the_last_life_ended(make_box: Callable[..., VirtualBox]) -> None:
    """`box_started` says whether the box was stopped in order, and the last number that was used."""
    box = make_box()

    def start(times: int) -> None:
        box.start()
        until(lambda: box.log().count("ready:") == times)

    start(1)
    box.take_tracks(RANGE)
    with box.client() as client:
        client.issue(new_key(), **SALE)
    box.stop()
    start(2)
    box.kill()
    start(3)
    box.stop()
    with closing(sqlite3.connect(box.state / "journal" / store.FILE)) as db:
        bodies = [entries.read(body) for (body,) in db.execute("SELECT body FROM entries ORDER BY sequence")]
    starts = [entries.read_data(e) for e in bodies if e.type == "box_started"]
    assert all(isinstance(start, entries.BoxStarted) for start in starts)
    assert [start.clean_stop for start in starts] == [True, True, False]  # type: ignore[attr-defined]
    assert [start.last_number for start in starts] == [None, "NQ42519550", "NQ42519550"]  # type: ignore[attr-defined]


def test_a_disk_that_takes_no_more_ends_the_daemon_and_loses_nothing(box: VirtualBox) -> None:
    """A write that fails: told with the key to be kept, the process ends by itself; mended, the same key issues."""
    box.stop()
    size = (box.state / "journal" / store.FILE).stat().st_size
    box.start("prlimit", f"--fsize={size + 400_000}", "--")
    answers: dict[str, bytes] = {}
    failed = ""
    with Client(box.socket("till"), timeout=5) as client:
        while not failed:
            key = new_key()
            try:
                answers[key] = result_of(client.call_line("invoice.issue", {**SALE, "key": key, "print": "till"}))
            except BoxError as error:
                assert (error.name, error.retry) == ("storage_failed", "same_key")
                failed = key
            except BoxUnreachable:
                failed = key
    assert box.process is not None
    assert box.process.wait(10) == 74
    assert len(answers) > 5
    box.start()
    with box.client() as client:
        for key, answer in answers.items():
            assert result_of(client.call_line("invoice.issue", {**SALE, "key": key, "print": "till"})) == answer
        number = client.call("invoice.issue", **SALE, key=failed)["invoice"]["invoice_number"]
    assert number == f"NQ{RANGE[1] + len(answers):08d}"
    box.stop()
    whole_chain(box.state / "journal")


def test_a_repeat_finds_its_invoice_over_a_restart(box: VirtualBox) -> None:
    """A till that asks while the box is away waits, keeps its key, and gets one invoice."""
    key = new_key()
    got: list[Any] = []
    box.kill()
    with box.client() as client:
        waiting = threading.Thread(target=lambda: got.append(client.issue(key, patience=30, **SALE)))
        waiting.start()
        box.start()
        waiting.join(30)
        assert [answer["invoice"]["invoice_number"] for answer in got] == ["NQ42519550"]
        box.kill()
        box.start()
        assert client.issue(key, patience=30, **SALE) == got[0]
    assert box.status()["counts"]["numbers_left_this_period"] == 2499
