"""`tracks …`: files, ranges, what people do with them, and who did what."""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path
from typing import Any

from einvoiced import cli
from einvoiced.cli import technician


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    tracks = verbs.add_parser("tracks", help="Track files and number ranges (字軌).")
    group = tracks.add_subparsers(metavar="VERB", required=True)
    importing = cli.verb(group, "import", _import, "Take the ranges of a track file from the platform.")
    importing.add_argument("file", type=Path)
    technician.add_tracks_verbs(group)
    cli.verb(group, "list", _list, "The ranges and how far they are used.")
    typing = cli.verb(group, "type", _type, "Type a range; two persons must type the same, each by themselves.")
    for name, text in (("period", "期別, such as 11511"), ("track", "字軌"), ("begin", "起號"), ("end", "迄號")):
        typing.add_argument(name, help=text)
    typing.add_argument("--confirms", type=int, metavar="N", help="the number of the first person's typing")
    typing.add_argument("--preview", action="store_true", help="show what would be taken; take nothing")
    _by(typing)
    reserve = cli.verb(group, "reserve", _reserve, "Set whole booklets aside that another system uses.")
    _range_arguments(reserve, "end")
    _reason(reserve)
    hold = cli.verb(group, "hold", _hold, "Take a range, named by its first number, out of use.")
    _range_arguments(hold)
    _reason(hold)
    _range_arguments(cli.verb(group, "unhold", _unhold, "Bring a held range back."))
    share = cli.verb(group, "share", _share, "Split a period of which nothing was taken by the configured share.")
    share.add_argument("period", metavar="YYYMM")
    _by(share)
    export = cli.verb(group, "export", _export, "Give away what was taken of a period (字軌上傳).")
    export.add_argument("period", metavar="YYYMM")
    export.add_argument("--form", choices=("csv", "json"), default="csv", help="of the list (default: csv)")
    export.add_argument("--output", type=Path, metavar="FILE|DIR", help="where to write it (default: standard output)")
    _by(export)
    history = cli.verb(
        group, "history", _history, "Who brought, typed, stopped and closed what, and when (查詢歷程記錄)."
    )
    history.add_argument("--before", type=int, metavar="N", help="events before this entry (default: the newest)")
    history.add_argument("--limit", type=int, default=20, help="how many (default: 20, at most 200)")


def _range_arguments(parser: argparse.ArgumentParser, *more: str) -> None:
    parser.add_argument("period", metavar="YYYMM", help="ROC year and even month")
    parser.add_argument("track", help="two letters")
    for name in ("begin", *more):
        parser.add_argument(name, help="8 digits")
    _by(parser)


def _by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", required=True, metavar="NAME", help="who does it; kept in the journal")


def _reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal")


def _import(options: argparse.Namespace) -> int:
    try:
        data = options.file.read_bytes()
    except OSError as error:
        print(f"{options.file}: {error.strerror}", file=sys.stderr)
        return cli.WRONG_USE
    content = base64.b64encode(data).decode()
    return cli.show(
        options, cli.call(options, "tracks.import", file_name=options.file.name, content=content), _verdict_lines
    )


def _verdict_lines(verdict: Any) -> list[str]:
    lines = [_range_line("taken", r) for r in verdict["taken"]]
    if verdict["ranges"] > len(verdict["taken"]):
        lines.append(f"… {verdict['ranges']} ranges in all, {verdict['numbers']} numbers (共 {verdict['booklets']} 本)")
    lines += [_range_line("already known", r) for r in verdict["already_known"]]
    lines += [_range_line("a branch's", r) for r in verdict["branches"]]
    if verdict["share"] != "1/1":
        ours = verdict["ours"]
        lines.append(f"share {verdict['share']}: {ours} of the numbers taken are this box's (本機可用 {ours} 號)")
    return [*lines, f"{verdict['stock']} numbers in stock (目前可用號碼 {verdict['stock']} 號)"]


def _range_line(word: str, r: Any) -> str:
    return f"{word:<14} {r['period']}  {r['track']} {r['begin']}-{r['end']}  {r['booklets']} 本, {r['numbers']} 號"


