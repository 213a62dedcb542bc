"""Entries: what happened, in canonical bytes, each holding the SHA-256 of the one before.

The canonical bytes are compact JSON in the field order of `Envelope`, with `data` in the field order of its type below.
They are stored as they are and never encoded again, so a later version may add fields without breaking a chain.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar, Literal

import msgspec
from msgspec import Raw, Struct

VERSION = 1
NO_PREVIOUS = "0" * 64

Paper = Literal[
    "none",
    "till",
    "handed_out",
    "unprinted",
    "queued",
    "sending",
    "printed",
    "sent",
    "unconfirmed",
    "failed",
    "to_replace",
]
"""Where an invoice's original stands.

`none`: the law wants no paper. `till`: the till prints it itself; `handed_out`: it has its bytes and has not reported.
`unprinted`: nobody was asked to. `sent`: a printer that confirms nothing took all of it. `unconfirmed`: only a person
can say. `failed`: it cannot be printed, surely not a byte left. `to_replace`: nothing usable came out.
"""

Confirmation = Literal["process_id", "status", "none"]
"""How we know that a strip is on paper; `none` is an honest answer."""

Message = Literal["F0401", "F0501", "F0701", "G0401", "G0501", "E0402"]
"""MIG 4.1's messages that this box uploads."""

Way = Literal["folder", "stick"]
"""How a file left for the platform: into Turnkey's folder, or on a stick."""

Outcome = Literal["printed", "unknown", "not_begun"]
Verdict = Literal["there", "damaged", "nothing_usable"]


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


class Run(Struct, frozen=True):
    """A run of numbers of one track, both ends included."""

    seller: str
    year_month: str
    track: str
    first: int
    last: int


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


class Ceiling(Struct, frozen=True):
    """The highest number of a range (named by its first number) that may be used."""

    seller: str
    year_month: str
    track: str
    begin: int
    ceiling: int


class EntryData(Struct, frozen=True, omit_defaults=True):
    """What an entry holds beside its envelope; one subclass a type."""

    TYPE: ClassVar[str]


class JournalCreated(EntryData, frozen=True):
    """The first entry of every journal."""

    TYPE: ClassVar[str] = "journal_created"
    journal: str


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
    `duplicates`: issued in that history and in this one.
    """

    TYPE: ClassVar[str] = "epoch_opened"
    reason: str
    technician: str
    restored: int
    in_doubt: list[Run]
    elsewhere: list[Run] = []
    duplicates: list[Run] = []


class CeilingsRaised(EntryData, frozen=True):
    """Numbers up to these may be used once this entry has reached every witness and the file beside the journal."""

    TYPE: ClassVar[str] = "ceilings_raised"
    ceilings: list[Ceiling]


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


class InvoiceAdopted(EntryData, frozen=True):
    """An invoice of this box that this journal had lost, taken back from the till that still holds its answer."""

    TYPE: ClassVar[str] = "invoice_adopted"
    key: str
    technician: str
    peer: Peer | None
    mac_valid: bool
    result: Raw


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
    typed_by: list[str] = []


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


class UnusedReported(EntryData, frozen=True):
    """The unused numbers of a closed period were reported (E0402): the closing can no longer be undone."""

    TYPE: ClassVar[str] = "unused_reported"
    seller: str
    year_month: str
    person: str
    peer: Peer | None


class Labels(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The till's own labels for reports; `order_no` becomes MIG's RelateNumber."""

    order_no: str | None = None
    business_day: str | None = None
    till: str | None = None
    cashier: str | None = None


class InvoiceIssued(EntryData, frozen=True):
    """A number was taken. `result` holds the very bytes that every answer to this key carries."""

    TYPE: ClassVar[str] = "invoice_issued"
    key: str
    range_begin: int
    paper: Paper
    peer: Peer | None
    labels: Labels
    result: Raw
    replaces: int = 0


class InvoiceCancelled(EntryData, frozen=True):
    """An invoice was cancelled (作廢); its number stays used. `result`: the bytes that every answer to the key has.

    `invoice` is the entry that issued it. `consent`: how the buyer agreed. `document`: the tax office's number where
    the law asks for one (MIG: ReturnTaxDocumentNumber).
    """

    TYPE: ClassVar[str] = "invoice_cancelled"
    key: str
    invoice: int
    reason: str
    by: str
    consent: str
    peer: Peer | None
    result: Raw
    document: str = ""
    remark: str = ""


class InvoiceCorrected(EntryData, frozen=True):
    """Carrier, donation or print mark of an invoice were corrected; `result` holds the invoice as it is from here on.

    `paper`: where its original stands now. `void`: the platform may have the old one, which is erased first (F0701).
    """

    TYPE: ClassVar[str] = "invoice_corrected"
    key: str
    invoice: int
    reason: str
    by: str
    paper: Paper
    void: bool
    peer: Peer | None
    result: Raw


class AllowanceIssued(EntryData, frozen=True):
    """Part of an invoice was taken back (折讓). `invoice` is the entry that issued it, 0 when this journal has none.

    `result` holds the allowance.
    """

    TYPE: ClassVar[str] = "allowance_issued"
    seller: str
    key: str
    number: str
    invoice: int
    by: str
    peer: Peer | None
    labels: Labels
    result: Raw


