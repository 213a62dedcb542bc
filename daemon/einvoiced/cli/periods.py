"""`stock plan`, `period close`, `period reopen`, `period reported`."""

from __future__ import annotations

import argparse
from typing import Any

from einvoiced import cli


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    stock = verbs.add_parser("stock", help="How long the numbers last.").add_subparsers(metavar="VERB", required=True)
    plan = cli.verb(stock, "plan", _plan, "How long the numbers last; what to type on the platform, and by when.")
    plan.add_argument("--print", action="store_true", help="on a slip too")
    period = verbs.add_parser("period", help="The turn of the period.")
    group = period.add_subparsers(metavar="VERB", required=True)
    for name, text in (
        ("close", "What is left of a past period is unused (空白字軌); the box does it by itself after a day."),
        ("reopen", "Undo a closing that was not reported yet."),
        ("reported", "The unused numbers were reported to the platform (E0402)."),
    ):
        verb = cli.verb(group, name, _period, text)
        verb.set_defaults(method=f"period.{name}")
        verb.add_argument("period", metavar="YYYMM", help="ROC year and even month")
        verb.add_argument("--by", required=True, metavar="NAME", help="who does it; kept in the journal")


def _plan(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "stock.plan", print=options.print), _plan_lines)


def _plan_lines(plan: Any) -> list[str]:
    lines = [
        f"{plan['period']}: {plan['used']} used, {plan['left']} left; next period: {plan['left_next']} held,"
        f" about {plan['needed_next']} needed",
        f"runs out: {plan['runs_out'] or 'not in this period (本期足夠)'}",
    ]
    lines += [
        f"apply: 期別 {w['period']}  類別 {w['category_zh']}  本數 {w['booklets']}  by {w['by']}"
        for w in plan["wanted"]
    ]
    for notice in plan["notices"]:
        lines += [f"{notice['name']}: {notice['en']}", notice["zh"]]
    return lines


def _period(options: argparse.Namespace) -> int:
    answer = cli.call(options, options.method, year_month=options.period, person=options.by)
    return cli.show(options, answer, _period_lines)


def _period_lines(period: Any) -> list[str]:
    lines = [
        f"{period['period']}: {period['state']}, {period['numbers']} unused numbers (空白字軌 {period['numbers']} 號)"
    ]
    lines += [f"  {run['track']} {run['first']:08d}-{run['last']:08d}" for run in period["unused"]]
    if period["unreleased"]:
        lines.append(f"  {period['unreleased']} ranges were never released: find out what was used elsewhere")
    return lines
