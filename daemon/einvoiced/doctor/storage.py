"""The journal's disk, the journal, and its mirror."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from einvoiced.doctor.findings import Finding, note, ok, problem, unseen, warning
from einvoiced.doctor.reach import answers
from einvoiced.doctor.site import Site
from einvoiced.errors import EinvoicedError
from einvoiced.hardware.disk import UNSAFE_OPTIONS, ext4_errors, mount_options, wear
from einvoiced.journal import entries, lines, reading, store
from einvoiced.journal.transaction import NEEDED_MIB

COMFORTABLE_MIB = 1024
FEW_INODES = 1000
WORN_TENTHS = 8
LARGE_WAL = 64 << 20
LAG = 1000
"""Entries by which a mirror may be behind while it works."""

CHANGE = (
    "back up the journal (einvoicectl journal backup), then change the card or disk",
    "先備份（einvoicectl journal backup），再更換記憶卡或磁碟",
)
ROOM = ("make room: journalctl --vacuum-size=100M; apt clean", "清出空間：journalctl --vacuum-size=100M；apt clean")


def check_disk(site: Site) -> Iterator[Finding]:
    """Does it keep what it is told to sync, is there room, is it well?"""
    place = site.state
    while not place.exists():
        place = place.parent
    kind, options = store.file_system(place), mount_options(place)
    if store.forgets(kind):
        how = ("put the state on ext4 on a disk of the machine", "請將資料放在本機磁碟的 ext4 上")
        yield problem(
            f"{place} is on {kind}, which forgets what it synced.", f"{place} 位於 {kind}，無法保證寫入。", *how
        )
    if options & UNSAFE_OPTIONS:
        named = ", ".join(sorted(options & UNSAFE_OPTIONS))
        how = ("remove it from /etc/fstab and restart", "從 /etc/fstab 移除後重開機")
        yield problem(
            f"Mounted with {named}: a power cut loses acknowledged invoices.",
            f"掛載選項 {named} 在斷電時會遺失資料。",
            *how,
        )
    if "ro" in options:
        how = (
            "dmesg | tail; fsck at the next start: touch /forcefsck; change the disk",
            "查看 dmesg；重開機檢查磁碟或更換",
        )
        yield problem("The disk is read-only: the kernel met errors on it.", "磁碟已變成唯讀，表示曾發生錯誤。", *how)
    yield from _room(place.as_posix(), kind)
    errors = ext4_errors(place)
    if errors:
        yield problem(f"ext4 has met {errors} errors on this disk.", f"檔案系統記錄到 {errors} 次錯誤。", *CHANGE)
    worn = wear(place)
    if (worn.tenths_used or 0) >= WORN_TENTHS or (worn.spare or 1) > 1:
        used = 10 * (worn.tenths_used or 0)
        yield warning(
            f"The card is worn: about {used} % of its life is used.", f"記憶卡壽命已使用約 {used} %。", *CHANGE
        )


def _room(place: str, kind: str) -> Iterator[Finding]:
    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize >> 20
    if free < NEEDED_MIB:
        yield problem(
            f"{free} MiB are free, {NEEDED_MIB} are needed to issue.",
            f"磁碟剩餘 {free} MiB，至少須 {NEEDED_MIB} MiB 才能開立。",
            *ROOM,
        )
    elif free < COMFORTABLE_MIB:
        yield warning(f"Only {free} MiB are free.", f"磁碟只剩 {free} MiB。", *ROOM)
    else:
        yield ok(f"{kind}, {free} MiB free.", f"{kind}，剩餘 {free} MiB。")
    if disk.f_files and disk.f_favail < FEW_INODES:
        yield problem(f"Only {disk.f_favail} inodes are free.", f"磁碟只剩 {disk.f_favail} 個 inode。", *ROOM)


def check_journal(site: Site) -> Iterator[Finding]:
    """Can it be read, is its tail's chain whole, how long is it, and its WAL?"""
    repair = ("einvoicectl journal verify, then journal restore FILE", "執行 einvoicectl journal verify，再以備份還原")
    try:
        with site.journal() as db:
            head = store.prove_tail(db)
    except PermissionError:
        yield unseen("The journal", "日誌")
        return
    except FileNotFoundError:
        yield note("There is no journal yet: the first start makes it.", "尚無日誌，第一次啟動時會建立。")
        return
    except (EinvoicedError, sqlite3.Error) as error:
        yield problem(f"The journal cannot be read: {error}", "日誌無法讀取。", *repair)
        return
    size = reading.size_of(site.journal_file) >> 20
    yield ok(
        f"{head.sequence} entries, epoch {head.epoch}, {size} MiB; the last {store.TAIL} links hold.",
        f"共 {head.sequence} 筆，{size} MiB，鏈結檢查正常。",
    )
    wal = reading.wal_of(site.journal_file)
    if wal.exists() and wal.stat().st_size > LARGE_WAL:
        how = ("look for a long backup or verify (ps), end it", "檢查是否有備份或驗證程序未結束")
        yield warning(
            f"Its WAL has grown to {wal.stat().st_size >> 20} MiB: somebody reads it for long.",
            "日誌 WAL 檔過大。",
            *how,
        )


