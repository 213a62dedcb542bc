"""Old copies, twins, forks, lost journals: the box locks, a technician reconciles, and no number comes twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mirror_helpers import (
    Mirror,
    copy_journal,
    ctl,
    locks,
    mirrored,
    number,
    offline,
    put_back,
    sell,
)

from einvoiced.client import BoxError, new_key
from einvoiced.hardware.clock.virtual import VirtualClock
from einvoiced.journal import beside, entries, lines, store
from einvoiced.journal import offline as stopped
from einvoiced.journal.transaction import Transaction
from tests.boxes import RANGE, SALE, import_rows, result_of, until
from tools.virtualbox import VirtualBox, track_file

pytestmark = pytest.mark.sessions


@pytest.fixture
def pair(make_box: Callable[..., VirtualBox], durable: Path) -> Iterator[Callable[..., tuple[VirtualBox, Mirror]]]:
    """Makes a running box and its mirror."""
    made: list[Mirror] = []

    def make(*, required: bool = True) -> tuple[VirtualBox, Mirror]:
        box = make_box()
        made.append(mirrored(box, durable / "mirror", required=required))
        return box, made[0]

    yield make
    for mirror in made:
        mirror.kill()


def caught_up(box: VirtualBox, mirror: Mirror) -> None:
    """Wait until the mirror has all."""
    until(mirror.reached(box.status()["counts"]["entries"]), 10, "the mirror")


def refused(box: VirtualBox, *names: str) -> None:
    """The box is locked for these reasons, and issues nothing."""
    until(lambda: locks(box), 10, "the lock")
    assert locks(box) == list(names)
    with pytest.raises(BoxError):
        sell(box)


def numbers(*answers: dict[str, bytes]) -> list[str]:
    """All numbers of answers."""
    return [number(answer) for each in answers for answer in each.values()]


def in_doubt(outcome: Any) -> set[str]:
    """The numbers in doubt of an outcome."""
    return {f"{run['track']}{n:08d}" for run in outcome["in_doubt"] for n in range(run["first"], run["last"] + 1)}


def good(box: VirtualBox) -> Any:
    """The journal verifies."""
    (report,) = offline(box, "journal", "verify", "--macs", by=False)
    assert report["good"], report["findings"]
    return report


def repeats(box: VirtualBox, answers: dict[str, bytes]) -> None:
    """Every key gives its very bytes again."""
    with box.client() as client:
        for key, answer in answers.items():
            assert result_of(client.call_line("invoice.issue", {**SALE, "key": key, "print": "till"})) == answer


def test_an_old_copy_is_found_by_the_file_beside(box: VirtualBox, durable: Path) -> None:
    """One sale later is late enough: locked, nothing appended; reconciled, no number comes twice and none in doubt."""
    first = sell(box, 5)
    box.stop()
    copy_journal(box, durable / "old")
    box.start()
    second = sell(box, 1)
    box.stop()
    put_back(box, durable / "old")
    box.start()
    refused(box, "journal_behind")
    with box.client() as client:  # questions are answered
        assert result_of(client.call_line("invoice.get", {"key": next(iter(first))}))
    box.stop()
    assert offline(box, "journal", "reconcile", "--dry-run")["epoch"] == 2
    box.start()
    refused(box, "journal_behind")
    box.stop()
    outcome = offline(box, "journal", "reconcile")
    assert (outcome["restored"], outcome["epoch"]) == (0, 2)
    assert set(numbers(second)) <= in_doubt(outcome)
    assert not in_doubt(outcome) & set(numbers(first))
    box.start()
    third = sell(box, 60)
    assert locks(box) == []
    taken = numbers(first, second, third)
    assert len(set(taken)) == len(taken)
    assert not set(numbers(third)) & in_doubt(outcome)
    repeats(box, first)
    assert good(box)["invoices"] == 65


def test_only_the_database_put_back_is_found_out(box: VirtualBox, durable: Path) -> None:
    """A helpful person kept `journal.db` and nothing else: without the file beside nobody knows how old it is. Locked,
    nothing is restored over it either; reconciled, what was sold since is in doubt and no number comes twice.
    """
    first = sell(box, 5)
    box.stop()
    shutil.copy2(box.state / "journal" / store.FILE, durable / store.FILE)
    file = durable / "backup.db"
    offline(box, "journal", "backup", str(file), by=False)
    box.start()
    second = sell(box, 5)
    box.kill()
    shutil.rmtree(box.state)
    (box.state / "journal").mkdir(parents=True)
    shutil.copy2(durable / store.FILE, box.state / "journal")
    for _ in range(2):
        box.start()
        refused(box, "beside_missing")
        box.stop()
    assert offline(box, "journal", "restore", str(file), code=1)["data"]["name"] == "restore_refused"
    outcome = offline(box, "journal", "reconcile")
    assert set(numbers(second)) <= in_doubt(outcome)
    box.start()
    third = sell(box, 60)
    taken = numbers(first, second, third)
    assert len(set(taken)) == len(taken)
    repeats(box, first)
    assert good(box)["invoices"] == 65


def test_an_old_copy_of_all_is_found_by_the_mirror_and_filled_up_from_it(
    pair: Callable[..., tuple[VirtualBox, Mirror]], durable: Path
) -> None:
    """The whole state is an old one: the mirror knows better and gives back what was lost, byte for byte."""
    box, mirror = pair()
    first = sell(box, 3)
    box.stop()
    shutil.copytree(box.state, durable / "old")
    box.start()
    second = sell(box, 4)
    caught_up(box, mirror)
    box.stop()
    shutil.rmtree(box.state)
    shutil.copytree(durable / "old", box.state)
    box.start()
    refused(box, "journal_behind")
    box.stop()
    outcome = offline(box, "journal", "reconcile")
    assert outcome["restored"] >= 4
    assert not in_doubt(outcome) & set(numbers(first, second))
    box.start()
    third = sell(box, 5)
    repeats(box, first | second)
    taken = numbers(first, second, third)
    assert len(set(taken)) == len(taken)
    caught_up(box, mirror)
    assert good(box)["entries"] == mirror.last()
    assert ctl(box, "journal", "verify", str(mirror.directory))[0]["good"]


def test_a_fork_is_shown_with_every_number_that_was_issued_twice(
    pair: Callable[..., tuple[VirtualBox, Mirror]], durable: Path
) -> None:
    """An old copy of all, and no mirror asked: nobody can know. When the mirror is back, the box locks, the
    numbers issued twice are named, and the mirror goes on with this journal and keeps the other history aside."""
    box, mirror = pair(required=False)
    sell(box, 3)
    box.stop()
    shutil.copytree(box.state, durable / "old")
    box.start()
    theirs = sell(box, 4)
    caught_up(box, mirror)
    box.stop()
    mirror.kill()
    shutil.rmtree(box.state)
    shutil.copytree(durable / "old", box.state)
    config = (box.folder / "einvoiced.toml").read_text()
    (box.folder / "einvoiced.toml").write_text(config.partition("[mirror]")[0])
    box.start()
    ours = sell(box, 6)
    box.stop()
    (box.folder / "einvoiced.toml").write_text(config)
    mirror.start()
    box.start()
    until(lambda: locks(box), 10, "the lock")
    assert set(locks(box)) <= {"journal_forked", "journal_behind"}  # behind, where the mirror has more entries
    with pytest.raises(BoxError):
        sell(box)
    box.stop()
    outcome = offline(box, "journal", "reconcile")
    twice = set(numbers(ours)) & set(numbers(theirs))
    assert set(outcome["duplicates"]) == twice
    assert twice
    fates = {seen["invoice_number"]: seen["fate"] for seen in outcome["invoices"]}
    assert fates == {n: "duplicate" if n in twice else "elsewhere" for n in numbers(theirs)}
    assert not in_doubt(outcome) & set(numbers(ours, theirs))
    box.start()
    more = sell(box, 60)
    assert not set(numbers(more)) & (set(numbers(ours, theirs)) | in_doubt(outcome))
    caught_up(box, mirror)
    assert locks(box) == []
    (left_out,) = mirror.directory.glob("left-out-*")
    assert all(key in left_out.read_text() for key in theirs)
    assert good(box)["entries"] == mirror.last()


def test_what_was_found_out_is_decided(pair: Callable[..., tuple[VirtualBox, Mirror]], durable: Path) -> None:
    """A fork's invoices are adopted as the mirror holds them, one from the till's answer, one is known as used only."""
    box, mirror = pair(required=False)
    box.stop()
    copy_journal(box, durable / "old")
    box.start()
    theirs = sell(box, 3)
    caught_up(box, mirror)
    mirror.kill()
    lost = sell(box, 2)
    box.stop()
    put_back(box, durable / "old")
    _append(box, entries.ClockJumped(3.0, True))  # so that the mirror does not simply go on where this one ends
    (kept, other) = lost.items()
    year_month = json.loads(kept[1])["invoice"]["year_month"]
    decisions = [
        {"invoice_number": number(next(iter(theirs.values()))), "decision": "restored"},
        {"invoice_number": number(kept[1]), "decision": "issued", "key": kept[0], "result": json.loads(kept[1])},
        {"invoice_number": number(other[1]), "decision": "issued"},
    ]
    file = durable / "decisions.json"

    def decide(*extra: dict[str, Any], code: int = 0) -> Any:
        wanted = [{"seller": "", "year_month": year_month, **each} for each in (*decisions, *extra)]
        file.write_text(json.dumps({"numbers": wanted}, separators=(",", ":"), ensure_ascii=False))
        return offline(box, "journal", "reconcile", "--decide", str(file), code=code)

    wrong = decide({"invoice_number": "NQ42522049", "decision": "issued"}, code=1)
    assert wrong["data"]["path"] == "numbers[3]"
    outcome = decide()
    assert outcome["adopted"] == [number(next(iter(theirs.values()))), number(kept[1])]
    assert [(r["first"], r["last"]) for r in outcome["elsewhere"]][-1] == (int(number(other[1])[2:]),) * 2
    config = (box.folder / "einvoiced.toml").read_text()
    (box.folder / "einvoiced.toml").write_text(config.partition("[mirror]")[0])
    box.start()
    repeats(box, dict([next(iter(theirs.items())), kept]))
    more = sell(box, 60)
    assert not set(numbers(more)) & (set(numbers(theirs, lost)) | in_doubt(outcome))
    assert good(box)["invoices"] == 62


def _append(box: VirtualBox, data: entries.EntryData) -> None:
    """Append an entry to a stopped box's journal."""
    with stopped.stopped_journal(box.state) as (db, head):
        db.execute("BEGIN IMMEDIATE")
        tx = Transaction(db, head, VirtualClock())
        tx.append(data)
        head = tx.finish()
        db.execute("COMMIT")
    known = beside.read(box.state)
    assert known is not None
    beside.write(box.state, known.at(head, running=False))


