"""Entries: what happened, in canonical bytes, each holding the SHA-256 of the one before.

The canonical bytes are compact JSON in the field order of `Envelope`, with `data` in the field order of its type below.
They are stored as they are and never encoded again, so a later version may add fields without breaking a chain.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar

import msgspec
from msgspec import Raw, Struct

VERSION = 1
NO_PREVIOUS = "0" * 64


class Envelope(Struct, frozen=True):
    """One entry. `time` is ISO 8601 in Taipei time with microseconds; it never goes back along the chain."""

    v: int
    epoch: int
    sequence: int
    time: str
    type: str
    previous: str
    data: Raw


class Peer(Struct, frozen=True, omit_defaults=True):
    """Who asked, as the kernel says (SO_PEERCRED), and on which socket."""

    socket: str
    uid: int = -1
    gid: int = -1
    pid: int = 0


class EntryData(Struct, frozen=True, omit_defaults=True):
    """What an entry holds beside its envelope; one subclass a type."""

    TYPE: ClassVar[str]


class Run(Struct, frozen=True):
    """A run of numbers of one track, both ends included."""

    seller: str
    year_month: str
    track: str
    first: int
    last: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Envelope).decode


def seal(epoch: int, sequence: int, moment: str, previous: str, data: EntryData) -> bytes:
    """The canonical bytes of an entry."""
    return _encode(Envelope(VERSION, epoch, sequence, moment, data.TYPE, previous, Raw(_encode(data))))


def digest(body: bytes) -> str:
    """SHA-256 of an entry's canonical bytes, as the next one holds it."""
    return hashlib.sha256(body).hexdigest()


def read(body: bytes) -> Envelope:
    """The envelope of stored bytes; msgspec.DecodeError when they are damaged."""
    try:
        return _decode(body)
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None


def stamp(moment: datetime) -> str:
    """A Taipei time as entries write it."""
    return moment.isoformat(timespec="microseconds")
