"""The file beside the journal: which journal lives here, whether it was stopped in order, and how high it may count.

It is written whole (aside, sync, rename, sync of the directory) and lies outside the journal's own directory, so that
an old copy of the journal put back by a helpful person meets a newer file and is found out.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from einvoiced.errors import JournalBroken
from einvoiced.journal.entries import Ceiling

FILE = "beside-journal.json"


class Beside(Struct, frozen=True):
    """What the file holds. `ceilings`: numbers up to these may be used."""

    journal: str
    running: bool = False
    ceilings: list[Ceiling] = []


def read(directory: Path) -> Beside | None:
    """The file of this directory; None when there is none; JournalBroken when it cannot be read."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Beside)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise JournalBroken(detail=f"{FILE}: {error}") from error


def write(directory: Path, content: Beside) -> None:
    """Replace the file, durably when this returns; OSError otherwise."""
    aside = directory / f".{FILE}.part"
    with aside.open("wb") as file:
        file.write(msgspec.json.encode(content))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(directory / FILE)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
