"""The daemon: does it run, does it answer whom it should, and what does it say of itself?"""

from __future__ import annotations

import grp
import os
import socket
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import einvoiced
from einvoiced.actions.ask import count
from einvoiced.actions.due import look
from einvoiced.actions.paper_notices import PaperState
from einvoiced.actions.start_checks import check_files, find_faults
from einvoiced.actions.status import make_status
from einvoiced.doctor.findings import Finding, ok, problem, warning
from einvoiced.doctor.installation import ADMIN_GROUP, TILL_GROUP
from einvoiced.doctor.site import Site
from einvoiced.errors import ConfigError, EinvoicedError, JournalBroken
from einvoiced.journal import beside, entries, reading
from einvoiced.journal.transaction import Transaction
from einvoiced.parts import identity

MANY_RESTARTS = 3
LOG = "journalctl -u einvoiced -n 50"
ELSEWHERE = ("uploads_", "unused_", "running_out", "plan_next", "last_call", "next_")
"""Warnings that `stock` and `deadlines` tell with their days."""

OWNER = ("give the files back to einvoiced: see `files` above", "先依 files 項目修正檔案擁有者")
STOPPED_IN_ORDER = "systemctl start einvoiced"

CURES = {
    "config_error": ("einvoicectl config check", "einvoicectl config check"),
    "journal_behind": (
        "einvoicectl journal reconcile (docs/journal-operations.md)",
        "請維修人員執行 einvoicectl journal reconcile",
    ),
    "journal_forked": (
        "einvoicectl journal reconcile (docs/journal-operations.md)",
        "請維修人員執行 einvoicectl journal reconcile",
    ),
    "beside_missing": (
        "einvoicectl journal reconcile (docs/journal-operations.md)",
        "請維修人員執行 einvoicectl journal reconcile",
    ),
    "journal_missing": (
        "einvoicectl setup --replaces ID, or journal restore FILE",
        "einvoicectl setup --replaces ID 或 journal restore FILE",
    ),
    "journal_broken": (
        "einvoicectl journal verify, then journal restore FILE",
        "先執行 einvoicectl journal verify，再以備份還原",
    ),
    "box_changed": (
        "einvoicectl journal reconcile --accept-identity, if this box is the right one",
        "確認是原來的主機後執行 einvoicectl journal reconcile --accept-identity",
    ),
    "clock_was_ahead": (
        "set the clock right; if it had run ahead: einvoicectl clock correct --technician NAME",
        "先校正時鐘；若時鐘曾超前，執行 einvoicectl clock correct",
    ),
    "clock_untrusted": (
        "connect NTP (timedatectl set-ntp true) or fit a hardware clock",
        "連接網路校時（timedatectl set-ntp true）或加裝 RTC",
    ),
    "beside_unwritable": (
        "hw-tests disk; mount it writable, or change it",
        "執行 hw-tests disk；改為可寫入掛載或更換磁碟",
    ),
    "inbox_stuck": (
        "remove the named folder (rm -r), or mend its rights: systemd-tmpfiles --create",
        "刪除所列資料夾（rm -r），或以 systemd-tmpfiles --create 修正權限",
    ),
    "task_failed": (f"{LOG}; einvoicectl bundle", f"{LOG}；einvoicectl bundle"),
    "storage_failed": ("df; free some space, or change the disk", "以 df 檢查；清出空間或更換磁碟"),
    "disk_stuck": ("hw-tests disk; change the disk", "執行 hw-tests disk；更換磁碟"),
    "tracks_not_released": (
        "einvoicectl tracks release TRACK BEGIN --last-used NUMBER|none --technician NAME",
        "einvoicectl tracks release",
    ),
    "no_numbers_left": (
        "download the track file on the platform and plug in the stick",
        "到平台下載字軌檔，插入隨身碟",
    ),
    "numbers_low": ("einvoicectl stock plan", "einvoicectl stock plan"),
    "proofs_unconfirmed": ("einvoicectl proof list, then proof resolve", "einvoicectl proof list，再 proof resolve"),
    "proofs_to_replace": ("einvoicectl proof list", "einvoicectl proof list"),
    "share_differs": (
        "einvoicectl tracks share YYYMM, or set tracks.share back",
        "einvoicectl tracks share，或改回 tracks.share",
    ),
}
"""What to do beyond what the sentence says; most sentences carry their cure already."""


def check_service(site: Site) -> Iterator[Finding]:
    """systemd's view, who holds the journal, and which version runs."""
    holder = _holder(site)
    if site.unit:
        yield from _unit(site.unit)
    elif holder is None:
        yield problem("einvoiced does not run.", "einvoiced 未執行。", STOPPED_IN_ORDER, STOPPED_IN_ORDER)
    if isinstance(site.status, str):
        if holder is not None:
            how = f"{LOG}; systemctl restart einvoiced"
            yield problem(f"einvoiced (pid {holder}) does not answer: {site.status}", "einvoiced 沒有回應。", how, how)
        return
    running = site.info.get("version", "")
    if running != einvoiced.__version__:
        how = "systemctl restart einvoiced"
        en = f"Version {running} runs, {einvoiced.__version__} is installed."
        yield warning(en, f"執行中為 {running} 版，已安裝 {einvoiced.__version__} 版。", how, how)
    else:
        yield ok(f"einvoiced {running} answers.", f"einvoiced {running} 正常回應。")


