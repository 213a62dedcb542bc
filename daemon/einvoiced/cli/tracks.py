"""`tracks import`, `tracks list`."""

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
    lines += [_range_line("already known", r) for r in verdict["already_known"]]
    return [*lines, f"{verdict['stock']} numbers in stock (目前可用號碼 {verdict['stock']} 號)"]


def _range_line(word: str, r: Any) -> str:
    return f"{word:<14} {r['period']}  {r['track']} {r['begin']}-{r['end']}  {r['booklets']} 本, {r['numbers']} 號"


def _list(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "tracks.list"), _list_lines)


def _list_lines(ranges: Any) -> list[str]:
    head = f"{'period':<14}{'track':<7}{'begin':<10}{'end':<10}{'next':<10}{'left':>8}  state"
    return [
        head,
        *(
            f"{r['period']:<12}{r['track']:<7}{r['begin']:<10}{r['end']:<10}{r['next'] or '-':<10}{r['left']:>8}"
            f"  {r['state']}"
            for r in ranges
        ),
    ]