class AllowanceCancelled(EntryData, frozen=True):
    """An allowance, by its entry, was cancelled: what it took back is as before."""

    TYPE: ClassVar[str] = "allowance_cancelled"
    seller: str
    key: str
    allowance: int
    reason: str
    by: str
    peer: Peer | None
    result: Raw


class UploadsSent(EntryData, frozen=True):
    """Files of these messages leave for the platform, at the latest when this entry is followed: none leaves twice."""

    TYPE: ClassVar[str] = "uploads_sent"
    uploads: list[Upload]
    way: Way
    peer: Peer | None


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


class ProofSending(EntryData, frozen=True):
    """The first byte of a proof is about to leave: from here on nobody knows until the next entry about it."""

    TYPE: ClassVar[str] = "proof_sending"
    invoice: int
    sha256: str


class ProofPrinted(EntryData, frozen=True):
    """The printer took the whole proof. `confirmation`: how we know that it is on paper."""

    TYPE: ClassVar[str] = "proof_printed"
    invoice: int
    confirmation: Confirmation


class ProofRequeued(EntryData, frozen=True):
    """Surely not a byte has left: the proof waits again."""

    TYPE: ClassVar[str] = "proof_requeued"
    invoice: int
    reason: str


class ProofUnconfirmed(EntryData, frozen=True):
    """Some of the proof may have left: only a person can say what is on paper."""

    TYPE: ClassVar[str] = "proof_unconfirmed"
    invoice: int
    reason: str


class ProofFailed(EntryData, frozen=True):
    """The proof cannot be made, and surely not a byte of it has left."""

    TYPE: ClassVar[str] = "proof_failed"
    invoice: int
    reason: str


class ProofOrdered(EntryData, frozen=True):
    """Somebody asked the box to print an original that was never begun."""

    TYPE: ClassVar[str] = "proof_ordered"
    invoice: int
    peer: Peer | None


class ProofHandedOut(EntryData, frozen=True):
    """A till with a printer of its own got the original's bytes, and must report what became of them."""

    TYPE: ClassVar[str] = "proof_handed_out"
    invoice: int
    sha256: str
    peer: Peer | None


class ProofReported(EntryData, frozen=True):
    """A till said what became of an original that it prints itself."""

    TYPE: ClassVar[str] = "proof_reported"
    invoice: int
    outcome: Outcome
    reason: str
    peer: Peer | None


class ProofResolved(EntryData, frozen=True):
    """A person looked at the paper of an unconfirmed original and said what is there."""

    TYPE: ClassVar[str] = "proof_resolved"
    invoice: int
    verdict: Verdict
    by: str
    peer: Peer | None


class CopyOrdered(EntryData, frozen=True):
    """A marked copy (補印) is wanted; `number` counts the invoice's copies. `printer`: who prints it."""

    TYPE: ClassVar[str] = "copy_ordered"
    invoice: int
    number: int
    printer: Literal["box", "till"]
    by: str
    peer: Peer | None


class CopySending(EntryData, frozen=True):
    """The first byte of a copy (by the sequence of its `copy_ordered`) is about to leave."""

    TYPE: ClassVar[str] = "copy_sending"
    copy: int
    sha256: str


class CopyPrinted(EntryData, frozen=True):
    """The printer took the whole copy."""

    TYPE: ClassVar[str] = "copy_printed"
    copy: int
    confirmation: Confirmation


class CopyRequeued(EntryData, frozen=True):
    """Surely not a byte of the copy has left: it waits again."""

    TYPE: ClassVar[str] = "copy_requeued"
    copy: int
    reason: str


class CopyUnconfirmed(EntryData, frozen=True):
    """Nobody knows whether the copy came out; another may be ordered."""

    TYPE: ClassVar[str] = "copy_unconfirmed"
    copy: int
    reason: str


class SlipQueued(EntryData, frozen=True):
    """A slip of a till's own waits for the printer. Its content is not kept, only the hash of what the till sent."""

    TYPE: ClassVar[str] = "slip_queued"
    key: str
    kind: Literal["lines", "raw"]
    sha256: str
    size: int
    peer: Peer | None


class SlipPrinted(EntryData, frozen=True):
    """The printer took the whole slip (by the sequence of its `slip_queued`)."""

    TYPE: ClassVar[str] = "slip_printed"
    slip: int
    confirmation: Confirmation


class SlipUnconfirmed(EntryData, frozen=True):
    """Nobody knows whether the slip came out; the till may send it again under another key."""

    TYPE: ClassVar[str] = "slip_unconfirmed"
    slip: int
    reason: str


class DrawerOpened(EntryData, frozen=True):
    """The printer was told to open the cash drawer."""

    TYPE: ClassVar[str] = "drawer_opened"
    peer: Peer | None


TYPES: dict[str, type[EntryData]] = {cls.TYPE: cls for cls in EntryData.__subclasses__()}

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
    return _decode(body)


def read_data(envelope: Envelope) -> EntryData:
    """The typed data of an entry; KeyError for a type that this version does not know."""
    return msgspec.json.decode(envelope.data, type=TYPES[envelope.type])


def stamp(moment: datetime) -> str:
    """A Taipei time as entries write it."""
    return moment.isoformat(timespec="microseconds")
