"""Copy what may be a track file from a stick into the inbox, under limits, all at once or not at all.

A file is never judged by its name. A stick that is pulled out, unreadable, enormous or hostile gives a batch all the
same: it says what was left out and why, so that somebody can be told. Reasons: `link`, `special`, `empty`, `too_big`,
`not_text`, `unreadable`, `changed`, `other_device`, `too_deep`, `too_many_files`, `too_much`, `too_many_entries`,
`deadline`, `export` (the folder that the box itself writes).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .walk import FILE_FLAGS, Found, Limits, walk

__all__ = ["Collected", "CollectedFile", "LeftOut", "Limits", "collect", "looks_like_text", "read_batch", "read_file"]

DEFAULT_LIMITS = Limits()
BATCH = "batch.json"
HEAD = 4096
_PARTIAL = ".collecting-"
_STALE_SECONDS = 3600
_CHUNK = 65536
_BATCH_BYTES = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_FILE = re.compile(r"[0-9]{4}")
_BINARY = bytes(set(range(0x20)) - set(b"\t\n\v\f\r\x1a"))


@dataclass(frozen=True)
class CollectedFile:
    """A copied file: `file` in the batch, `name` on the stick (bytes that are no UTF-8 as surrogate escapes)."""

    file: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class LeftOut:
    """An entry that was not copied, and the reason."""

    name: str
    size: int
    reason: str


@dataclass(frozen=True)
class Collected:
    """A batch. `left_out_more` counts those left out that found no room in the list."""

    path: Path
    files: tuple[CollectedFile, ...]
    left_out: tuple[LeftOut, ...]
    left_out_more: int = 0


class _LeaveOut(Exception):
    """Do not copy this one; the text is the reason."""


def looks_like_text(head: bytes) -> bool:
    """Whether a file that begins with `head` may be a track file: text in some encoding, or XML.

    UTF-16 with its mark is let through, because intake refuses it with a sentence of its own; 0x1A ends old DOS files.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return bool(head) and len(head.translate(None, _BINARY)) == len(head)


def collect(source: Path, inbox: Path, *, name: str, limits: Limits = DEFAULT_LIMITS) -> Collected:
    """Copy the candidates under `source` to a fresh folder `name` (or `name-2` …) in the inbox.

    Never raises for the stick. Raise OSError when the inbox fails (nothing appears then), ValueError for a bad name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a batch's name: {name!r}")
    _sweep(inbox)
    aside = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=inbox))
    try:
        batch = _copy_all(source, aside, limits)
        _write_manifest(aside, name, batch)
        aside.chmod(0o770)
        return replace(batch, path=_publish(aside, inbox, name))
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def read_batch(path: Path) -> Collected:
    """The batch in a folder of the inbox; ValueError when its list is damaged or is not one of ours."""
    raw = _read_regular(path / BATCH, _BATCH_BYTES)
    try:
        content = json.loads(raw)
        files = tuple(
            CollectedFile(**_typed(entry, file=str, name=str, size=int, sha256=str)) for entry in content["files"]
        )
        left_out = tuple(LeftOut(**_typed(entry, name=str, size=int, reason=str)) for entry in content["left_out"])
        more = int(content["left_out_more"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path / BATCH} is damaged: {error}") from error
    if not all(_FILE.fullmatch(entry.file) for entry in files):
        raise ValueError(f"{path / BATCH} names files that no batch has")
    return Collected(path, files, left_out, more)


def read_file(batch: Collected, entry: CollectedFile) -> bytes:
    """The bytes of a collected file; ValueError when they are not those that were collected."""
    data = _read_regular(batch.path / entry.file, entry.size)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ValueError(f"{batch.path / entry.file} is not what was collected")
    return data


def _copy_all(source: Path, aside: Path, limits: Limits) -> Collected:
    files: list[CollectedFile] = []
    left_out: list[LeftOut] = []
    more = 0
    deadline = time.monotonic() + limits.seconds
    for found in walk(source, limits, deadline):
        try:
            if found.reason:
                raise _LeaveOut(found.reason)
            room = limits.total_bytes - sum(entry.size for entry in files)
            full = "too_many_files" if len(files) >= limits.files else "too_much" if found.size > room else ""
            data = _read_candidate(found, limits, deadline, full=full)
        except _LeaveOut as reason:
            if len(left_out) < limits.left_out:
                left_out.append(LeftOut(found.name, found.size, str(reason)))
            else:
                more += 1
            continue
        file = f"{len(files) + 1:04d}"
        _write(aside / file, data)
        files.append(CollectedFile(file, found.name, len(data), hashlib.sha256(data).hexdigest()))
    return Collected(aside, tuple(files), tuple(left_out), more)


def _read_candidate(found: Found, limits: Limits, deadline: float, *, full: str) -> bytes:
    """The whole file, or raise `_LeaveOut`; `full` is why the batch cannot take it, "" when it can."""
    try:
        fd = os.open(found.base, FILE_FLAGS, dir_fd=found.folder)
    except OSError as error:
        raise _LeaveOut("unreadable") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _LeaveOut("special")
        data = os.read(fd, HEAD)
        if not looks_like_text(data):
            raise _LeaveOut("not_text")
        if full:
            raise _LeaveOut(full)
        while chunk := os.read(fd, _CHUNK):
            data += chunk
            if len(data) > limits.file_bytes:
                raise _LeaveOut("too_big")
            if time.monotonic() > deadline:
                raise _LeaveOut("deadline")
    except OSError as error:
        raise _LeaveOut("unreadable") from error
    finally:
        os.close(fd)
    if len(data) != found.size:
        raise _LeaveOut("changed")
    return data


def _write_manifest(aside: Path, name: str, batch: Collected) -> None:
    content = {
        "version": 1,
        "name": name,
        "files": [asdict(entry) for entry in batch.files],
        "left_out": [asdict(entry) for entry in batch.left_out],
        "left_out_more": batch.left_out_more,
    }
    # ASCII only: a name that is no UTF-8 holds lone surrogates, which only the escapes can carry.
    _write(aside / BATCH, json.dumps(content, ensure_ascii=True, indent=1).encode("ascii"))


def _write(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _publish(aside: Path, inbox: Path, name: str) -> Path:
    """Rename the finished folder in under the first free name; the rename is what makes the batch exist."""
    for number in range(1, 10_000):
        target = inbox / (name if number == 1 else f"{name}-{number}")
        if target.exists() or target.is_symlink():
            continue
        try:
            aside.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
        else:
            _sync_folder(inbox)
            return target
    raise FileExistsError(f"the inbox is full of batches named {name}")


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sweep(inbox: Path) -> None:
    """Throw away what a collector that was killed left behind an hour ago or earlier."""
    for left in inbox.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file, at most `most` bytes of it and one more; ValueError for any other thing."""
    fd = os.open(path, FILE_FLAGS)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError(f"{path} is not a regular file")
        return file.read(most + 1)


def _typed(entry: dict[str, Any], **types: type) -> dict[str, Any]:
    """The entry itself, if it has just these keys with values of these types; else ValueError."""
    if entry.keys() != types.keys() or any(type(entry[key]) is not kind for key, kind in types.items()):
        raise ValueError(f"unexpected entry {entry!r}")
    return entry
