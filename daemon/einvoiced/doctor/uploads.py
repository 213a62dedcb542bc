"""Uploads: does the way to the platform stand, what waits, what is late?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from einvoiced.actions.list_uploads import list_uploads
from einvoiced.doctor.findings import Finding, note, ok, problem, unseen, warning
from einvoiced.doctor.reach import answers
from einvoiced.doctor.site import Site, show_unit
from einvoiced.errors import ConfigError, EinvoicedError
from einvoiced.journal.transaction import Transaction

FOLLOWER = "systemctl restart einvoiced-turnkey; journalctl -u einvoiced-turnkey -n 20"
LIST = "einvoicectl upload list"


class Outbox(Struct, frozen=True):
    """The messages that the platform has not accepted, by state, and how many are late (as far as one page shows)."""

    states: dict[str, int]
    overdue: int


def outbox(tx: Transaction) -> Outbox:
    """Count them; the table holds only what is not accepted."""
    states = dict(tx.all("SELECT state, count(*) FROM outbox GROUP BY state"))
    return Outbox(states, len(list_uploads("overdue", None)(tx).uploads) if states else 0)


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
        found = site.read(outbox)
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
    if found.overdue:
        en = f"{found.overdue} messages are past the platform's deadline; fines begin at NT$1,500."
        yield problem(
            en,
            f"有 {found.overdue} 筆訊息逾期未上傳，可能受罰。",
            f"{LIST} --state overdue; {FOLLOWER}",
            f"{LIST} --state overdue",
        )
    for state, en, zh in (
        ("refused", "were refused by the platform", "遭平台退回"),
        ("unknown", "may or may not be with the platform", "不確定平台是否收到"),
    ):
        count = found.states.get(state, 0)
        if count:
            how = f"{LIST} --state {state}"
            yield warning(f"{count} messages {en}.", f"有 {count} 筆訊息{zh}。", how, how)
    if not found.overdue and set(found.states) <= {"waiting", "sent"}:
        waiting, sent = (found.states.get(state, 0) for state in ("waiting", "sent"))
        yield ok(
            f"{waiting} messages wait, {sent} are on their way, none is late.",
            f"待送 {waiting} 筆、已送待回覆 {sent} 筆，無逾期。",
        )
