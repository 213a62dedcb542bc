"""Entries about the box and its journal: starts, epochs, ceilings, clocks, ends."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from einvoiced.journal.entries.envelope import EntryData, Peer, Run


class JournalCreated(EntryData, frozen=True):
    """The first entry of every journal."""

    TYPE: ClassVar[str] = "journal_created"
    journal: str


class Company(Struct, frozen=True, omit_defaults=True):
    """The shop as registered (公司設定); `tax_registration` is the 稅籍編號."""

    identifier: str
    name: str
    address: str | None = None
    telephone: str | None = None
    tax_registration: str | None = None


class BoxStarted(EntryData, frozen=True):
    """The daemon came up: what the start checks of the self-check form (item 3) found, after the witnesses agreed."""

    TYPE: ClassVar[str] = "box_started"
    version: str
    box: str
    seller: str
    clock_synchronised: bool | None
    clock_trusted: bool
    tracks: list[str]
    last_number: str | None
    locks: list[str]
    clean_stop: bool
    unclean_stops: int
    witnesses: dict[str, str]
    company: Company | None = None


class CompanyChanged(EntryData, frozen=True):
    """The company's data in the configuration changed; `changed` names the options.

    `person` says who, over `peer`; both empty where the file was found changed at a start or by a signal.
    """

    TYPE: ClassVar[str] = "company_changed"
    company: Company
    changed: list[str]
    person: str
    peer: Peer | None


class BoxStopped(EntryData, frozen=True):
    """The daemon went down in order."""

    TYPE: ClassVar[str] = "box_stopped"


class BoxIdentified(EntryData, frozen=True):
    """Which board and which disk this journal lives on, from here on."""

    TYPE: ClassVar[str] = "box_identified"
    board: str
    disk: str


class EpochOpened(EntryData, frozen=True):
    """A technician reconciled the journal with its witnesses: the first entry of a new epoch.

    `in_doubt`: numbers of which nobody knows; `elsewhere`: issued in another history that the technician left out;
    `duplicates`: issued in that history and in this one. `new_key`: the answers' MACs have another key:
    the one before was lost with the journal, and the MACs of earlier epochs cannot be checked any more.
    """

    TYPE: ClassVar[str] = "epoch_opened"
    reason: str
    technician: str
    restored: int
    in_doubt: list[Run]
    elsewhere: list[Run] = field(default_factory=list)
    duplicates: list[Run] = field(default_factory=list)
    new_key: bool = False


class Ceiling(Struct, frozen=True):
    """The highest number of a range (named by its first number) that may be used."""

    seller: str
    year_month: str
    track: str
    begin: int
    ceiling: int


class CeilingsRaised(EntryData, frozen=True):
    """Numbers up to these may be used once this entry has reached every witness and the file beside the journal."""

    TYPE: ClassVar[str] = "ceilings_raised"
    ceilings: list[Ceiling]


class ClockCorrected(EntryData, frozen=True):
    """A technician decided that the clock had run ahead: the tracks in use are held, time goes on from this entry."""

    TYPE: ClassVar[str] = "clock_corrected"
    technician: str
    peer: Peer | None
    ahead_until: str


class ClockJumped(EntryData, frozen=True):
    """The clock moved against the kernel's monotonic one while the box ran; seconds, forward is positive."""

    TYPE: ClassVar[str] = "clock_jumped"
    seconds: float
    synchronised: bool | None


class SegmentSealed(EntryData, frozen=True):
    """The entries of a period are complete: they may be archived; `hash` is the last one's."""

    TYPE: ClassVar[str] = "segment_sealed"
    year_month: str
    first: int
    last: int
    hash: str


class JournalRestored(EntryData, frozen=True):
    """This journal was put back from a backup or a mirror; proofs not known as printed are unconfirmed from here on."""

    TYPE: ClassVar[str] = "journal_restored"
    source: str
    technician: str
    last: int


class BoxRetired(EntryData, frozen=True):
    """The box is at its end: its ranges are closed and nothing is issued any more."""

    TYPE: ClassVar[str] = "box_retired"
    technician: str
    peer: Peer | None
    leftovers: list[Run]
