"""The disk under a record: what is surely on it, what only the kernel holds, and what a power cut may leave of that.

The rules are stricter than any file system of Linux, and looser than none:

* a file's bytes are safe once that file was synced; until then each write is there, missing, or torn at 512 bytes, in
  any combination, and the file may have grown (with zeros) without them;
* a name (created, renamed, removed) is safe once its *directory* was synced; until then the directory may have stopped
  at any earlier change of a name, whatever the bytes of its files have done;
* an overwritten sector holds the old bytes or the new ones, never a mixture.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.crash.record import Event, Image, Record

SECTOR = 512


@dataclass(slots=True)
class Change:
    """A write (or, without data, a truncation to `offset`) that no sync has covered yet."""

    offset: int
    data: bytes | None


@dataclass(slots=True, eq=False)
class File:
    """A file's safe bytes, and the changes since."""

    safe: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.changes:
            apply(self.safe, change)
        self.changes.clear()


@dataclass(slots=True, eq=False)
class Directory:
    """A directory's safe names, and those that the running system sees."""

    safe: Names = field(default_factory=dict)
    now: Names = field(default_factory=dict)


Names = dict[str, File | Directory]
Edit = tuple[Directory, str, File | Directory | None]
"""In this directory, this name now means that (None: nothing)."""

View = Callable[[Directory], Names]
Content = Callable[[File], bytes]


def apply(content: bytearray, change: Change) -> None:
    """Do a change; a write behind the end leaves zeros between."""
    if change.data is None:
        size = change.offset
        del content[size:]
        content.extend(bytes(size - len(content)))
        return
    end = change.offset + len(change.data)
    if end > len(content):
        content.extend(bytes(end - len(content)))
    content[change.offset : end] = change.data


class Disk:
    """Play events with `play`; ask at any moment for the images that a cut may leave."""

    def __init__(self, before: Image, *, ignore: Callable[[Event], bool] = lambda _event: False) -> None:
        """`ignore` names the syncs of a lying disk: a control, which must lose what was acknowledged."""
        self._ignore = ignore
        self._root = Directory()
        self._edits: list[list[Edit]] = []
        for path in sorted(before):
            node = Directory() if path.endswith("/") else File(bytearray(before[path]))
            self._rename(None, (path.rstrip("/"), node))
        for edits in self._edits:
            _edit(edits, lambda directory: directory.safe)
        self._edits.clear()

    def play(self, event: Event) -> None:
        """Let one event happen."""
        match event.op:
            case "C":
                self._rename(None, (event.path, File()))
            case "M":
                self._rename(None, (event.path, Directory()))
            case "R":
                self._rename(event.path, (event.other, self._find(event.path)))
            case "L":
                self._rename(None, (event.other, self._find(event.path)))
            case "U":
                self._rename(event.path, None)
            case "W":
                self._file(event.path).changes.append(Change(event.offset, event.data))
            case "T":
                self._file(event.path).changes.append(Change(event.offset, None))
            case "S" if not self._ignore(event):
                self._file(event.path).sync()
            case "D" if not self._ignore(event):
                self._sync_directory(event.path)

    def _find(self, path: str) -> File | Directory:
        node: File | Directory = self._root
        for name in path.split("/") if path else ():
            assert isinstance(node, Directory)
            node = node.now[name]
        return node

    def _file(self, path: str) -> File:
        node = self._find(path)
        assert isinstance(node, File)
        return node

    def _place(self, path: str) -> tuple[Directory, str]:
        parent, _, name = path.rpartition("/")
        directory = self._find(parent)
        assert isinstance(directory, Directory)
        return directory, name

    def _rename(self, old: str | None, new: tuple[str, File | Directory] | None) -> None:
        """One change of names: what goes and what comes, together."""
        edits: list[Edit] = []
        if old is not None:
            edits.append((*self._place(old), None))
        if new is not None:
            edits.append((*self._place(new[0]), new[1]))
        self._edits.append(edits)
        _edit(edits, lambda directory: directory.now)

    def _sync_directory(self, path: str) -> None:
        directory, kept = self._find(path), []
        for edits in self._edits:
            if any(place is directory for place, _, _ in edits):
                _edit(edits, lambda each: each.safe)
            else:
                kept.append(edits)
        self._edits = kept

    def everything(self) -> Image:
        """What the running system sees."""
        return self._image(_now, _all)

    def _changed(self) -> bool:
        """Whether bytes of a file that has a name are not safe."""
        return any(f.changes for view in (_now, _safe) for _, f in _walk(self._root, view) if isinstance(f, File))

    # -- what a cut leaves

    def images(self, seed: int, chances: int) -> Iterator[tuple[str, Image]]:
        """(kind, image) of a cut now: nothing unsynced, all of it, all but a torn last write, and `chances` by luck."""
        changed = self._changed()
        if not changed and not self._edits:
            yield "settled", self._image(_safe, _none)
            return
        yield "lost", self._image(_safe, _none)
        yield "kept", self._image(_now, _all)
        if self._edits:
            yield "names only", self._image(_now, _none)
            yield "bytes only", self._image(_safe, _all)
        luck = random.Random(seed)
        if changed:
            yield "torn", self._image(_now, lambda f: _torn(f, luck))
        for n in range(chances):
            kind, choose = (("subset", _subset), ("sectors", _sectors))[n % 2]
            yield kind, self._image(self._some_names(luck), lambda f, c=choose: c(f, luck))

    def _some_names(self, luck: random.Random) -> View:
        """The names as of some unsynced change, the later ones lost."""
        changed: dict[int, Names] = {}

        def view(directory: Directory) -> Names:
            return changed.setdefault(id(directory), dict(directory.safe))

        for edits in self._edits[: luck.randint(0, len(self._edits))]:
            _edit(edits, view)
        return view

    def _image(self, view: View, content: Content) -> Image:
        return {
            path + "/" if isinstance(node, Directory) else path: b"" if isinstance(node, Directory) else content(node)
            for path, node in _walk(self._root, view)
        }


