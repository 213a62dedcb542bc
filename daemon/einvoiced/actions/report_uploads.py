"""What followers report of messages: `upload.sent` before a file leaves, `upload.pending` after a crash, and
`upload.answered` with what the platform said.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.close_period import BY_ITSELF
from einvoiced.actions.standing import later_entries, read_entry
from einvoiced.actions.start_checks import fact
from einvoiced.errors import InvalidParams, NotConfigured
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer, Upload, Way
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.numbers import split_invoice_number
from einvoiced.rules.period import Period
from einvoiced.rules.platform_codes import SUMMARY_FAILED

MOST = 500
"""Messages of one report."""


class SentUpload(Upload, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message with the version (`changed`) that its file was made of."""

    changed: int


class SentTaken(Struct, frozen=True):
    """`sent`: files that leave now. `stale`: those that must be thrown away, for they are not what waits any more."""

    sent: list[Upload]
    stale: list[Upload]


class PlatformSaid(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One finding of an answer; `reference` is the number (for E0402 period and track), `date` YYYYMMDD or empty."""

    message: str
    reference: str
    accepted: bool
    date: str = ""
    code: str = ""
    description: str = ""


Form = Literal["ProcessResult", "SummaryResult"]


class AnsweredTaken(Struct, frozen=True):
    """How many messages were accepted and refused by this file, and what in it is about nothing of this box."""

    accepted: int
    refused: int
    unknown: list[PlatformSaid]


_ROW = "SELECT state, way, changed FROM outbox WHERE entry = ? AND message = ? AND part = ?"
_ROWS = """
SELECT entry, message, part, state, changed FROM outbox WHERE entry = ?1 AND subject = ?1 AND message = ?2
UNION ALL
SELECT entry, message, part, state, changed FROM outbox
WHERE subject = ?1 AND entry <> subject AND message = ?2
ORDER BY entry
"""
_E0402 = """
SELECT o.entry, o.message, o.part, o.state, o.changed FROM facts JOIN outbox AS o ON o.entry = facts.entry
WHERE facts.name GLOB 'period *' AND facts.value = 'queued' AND o.message = 'E0402'
"""
_NUMBER = "SELECT sequence FROM invoices WHERE seller = ? AND year_month = ? AND track = ? AND number = ?"
_PERIODS = "SELECT DISTINCT year_month FROM ranges WHERE seller = ? ORDER BY year_month DESC"
_ALLOWANCE = "SELECT entry, invoice FROM allowances WHERE number = ?"

OUT = ("sent", "unknown")


def uploads_sent(uploads: list[SentUpload], way: Way, batch: str, peer: Peer | None) -> Action[SentTaken]:
    """Say that files leave: committed before they do. What changed since they were made stays behind."""
    if not 1 <= len(uploads) <= MOST:
        raise InvalidParams("uploads", detail=f"1 to {MOST} of them")

    def action(tx: Transaction) -> SentTaken:
        sent: list[Upload] = []
        stale: list[Upload] = []
        for each in uploads:
            row = tx.one(_ROW, each.entry, each.message, each.part)
            fresh = row is not None and row[0] == "waiting" and row[2] == each.changed
            (sent if fresh else stale).append(Upload(each.entry, each.message, each.part))
        if sent:
            tx.append(entries.UploadsSent(sent, way, peer, batch))
        return SentTaken(sent, stale)

    return action


def uploads_pending(uploads: list[Upload], batch: str) -> Action[list[Upload]]:
    """Which files of a batch that is still aside must leave now, for it was said that they do. The others never may."""

    def action(tx: Transaction) -> list[Upload]:
        return [each for each in uploads if _sent_in(tx, each, batch)]

    return action


def _sent_in(tx: Transaction, each: Upload, batch: str) -> bool:
    row = tx.one(_ROW, each.entry, each.message, each.part)
    if row is None or row[0] != "sent":
        return False
    _, data = read_entry(tx, row[2])
    return isinstance(data, entries.UploadsSent) and data.batch == batch


def uploads_answered(
    box: Box, form: Form, said: list[PlatformSaid], source: str, peer: Peer | None
) -> Action[AnsweredTaken]:
    """Take what one file says; `source` names it (and which part of a long one). Said twice it decides nothing."""
    if box.shop is None:
        raise NotConfigured(detail="no seller")
    seller = box.shop.seller.identifier

    def action(tx: Transaction) -> AnsweredTaken:
        answers: dict[tuple[int, str, str], entries.Answer] = {}
        if fact(tx, f"answers {source}") is not None:
            return AnsweredTaken(0, 0, [])
        unknown: list[PlatformSaid] = []
        for each in said:
            subject = _subject(tx, seller, each)
            if subject is None:
                unknown.append(each)
                continue
            row = _row_for(tx, subject, each, form)
            if row is not None:
                answers[row] = entries.Answer(
                    Upload(row[0], row[1], row[2]), each.accepted, each.code[:20], each.description[:300]
                )
        if answers:
            tx.append(entries.UploadsAnswered(list(answers.values()), source, peer))
            report_unused(tx, [answer.upload for answer in answers.values()], peer)
        accepted = sum(answer.accepted for answer in answers.values())
        return AnsweredTaken(accepted, len(answers) - accepted, unknown)

    return action


def report_unused(tx: Transaction, uploads: list[Upload], peer: Peer | None) -> None:
    """Periods whose last E0402 has left the outbox are reported."""
    for entry in sorted({each.entry for each in uploads if each.message == "E0402"}):
        if tx.one("SELECT 1 FROM outbox WHERE entry = ?", entry) is None:
            _, data = read_entry(tx, entry)
            tx.append(entries.UnusedReported(data.seller, data.year_month, BY_ITSELF, peer))


def _subject(tx: Transaction, seller: str, said: PlatformSaid) -> int | None:
    """What a finding is about: an invoice's entry (0: unused numbers), or None when it is nothing of this box."""
    if said.message == "E0402":
        return 0
    if said.message in ("G0401", "G0501"):
        row = tx.one(_ALLOWANCE, said.reference)
        return None if row is None else row[1] or row[0]
    try:
        track, number = split_invoice_number(said.reference)
    except ValueError:
        return None
    for year_month in _periods(tx, seller, said.date):
        if row := tx.one(_NUMBER, seller, year_month, track, number):
            return int(row[0])
    return None


def _periods(tx: Transaction, seller: str, date: str) -> list[str]:
    """The period of a finding's date; all, the newest first, when it has none."""
    if len(date) == 8 and date.isdigit() and 1 <= int(date[4:6]) <= 12 and int(date[:4]) > 1911:
        return [Period.from_roc(int(date[:4]) - 1911, int(date[4:6])).year_month]
    return [name for (name,) in tx.all(_PERIODS, seller)]


def _row_for(tx: Transaction, subject: int, said: PlatformSaid, form: Form) -> Any:
    """(entry, message, part) that a finding decides, or None: the first of its kind that left and has no answer."""
    rows = tx.all(_ROWS, subject, said.message) if subject else _unused_rows(tx, said.reference)
    for entry, message, part, state, changed in rows:
        if said.message in ("G0401", "G0501") and not _is_allowance(tx, entry, said.reference):
            continue
        again = _sent_before(tx, subject, entry, message)
        if again and (form == "SummaryResult" or state == "unknown"):
            continue  # it may be the earlier one's answer: only a ProcessResult of this sending, or a person, can tell
        if _decides(tx, said, form, state, changed):
            return entry, message, part
    return None


def _sent_before(tx: Transaction, subject: int, entry: int, message: str) -> bool:
    """Whether the same message of the same number was sent for an earlier entry: a correction erases and sends anew."""
    if message == "F0401":
        return entry != subject
    if message != "F0701":
        return False
    later = later_entries(tx, subject)
    return any(isinstance(data, entries.InvoiceCorrected) and data.void for at, _, data in later if at < entry)


def _unused_rows(tx: Transaction, reference: str) -> list[tuple[int, str, str, str, int]]:
    """E0402 messages that a reference may mean: period and track as far as the platform told them."""
    month, track = reference[:5] if reference[:5].isdigit() else "", reference[-2:] if reference[-2:].isalpha() else ""
    rows = [row for row in tx.all(_E0402) if track in ("", row[2])]
    if month:
        rows = [row for row in rows if read_entry(tx, row[0])[1].year_month == month]
    return rows if len(rows) == 1 or (month and track) else []


def _is_allowance(tx: Transaction, entry: int, number: str) -> bool:
    _, data = read_entry(tx, entry)
    if isinstance(data, entries.AllowanceCancelled):
        return _is_allowance(tx, data.allowance, number)
    return isinstance(data, entries.AllowanceIssued) and data.number == number


def _decides(tx: Transaction, said: PlatformSaid, form: Form, state: str, changed: int) -> bool:
    """Whether a finding is about this sending of a message.

    A summary tells of the day before: what was sent today it does not know. A message that waits again may still be
    accepted by a late answer to its first sending; one that never left cannot.
    """
    envelope, data = read_entry(tx, changed)
    if form == "SummaryResult" and envelope.time[:10] == tx.now().isoformat()[:10]:
        return False
    if not said.accepted:
        return state in OUT or (state == "refused" and said.code != SUMMARY_FAILED)
    return state in (*OUT, "refused") or isinstance(data, entries.UploadsRequeued)
