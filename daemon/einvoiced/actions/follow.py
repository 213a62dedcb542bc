"""What followers and witnesses ask of the journal: its head, its entries in pages, and whether a report agrees."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.journal.transaction import Action, Transaction
from einvoiced.journal.witnesses import Report, Verdict, judge

PAGE = 500
PAGE_BYTES = 1 << 20


class Page(Struct, frozen=True):
    """Entries in order, each its canonical bytes as text; `head` is the last sequence there is."""

    entries: list[str]
    head: int


class Judged(Struct, frozen=True):
    """The verdict on a witness, and the journal's own head."""

    verdict: Verdict
    journal: str
    epoch: int
    sequence: int
    hash: str


def read_entries(after: int, limit: int = PAGE) -> Action[Page]:
    """At most `limit` entries (and about 1 MiB) after a sequence."""

    def action(tx: Transaction) -> Page:
        rows = tx.all(
            "SELECT body FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?", after, max(1, min(limit, PAGE))
        )
        found: list[str] = []
        size = 0
        for (body,) in rows:
            size += len(body)
            if found and size > PAGE_BYTES:
                break
            found.append(body.decode())
        return Page(found, tx.head.sequence)

    return action


def judge_report(journal: str, report: Report) -> Action[Judged]:
    """Compare a witness's report with the journal."""

    def action(tx: Transaction) -> Judged:
        head = tx.head
        return Judged(judge(tx.db, head, journal, report), journal, head.epoch, head.sequence, head.hash)

    return action
