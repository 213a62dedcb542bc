"""Numbers and days: does the stock last, and what is due by when?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

from einvoiced.actions.due import Due, look
from einvoiced.actions.plan_stock import plan_stock
from einvoiced.doctor.findings import Finding, note, ok, problem, unseen, warning
from einvoiced.doctor.site import Site
from einvoiced.errors import ConfigError, EinvoicedError

PLAN = "einvoicectl stock plan"
SOON = timedelta(days=3)
CURES = {
    "uploads_overdue": "einvoicectl upload list --state overdue; systemctl restart einvoiced-turnkey",
    "uploads_refused": "einvoicectl upload list --state refused",
    "uploads_unknown": "einvoicectl upload list --state unknown",
    "unused_due": "einvoicectl unused list",
    "unused_overdue": "einvoicectl unused list",
}
"""The verb for a duty by its name (`actions.due`)."""


def check_stock(site: Site) -> Iterator[Finding]:
    """How long the numbers last."""
    if isinstance(site.loaded, ConfigError):
        return
    plan = _plan(site)
    if isinstance(plan, Finding):
        yield plan
        return
    left, following = plan["left"], plan["left_next"]
    en = f"{plan['period']}: {left} numbers left, {following} of the next period."
    zh = f"{plan['period']}剩餘 {left} 號，下期已有 {following} 號。"
    if not left:
        how = ("download the track file on the platform and plug in the stick", "到平台下載字軌檔，插入隨身碟")
        yield problem(en, zh, *how)
    elif plan["runs_out"]:
        yield warning(f"{en} They run out about {plan['runs_out']}.", f"{zh}約 {plan['runs_out']} 用完。", PLAN, PLAN)
    else:
        yield ok(f"{en} They last.", zh)


def check_deadlines(site: Site) -> Iterator[Finding]:
    """What must be done, by when."""
    if isinstance(site.loaded, ConfigError):
        return
    plan, nothing = _plan(site), True
    for notice in plan["notices"] if not isinstance(plan, Finding) else []:
        nothing = False
        yield warning(f"{notice['en']} (by {notice['by']})", f"{notice['zh']}（{notice['by']} 前）", PLAN, PLAN)
    try:
        dues = site.read(look(site.box))
    except PermissionError:
        yield unseen("What is due", "待辦期限")
        return
    except (OSError, EinvoicedError):
        return
    for due in dues:
        nothing = False
        yield _told(due, site.box.clock.now().date())
    if nothing:
        yield ok("Nothing is due.", "目前沒有待辦期限。")


def _told(due: Due, today: date) -> Finding:
    """A duty: late is a problem, soon or for a person a warning, else worth knowing."""
    cure = CURES.get(due.name, due.en)
    if due.overdue:
        return problem(due.en, due.zh, cure, cure if due.name in CURES else due.zh)
    if not due.by or (due.name in CURES and due.by <= f"{today + SOON}"):
        return warning(due.en, due.zh, cure, cure if due.name in CURES else due.zh)
    return note(due.en, due.zh)


def _plan(site: Site) -> dict[str, Any] | Finding:
    """`stock.plan`, of the daemon or of the journal of a dead one."""
    if isinstance(site.status, dict) and isinstance(answer := site.ask("stock.plan"), dict):
        return answer
    try:
        found: dict[str, Any] = msgspec.to_builtins(site.read(plan_stock(site.box)))
        return found
    except PermissionError:
        return unseen("The stock of numbers", "號碼存量")
    except (OSError, EinvoicedError) as error:
        return Finding("unknown", f"The stock of numbers is not known: {error}", "無法得知號碼存量。")
