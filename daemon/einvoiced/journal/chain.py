"""The chain, entry by entry: form, sequence, epoch, time, and the SHA-256 of the one before."""

from __future__ import annotations

import msgspec

from einvoiced.journal import entries
from einvoiced.journal.findings import Findings


class Chain:
    """Walks entries in their order. `take` gives what could be read of an entry, None where nothing could."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._previous: str | None = None
        self.last: entries.Envelope | None = None
        self.first = self.count = 0
        self.journal = self.hash = ""

    def take(
        self, body: bytes, place: str, row: int | None = None
    ) -> tuple[entries.Envelope, entries.EntryData] | None:
        """Check one entry; `row` is the database's number for it."""
        try:
            envelope = entries.read(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._findings.add("unreadable", str(error), entry=row, place=place)
            self._previous = None
            return None
        if row is not None and envelope.sequence != row:
            self._findings.add("sequence", f"row {row} calls itself entry {envelope.sequence}", entry=row, place=place)
        self._link(envelope, place)
        self._previous = self.hash = entries.digest(body)
        self.last = envelope
        self.count += 1
        self.first = self.first or envelope.sequence
        return self._data(envelope, place)

    def _link(self, new: entries.Envelope, place: str) -> None:
        last, number = self.last, new.sequence
        if new.v != entries.VERSION:
            self._findings.add("version", f"the form is version {new.v}", entry=number, place=place)
        if number == 1 and new.previous != entries.NO_PREVIOUS:
            self._findings.add("chain", "the first entry follows something", entry=number, place=place)
        if last is None:
            return
        if number != last.sequence + 1:
            detail = f"entry {number} follows entry {last.sequence}"
            self._findings.add("sequence", detail, entry=number, place=place)
        elif self._previous is not None and new.previous != self._previous:
            detail = f"entry {number} does not hold the hash of entry {last.sequence}"
            self._findings.add("chain", detail, entry=number, place=place)
        if new.epoch != last.epoch + (new.type == "epoch_opened"):
            self._findings.add("epoch", f"epoch {new.epoch} after {last.epoch}", entry=number, place=place)
        if new.time < last.time and new.type != "clock_corrected":
            self._findings.add("time", f"{new.time} after {last.time}", entry=number, place=place)

    def _data(self, envelope: entries.Envelope, place: str) -> tuple[entries.Envelope, entries.EntryData] | None:
        number = envelope.sequence
        try:
            data = entries.read_data(envelope)
        except KeyError:
            self._findings.add("version", f"nobody here knows {envelope.type!r}", entry=number, place=place)
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._findings.add("unreadable", f"{envelope.type}: {error}", entry=number, place=place)
            return None
        if isinstance(data, entries.JournalCreated):
            self.journal = data.journal
        if (number == 1) != isinstance(data, entries.JournalCreated):
            detail = "journal_created is the first entry, and only that"
            self._findings.add("contradiction", detail, entry=number, place=place)
        return envelope, data
