"""The record of a life: each write, sync and change of a name below one directory, and what was acknowledged, in order.

The shim is loaded into the recorded process by LD_PRELOAD. So it sees SQLite's own calls whichever build of it Python
uses, and every file that Python writes itself: no seam in the journal, nothing that could differ from production.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
SHIM = Path(__file__).parent / "shim.c"
BUILT = ROOT / "build" / "crash"
MEMORY = Path("/dev/shm")
"""Where disks are made: a cut is played by us, so nothing here needs a real sync."""

_HEAD = struct.Struct("=IIIIqq")

CREATE, WRITE, TRUNCATE, SYNC, SYNC_DIRECTORY, RENAME, UNLINK, MKDIR, LINK, NOTE, ANSWER = "CWTSDRUMLAB"

Image = dict[str, bytes]
"""What a disk holds: path → bytes; a directory's path ends in "/"."""


class NotRecorded(Exception):
    """The process did something that the shim cannot write down truthfully, or ended badly."""


@dataclass(frozen=True, slots=True)
class Event:
    """One call. Paths are relative to the recorded directory (itself: ""); `other` is a rename's or link's target."""

    op: str
    path: str
    other: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Record:
    """A life: what the disk held before, what was done to it and said of it, and what the disk held at the end."""

    before: Image
    events: list[Event]
    after: Image


def build_shim(source: Path = SHIM) -> Path:
    """A shim, compiled; made again when its source is newer. Needs cc and libc's headers."""
    built = BUILT / f"{source.stem}.so"
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        aside = built.with_suffix(f".{os.getpid()}")
        command = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(aside), str(source), "-ldl", "-lpthread"], check=True)
        aside.replace(built)
    return built


def read(raw: bytes) -> list[Event]:
    """The events of a raw record; NotRecorded for one that is not whole or holds what the shim does not understand."""
    events, at = [], 0
    while at < len(raw):
        op, path, other, _, offset, size = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        cuts = [at, at + path, at + path + other, at + path + other + size]
        a, b, data = (raw[i:j] for i, j in pairwise(cuts))
        at = cuts[-1]
        event = Event(chr(op), a.decode().lstrip("/"), b.decode().lstrip("/"), offset, data)
        if event.op == "X":
            raise NotRecorded(f"{event.data.decode()} on {event.path}")
        events.append(event)
    return events


def note(what: dict[str, Any]) -> None:
    """Write into the record of this process that something has been acknowledged; nothing happens unrecorded."""
    log = os.environ.get("CRASH_LOG")
    if log is None:
        return
    data = json.dumps(what).encode()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(descriptor, _HEAD.pack(ord(NOTE), 0, 0, 0, 0, len(data)) + data)
    finally:
        os.close(descriptor)


def put(root: Path, contents: Image) -> None:
    """Make the files (and directories, whose names end in "/") below `root`."""
    for name, data in contents.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def files(root: Path) -> Image:
    """Every file and directory below `root` as `put` takes them, without SQLite's -shm (no cut leaves a useful one)."""
    found: Image = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_dir():
            found[name + "/"] = b""
        elif not name.endswith("-shm"):
            found[name] = path.read_bytes()
    return found
