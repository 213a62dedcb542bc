"""Entries as JSON lines: each line is one entry's canonical bytes. Mirrors, exports and archived segments are made so.

A mirror is a directory of them, one file a period (`11512.jsonl`), with a marker file. When a technician corrected the
clock, entries go back to an earlier period's file, so files are read merged by sequence.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from einvoiced.errors import JournalBroken
from einvoiced.journal import entries
from einvoiced.rules.period import Period

MARKER = "einvoiced-mirror.json"
_NAME = re.compile(r"[0-9]{5}\.jsonl")


class Marker(Struct, frozen=True):
    """What a mirror's marker file says: whose copy may be written here. `trial`: on the journal's own disk."""

    journal: str
    trial: bool = False


def read_marker(directory: Path) -> Marker | None:
    """The marker of a directory; None when there is none; JournalBroken when it cannot be understood."""
    try:
        return msgspec.json.decode((directory / MARKER).read_bytes(), type=Marker)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise JournalBroken(detail=f"{directory / MARKER}: {error}") from error


def period_files(directory: Path) -> list[Path]:
    """The files of a mirror, by period."""
    return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))


@lru_cache(maxsize=64)
def _file_of_day(day: str) -> str:
    return f"{Period.of(datetime.fromisoformat(day)).year_month}.jsonl"


def file_name(time: str) -> str:
    """The file of an entry, by its time."""
    return _file_of_day(time[:10])


class Line(Struct, frozen=True):
    """A line that could be read."""

    envelope: entries.Envelope
    body: bytes
    place: str


class Reader:
    """Reads files merged by sequence. What cannot be read is passed over, kept in `damaged`; a torn end in `torn`."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = list(files)
        self.damaged: list[str] = []
        self.torn: list[str] = []

    def __iter__(self) -> Iterator[Line]:
        self.damaged, self.torn = [], []
        yield from heapq.merge(*(self._read(path) for path in self.files), key=lambda line: line.envelope.sequence)

    def _read(self, path: Path) -> Iterator[Line]:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                place = f"{path.name} line {number}"
                try:
                    if not line.endswith(b"\n"):
                        raise msgspec.DecodeError("the line has no end")
                    body = line[:-1]
                    yield Line(entries.read(body), body, place)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    (self.torn if not line.endswith(b"\n") else self.damaged).append(f"{place}: {error}")