def test_a_twin_on_another_board_is_locked(box: VirtualBox) -> None:
    """A card copied or moved to another board: box_changed, until a technician says which board is right."""
    first = sell(box, 3)
    box.stop()
    _append(box, entries.BoxIdentified("pi:10000000deadbeef", "mmc:0"))
    box.start()
    refused(box, "box_changed")
    box.stop()
    box.start()  # a stop and a start later it is still for that reason
    refused(box, "box_changed")
    box.stop()
    assert offline(box, "journal", "reconcile", code=1)["data"]["name"] == "box_changed"
    outcome = offline(box, "journal", "reconcile", "--accept-identity")
    assert "pi:10000000deadbeef" in outcome["identity"][0]
    box.start()
    second = sell(box, 3)
    assert not set(numbers(second)) & (in_doubt(outcome) | set(numbers(first)))
    box.stop()
    assert offline(box, "journal", "reconcile")["epoch"] == 0  # nothing is left to reconcile
    good(box)


def test_a_lost_journal_comes_back_from_the_mirror(pair: Callable[..., tuple[VirtualBox, Mirror]]) -> None:
    """The database is gone: locked. setup --replaces makes it anew: every key gives its bytes, nothing comes twice."""
    box, mirror = pair()
    first = sell(box, 10)
    caught_up(box, mirror)
    journal = lines.read_marker(mirror.directory)
    assert journal is not None
    box.kill()
    shutil.rmtree(box.state / "journal")
    box.start()
    refused(box, "journal_missing")
    box.stop()
    assert offline(box, "journal", "reconcile", code=1)["data"]["name"] == "journal_missing"
    assert "--replaces" in offline(box, "setup", "--lost", code=1)["message"]
    outcome = offline(box, "setup", "--replaces", journal.journal)
    assert outcome["restored"] == outcome["sources"][0]["entries"]
    box.start()
    repeats(box, first)
    second = sell(box, 5)
    assert not set(numbers(second)) & (in_doubt(outcome) | set(numbers(first)))
    caught_up(box, mirror)
    assert locks(box) == []
    (report,) = offline(box, "journal", "verify", by=False)
    assert report["good"]


