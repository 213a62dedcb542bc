"""The file beside the journal: which journal lives here, whether it was stopped in order, and how high it may count.

It is written whole (aside, sync, rename, sync of the directory) and lies outside the journal's own directory, so that
an old copy of the journal put back by a helpful person meets a newer file and is found out.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import msgspec
from msgspec import Struct

from einvoiced.errors import JournalBroken
from einvoiced.journal.entries import Ceiling
from einvoiced.journal.store import Head

FILE = "beside-journal.json"
_ONE_AT_A_TIME = threading.Lock()


class Beside(Struct, frozen=True):
    """What the file holds. `ceilings`: numbers up to these may be used.

    Epoch, sequence and SHA-256 are of an entry that the journal holds for certain: the last one when the file was
    written. Of a box that was stopped it is the very last, so that any older copy is found out, one number behind.
    """

    journal: str
    running: bool = False
    ceilings: list[Ceiling] = []
    epoch: int = 0
    sequence: int = 0
    hash: str = ""

    def at(self, head: Head, *, running: bool) -> Beside:
        """The same at another head."""
        place = {"epoch": head.epoch, "sequence": head.sequence, "hash": head.hash}
        return msgspec.structs.replace(self, running=running, **place)


def read(directory: Path) -> Beside | None:
    """The file of this directory; None when there is none; JournalBroken when it cannot be read."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Beside)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise JournalBroken(detail=f"{FILE}: {error}") from error


def write(directory: Path, content: Beside) -> None:
    """Replace the file, durably when this returns; OSError otherwise. Any thread; one after the other."""
    with _ONE_AT_A_TIME:
        _replace(directory, content)


def _replace(directory: Path, content: Beside) -> None:
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
