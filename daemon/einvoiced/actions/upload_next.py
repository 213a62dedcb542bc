"""`upload.next`: messages that may leave now, with their content, in pages.

A message waits while an earlier one of its subject is not accepted (F0501, F0701 and G0401 for F0401), and an invoice
on paper for its proof, at most twelve hours: unconfirmed counts as printed, and a cancelled one waits for no paper.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from einvoiced.actions.box import Box
from einvoiced.actions.upload_content import Told, content_of, cursor_place, reference_of, told_invoice
from einvoiced.journal import entries
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.deadlines import PROOF_WAIT
from einvoiced.rules.messages import Message
from einvoiced.rules.period import TAIPEI

PAGE = 100
LOOKED_AT = 200
"""Rows that one page looks at, whatever it finds: a till must not wait for a long outbox."""

PAPER_WAITS = frozenset(("till", "handed_out", "unprinted", "queued", "sending", "failed", "to_replace"))
"""States of an original for which its invoice waits."""

WAITING = """
SELECT entry, place, part, message, subject, changed FROM outbox
WHERE state = 'waiting' AND (entry, place, part) > (?, ?, ?) ORDER BY entry, place, part LIMIT ?
"""
_EARLIER_FIRST = "SELECT 1 FROM outbox WHERE entry = ?1 AND place = 0 AND part = '' AND ?1 < ?2"
_EARLIER_LATER = """
SELECT 1 FROM outbox WHERE subject = ? AND entry <> subject AND (entry, place) < (?, ?) LIMIT 1
"""
_encode = msgspec.json.Encoder().encode


class Outgoing(Struct, frozen=True):
    """One message: its place in the outbox, its version (`changed`), what people call it, and its content."""

    entry: int
    message: entries.Message
    part: str
    changed: int
    reference: str
    content: Raw


class OutgoingPage(Struct, frozen=True):
    """`cursor` goes into the next question; None at the end. `held`: how many on this page may not leave yet.

    `box` and `journal` say whose messages these are.
    """

    uploads: list[Outgoing]
    cursor: str | None
    held: int
    box: str
    journal: str


def next_uploads(box: Box, after: str | None, limit: int = PAGE) -> Action[OutgoingPage]:
    """A page of messages after a cursor; InvalidParams for a cursor that is none."""
    begin = cursor_place(after)

    def action(tx: Transaction) -> OutgoingPage:
        found: list[Outgoing] = []
        held = 0
        rows = tx.all(WAITING, *begin, LOOKED_AT)
        most = max(1, min(limit, PAGE))
        cursor = None
        for at, (entry, place, part, message, subject, changed) in enumerate(rows, start=1):
            content = _content(tx, entry, place, part, message, subject)
            if content is None:
                held += 1
            else:
                found.append(Outgoing(entry, message, part, changed, reference_of(content), Raw(_encode(content))))
            if len(found) == most or at == LOOKED_AT:
                cursor = f"{entry}.{place}.{part}"
                break
        return OutgoingPage(found, cursor, held, box.id, box.journal_id)

    return action


def _content(
    tx: Transaction, entry: int, place: int, part: str, message: entries.Message, subject: int
) -> Message | None:
    """What the message tells, or None while it may not leave."""
    if earlier_waits(tx, subject, entry, place):
        return None
    if message == "F0401" and waits_for_paper(told_invoice(tx, subject), tx.now()):
        return None
    return content_of(tx, entry, message, subject, part)


def earlier_waits(tx: Transaction, subject: int, entry: int, place: int) -> bool:
    """Whether the outbox still holds an earlier message of the same subject."""
    return (
        tx.one(_EARLIER_FIRST, subject, entry) is not None or tx.one(_EARLIER_LATER, subject, entry, place) is not None
    )


def waits_for_paper(told: Told, now: datetime) -> bool:
    """Whether an invoice still waits for its proof."""
    if told.cancelled or told.paper not in PAPER_WAITS:
        return False
    i = told.invoice
    issued = datetime.strptime(i.invoice_date + i.invoice_time, "%Y%m%d%H:%M:%S").replace(tzinfo=TAIPEI)
    return now < issued + PROOF_WAIT
