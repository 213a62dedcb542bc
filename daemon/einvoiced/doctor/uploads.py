"""Uploads: does the way to the platform stand, what waits, what is late?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from einvoiced.actions.box import Box
from einvoiced.actions.due import look
from einvoiced.doctor.findings import Finding, note, ok, problem, unseen
from einvoiced.doctor.reach import answers
from einvoiced.doctor.site import Site, show_unit
from einvoiced.errors import ConfigError, EinvoicedError
from einvoiced.journal.transaction import Action, Transaction


class Outbox(Struct, frozen=True):
    """The messages that the platform has not accepted, by state, and at least how many of them are late."""

    states: dict[str, int]
    overdue: int


def outbox(box: Box) -> Action[Outbox]:
    """Count them; the table holds only what is not accepted."""
    duties = look(box)

    def action(tx: Transaction) -> Outbox:
        states = dict(tx.all("SELECT state, count(*) FROM outbox GROUP BY state"))
        return Outbox(states, sum(due.late for due in duties(tx) if due.name == "uploads_overdue"))

    return action


def check_uploads(site: Site) -> Iterator[Finding]:
    """Turnkey's folder and its follower, then the outbox."""
    if isinstance(site.loaded, ConfigError):
        return
    spool = site.config.turnkey.spool
    if spool:
        yield from _way(site, Path(spool))
    else:
        yield note(
            "No Turnkey folder is configured (turnkey.spool): messages leave by stick.",
            "未設定 Turnkey 資料夾，訊息以隨身碟送出。",
        )
    try:
        found = site.read(outbox(site.box))
    except PermissionError:
        yield unseen("What was not uploaded", "未上傳的訊息")
        return
    except (OSError, EinvoicedError):
        return
    yield from _outbox(found)


def _way(site: Site, spool: Path) -> Iterator[Finding]:
    mount = f"mount it (mount -a; ping its machine): {spool}"
    there = answers(spool)
    if there is None:
        yield problem(
            f"{spool} does not answer: a dead network folder.", f"{spool} 沒有回應，網路資料夾可能中斷。", mount, mount
        )
    elif not there:
        yield problem(f"{spool} is not there.", f"找不到 {spool}。", mount, mount)
    if site.installed and site.has_systemd:
        state = show_unit("einvoiced-turnkey.service").get("ActiveState", "unknown")
        if state != "active":
            how = "systemctl enable --now einvoiced-turnkey"
            yield problem(f"einvoiced-turnkey is {state}: nothing is uploaded.", "上傳服務未執行。", how, how)
        elif there:
            yield ok("The upload service runs, Turnkey's folder is there.", "上傳服務執行中，Turnkey 資料夾正常。")


def _outbox(found: Outbox) -> Iterator[Finding]:
    """How many wait; what is late or wrong about them is told under `deadlines`."""
    waiting, sent = (found.states.get(state, 0) for state in ("waiting", "sent"))
    en = f"{waiting} messages wait, {sent} are on their way"
    zh = f"待送 {waiting} 筆、已送待回覆 {sent} 筆"
    if found.overdue or set(found.states) - {"waiting", "sent"}:
        yield note(f"{en}; see deadlines.", f"{zh}；詳見 deadlines。")
    else:
        yield ok(f"{en}, none is late.", f"{zh}，無逾期。")