def _unit(unit: dict[str, str]) -> Iterator[Finding]:
    state, result = unit.get("ActiveState", "unknown"), unit.get("Result", "")
    restarts = int(unit.get("NRestarts") or 0)
    if state == "active" and restarts >= MANY_RESTARTS:
        yield warning(f"It was started again {restarts} times.", f"服務已自動重新啟動 {restarts} 次。", LOG, LOG)
    elif state == "active":
        yield ok(f"einvoiced.service is active. {unit.get('StatusText', '')}".strip(), "服務執行中。")
    elif unit.get("ExecMainStatus") == "74":
        how = "hw-tests disk; change the disk, then: systemctl start einvoiced"
        yield problem("It ended because a sync of the journal's disk failed.", "磁碟同步失敗，服務已結束。", how, how)
    else:
        en = f"einvoiced.service is {state} ({result or unit.get('SubState', '')})."
        yield problem(en, f"服務未執行（{state}）。", f"{LOG}; {STOPPED_IN_ORDER}", f"{LOG}；{STOPPED_IN_ORDER}")


def _holder(site: Site) -> int | None:
    """The process that holds the journal's lock; None when nobody does or nobody may see it."""
    try:
        return reading.owner(site.state / "journal")
    except OSError:
        return None


def check_sockets(site: Site) -> Iterator[Finding]:
    """Both sockets: there, of their group, private to it, and listened to."""
    for name, group in (("till", TILL_GROUP), ("admin", ADMIN_GROUP)):
        yield from _socket(site, site.run / f"{name}.sock", f"einvoiced-{name}.socket", group)


def _socket(site: Site, path: Path, unit: str, group: str) -> Iterator[Finding]:
    again = f"systemctl restart {unit}"
    try:
        found = path.stat()
    except FileNotFoundError:
        yield problem(f"{path} is not there.", f"{path} 不存在。", f"systemctl start {unit}", f"systemctl start {unit}")
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o007:
        yield problem(f"{path} may be used by everybody ({mode:04o}).", f"{path} 所有人都能使用。", again, again)
    elif site.installed and _group_name(found.st_gid) != group:
        en = f"{path} belongs to the group {_group_name(found.st_gid)}, not to {group}."
        yield problem(en, f"{path} 的群組不是 {group}。", again, again)
    elif site.asleep:
        yield ok(f"{path} is held by systemd ({mode:04o}): asking it starts the box.", f"{path} 由 systemd 待命。")
    elif (why := _refused(path)) is not None:
        yield problem(f"{path}: {why}.", f"{path} 無法連線（{why}）。", f"{again} einvoiced", f"{again} einvoiced")
    else:
        yield ok(f"{path} is listened to ({mode:04o}).", f"{path} 正常。")


def _refused(path: Path) -> str | None:
    """Why nobody can connect; None when somebody can, or when it is only we who may not. Connects and hangs up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except (PermissionError, BlockingIOError):
            return None
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return None


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def check_box(site: Site) -> Iterator[Finding]:
    """Everything the box says of itself; of a dead box: what it would say after a start."""
    status = site.status if isinstance(site.status, dict) else _would_say(site)
    if status is None:
        return
    seen = False
    for kind, make in (("locks", problem), ("warnings", warning)):
        for reason in status[kind]:
            seen = True
            if reason["name"].startswith(ELSEWHERE):
                continue
            cure, cure_zh = CURES.get(reason["name"], (reason["en"], reason["zh"]))
            if "Permission denied" in reason["en"]:
                cure, cure_zh = OWNER
            yield make(f"{reason['name']}: {reason['en']}", reason["zh"], cure, cure_zh)
    if not seen:
        yield ok(str(status["sentence"]), str(status["sentence_zh"]))


def _would_say(site: Site) -> dict[str, Any] | None:
    """The status of a box that does not run, from its files; None where there are none or they may not be read."""
    if not os.access(site.state / "journal", os.R_OK | os.X_OK):
        return None
    box, counts, due = site.box, None, []
    faults: list[EinvoicedError] = [site.loaded] if isinstance(site.loaded, ConfigError) else []
    try:
        known = beside.read(site.state)
        if known is None and not site.journal_file.exists():
            return None
        check_files(site.state / "journal", known)
        here = identity(site.state)
        faults += site.read(lambda tx: find_faults(box, _journal_id(tx), known, here)(tx))
        counts, due = site.read(count(box)), site.read(look(box))
    except EinvoicedError as error:
        faults.append(error)
    except sqlite3.Error as error:
        faults.append(JournalBroken(detail=str(error)))
    for each in faults:
        box.lock(each.name, each.message, each.message_zh)
    told: dict[str, Any] = msgspec.to_builtins(make_status(box, counts, PaperState(), due))
    return told


def _journal_id(tx: Transaction) -> str:
    first = entries.read_data(entries.read(tx.one("SELECT body FROM entries WHERE sequence = 1")[0]))
    return first.journal if isinstance(first, entries.JournalCreated) else ""