def _safe(directory: Directory) -> Names:
    return directory.safe


def _now(directory: Directory) -> Names:
    return directory.now


def _edit(edits: list[Edit], view: View) -> None:
    for directory, name, node in edits:
        if node is None:
            view(directory).pop(name, None)
        else:
            view(directory)[name] = node


def _walk(directory: Directory, view: View, above: str = "") -> Iterator[tuple[str, File | Directory]]:
    for name, node in view(directory).items():
        yield above + name, node
        if isinstance(node, Directory):
            yield from _walk(node, view, f"{above}{name}/")


# -- how much of a file's changes is there


def _none(file: File) -> bytes:
    return bytes(file.safe)


def _all(file: File) -> bytes:
    return _done(file, file.changes)


def _done(file: File, changes: list[Change]) -> bytes:
    content = bytearray(file.safe)
    for change in changes:
        apply(content, change)
    return bytes(content)


def _torn(file: File, luck: random.Random) -> bytes:
    """All but the last write, which stops at a sector."""
    if not file.changes or file.changes[-1].data is None:
        return _done(file, file.changes[:-1])
    last = file.changes[-1]
    assert last.data is not None
    first = -last.offset % SECTOR
    cut = first + SECTOR * luck.randint(0, max(0, (len(last.data) - first - 1) // SECTOR))
    return _done(file, [*file.changes[:-1], Change(last.offset, last.data[:cut])] if cut else file.changes[:-1])


def _subset(file: File, luck: random.Random) -> bytes:
    """Each change there or not; perhaps the size is there without its bytes."""
    share = luck.choice((0.1, 0.5, 0.9))
    content = bytearray(_done(file, [change for change in file.changes if luck.random() < share]))
    size = len(_all(file))
    if size > len(content) and luck.random() < 0.5:
        content.extend(bytes(size - len(content)))
    return bytes(content)


def _sectors(file: File, luck: random.Random) -> bytes:
    """Each sector of each write there or not."""
    share = luck.choice((0.1, 0.5, 0.9))
    pieces: list[Change] = []
    for change in file.changes:
        if change.data is None:
            pieces += [change] if luck.random() < share else []
            continue
        at = 0
        while at < len(change.data):
            end = min(len(change.data), at + SECTOR - (change.offset + at) % SECTOR)
            if luck.random() < share:
                pieces.append(Change(change.offset + at, change.data[at:end]))
            at = end
    return _done(file, pieces)


# -- the disks of a whole life


def cuts(
    record: Record, chances: int, *, seed: int = 0, ignore: Callable[[Event], bool] = lambda _event: False
) -> Iterator[tuple[int, str, Image]]:
    """(number of events that had happened, kind, image) for a cut after every event that touched the disk."""
    disk = Disk(record.before, ignore=ignore)
    for number, event in enumerate(record.events, 1):
        disk.play(event)
        for kind, image in disk.images(seed * 1_000_003 + number, chances):
            yield number, kind, image


def final(record: Record) -> Image:
    """What the record says the disk holds at its end when nothing is lost; `Record.after` says what it really held."""
    disk = Disk(record.before)
    for event in record.events:
        disk.play(event)
    return disk.everything()
