"""The mirror's files: what was synced is kept, what a power cut tore is cut, what was damaged is told."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from einvoiced.errors import JournalBroken, MirrorRefused
from einvoiced.followers import mirror_copy
from einvoiced.followers.mirror_copy import MirrorAway, MirrorCopy, MirrorDiffers, initialise
from einvoiced.journal import entries, lines
from einvoiced.rules.period import TAIPEI
from tests.boxes import Desk

JOURNAL = "5f0c2f5e-0000-4000-8000-000000000001"


def chain(times: list[str], epoch: int = 1, text: str = "x") -> list[bytes]:
    """A chain of entries at these times (`2026-02-10`)."""
    bodies: list[bytes] = []
    previous = entries.NO_PREVIOUS
    for number, day in enumerate(times, 1):
        moment = entries.stamp(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=TAIPEI))
        data = entries.ProofRequeued(number, text) if number > 1 else entries.JournalCreated(JOURNAL)
        bodies.append(entries.seal(epoch, number, moment, previous, data))
        previous = entries.digest(bodies[-1])
    return bodies


DAYS = ["2026-02-10"] * 4 + ["2026-03-01"] * 3 + ["2026-02-27"] * 2 + ["2026-05-01"]
"""Three periods; a technician corrected the clock after the seventh."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty mirror."""
    (tmp_path / "journal").mkdir()
    (tmp_path / "mirror").mkdir()
    initialise(tmp_path / "mirror", tmp_path / "journal", JOURNAL, same_disk=True)
    return tmp_path / "mirror"


def held(directory: Path) -> list[bytes]:
    """What a reader finds."""
    return [line.body for line in lines.Reader(lines.period_files(directory))]


def test_entries_lie_in_their_periods_files(directory: Path) -> None:
    """One file a period, by the entry's time; read again they are in their order, whatever the clock did."""
    bodies = chain(DAYS)
    copy = MirrorCopy(directory)
    copy.append(bodies[:6])
    copy.append(bodies[6:])
    assert [path.name for path in lines.period_files(directory)] == ["11502.jsonl", "11504.jsonl", "11506.jsonl"]
    assert held(directory) == bodies
    again = MirrorCopy(directory)
    assert (again.sequence, again.hash, again.epoch) == (10, entries.digest(bodies[-1]), 1)
    assert {path.stat().st_mode & 0o777 for path in lines.period_files(directory)} == {0o600}


def test_what_does_not_follow_is_not_written(directory: Path) -> None:
    """A gap, another chain, the same again: refused, and nothing of the page is kept."""
    bodies = chain(DAYS)
    copy = MirrorCopy(directory)
    copy.append(bodies[:3])
    for wrong in (bodies[4:6], chain(DAYS, text="y")[3:4], bodies[2:4], [bodies[3], bodies[5]]):
        with pytest.raises(MirrorDiffers):
            copy.append(wrong)
    assert held(directory) == bodies[:3]
    copy.append(bodies[3:])
    assert held(directory) == bodies


