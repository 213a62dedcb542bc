"""`upload.again` and `upload.settle`: a person decides about messages that were refused, or of which nobody knows."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.report_uploads import report_unused
from einvoiced.errors import InvalidParams, UploadNotFound, UploadStateWrong
from einvoiced.journal import entries
from einvoiced.journal.entries import Peer, Upload
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.sale import check_text

MOST = 500
_STATE = "SELECT state FROM outbox WHERE entry = ? AND message = ? AND part = ?"


class Decided(Struct, frozen=True):
    """How many messages it was about, and the entry that keeps the decision."""

    uploads: int
    entry: int


def send_again(uploads: list[Upload], reason: str, by: str, peer: Peer | None) -> Action[Decided]:
    """Let messages wait again. UploadNotFound; UploadStateWrong for one that waits already."""
    why, who = _checked(uploads, reason, by)

    def action(tx: Transaction) -> Decided:
        for each in uploads:
            if _state(tx, each) == "waiting":
                raise UploadStateWrong(asked=name_of(each), state="waiting", state_zh="待上傳")
        return Decided(len(uploads), tx.append(entries.UploadsRequeued(uploads, why, who, peer)))

    return action


def settle_uploads(uploads: list[Upload], reason: str, by: str, peer: Peer | None) -> Action[Decided]:
    """Take messages out of the outbox: the platform has them, or does not want them. UploadNotFound."""
    why, who = _checked(uploads, reason, by)

    def action(tx: Transaction) -> Decided:
        for each in uploads:
            _state(tx, each)
        entry = tx.append(entries.UploadsSettled(uploads, why, who, peer))
        report_unused(tx, uploads, peer)
        return Decided(len(uploads), entry)

    return action


def _checked(uploads: list[Upload], reason: str, by: str) -> tuple[str, str]:
    if not 1 <= len(uploads) <= MOST:
        raise InvalidParams("uploads", detail=f"1 to {MOST} of them")
    return check_text(reason, 100, "reason", "reason"), check_text(by, 40, "by", "by")


def _state(tx: Transaction, each: Upload) -> str:
    row = tx.one(_STATE, each.entry, each.message, each.part)
    if row is None:
        raise UploadNotFound("uploads", asked=name_of(each))
    return str(row[0])


def name_of(each: Upload) -> str:
    """A message as `upload.list` shows it: `F0401 #17`."""
    return f"{each.message} #{each.entry}{' ' + each.part if each.part else ''}"
