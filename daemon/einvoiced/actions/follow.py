"""What followers and witnesses ask of the journal: its head, its entries in pages, and whether a report agrees."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from einvoiced.errors import InvalidParams
from einvoiced.journal import reading
from einvoiced.journal.entries import stamp
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.journal.witnesses import Report, Verdict, judge
from einvoiced.rules.period import TAIPEI

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


def read_entries(after: int, limit: int = PAGE, since: datetime | None = None) -> Action[Page]:
    """At most `limit` entries (and about 1 MiB) after a sequence, and from the first one at or after `since` on.

    InvalidParams for a time without its zone.
    """
    if since is not None and since.tzinfo is None:
        raise InvalidParams("since", detail="a time needs its zone, such as +08:00")
    wanted = None if since is None else stamp(since.astimezone(TAIPEI))

    def action(tx: Transaction) -> Page:
        begin = after if wanted is None else max(after, reading.before(tx.db, wanted, tx.head.sequence))
        rows = tx.all(
            "SELECT body FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?", begin, max(1, min(limit, PAGE))
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
