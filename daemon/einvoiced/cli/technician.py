"""What only a technician says, as thin clients: `retire`, `clock correct`, `tracks release`, `invoice adopt`."""

from __future__ import annotations

import argparse
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from einvoiced import cli


def add_verbs(verbs: Any) -> None:
    """Add `retire` and `clock correct`."""
    _by(cli.verb(verbs, "retire", _retire, "End this box: close its ranges and list what is left of them."))
    clock = verbs.add_parser("clock", help="The clock.").add_subparsers(metavar="VERB", required=True)
    _by(cli.verb(clock, "correct", _correct, "The clock had run ahead: hold the tracks in use and go on from now."))


def add_tracks_verbs(group: Any) -> None:
    """Add `tracks release`."""
    release = cli.verb(group, "release", _release, "Say which numbers of a running period's range were used elsewhere.")
    release.add_argument("track", help="two letters")
    release.add_argument("begin", help="the range's first number")
    release.add_argument("--last-used", required=True, metavar="NUMBER|none", help="the last number used elsewhere")
    release.add_argument("--period", metavar="YYYMM", help="ROC year and even month (default: the only one that waits)")
    _by(release)


def add_invoice_verbs(group: Any) -> None:
    """Add `invoice adopt`."""
    adopt = cli.verb(group, "adopt", _adopt, "Take back an invoice whose answer a till still holds.")
    adopt.add_argument("file", type=Path, help='JSON: {"key": …, "result": …} or the answer\'s line with its key')
    adopt.add_argument("--key", help="the till's key, where the file holds only the answer")
    _by(adopt)


def _by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--technician", required=True, metavar="NAME", help="who decides; kept in the journal")


def _retire(options: argparse.Namespace) -> int:
    answer = cli.call(options, "box.retire", technician=options.technician)
    return cli.show(options, answer, _retired_lines)


def _retired_lines(retired: Any) -> list[str]:
    lines = [f"Retired. {retired['numbers']} numbers are left 剩餘號碼:"]
    return lines + [
        f"  {run['year_month']} {run['track']} {run['first']:08d}-{run['last']:08d}" for run in retired["leftovers"]
    ]


def _correct(options: argparse.Namespace) -> int:
    answer = cli.call(options, "clock.correct", technician=options.technician)
    lines = ["The tracks in use are held; time goes on from now. 使用中的字軌已停用，時間由現在起算。"]
    return cli.show(options, answer, lambda _: lines)


def _release(options: argparse.Namespace) -> int:
    period = options.period
    if period is None:
        waiting = [
            r["year_month"]
            for r in cli.call(options, "tracks.list")
            if (r["track"], r["begin"], r["state"]) == (options.track, options.begin, "unreleased")
        ]
        if len(waiting) != 1:
            print(f"{len(waiting)} ranges {options.track} {options.begin} wait; give --period", file=sys.stderr)
            return cli.WRONG_USE
        period = waiting[0]
    place = {"year_month": period, "track": options.track, "begin": options.begin}
    answer = cli.call(options, "tracks.release", **place, last_used=options.last_used, technician=options.technician)
    return cli.show(options, answer, _released_lines)


def _released_lines(answer: Any) -> list[str]:
    first = answer["next"] if isinstance(answer, dict) else answer
    return [f"Released; the first number is {int(first):08d}. 已啟用，自 {int(first):08d} 號開始。"]


def _adopt(options: argparse.Namespace) -> int:
    try:
        given = json.loads(options.file.read_text(encoding="utf-8"), parse_float=Decimal)
        result = given.get("result", given)
        key = options.key or given.get("key")
    except (OSError, ValueError, AttributeError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return cli.WRONG_USE
    if key is None:
        print("give the till's key with --key or in the file", file=sys.stderr)
        return cli.WRONG_USE
    answer = cli.call(options, "invoice.adopt", key=key, result=result, technician=options.technician)
    return cli.show(options, answer, lambda _: ["Adopted. 已收回。"])
