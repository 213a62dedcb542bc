"""Entries about number ranges and periods."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from einvoiced.journal.entries.envelope import EntryData, Peer, Run


class Range(Struct, frozen=True):
    """Numbers taken from a track file; `released` is False while a technician must say what was used elsewhere.

    `share`: which of several boxes this one is (`2/3`), by whole booklets (`rules.share`); it stays with the range.
    """

    seller: str
    invoice_type: str
    year_month: str
    track: str
    begin: int
    end: int
    released: bool
    share: str = "1/1"


class TracksReleased(EntryData, frozen=True):
    """A technician said which numbers of a running period's range were used elsewhere; the range begins after them.

    `last_used` None: none was. `next` is the first number of the next booklet; what lies between is skipped.
    """

    TYPE: ClassVar[str] = "tracks_released"
    seller: str
    year_month: str
    track: str
    begin: int
    last_used: int | None
    next: int
    technician: str
    peer: Peer | None


class TracksImported(EntryData, frozen=True):
    """A track file was taken: the new ranges, and the file it came from.

    `typing`: the entry of the first typing, where two persons (`typed_by`) typed the range instead.
    """

    TYPE: ClassVar[str] = "tracks_imported"
    file_name: str
    sha256: str
    source: str
    peer: Peer | None
    ranges: list[Range]
    typing: int | None = None
    typed_by: list[str] = field(default_factory=list)


class TracksRefused(EntryData, frozen=True):
    """A track file was refused and why; nothing of it was taken."""

    TYPE: ClassVar[str] = "tracks_refused"
    file_name: str
    sha256: str
    source: str
    peer: Peer | None
    error: str
    line: int
    column: int
    value: str


class TracksTyped(EntryData, frozen=True):
    """A person typed a range, and another must type the same: only a keyed hash of each value is kept."""

    TYPE: ClassVar[str] = "tracks_typed"
    person: str
    peer: Peer | None
    marks: dict[str, str]


class TypingDiffered(EntryData, frozen=True):
    """Another person typed something else than the first; `fields` names where. Three of them undo the first."""

    TYPE: ClassVar[str] = "typing_differed"
    typing: int
    person: str
    peer: Peer | None
    fields: list[str]


class TracksReserved(EntryData, frozen=True):
    """Whole booklets were set aside that another system uses: this box never takes them."""

    TYPE: ClassVar[str] = "tracks_reserved"
    run: Run
    reason: str
    person: str
    peer: Peer | None


class TracksHeld(EntryData, frozen=True):
    """A range, named by its first number, was taken out of use."""

    TYPE: ClassVar[str] = "tracks_held"
    seller: str
    year_month: str
    track: str
    begin: int
    reason: str
    person: str
    peer: Peer | None


class TracksUnheld(EntryData, frozen=True):
    """A range that was out of use is in use again."""

    TYPE: ClassVar[str] = "tracks_unheld"
    seller: str
    year_month: str
    track: str
    begin: int
    person: str
    peer: Peer | None


class TracksExported(EntryData, frozen=True):
    """The list of what was taken of a period was given away (字軌上傳): over a socket, or by itself into a folder."""

    TYPE: ClassVar[str] = "tracks_exported"
    seller: str
    year_month: str
    form: str
    sha256: str
    ranges: int
    person: str
    peer: Peer | None


class ShareChanged(EntryData, frozen=True):
    """A period of which nothing was taken is split otherwise: all its ranges have this share from here on."""

    TYPE: ClassVar[str] = "share_changed"
    seller: str
    year_month: str
    share: str
    person: str
    peer: Peer | None


class PeriodClosed(EntryData, frozen=True):
    """A period is over for good: what this box never issued of it is unused (空白字軌), as long as nobody undoes it."""

    TYPE: ClassVar[str] = "period_closed"
    seller: str
    year_month: str
    unused: list[Run]
    person: str
    peer: Peer | None


class PeriodReopened(EntryData, frozen=True):
    """The closing of a period was undone; it is closed again only by hand."""

    TYPE: ClassVar[str] = "period_reopened"
    seller: str
    year_month: str
    person: str
    peer: Peer | None


class UnusedQueued(EntryData, frozen=True):
    """The unused numbers of a closed period wait to be uploaded (E0402), a message a track. They can no longer change.

    `boxes`: whose leftovers they are; more than one where this box reports for others that share its tracks.
    """

    TYPE: ClassVar[str] = "unused_queued"
    seller: str
    year_month: str
    unused: list[Run]
    boxes: list[str]
    person: str
    peer: Peer | None


class UnusedTaken(EntryData, frozen=True):
    """Another box that shares this one's tracks gave its unused numbers of a closed period, to be reported together."""

    TYPE: ClassVar[str] = "unused_taken"
    seller: str
    year_month: str
    box: str
    share: str
    unused: list[Run]
    sha256: str
    source: str
    peer: Peer | None


class UnusedReported(EntryData, frozen=True):
    """The unused numbers of a closed period were reported (E0402): the closing can no longer be undone."""

    TYPE: ClassVar[str] = "unused_reported"
    seller: str
    year_month: str
    person: str
    peer: Peer | None
