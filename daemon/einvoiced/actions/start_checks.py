"""What must hold before anything is appended at a start: the file beside, identity, seller (self-check form, 3)."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from einvoiced import errors
from einvoiced.actions.box import Box
from einvoiced.errors import EinvoicedError
from einvoiced.journal import store
from einvoiced.journal.beside import FILE, Beside
from einvoiced.journal.doubt import allows
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.journal.witnesses import Report, judge


class Identity(Struct, frozen=True):
    """The board and the disk that the journal lives on, as the hardware names them."""

    board: str
    disk: str


def check_files(directory: Path, beside: Beside | None) -> None:
    """JournalMissing or JournalBehind when files that this box once had are gone. Before the database is opened."""
    database = directory / store.FILE
    if beside is None:
        return
    if not database.exists() or not database.stat().st_size:
        raise errors.JournalMissing(detail=str(database))
    wal = directory / f"{store.FILE}-wal"  # a start that was cut short leaves it empty, only a stop removes it
    if beside.running and not wal.exists():
        detail, zh = f"{wal.name} is gone though the box was not stopped", f"未正常關機，{wal.name} 卻不見了"
        raise errors.JournalBehind(who="The last start", who_zh="上次啟動", detail=detail, detail_zh=zh)


def find_faults(box: Box, journal: str, beside: Beside | None, identity: Identity) -> Action[list[EinvoicedError]]:
    """Everything that makes this journal not the one it should be; empty when all is well. Appends nothing."""

    def action(tx: Transaction) -> list[EinvoicedError]:
        checks = (_check_beside(tx, journal, beside), _check_identity(tx, identity), _check_seller(tx, box))
        retired = fact(tx, "retired")
        return [found for found in checks if found is not None] + (
            [errors.BoxRetiredError(technician=retired)] if retired else []
        )

    return action


def fact(tx: Transaction, name: str) -> str | None:
    """The newest value of a fact."""
    row = tx.one("SELECT value FROM facts WHERE name = ?", name)
    return row[0] if row else None


def _check_beside(tx: Transaction, journal: str, beside: Beside | None) -> EinvoicedError | None:
    if beside is None:  # it is there before a journal's second entry, and only people take it away
        return errors.BesideMissing(detail=FILE) if tx.head.sequence > 1 else None
    if beside.journal != journal:
        named = beside.journal
        return _against_beside(errors.JournalForked, f"it names journal {named}", f"記載的是日誌 {named}")
    held = Report("beside", beside.journal, beside.epoch, beside.sequence, beside.hash)
    verdict = judge(tx.db, tx.head, journal, held)
    if verdict != "agrees":
        kind = errors.JournalBehind if verdict == "journal_behind" else errors.JournalForked
        return _against_beside(kind, f"it knows entry {beside.sequence}", f"記載到第 {beside.sequence} 筆")
    for c in beside.ceilings:
        if not allows(tx.db, c):
            detail = f"{c.track} {c.year_month} was allowed up to {c.ceiling:08d}"
            zh = f"{c.year_month} 字軌 {c.track} 已登記到 {c.ceiling:08d}"
            return _against_beside(errors.JournalBehind, detail, zh)
    return None


def _against_beside(kind: type[EinvoicedError], detail: str, detail_zh: str) -> EinvoicedError:
    return kind(who="The file beside the journal", who_zh="日誌旁的檔案", detail=detail, detail_zh=detail_zh)


def _check_identity(tx: Transaction, identity: Identity) -> EinvoicedError | None:
    for name, zh, now in (("board", "主機板", identity.board), ("disk", "磁碟", identity.disk)):
        was = fact(tx, name)
        if was is not None and was != now:
            return errors.BoxChanged(what=name, what_zh=zh, was=was, now=now)
    return None


def _check_seller(tx: Transaction, box: Box) -> EinvoicedError | None:
    row = tx.one("SELECT DISTINCT seller FROM ranges WHERE seller <> ?", box.shop.seller.identifier if box.shop else "")
    if row is None or box.shop is None:
        return None
    return errors.SellerChanged(was=row[0], now=box.shop.seller.identifier)
