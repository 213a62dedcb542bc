"""The mirror's files: a second copy of the journal as JSON lines, one file a period, each page synced.

What was synced is never changed. What a power cut left of a page that was not (half a line, or a block of it that never
reached the disk) is cut when the copy is opened: it was never reported to the box.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import msgspec

from einvoiced.errors import JournalBroken, MirrorRefused
from einvoiced.journal import entries, lines, store
from einvoiced.journal.reading import sync

TAIL = 4 << 20
"""Bytes at a file's end that are looked at: more than the longest page that may not have been synced."""

UNSYNCED = 2 << 20
"""Bytes at a file's end that a power cut may have spoilt: one page (`actions.follow.PAGE_BYTES`), and room."""

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW

FORGETS = {"tmpfs", "ramfs", "overlay"}


class MirrorAway(OSError):
    """The disk or its marker is not there (yet)."""


class MirrorDiffers(Exception):
    """What the box sends does not follow from what is here."""


class MirrorCopy:
    """An open mirror; `epoch`, `sequence` and `hash` are of its last entry. One thread. OSError when the disk fails."""

    def __init__(self, directory: Path) -> None:
        """Open and mend; MirrorAway without a marker; JournalBroken for damage that no power cut explains."""
        self.directory = directory
        marker = lines.read_marker(directory)
        if marker is None:
            raise MirrorAway(
                2, "no marker: the disk is not mounted, or einvoicectl mirror init was never run", directory
            )
        self.marker = marker
        self.epoch = self.sequence = 0
        self.hash = ""
        self._synced: set[str] = set()
        for path in lines.period_files(directory):
            self._open(path)

    def _open(self, path: Path) -> None:
        body = mend(path)
        if body is None:
            return
        envelope = entries.read(body)
        if envelope.sequence > self.sequence:
            self.epoch, self.sequence, self.hash = envelope.epoch, envelope.sequence, entries.digest(body)

    def append(self, bodies: Iterable[bytes]) -> None:
        """Write entries that follow the last one; durable when this returns. MirrorDiffers when they do not follow."""
        read = [(entries.read(body), body) for body in bodies]
        epoch, sequence, last = self.epoch, self.sequence, self.hash or entries.NO_PREVIOUS
        for envelope, body in read:
            if (envelope.sequence, envelope.previous) != (sequence + 1, last):
                raise MirrorDiffers(f"entry {envelope.sequence} does not follow entry {sequence} of the mirror")
            epoch, sequence, last = envelope.epoch, envelope.sequence, entries.digest(body)
        for name, group in groupby(read, key=lambda pair: lines.file_name(pair[0].time)):
            self._write(name, b"".join(body + b"\n" for _, body in group))
        self.epoch, self.sequence, self.hash = epoch, sequence, last

    def _write(self, name: str, data: bytes) -> None:
        """Append to a file of the very directory that has the marker: one unmounted under us is never filled."""
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.stat(lines.MARKER, dir_fd=directory)
            descriptor = os.open(name, _APPEND, 0o600, dir_fd=directory)
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if name not in self._synced:
                os.fsync(directory)
                self._synced.add(name)
        finally:
            os.close(directory)

    def cut_after(self, sequence: int) -> int:
        """Move the entries after `sequence` into a file of their own that no mirror reads; returns how many.

        For a reconciliation that leaves this history out: it stays as evidence.
        """
        kept = [line for line in lines.Reader(lines.period_files(self.directory)) if line.envelope.sequence > sequence]
        if not kept:
            return 0
        aside = self.directory / f"left-out-{kept[0].envelope.sequence}-{entries.digest(kept[-1].body)[:12]}.txt"
        with aside.open("wb") as file:
            for line in kept:
                file.write(line.body + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync(self.directory)
        for path in reversed(lines.period_files(self.directory)):
            _cut(path, sequence)
        return len(kept)


def _cut(path: Path, sequence: int) -> None:
    """End a file before its first entry after `sequence`."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            try:
                if entries.read(line.rstrip(b"\n")).sequence > sequence:
                    break
            except (msgspec.DecodeError, UnicodeDecodeError):
                break
            offset += len(line)
    _truncate(path, offset)


def _truncate(path: Path, size: int) -> None:
    if size != path.stat().st_size:
        os.truncate(path, size)
        sync(path)


def mend(path: Path) -> bytes | None:
    """Cut what a power cut left at a file's end; the last entry's bytes, None when nothing is left.

    JournalBroken when the damage lies before anything that may have been unsynced: nothing is cut then.
    """
    size = path.stat().st_size
    begin = max(0, size - TAIL)
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read()
    offset = 0 if begin == 0 else data.find(b"\n") + 1
    last: bytes | None = None
    while offset < len(data):
        end = data.find(b"\n", offset)
        body = data[offset:end]
        if end < 0 or not _follows(last, body):
            break
        last, offset = body, end + 1
    good = begin + offset
    if size - good > UNSYNCED or (last is None and begin):
        raise JournalBroken(detail=f"{path} is damaged at byte {good}")
    _truncate(path, good)
    return last


def _follows(last: bytes | None, body: bytes) -> bool:
    """Whether a line is an entry and may follow the line before it (in its file, numbers may be left out)."""
    try:
        envelope = entries.read(body)
        if last is None:
            return True
        before = entries.read(last).sequence
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    if envelope.sequence == before + 1:
        return envelope.previous == entries.digest(last)
    return envelope.sequence > before


def initialise(directory: Path, journal_directory: Path, journal: str, *, same_disk: bool) -> lines.Marker:
    """Make a directory a mirror of a journal; MirrorRefused when it is not fit. An older mirror of it is kept."""
    _check_disk(directory, journal_directory, same_disk)
    marker = lines.read_marker(directory)
    if marker is not None and marker.journal != journal:
        raise MirrorRefused(path_=directory, detail=f"it is the mirror of journal {marker.journal}")
    strangers = [path.name for path in directory.iterdir() if path.name not in (lines.MARKER, "lost+found")]
    if marker is None and strangers:
        raise MirrorRefused(path_=directory, detail=f"it is not empty ({strangers[0]}) and has no marker")
    made = lines.Marker(journal, same_disk)
    aside = directory / f".{lines.MARKER}.part"
    with aside.open("wb") as file:
        file.write(msgspec.json.encode(made) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    owner = journal_directory.stat()
    if os.geteuid() == 0:
        os.chown(aside, owner.st_uid, owner.st_gid)
        os.chown(directory, owner.st_uid, owner.st_gid)
    directory.chmod(0o700)
    aside.replace(directory / lines.MARKER)
    sync(directory)
    return made


def _check_disk(directory: Path, journal_directory: Path, same_disk: bool) -> None:
    if not directory.is_dir():
        raise MirrorRefused(path_=directory, detail="it is no directory; mount the disk and make one on it")
    if not same_disk and directory.stat().st_dev == journal_directory.stat().st_dev:
        raise MirrorRefused(path_=directory, detail="it is on the journal's own disk and would die with it")
    fstype = store.file_system(directory)
    if fstype in FORGETS and not same_disk:
        raise MirrorRefused(path_=directory, detail=f"{fstype} forgets what it was told to keep")