def sells_on_with(box: VirtualBox, answer: dict[str, Any]) -> None:
    """A till that holds this answer gets its next invoice."""
    seen = {name: answer[name] for name in ("epoch", "sequence", "mac")}
    with box.client() as till:
        till.call("invoice.issue", key=new_key(), print="till", last_seen=seen, **SALE)


def warnings(box: VirtualBox) -> list[str]:
    """The names of what the status warns of."""
    return [warning["name"] for warning in box.status()["warnings"]]


def test_a_new_box_takes_a_dead_boxs_place(
    pair: Callable[..., tuple[VirtualBox, Mirror]], make_box: Callable[..., VirtualBox]
) -> None:
    """Started once already, it still holds nothing: it becomes the dead box, with the rest of its numbers."""
    dead, mirror = pair()
    first = sell(dead, 4)
    caught_up(dead, mirror)
    mirror.kill()
    known, lost = (json.loads(list(answers.values())[-1]) for answers in (first, sell(dead)))
    dead.kill()
    fresh = make_box()
    fresh.start()
    fresh.stop()
    with (fresh.folder / "einvoiced.toml").open("a") as config:
        config.write(f'[mirror]\ndirectory = "{mirror.directory}"\n')
    marker = lines.read_marker(mirror.directory)
    assert marker is not None
    assert offline(fresh, "setup", "--replaces", "0" + marker.journal, code=1)["data"]["name"] == "journal_forked"
    outcome = offline(fresh, "setup", "--replaces", marker.journal)
    follower = Mirror(fresh, mirror.directory)
    follower.start()
    try:
        fresh.start()
        repeats(fresh, first)
        sells_on_with(fresh, known)
        assert "answer_lost" not in warnings(fresh)
        sells_on_with(fresh, lost)
        assert "answer_lost" in warnings(fresh)
        second = sell(fresh, 4)
        assert not set(numbers(second)) & (in_doubt(outcome) | set(numbers(first)))
        assert all(n.startswith("NQ") for n in numbers(second))
        caught_up(fresh, follower)
        assert locks(fresh) == []
        fresh.stop()
        assert offline(fresh, "setup", "--replaces", marker.journal, code=1)["data"]["name"] == "restore_refused"
    finally:
        follower.kill()


