"""einvoiced-mirror: a second copy that may die anywhere, is never written to a wrong place, and holds the box back."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mirror_helpers import Mirror, ctl, locks, mirrored, number, offline, sell

from einvoiced.client import BoxError, Client, new_key
from einvoiced.journal import entries, lines
from tests.boxes import SALE, until
from tools.virtualbox import VirtualBox

pytestmark = pytest.mark.sessions


@pytest.fixture
def mirrors() -> Iterator[list[Mirror]]:
    """Mirrors that are put away."""
    made: list[Mirror] = []
    yield made
    for mirror in made:
        mirror.kill()


@pytest.fixture
def pair(
    make_box: Callable[..., VirtualBox], durable: Path, mirrors: list[Mirror]
) -> Callable[..., tuple[VirtualBox, Mirror]]:
    """Makes a running box and its mirror."""

    def make(*, required: bool = True) -> tuple[VirtualBox, Mirror]:
        box = make_box()
        mirror = mirrored(box, durable / "mirror", required=required)
        mirrors.append(mirror)
        return box, mirror

    return make


def journal_bodies(box: VirtualBox) -> list[bytes]:
    """Every entry of a running box."""
    found: list[bytes] = []
    while page := box.call("journal.read", after=len(found))["entries"]:
        found += [body.encode() for body in page]
    return found


def said(box: VirtualBox, words: str) -> Callable[[], bool]:
    """A condition: the log has it."""
    return lambda: words in box.log()


def test_killed_at_any_moment_it_holds_the_very_bytes(pair: Callable[..., tuple[VirtualBox, Mirror]]) -> None:
    """Killed eight times under sales, half a line left each time: in the end it is the journal, byte for byte."""
    box, mirror = pair(required=False)
    ending = threading.Event()

    def work() -> None:
        while not ending.is_set():
            sell(box, 3)
            time.sleep(0.01)

    till = threading.Thread(target=work)
    till.start()
    try:
        for _ in range(8):
            time.sleep(random.uniform(0.0, 0.25))
            mirror.kill()
            for file in mirror.files():
                with file.open("ab") as end:
                    end.write(random.choice([b'{"v":1,"epoch":1,"seq', b"\0" * 300, b'{"v":1}\n', b""]))
            mirror.start()
    finally:
        ending.set()
        till.join()
    until(lambda: mirror.bodies() == journal_bodies(box), 20, "the mirror")
    assert locks(box) == []
    (report,) = ctl(box, "journal", "verify", str(mirror.directory))
    assert report["good"]
    assert report["entries"] > 20


def test_an_empty_mount_point_is_never_filled(pair: Callable[..., tuple[VirtualBox, Mirror]]) -> None:
    """The disk goes away and an empty folder is there: nothing is written into it; when it is back, all is copied."""
    box, mirror = pair(required=False)
    away = mirror.directory.with_name("away")
    mirror.directory.rename(away)
    mirror.directory.mkdir()
    sell(box, 3)
    until(said(box, "等待備份磁碟"), 10, "the mirror to say so")
    mirror.kill()
    mirror.start()  # a start does not fill it either
    sell(box, 3)
    until(lambda: box.log().count("等待備份磁碟") >= 2, 10, "the mirror to say it again")
    assert list(mirror.directory.iterdir()) == []
    mirror.directory.rmdir()
    away.rename(mirror.directory)
    until(lambda: mirror.bodies() == journal_bodies(box), 10, "the mirror")


def test_a_full_disk_is_waited_for(pair: Callable[..., tuple[VirtualBox, Mirror]]) -> None:
    """A disk that is full in the middle of a page: the box sells on, and the copy goes on when there is room."""
    box, mirror = pair(required=False)
    mirror.kill()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(mirror.directory)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("NOT RUN: no right to mount a small disk")
    try:
        where = ["--state", str(box.state), "--config", str(box.folder / "einvoiced.toml")]
        ctl(box, "mirror", "init", str(mirror.directory), "--same-disk", *where)
        mirror.start()
        sell(box, 80)
        until(said(box, "No space left"), 10, "the mirror to say so")
        assert locks(box) == []
        subprocess.run(["mount", "-o", "remount,size=8m", str(mirror.directory)], check=True)
        until(lambda: mirror.bodies() == journal_bodies(box), 10, "the mirror")
        mirror.kill()
    finally:
        subprocess.run(["umount", "-l", str(mirror.directory)], check=True)


def test_a_required_mirror_that_is_silent_stops_the_box_at_the_ceiling(
    pair: Callable[..., tuple[VirtualBox, Mirror]],
) -> None:
    """The box sells what the mirror knows may be sold, then refuses with retry same_key; the same key is answered when
    the mirror is back."""
    box, mirror = pair()
    sell(box, 2)
    mirror.kill()
    keys = [new_key()]
    with Client(box.socket("till")) as till, pytest.raises(BoxError) as caught:
        while len(keys) < 20_000:
            till.call("invoice.issue", **SALE, key=keys[-1], print="till")
            keys.append(new_key())
    key = keys[-1]
    assert (caught.value.name, caught.value.retry) == ("ceiling_reached", "same_key")
    assert len(keys) >= 40
    with box.client() as till, pytest.raises(BoxError):
        till.call("invoice.get", key=key)  # no number was taken
    mirror.start()
    with box.client() as till:
        first = till.repeat("invoice.issue", {**SALE, "key": key, "print": "till"}, 15)
        again = till.call("invoice.issue", **SALE, key=key, print="till")
    assert first == again
    assert len(sell(box, 60)) == 60


def test_an_optional_mirror_that_is_silent_stops_nobody(pair: Callable[..., tuple[VirtualBox, Mirror]]) -> None:
    """More sales than two booklets, without it; it catches up later."""
    box, mirror = pair(required=False)
    mirror.kill()
    answers = sell(box, 150)
    assert len({number(answer) for answer in answers.values()}) == 150
    mirror.start()
    until(lambda: mirror.bodies() == journal_bodies(box), 10, "the mirror")


def test_a_box_that_comes_back_finds_its_mirror(pair: Callable[..., tuple[VirtualBox, Mirror]]) -> None:
    """Killed and started under a mirror that runs on: the mirror reports before anything is appended."""
    box, mirror = pair()
    sell(box, 5)
    for _ in range(3):
        box.kill()
        box.start()
        sell(box, 2)
    bodies = journal_bodies(box)
    starts = [entries.read_data(e) for e in map(entries.read, bodies) if e.type == "box_started"]
    assert [s.witnesses for s in starts if isinstance(s, entries.BoxStarted)][1:] == [{"mirror": "agrees"}] * 4
    until(mirror.reached(len(bodies)), 10, "the mirror")


def test_killed_while_it_waits_for_the_mirror_a_box_is_not_locked(
    pair: Callable[..., tuple[VirtualBox, Mirror]],
) -> None:
    """A power cut in the seconds of a start in which nothing may be appended is no reason to doubt the journal."""
    box, mirror = pair()
    sell(box, 2)
    mirror.kill()
    box.kill()
    box.start()  # it answers now, and waits for its witness before it appends anything
    entries_then = box.status()["counts"]["entries"]
    box.kill()
    mirror.start()
    box.start()
    sell(box)
    assert locks(box) == []
    (again,) = [body for body in journal_bodies(box)[entries_then:] if b'"box_started"' in body]
    assert entries.read(again).sequence == entries_then + 1


def test_init_refuses_what_would_not_help(box: VirtualBox, durable: Path) -> None:
    """The journal's own disk, a folder with strangers' files, another journal's mirror, no folder at all."""
    folder = durable / "m"

    def init(*more: str, code: int) -> str:
        where = ("--state", str(box.state), "--config", str(box.folder / "einvoiced.toml"))
        return str(ctl(box, "mirror", "init", str(folder), *more, *where, code=code))

    assert "no directory" in init("--same-disk", code=1)
    folder.mkdir()
    assert "own disk" in init(code=1)
    (folder / "holiday.jpg").write_bytes(b"x")
    assert "holiday.jpg" in init("--same-disk", code=1)
    (folder / "holiday.jpg").unlink()
    init("--same-disk", code=0)
    init("--same-disk", code=0)  # again does no harm
    marker = folder / lines.MARKER
    marker.write_text(marker.read_text().replace('"journal":"', '"journal":"0'))
    assert "mirror of journal 0" in init("--same-disk", code=1)


def test_the_mirror_of_another_journal_is_left_alone(pair: Callable[..., tuple[VirtualBox, Mirror]]) -> None:
    """A copy that says another journal's id is never written, and the box says why it waits."""
    box, mirror = pair(required=False)
    sell(box, 2)
    until(lambda: mirror.bodies() == journal_bodies(box), 10, "the mirror")
    mirror.kill()
    marker = mirror.directory / lines.MARKER
    marker.write_text(marker.read_text().replace('"journal":"', '"journal":"0'))
    before = mirror.bodies()
    sell(box, 2)
    mirror.start()
    until(said(box, "other_journal"), 10, "the mirror to say so")
    assert mirror.bodies() == before
    assert offline(box, "journal", "reconcile", code=1)  # the box runs: it is for a stopped one