def check_mirror(site: Site) -> Iterator[Finding]:
    """Is there one, on another disk, of this journal, and how far is it behind?"""
    section = site.config.mirror
    if not section.directory:
        yield warning(
            "No mirror is configured: a dead disk takes invoices of the last days with it (self-check form, item 11).",
            "未設定日誌副本；磁碟損壞會遺失近期發票（自行檢測表第 11 項）。",
            "put another disk in, then: einvoicectl mirror init DIRECTORY, and set mirror.directory",
            "加裝另一顆磁碟，執行 einvoicectl mirror init，再設定 mirror.directory",
        )
        return
    yield from _mirror(site, section.directory)


def _mirror(site: Site, directory: str) -> Iterator[Finding]:
    folder = Path(directory)
    init = f"mount its disk; if it is new: einvoicectl mirror init {folder}"
    if answers(folder) is None:
        yield problem(f"{folder} does not answer: its disk is dead.", "日誌副本的磁碟沒有回應。", *CHANGE)
        return
    try:
        marker = lines.read_marker(folder)
        files = lines.period_files(folder) if marker is not None else []
        last = max((_last_entry(path) for path in files), default=0)
    except PermissionError:
        yield unseen("The mirror", "日誌副本")
        return
    except (OSError, EinvoicedError) as error:
        yield problem(f"The mirror cannot be read: {error}", "日誌副本無法讀取。", init, init)
        return
    if marker is None:
        yield problem(f"{folder} holds no mirror.", f"{folder} 沒有日誌副本。", init, init)
        return
    if marker.trial or folder.stat().st_dev == site.state.stat().st_dev:
        how = ("put it on another disk", "請放在另一顆磁碟")
        yield warning(
            "The mirror is on the journal's own disk: it protects from nothing.",
            "副本與日誌在同一顆磁碟，沒有保護作用。",
            *how,
        )
    behind = _entries(site) - last
    follower = "systemctl restart einvoiced-mirror; journalctl -u einvoiced-mirror -n 20"
    if behind > LAG:
        yield problem(f"The mirror is {behind} entries behind.", f"副本落後 {behind} 筆。", follower, follower)
    else:
        yield ok(
            f"The mirror holds entry {last}, {max(behind, 0)} behind.",
            f"副本到第 {last} 筆，落後 {max(behind, 0)} 筆。",
        )


def _entries(site: Site) -> int:
    try:
        with site.journal() as db:
            return reading.last_sequence(db)
    except (OSError, EinvoicedError, sqlite3.Error):
        return 0


def _last_entry(path: os.PathLike[str]) -> int:
    """The sequence of a file's last whole line; 0 for an empty file."""
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - (1 << 20)))
        whole = file.read().rpartition(b"\n")[0].splitlines()
    return entries.read(whole[-1]).sequence if whole else 0