def test_looking_at_a_box_that_was_killed_changes_nothing(box: VirtualBox, durable: Path) -> None:
    """verify, a reconciliation that finds nothing and a restore that is refused: the box starts and goes on."""
    first = sell(box, 3)
    offline(box, "journal", "backup", str(durable / "b.db"), by=False)
    first |= sell(box, 1)
    box.kill()
    good(box)
    assert offline(box, "journal", "reconcile")["epoch"] == 0
    box.start()
    first |= sell(box, 1)
    box.kill()
    assert offline(box, "journal", "restore", str(durable / "b.db"), code=1)["data"]["name"] == "journal_behind"
    box.start()
    repeats(box, first)
    assert locks(box) == []


def test_a_wal_that_somebody_deleted_is_missed(box: VirtualBox) -> None:
    """Killed, the WAL removed: what was in it is gone, the box says so; reconciled, the numbers are in doubt."""
    box.stop()
    box.start()
    first = sell(box, 5)
    box.kill()
    wal = box.state / "journal" / f"{store.FILE}-wal"
    assert wal.stat().st_size
    wal.unlink()
    (box.state / "journal" / f"{store.FILE}-shm").unlink()
    assert offline(box, "journal", "verify", by=False)[0]["good"]  # what is left is sound, and stays as it is
    assert not wal.exists()
    box.start()
    assert "journal_behind" in locks(box)
    box.stop()
    outcome = offline(box, "journal", "reconcile")
    assert set(numbers(first)) <= in_doubt(outcome) | _kept(box)
    box.start()
    second = sell(box, 5)
    assert not set(numbers(second)) & set(numbers(first))


def _kept(box: VirtualBox) -> set[str]:
    with closing(sqlite3.connect(box.state / "journal" / store.FILE)) as db:
        return {f"{track}{n:08d}" for track, n in db.execute("SELECT track, number FROM invoices")}


