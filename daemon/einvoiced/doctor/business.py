"""Numbers and days: does the stock last, and what is due by when?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec

from einvoiced.actions.due import unreported
from einvoiced.actions.plan_stock import plan_stock
from einvoiced.doctor.findings import Finding, ok, problem, unseen, warning
from einvoiced.doctor.site import Site
from einvoiced.errors import ConfigError, EinvoicedError
from einvoiced.journal.transaction import Transaction
from einvoiced.rules import deadlines
from einvoiced.rules.period import Period

PLAN = "einvoicectl stock plan"


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
        unreported = site.read(lambda tx: _unreported(site, tx))
    except PermissionError:
        yield unseen("Whether unused numbers were reported", "空白發票號碼是否已申報")
        return
    except (OSError, EinvoicedError):
        return
    today = site.box.clock.now().date()
    for period, state in unreported:
        nothing = False
        yield _report(period, state, today)
    if nothing:
        yield ok("Nothing is due.", "目前沒有待辦期限。")


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


def _unreported(site: Site, tx: Transaction) -> list[tuple[Period, str]]:
    """Past periods with ranges whose unused numbers nobody has reported, and how they stand."""
    if site.box.shop is None:
        return []
    return unreported(tx, site.box.shop.seller.identifier)


def _report(period: Period, state: str, today: date) -> Finding:
    by, last = deadlines.unused_send_by(period), deadlines.unused_due(period)
    name = period.year_month
    how = f"einvoicectl period close {name}; report them on the platform; einvoicectl period reported {name}"
    en, zh = "are not reported", "尚未申報"
    if state == "queued":
        how = "einvoicectl unused list; einvoicectl upload list"
        en, zh = "wait for the platform's answer", "已送出，等待平台回覆"
    en = f"The unused numbers of {period.label} {en}; do it by {by}, at the latest {last}."
    zh = f"{period.label}空白發票號碼{zh}；請於 {by} 前完成，最晚 {last}。"
    return (problem if today > last else warning)(en, zh, how, how)
