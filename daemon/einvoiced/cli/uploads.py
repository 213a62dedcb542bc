"""`upload …`, `unused …`: what the platform has not accepted, and what people decide about it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from einvoiced import cli

STATES = {
    "waiting": "待上傳",
    "sent": "已送出，等待回覆",
    "handed_over": "已交隨身碟，等待回覆",
    "refused": "平台退回",
    "unknown": "無法確認，請查平台",
    "overdue": "逾期",
}
WAITS = {"proof": "等證明聯印出", "earlier": "等前一筆被接受"}
PAGE = 100


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    upload = verbs.add_parser("upload", help="Messages for the platform.").add_subparsers(metavar="VERB", required=True)
    listing = cli.verb(upload, "list", _list, "What the platform has not accepted, and what to do.")
    listing.add_argument("--state", choices=STATES, help="only these")
    for name, run, text in (
        ("again", _again, "Send messages again."),
        ("settle", _settle, "Say that the platform has messages, or does not want them."),
    ):
        parser = cli.verb(upload, name, run, text)
        parser.add_argument("number", nargs="*", help="an invoice's or allowance's number, or period and track")
        parser.add_argument("--message", metavar="F0401", help="only this kind of message")
        parser.add_argument("--all", choices=("sent", "handed_over", "refused", "unknown"), help="all of a state")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why")
        parser.add_argument("--by", required=True, metavar="NAME", help="who says so")
    _add_unused(verbs)


def _add_unused(verbs: Any) -> None:
    unused = verbs.add_parser("unused", help="Unused numbers.").add_subparsers(metavar="VERB", required=True)
    cli.verb(unused, "list", _unused, "Closed periods whose unused numbers are not reported (空白字軌).")
    export = cli.verb(unused, "export", _export, "This box's unused numbers, for the box that reports.")
    export.add_argument("period", metavar="YYYMM", help="ROC year and even month")
    export.add_argument("--output", type=Path, metavar="FILE", help="a file or folder; default: the screen")
    take = cli.verb(unused, "take", _take, "Take another box's unused numbers in, to report them together.")
    take.add_argument("file", type=Path)


def _unused(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "unused.list"), _unused_lines)


def _unused_lines(periods: Any) -> list[str]:
    lines = []
    for p in periods:
        lines.append(
            f"{p['period']}  {p['state']}  {p['numbers']} numbers 號  reported by {p['reporter']}, by {p['send_by']}"
        )
        lines += [f"  the leftovers of {share} are missing 尚缺份額 {share}" for share in p["boxes_missing"]]
        if p["in_doubt"] or p["unreleased"]:
            lines.append("  some numbers are in doubt or unreleased 有號碼未釐清")
    return lines or ["Nothing waits to be reported. 沒有待申報的空白字軌。"]


def _export(options: argparse.Namespace) -> int:
    answer = cli.call(options, "unused.export", year_month=options.period)
    if options.output is None:
        return cli.show(options, answer, lambda a: [a["content"]])
    target = options.output / answer["file_name"] if options.output.is_dir() else options.output
    target.write_text(answer["content"], encoding="utf-8")
    return cli.show(options, answer, lambda a: [f"{target}: {a['numbers']} numbers 號"])


def _take(options: argparse.Namespace) -> int:
    content = options.file.read_text(encoding="utf-8", errors="replace")
    return cli.show(options, [cli.call(options, "unused.take", content=content, source="einvoicectl")], _unused_lines)


def _list(options: argparse.Namespace) -> int:
    return cli.show(options, _all(options, options.state), _listed)


def _all(options: argparse.Namespace, state: str | None) -> list[Any]:
    """Every page of `upload.list`."""
    found: list[Any] = []
    cursor = None
    while True:
        page = cli.call(options, "upload.list", state=state, after=cursor, limit=PAGE)
        found += page["uploads"]
        cursor = page["cursor"]
        if cursor is None:
            return found


def _listed(uploads: Any) -> list[str]:
    lines = [line for each in uploads for line in lines_of(each)]
    return lines or ["The platform has everything. 沒有待上傳資料。"]


def lines_of(upload: Any) -> list[str]:
    """A message, and what to do where the platform refused it."""
    u = upload
    state = STATES[u["state"]] + (f"（{WAITS[u['waits_for']]}）" if u.get("waits_for") else "")
    late = "  OVERDUE 逾期" if u["overdue"] else ""
    lines = [f"{u['message']}  {u['reference']:<16}  {u['state']:<11} {state}  {u['due']}{late}"]
    if u.get("code"):
        lines += [f"    {u['code']} {u['sentence']} {u['to_do']}", f"    {u['sentence_zh']}{u['to_do_zh']}"]
    return lines


def _again(options: argparse.Namespace) -> int:
    return _decide(options, "upload.again")


def _settle(options: argparse.Namespace) -> int:
    return _decide(options, "upload.settle")


def _decide(options: argparse.Namespace, method: str) -> int:
    """Tell the box about the named messages, in pages; all of a state when none is named."""
    wanted = {number.replace("-", "") for number in options.number}
    if bool(wanted) == bool(options.all):
        raise OSError("give numbers, or --all and a state 請指定號碼或 --all")
    chosen = [
        {name: each[name] for name in ("entry", "message", "part")}
        for each in _all(options, options.all)
        if (each["reference"] in wanted or not wanted) and options.message in (None, each["message"])
    ]
    if not chosen:
        raise OSError(f"nothing to decide: {', '.join(sorted(wanted)) or options.all} 查無待處理資料")
    entries = []
    for begin in range(0, len(chosen), PAGE):
        part = chosen[begin : begin + PAGE]
        entries.append(cli.call(options, method, uploads=part, reason=options.reason, by=options.by)["entry"])
    return cli.show(options, {"uploads": len(chosen), "entries": entries}, lambda a: [f"{a['uploads']} done 已登記"])
