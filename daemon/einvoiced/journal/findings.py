"""What verify and scrub find: each finding names the entry or file, what is wrong with it, and the cure."""

from __future__ import annotations

from msgspec import Struct

MOST = 100
"""Findings kept; a journal with more needs no longer list."""

CURES = {
    "unreadable": "the bytes are damaged: bring the journal back from its mirror (journal reconcile, setup --replaces)",
    "chain": "one of the two entries was changed or lost: compare with the mirror (journal verify DIR)",
    "sequence": "entries are missing: compare with the mirror (journal verify DIR)",
    "epoch": "only a reconciliation may open an epoch: compare with the mirror, ask who wrote this",
    "time": "time may only go back where a technician corrected the clock: ask who wrote this",
    "version": "written by a later einvoiced: upgrade, then verify again",
    "number_twice": "cancel the later of the two invoices and issue it anew; tell the shop's accountant today",
    "outside_range": "the shop was never given this number: cancel the invoice; tell the shop's accountant today",
    "outside_period": "the number belongs to another period: cancel the invoice; tell the shop's accountant today",
    "unlawful": "the law does not let this be: ask who did it and how; tell the shop's accountant today",
    "contradiction": "the entry does not follow from those before it: compare with the mirror (journal verify DIR)",
    "place": "the answer names another place than its entry's: compare with the mirror (journal verify DIR)",
    "mac": "the answer was not made by this journal: compare with the till's copy of it",
    "gap": "numbers went missing without an entry: compare with the mirror; report them in doubt, not unused",
    "seal": "the sealed segment is not what is here: compare with the archived file",
    "projections": "the tables differ from the entries: stop the box, then restore a backup or the mirror",
    "database": "the file is damaged: stop the box, then restore a backup or the mirror",
    "disk": "the disk cannot read this back: replace it, then bring the journal back from its mirror",
    "torn": "a power cut left half a line: the mirror cuts it by itself at its next start",
    "file": "the file is empty or cannot be read: compare with the journal and write it anew",
}


class Finding(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong. `entry` is a sequence, `place` a file or line."""

    check: str
    detail: str
    cure: str
    entry: int | None = None
    place: str | None = None


class Findings:
    """Collects findings; `count` goes on when the list is full."""

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self.count = 0

    def add(self, check: str, detail: str, *, entry: int | None = None, place: str | None = None) -> None:
        """Note a finding of a kind of `CURES`."""
        self.count += 1
        if len(self.all) < MOST:
            self.all.append(Finding(check, detail, CURES[check], entry, place))


class Report(Struct, frozen=True):
    """What a verification looked at and found. `good`: nothing was found."""

    what: str
    good: bool
    entries: int
    first: int
    last: int
    invoices: int
    journal: str
    hash: str
    findings: list[Finding]
    more: int = 0
