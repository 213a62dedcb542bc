"""Entries about what leaves for the platform and what it says."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from einvoiced.journal.entries.envelope import EntryData, Peer

Message = Literal["F0401", "F0501", "F0701", "G0401", "G0501", "E0402"]
"""MIG 4.1's messages that this box uploads."""

Way = Literal["folder", "stick"]
"""How a file left for the platform: into Turnkey's folder, or on a stick."""


class Upload(Struct, frozen=True, omit_defaults=True):
    """One message of the outbox: the entry that it tells of, and for E0402 its track (`part`)."""

    entry: int
    message: Message
    part: str = ""


class Answer(Struct, frozen=True, omit_defaults=True):
    """What the platform said to one message; `code` and `description` are its own where it refused."""

    upload: Upload
    accepted: bool
    code: str = ""
    description: str = ""


class UploadsSent(EntryData, frozen=True):
    """Files of these messages leave for the platform, at the latest when this entry is followed: none leaves twice.

    `batch` names the folder in which they wait, written and synced, for this entry.
    """

    TYPE: ClassVar[str] = "uploads_sent"
    uploads: list[Upload]
    way: Way
    peer: Peer | None
    batch: str = ""


class UploadsAnswered(EntryData, frozen=True):
    """What the platform said to messages; `source` names the file that says so, by SHA-256."""

    TYPE: ClassVar[str] = "uploads_answered"
    answers: list[Answer]
    source: str
    peer: Peer | None


class UploadsRequeued(EntryData, frozen=True):
    """A person wants these messages sent again."""

    TYPE: ClassVar[str] = "uploads_requeued"
    uploads: list[Upload]
    reason: str
    by: str
    peer: Peer | None


class UploadsSettled(EntryData, frozen=True):
    """A person found out that the platform holds these messages, or does not want them: they are not sent any more."""

    TYPE: ClassVar[str] = "uploads_settled"
    uploads: list[Upload]
    reason: str
    by: str
    peer: Peer | None