def test_a_journal_of_which_nobody_has_a_copy(box: VirtualBox) -> None:
    """It never left the WAL, and that was deleted: begun anew, what the file beside knew of stays in doubt for ever."""
    first = sell(box, 5)
    box.kill()
    for file in (box.state / "journal").glob(f"{store.FILE}-*"):
        file.unlink()
    box.start()
    assert "journal_behind" in locks(box)
    box.stop()
    assert offline(box, "journal", "reconcile", code=1)["data"]["name"] == "journal_broken"
    outcome = offline(box, "setup", "--lost")
    assert set(numbers(first)) <= in_doubt(outcome)
    box.start()
    import_rows(box, track_file(RANGE))
    second = sell(box, 5)  # no need to release it: all that may have been used is in doubt
    assert not set(numbers(second)) & in_doubt(outcome)
    assert all(n.startswith("NQ") for n in numbers(second))
    assert good(box)["invoices"] == 5


def test_backup_and_restore(box: VirtualBox, durable: Path) -> None:
    """Made while the box sells, verified, 0600; put back when nobody knows more, refused when somebody does."""
    sell(box, 5)
    file = durable / "backup.db"
    (report,) = offline(box, "journal", "backup", str(file), by=False)
    assert (report["good"], report["invoices"]) == (True, 5)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "already" in offline(box, "journal", "backup", str(file), by=False, code=2)
    assert offline(box, "journal", "restore", str(file), code=1)["data"]["name"] == "journal_in_use"
    more = sell(box, 1)
    box.stop()
    assert offline(box, "journal", "restore", str(file), code=1)["data"]["name"] == "journal_behind"
    newest = durable / "newest.db"
    offline(box, "journal", "backup", str(newest), by=False)
    offline(box, "journal", "restore", str(newest))
    assert len(list(box.state.glob("journal.set-aside-*"))) == 1
    box.start()
    assert locks(box) == []
    repeats(box, more)
    box.stop()
    shutil.rmtree(box.state / "journal")
    assert "setup --replaces" in str(offline(box, "journal", "restore", str(newest), code=1))
    outcome = offline(box, "setup", "--replaces", report["journal"], "--backup", str(newest))
    assert in_doubt(outcome)
    box.start()
    taken = numbers(more, sell(box, 3))
    assert len(set(taken)) == 4
    good(box)


def test_a_period_is_archived(make_box: Callable[..., VirtualBox], durable: Path) -> None:
    """Not while it runs; afterwards it is sealed, written, verified, and the same again later."""
    box = make_box()
    box.set_clock(set="2026-02-27T12:00:00+08:00")
    box.start()
    from einvoiced.rules.period import Period

    box.take_tracks(RANGE, period=Period.from_year_month("11502"))
    sell(box, 3)
    file = durable / "11502.jsonl"
    assert offline(box, "journal", "archive", "11502", str(file), by=False, code=1)["data"]["name"] == "period_not_over"
    assert not file.exists()
    box.set_clock(set="2026-03-02T12:00:00+08:00")
    (report,) = offline(box, "journal", "archive", "11502", str(file), by=False)
    assert (report["good"], report["invoices"], report["first"]) == (True, 3, 1)
    again = durable / "again.jsonl"
    offline(box, "journal", "archive", "11502", str(again), by=False)
    assert again.read_bytes() == file.read_bytes()
    part = durable / "part.jsonl"
    done = offline(box, "journal", "export", str(part), "--from", "3", "--to", "5", by=False)
    assert (done["first"], done["last"], part.read_bytes().count(b"\n")) == (3, 5, 3)
    assert part.read_bytes() in file.read_bytes()
    (report,) = offline(box, "journal", "scrub", by=False)
    assert report["good"]
    good(box)


def test_the_technicians_verbs(make_box: Callable[..., VirtualBox], durable: Path) -> None:
    """tracks release, invoice adopt, clock correct and retire do what the methods do."""
    box = make_box()
    box.start()
    by = ("--technician", "測試技師")
    tracks = durable / "invnoapply.csv"
    tracks.write_text(track_file(RANGE))
    ctl(box, "tracks", "import", str(tracks))
    ctl(box, "tracks", "release", "NQ", "42519550", "--last-used", "42519560", *by)
    answers = sell(box, 2)
    assert numbers(answers)[0] == "NQ42519600"
    key, answer = next(iter(answers.items()))
    file = durable / "answer.json"
    file.write_bytes(answer)
    assert ctl(box, "invoice", "adopt", str(file), "--key", key, *by, code=1)["data"]["name"] == "number_not_lost"
    assert ctl(box, "clock", "correct", *by, code=1)["data"]["name"] == "clock_not_ahead"
    retired = ctl(box, "retire", *by)
    assert retired["numbers"] == 2048 + 400
    refused(box, "box_retired")
