"""Entries about what is on paper: originals, copies, slips."""

from __future__ import annotations

from typing import ClassVar, Literal

from einvoiced.journal.entries.envelope import EntryData, Peer

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

Outcome = Literal["printed", "unknown", "not_begun"]
Verdict = Literal["there", "damaged", "nothing_usable"]


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


class AllowanceSlipQueued(EntryData, frozen=True):
    """The slip of an allowance (by its entry) waits for the printer, in both copies."""

    TYPE: ClassVar[str] = "allowance_slip_queued"
    allowance: int
    peer: Peer | None


class SlipPrinted(EntryData, frozen=True):
    """The printer took the whole slip (by the sequence of its `slip_queued` or `allowance_slip_queued`)."""

    TYPE: ClassVar[str] = "slip_printed"
    slip: int
    confirmation: Confirmation


class SlipUnconfirmed(EntryData, frozen=True):
    """Nobody knows whether the slip came out; whoever lacks it asks again, a till under another key."""

    TYPE: ClassVar[str] = "slip_unconfirmed"
    slip: int
    reason: str


class DrawerOpened(EntryData, frozen=True):
    """The printer was told to open the cash drawer."""

    TYPE: ClassVar[str] = "drawer_opened"
    peer: Peer | None
