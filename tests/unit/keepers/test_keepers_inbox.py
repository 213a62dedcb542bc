"""The inbox: one stick, one word about it, however many partitions it has and however they come in."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from einvoiced.errors import BadTrack, BoxLocked, NotATrackFile
from einvoiced.hardware.stick.collect import collect
from einvoiced.keepers import inbox as keeper
from einvoiced.keepers.inbox import Inbox, _remove
from tests.boxes import until

QUIET = 0.6


class Reader:
    """Stands for the importer: files that begin with `good` are taken, with `bad` refused, others no track files."""

    async def import_file(self, _name: str, data: bytes, *_: Any, **__: Any) -> None:
        if data.startswith(b"bad"):
            raise BadTrack(1, 5, "nq")
        if not data.startswith(b"good"):
            raise NotATrackFile(1, 0, "2")


def stick(tmp_path: Path, inbox: Path, name: str, *contents: str) -> None:
    """What the stick's unit leaves for one file system."""
    folder = tmp_path / name
    folder.mkdir()
    for number, content in enumerate(contents):
        name_of = folder / f"{number}.csv"
        if content.startswith("export "):
            (folder / "einvoiced-export").mkdir()
            name_of = folder / "einvoiced-export" / f"{number}.csv"
        name_of.write_text(content.removeprefix("export "))
    collect(folder, inbox, name=name)


def told(tmp_path: Path, *batches: tuple[str, ...], pause: float = 0.0) -> list[str]:
    """What is said of batches that come in one after the other: name and contents of their files."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    said: list[str] = []

    clock = 1000.0

    async def main() -> None:
        nonlocal clock
        watcher = Inbox(inbox, Reader(), None, quiet=QUIET, now=lambda: clock)  # type: ignore[arg-type]
        watcher.on_nothing = said.append
        for name, *contents in batches:
            stick(tmp_path, inbox, name, *contents)
            await watcher.look()
            clock += pause
        assert not any(inbox.iterdir())
        for _ in range(2):
            clock += QUIET
            await watcher.look()

    asyncio.run(main())
    return said


@pytest.mark.parametrize("pause", [0.0, QUIET / 2])
@pytest.mark.parametrize(
    ("batches", "wanted"),
    [
        ([("usb-sdb1", "a,b"), ("usb-sdb2", "x"), ("usb-sdb3",)], ["empty"]),
        ([("usb-sdb1", "a,b"), ("usb-sdb2", "good")], []),
        ([("usb-sdb1", "good"), ("usb-sdb2", "a,b")], []),
        ([("usb-sdb1", "bad"), ("usb-sdb2", "a,b")], []),
        ([("usb-sdb1", "a,b"), ("usb-sdc1", "good")], ["empty"]),
        ([("usb-sdb", "a,b")], ["empty"]),
        ([("folder", "a,b")], ["empty"]),
        ([("folder", "good", "a,b", "bad")], []),
        ([("folder", "a,b", "export bad")], []),
        ([("usb-sdb1", "export good")], []),
    ],
)
def test_a_stick_without_any_file_says_so_once(
    tmp_path: Path, batches: list[tuple[str, ...]], wanted: list[str], pause: float
) -> None:
    """Partitions of one disk count together; a verdict on any of them is enough. A stick that asks for an export speaks
    for itself: that folder is not looked into.
    """
    assert told(tmp_path, *batches, pause=pause) == wanted


def test_an_unreadable_stick_is_called_so(tmp_path: Path) -> None:
    """Its batch holds nothing but that; a stick of which only some is unreadable is not."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    said: list[str] = []

    async def main() -> None:
        watcher = Inbox(inbox, Reader(), None, quiet=QUIET)  # type: ignore[arg-type]
        watcher.on_nothing = said.append
        collect(tmp_path / "gone", inbox, name="usb-sdb")
        task = asyncio.create_task(watcher.run())
        await asyncio.to_thread(until, lambda: said)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 10))
    assert said == ["unreadable"]


