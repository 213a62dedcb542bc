"""The judge notices what it is there to notice: each fault is made by hand, once."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from einvoiced.journal import entries
from tests.crash import check
from tests.crash.record import Record, put

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def judge(short_life: Record) -> check.Judge:
    return check.Judge(check.Promises(short_life))


def judged(judge: check.Judge, tmp_path: Path, change: Callable[[sqlite3.Connection], object]) -> Counter[str]:
    """What the judge says of the life's last disk after `change`, with all promises due."""
    record = judge.promises.record
    put(tmp_path, record.after)
    db = sqlite3.connect(tmp_path / "journal" / "journal.db")
    change(db)
    db.commit()
    db.close()
    with check.anywhere():
        return judge.disk(tmp_path, len(record.events))


def test_check_good(judge, tmp_path):
    """The disk that the life has left is good."""
    assert not judged(judge, tmp_path, lambda db: None)


def test_check_lost(judge, tmp_path):
    """An entry that is gone was acknowledged and is missed."""
    found = judged(judge, tmp_path, lambda db: db.execute("DELETE FROM entries WHERE sequence > 10"))
    assert found["acknowledged lost"] == len(judge.promises.history) - 10
    assert found["projections differ"]


def test_check_altered_body(judge, tmp_path):
    """One other byte in an entry breaks the chain, loses the entry, and is nobody's entry."""

    def change(db: sqlite3.Connection) -> None:
        (body,) = db.execute("SELECT body FROM entries WHERE sequence = 20").fetchone()
        db.execute("UPDATE entries SET body = ? WHERE sequence = 20", (body.replace(b'"v":1', b'"v":9'),))

    found = judged(judge, tmp_path, change)
    assert (found["unopenable"] and found["acknowledged lost"]) or (found["chain broken"] and found["invented"])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ranges SET next = next - 1",
        "UPDATE invoices SET paper = 'queued' WHERE number = (SELECT min(number) FROM invoices)",
        "DELETE FROM keys WHERE sequence = (SELECT max(sequence) FROM keys)",
        "UPDATE secrets SET value = x'00'",
    ],
)
def test_check_projections(judge, tmp_path, sql):
    """A projection that a replay would not give is noticed, and so is another MAC key."""
    assert judged(judge, tmp_path, lambda db: db.execute(sql)) == {"projections differ": 1}


def test_check_garbage(judge, tmp_path):
    """A file that is no database cannot be opened, and all that was acknowledged is lost."""
    put(tmp_path, {**judge.promises.record.after, "journal/journal.db": b"garbage" * 1000})
    with check.anywhere():
        found = judge.disk(tmp_path, len(judge.promises.record.events))
    assert found["unopenable"] == 1
    assert found["acknowledged lost"] == len(judge.promises.promised[-1]) > 20


def chain_of(*data: entries.EntryData) -> list[bytes]:
    bodies, previous = [], entries.NO_PREVIOUS
    for sequence, each in enumerate(data, 1):
        bodies.append(entries.seal(1, sequence, "2026-01-05T10:00:00.000000+08:00", previous, each))
        previous = entries.digest(bodies[-1])
    return bodies


def issued(number: str, period: str = "11502") -> entries.InvoiceIssued:
    result = {"invoice": {"invoice_number": number, "year_month": period, "seller": {"identifier": "24634102"}}}
    return entries.InvoiceIssued("key", 100, "none", None, entries.Labels(), entries.Raw(json.dumps(result).encode()))


TRACKS = entries.TracksImported(
    "f", "0" * 64, "stick", None, [entries.Range("24634102", "07", "11502", "NQ", 100, 149, True)]
)


def test_check_numbers():
    """Numbers twice, outside their range, outside their period, and originals twice are found in the entries alone."""
    good = check.numbers(chain_of(TRACKS, issued("NQ00000100"), issued("NQ00000149")))
    assert good == check.Numbers()
    assert check.numbers(chain_of(TRACKS, issued("NQ00000100"), issued("NQ00000100"))).twice == 1
    for wrong in (issued("NQ00000150"), issued("NR00000100"), issued("NQ00000100", "11504")):
        assert check.numbers(chain_of(TRACKS, wrong)).outside == 1
    sending = entries.ProofSending(2, "0" * 64)
    requeued = entries.ProofRequeued(2, "away")
    assert check.numbers(chain_of(TRACKS, issued("NQ00000100"), sending, sending)).originals_twice == 1
    assert check.numbers(chain_of(TRACKS, issued("NQ00000100"), sending, requeued, sending)).originals_twice == 0


def test_check_chain():
    """Each link that does not hold is counted."""
    bodies = chain_of(TRACKS, issued("NQ00000100"), issued("NQ00000101"))
    assert check.chain_broken(bodies) == 0
    assert check.chain_broken([bodies[0], bodies[2]]) == 1
    assert check.chain_broken([bodies[0], b"{", bodies[2]]) == 2