def _list(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "tracks.list"), _list_lines)


def _list_lines(ranges: Any) -> list[str]:
    head = f"{'period':<14}{'track':<7}{'begin':<10}{'end':<10}{'next':<10}{'left':>8}  share   state"
    return [
        head,
        *(
            f"{r['period']:<12}{r['track']:<7}{r['begin']:<10}{r['end']:<10}{r['next'] or '-':<10}{r['left']:>8}"
            f"  {r['share']:<7} {r['state']}"
            for r in ranges
        ),
    ]


def _type(options: argparse.Namespace) -> int:
    typed = {"period": options.period, "track": options.track, "begin": options.begin, "end": options.end}
    answer = cli.call(
        options, "tracks.type", person=options.by, **typed, confirms=options.confirms, preview=options.preview
    )
    return cli.show(options, answer, _typed_lines)


def _typed_lines(typed: Any) -> list[str]:
    lines = [_range_line("typed", typed["range"])]
    if typed["state"] == "preview":
        lines.append("Nothing was taken yet: this is what would be. 僅預覽，尚未匯入。")
    if typed["state"] == "first":
        number = typed["typing"]
        lines.append(
            f"Now another person types the same with --confirms {number}. 請另一人加上 --confirms {number} 再輸入一次。"
        )
    return lines + (_verdict_lines(typed["verdict"]) if typed["verdict"] is not None else [])


def _place(options: argparse.Namespace) -> dict[str, Any]:
    return {"year_month": options.period, "track": options.track, "begin": options.begin, "person": options.by}


def _reserve(options: argparse.Namespace) -> int:
    answer = cli.call(options, "tracks.reserve", **_place(options), end=options.end, reason=options.reason)
    return cli.show(options, answer, lambda r: [f"Reserved {r['booklets']} booklets. 已保留 {r['booklets']} 本。"])


def _hold(options: argparse.Namespace) -> int:
    answer = cli.call(options, "tracks.hold", **_place(options), reason=options.reason)
    return cli.show(options, answer, lambda _: ["Held. 已停用。"])


def _unhold(options: argparse.Namespace) -> int:
    answer = cli.call(options, "tracks.unhold", **_place(options))
    return cli.show(options, answer, lambda _: ["In use again. 已恢復使用。"])


def _share(options: argparse.Namespace) -> int:
    answer = cli.call(options, "tracks.share", year_month=options.period, person=options.by)
    return cli.show(options, answer, lambda s: [f"{s['year_month']}: {s['was']} → {s['share']}"])


def _export(options: argparse.Namespace) -> int:
    answer = cli.call(options, "tracks.export", year_month=options.period, form=options.form, person=options.by)
    if options.json or options.output is None:
        return cli.show(options, answer, lambda e: [e["content"].rstrip()])
    file = options.output / answer["file_name"] if options.output.is_dir() else options.output
    encoding = "utf-8-sig" if options.form == "csv" else "utf-8"
    file.write_text(answer["content"], encoding=encoding, newline="")
    print(f"{file}: {answer['ranges']} ranges (共 {answer['ranges']} 段)")
    return cli.DONE


def _history(options: argparse.Namespace) -> int:
    asked = {"limit": options.limit} | ({} if options.before is None else {"before": options.before})
    return cli.show(options, cli.call(options, "tracks.history", **asked), _history_lines)


def _history_lines(history: Any) -> list[str]:
    lines = []
    for event in history["events"]:
        who = " + ".join(event["who"]) or (event["source"] or "-")
        lines.append(
            f"{event['sequence']:>8}  {event['time'][:19]}  {event['what']:<16} {who}  {event['detail']}".rstrip()
        )
        lines += [f"{'':<10}{track}" for track in event["tracks"]]
        if event["more"]:
            lines.append(f"{'':<10}… and {event['more']} more")
    if history["before"] is not None:
        lines.append(f"older ones: --before {history['before']}")
    return lines or ["Nothing yet. 尚無紀錄。"]
