"""`status`, `info`."""

from __future__ import annotations

import argparse
from typing import Any

from einvoiced import cli


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    status = cli.verb(verbs, "status", _status, "Can it issue, can it print, numbers left, what is wrong.")
    status.add_argument("--print", dest="slip", action="store_true", help="put it on a slip too")
    cli.verb(verbs, "info", _info, "Version, methods and errors of the box.")


def _status(options: argparse.Namespace) -> int:
    wanted = {"print": True} if options.slip else {}
    return cli.show(options, cli.call(options, "box.status", **wanted), _status_lines)


def _status_lines(status: Any) -> list[str]:
    counts = status["counts"] or {}
    lines = [
        status["sentence_zh"],
        status["sentence"],
        "",
        f"box             {status['box'] or '-'}",
        f"time            {status['time']}  ({'trusted' if status['clock_trusted'] else 'NOT trusted'})",
        f"period          {status['period']}",
        f"can issue       {'yes' if status['can_issue'] else 'NO'}",
        f"can print       {'yes' if status['can_print'] else 'NO'}  (printer: {status['printer']})",
        f"numbers left    {counts.get('numbers_left_this_period', '-')} this period,"
        f" {counts.get('numbers_left_next_period', '-')} next",
        f"last number     {counts.get('last_number') or '-'}",
        f"paper           {counts.get('proofs_waiting', '-')} waiting,"
        f" {counts.get('proofs_unconfirmed', '-')} unconfirmed",
    ]
    lines += [f"due {due['by'] or 'now':<11} {due['en']} {due['zh']}" for due in status["due"]]
    for kind in ("locks", "warnings"):
        lines += [f"{kind[:-1]:<15} {reason['name']}: {reason['en']} {reason['zh']}" for reason in status[kind]]
    return lines


def _info(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "box.info"), _info_lines)


def _info_lines(info: Any) -> list[str]:
    methods = [f"  {name:<16} {method['doc']}" for name, method in info["methods"].items()]
    return [f"{info['name']} {info['version']}, protocol {info['protocol']}, box {info['box'] or '-'}", *methods]
