"""Witnesses: far ends that can tell how far the journal got. Ahead of it, or another hash: this journal is not the one.

Pure bookkeeping; who asks and when is `app`'s and the methods' matter.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

from msgspec import Struct

from einvoiced.journal import entries, store

Verdict = Literal["agrees", "journal_behind", "journal_forked", "other_journal"]


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """What a witness holds: the journal's id and its last entry's epoch, sequence and SHA-256; 0 and "" when empty."""

    witness: str
    journal: str
    epoch: int
    sequence: int
    hash: str


def judge(db: sqlite3.Connection, head: store.Head, journal: str, report: Report) -> Verdict:
    """Compare a report with the journal (journal thread, or offline)."""
    if not report.sequence:
        return "agrees"
    if report.journal != journal:
        return "other_journal"
    row = db.execute("SELECT body FROM entries WHERE sequence = ?", (report.sequence,)).fetchone()
    if row is None:
        return "journal_behind"
    body: bytes = row[0]
    same = entries.digest(body) == report.hash and entries.read(body).epoch == report.epoch
    return "agrees" if same else "journal_forked"


class Witnesses:
    """The configured witnesses and how far each has got. Loop thread only."""

    def __init__(self, required: frozenset[str], optional: frozenset[str]) -> None:
        self.required, self.optional = required, optional
        self._reached: dict[str, int] = {}
        self.verdicts: dict[str, str] = dict.fromkeys(required | optional, "silent")

    def note(self, report: Report, verdict: Verdict) -> None:
        """Keep a report that was judged."""
        self.verdicts[report.witness] = verdict
        if verdict == "agrees":
            self._reached[report.witness] = report.sequence

    def reached(self, sequence: int) -> bool:
        """Whether every required witness holds this entry."""
        return all(self._reached.get(name, 0) >= sequence for name in self.required)

    @property
    def heard_all(self) -> bool:
        """Whether every configured witness has reported since the start."""
        return "silent" not in self.verdicts.values()