TORN: dict[str, Callable[[bytes], bytes]] = {
    "half a line": lambda data: data[:-30],
    "no end of line": lambda data: data[:-1],
    "zeros": lambda data: data + bytes(5000),
    "half a line more": lambda data: data + data[:50],
    "a block that never came": lambda data: data[: -len(data) // 3] + bytes(40) + data[-len(data) // 3 + 40 :],
    "nothing is left": lambda data: b"\0" * len(data),
}


@pytest.mark.parametrize("name", TORN)
def test_what_a_power_cut_tore_is_cut(directory: Path, name: str) -> None:
    """The last file ends badly: it is cut after its last whole entry that follows, and the copy goes on there."""
    bodies = chain(DAYS)
    MirrorCopy(directory).append(bodies)
    last = directory / "11502.jsonl"
    (directory / "11506.jsonl").unlink()
    last.write_bytes(TORN[name](last.read_bytes()))
    copy = MirrorCopy(directory)
    kept = held(directory)
    assert all(body in bodies for body in kept)
    assert copy.sequence == max((entries.read(body).sequence for body in kept), default=0)
    if name in ("zeros", "half a line more"):
        assert kept == bodies[:9]


def test_damage_before_anything_unsynced_is_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut off a file whose damage lies so far from its end that no power cut explains it."""
    monkeypatch.setattr(mirror_copy, "UNSYNCED", 500)
    MirrorCopy(directory).append(chain(["2026-02-10"] * 30))
    file = directory / "11502.jsonl"
    data = file.read_bytes()
    file.write_bytes(data[:2000] + bytes(10) + data[2010:])
    with pytest.raises(JournalBroken, match="damaged at byte"):
        MirrorCopy(directory)
    assert file.stat().st_size == len(data)


def test_only_the_end_of_a_long_file_is_read(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn end is found and cut in a file much longer than what is looked at."""
    monkeypatch.setattr(mirror_copy, "TAIL", 3000)
    monkeypatch.setattr(mirror_copy, "UNSYNCED", 1500)
    bodies = chain(["2026-02-10"] * 50)
    MirrorCopy(directory).append(bodies)
    with (directory / "11502.jsonl").open("ab") as file:
        file.write(b'{"v":1')
    assert MirrorCopy(directory).sequence == 50
    assert held(directory) == bodies


def test_without_its_marker_nothing_is_written(directory: Path) -> None:
    """Neither at the start nor in the middle: the disk was pulled and an empty folder is there."""
    copy = MirrorCopy(directory)
    (directory / lines.MARKER).unlink()
    with pytest.raises(OSError):
        copy.append(chain(DAYS))
    with pytest.raises(MirrorAway):
        MirrorCopy(directory)
    assert list(directory.iterdir()) == []


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files may have 1,000 bytes: a disk that is full in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_fails_half_way(directory: Path, small_files: None) -> None:
    """It is told; the next start cuts the half and goes on."""
    bodies = chain(["2026-02-10"] * 10)
    copy = MirrorCopy(directory)
    with pytest.raises(OSError):
        copy.append(bodies)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before[1], before[1]))
    again = MirrorCopy(directory)
    assert 0 < again.sequence < 10
    again.append(bodies[again.sequence :])
    assert held(directory) == bodies


def test_a_history_that_is_left_out_is_kept_aside(directory: Path) -> None:
    """Cut after an entry; what followed is in a file that no mirror reads; the copy goes on with another history."""
    bodies = chain(DAYS)
    copy = MirrorCopy(directory)
    copy.append(bodies)
    assert copy.cut_after(5) == 5
    assert held(directory) == bodies[:5]
    (aside,) = directory.glob("left-out-*")
    assert aside.read_bytes().splitlines() == bodies[5:]
    assert MirrorCopy(directory).cut_after(5) == 0
    other = chain([*DAYS[:5], "2026-06-01"])
    again = MirrorCopy(directory)
    again.append(other[5:])
    assert held(directory) == other


def test_a_directory_is_only_initialised_when_it_helps(tmp_path: Path) -> None:
    """Not on the journal's disk, not on one that forgets, not over strangers' files or another's mirror."""
    journal, mirror = tmp_path / "journal", tmp_path / "mirror"
    journal.mkdir()
    with pytest.raises(MirrorRefused, match="no directory"):
        initialise(mirror, journal, JOURNAL, same_disk=False)
    mirror.mkdir()
    with pytest.raises(MirrorRefused, match="own disk"):
        initialise(mirror, journal, JOURNAL, same_disk=False)
    (mirror / "lost+found").mkdir()
    initialise(mirror, journal, JOURNAL, same_disk=True)
    with pytest.raises(MirrorRefused, match=JOURNAL):
        initialise(mirror, journal, "another", same_disk=True)
    shm = Path("/dev/shm")
    if shm.stat().st_dev != journal.stat().st_dev:
        forgetful = shm / f"einvoiced-test-{os.getpid()}"
        forgetful.mkdir()
        try:
            with pytest.raises(MirrorRefused, match="tmpfs forgets"):
                initialise(forgetful, journal, JOURNAL, same_disk=False)
        finally:
            forgetful.rmdir()


def test_the_journals_entries_are_its_lines(desk: Desk, directory: Path) -> None:
    """A line is the stored bytes, and nothing else."""
    desk.take(("NQ", 0, 49))
    desk.issue()
    bodies = [body for (body,) in desk.call(lambda tx: tx.all("SELECT body FROM entries ORDER BY sequence"))]
    MirrorCopy(directory).append(bodies)
    assert (directory / "11502.jsonl").read_bytes() == b"".join(body + b"\n" for body in bodies)