def test_a_batch_that_must_wait_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """On a box that can take nothing each verdict is told once, and there are pauses: the lamps are free meanwhile."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    asked: list[bytes] = []
    ready, busy = asyncio.Event(), 0

    class Locked(Reader):
        async def import_file(self, name: str, data: bytes, *more: Any, **named: Any) -> None:
            asked.append(data)
            if data == b"good 2" and not ready.is_set():
                raise BoxLocked(reasons="a test", reasons_zh="測試")
            await super().import_file(name, data, *more, **named)

    def count(now: bool) -> None:
        nonlocal busy
        busy += now

    async def main() -> None:
        watcher = Inbox(inbox, Locked(), None, quiet=QUIET, wait=QUIET)  # type: ignore[arg-type]
        watcher.on_busy = count
        stick(tmp_path, inbox, "usb-sdb1", "good 1", "good 2", "good 3")
        task = asyncio.create_task(watcher.run())
        await asyncio.to_thread(until, lambda: asked.count(b"good 2") == 3)
        ready.set()
        await asyncio.to_thread(until, lambda: not any(inbox.iterdir()))
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 20))
    assert asked == [b"good 1", b"good 2", b"good 2", b"good 2", b"good 2", b"good 3"]
    assert busy == 4


def test_too_much_is_called_so(tmp_path: Path) -> None:
    """Strangers' files beyond the limits: somebody should know that not all was looked at."""
    assert told(tmp_path, ("folder", *["a,b"] * 70)) == ["too_much"]


def test_the_folders_rights_are_left_alone(tmp_path: Path) -> None:
    """The stick's unit writes there as another user: what tmpfiles.d made is not made anew."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    inbox.chmod(0o2770)

    async def main() -> None:
        task = asyncio.create_task(Inbox(inbox, Reader(), None).run())  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(main())
    assert inbox.stat().st_mode & 0o7777 == 0o2770


class Held:
    """An inbox whose batches cannot go on: what was told of them, and how often each was imported."""

    def __init__(self, tmp_path: Path, fault: Exception | None = None) -> None:
        self.directory, self.fault = tmp_path / "inbox", fault
        self.directory.mkdir()
        self.imported: list[bytes] = []
        self.told: list[dict[Path, str]] = []

    async def import_file(self, _name: str, data: bytes, *_: Any, **__: Any) -> None:
        self.imported.append(data)
        if self.fault is not None and data.startswith(b"waits"):
            raise self.fault

    async def watched(self, condition: Callable[[], object], wait: float = 60.0) -> None:
        """Watch the inbox until the condition holds."""
        watcher = Inbox(self.directory, self, None, quiet=QUIET, wait=wait)  # type: ignore[arg-type]
        watcher.on_stuck = self.told.append
        task = asyncio.create_task(watcher.run())
        try:
            await asyncio.to_thread(until, condition)
        finally:
            task.cancel()


def test_a_batch_that_cannot_be_removed_is_imported_once_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is removed when it can be, and the status is clean then."""
    held, tries = Held(tmp_path), 0

    def remove(path: Path) -> OSError | None:
        nonlocal tries
        tries += 1
        return _remove(path) if tries > 3 else PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(keeper, "_remove", remove)
    stick(tmp_path, held.directory, "usb-sdb1", "good")
    asyncio.run(held.watched(lambda: tries > 3 and held.told[-1] == {}, wait=0.01))
    assert held.told == [{held.directory / "usb-sdb1": "cannot be removed (Permission denied)"}, {}]
    assert held.imported == [b"good"]
    assert not any(held.directory.iterdir())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (BoxLocked(reasons="frozen", reasons_zh="鎖定"), None),
        (ZeroDivisionError("nobody thought of this"), "cannot be imported (ZeroDivisionError)"),
    ],
)
def test_a_batch_that_waits_is_left_alone_for_a_while(tmp_path: Path, fault: Exception, said: str | None) -> None:
    """Those behind it go on; a lock of the box is told by itself, a fault by the batch."""
    held = Held(tmp_path, fault)
    for name, content in (("usb-sdb1", "waits"), ("usb-sdc1", "good")):
        stick(tmp_path, held.directory, name, content)
    wanted = [] if said is None else [{held.directory / "usb-sdb1": said}]
    asyncio.run(held.watched(lambda: len(list(held.directory.iterdir())) == 1 and held.told == wanted))
    assert held.imported == [b"waits", b"good"]
