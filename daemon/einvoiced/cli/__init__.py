"""einvoicectl: the box by hand, a client of its sockets. `--json` gives what the socket answered.

Exit codes: 0 done, 1 refused by the box or something found, 2 wrong use, 3 the box cannot be reached.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import einvoiced
from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.errors import EinvoicedError

DONE, REFUSED, WRONG_USE, UNREACHABLE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point `einvoicectl`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese gets the rest
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except BoxError as error:
        _print_refusal(options, error)
        return REFUSED
    except BoxUnreachable as error:
        print(
            f"The box cannot be reached ({error}). Is einvoiced running, and are you in the group einvoice-admin?",
            "無法連線到本機服務，請確認 einvoiced 已啟動，且帳號屬於 einvoice-admin 群組。",
            sep="\n",
            file=sys.stderr,
        )
        return UNREACHABLE
    except EinvoicedError as error:
        _print_error(options, error)
        return REFUSED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at exit would fail again
        return DONE
    except OSError as error:
        print(error, file=sys.stderr)
        return WRONG_USE


def call(options: argparse.Namespace, method: str, **params: Any) -> Any:
    """One request over the admin socket."""
    with Client(str(options.run_directory / "admin.sock"), timeout=60) as box:
        return box.call(method, **params)


def show(options: argparse.Namespace, answer: Any, lines: Callable[[Any], Sequence[str]]) -> int:
    """Print an answer, as JSON or for people."""
    if options.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2, default=str))
    else:
        print("\n".join(lines(answer)))
    return DONE


def _print_refusal(options: argparse.Namespace, error: BoxError) -> None:
    if options.json:
        print(json.dumps(error.error, ensure_ascii=False, indent=2))
        return
    where = f" [{error.path}]" if error.path else ""
    print(f"{error.name} ({error.code}){where}: {error}", error.zh, sep="\n", file=sys.stderr)
    for other in (error.error.get("data") or {}).get("also", []):
        print(f"  also {other['data']['name']}: {other['message']}", file=sys.stderr)


def _print_error(options: argparse.Namespace, error: EinvoicedError) -> None:
    """What an offline verb refuses."""
    if options.json:
        data = {"name": error.name, "zh": error.message_zh, "path": error.path, "facts": error.facts}
        told = {"code": error.code, "message": error.message, "data": data}
        print(json.dumps(told, ensure_ascii=False, indent=2, default=str))
        return
    where = f" [{error.path}]" if error.path else ""
    print(f"{error.name} ({error.code}){where}: {error.message}", error.message_zh, sep="\n", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    from einvoiced.cli import (
        allowances,
        box,
        config,
        invoices,
        journal,
        paper,
        periods,
        repair,
        reports,
        setup,
        support,
        technician,
        tracks,
        uploads,
    )

    parser = argparse.ArgumentParser(prog="einvoicectl", description="Work the box by hand.")
    parser.add_argument("--version", action="version", version=f"einvoicectl {einvoiced.__version__}")
    parser.set_defaults(json=False, run_directory=Path("/run/einvoice"))
    _add_common(parser)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for part in (
        box,
        config,
        tracks,
        periods,
        invoices,
        allowances,
        paper,
        uploads,
        journal,
        repair,
        setup,
        technician,
        support,
        reports,
    ):
        part.add_verbs(verbs)
    return parser


def verb(group: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    """Add a verb with its sentence."""
    parser: argparse.ArgumentParser = group.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    _add_common(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    """What may stand before the verb or behind it; where it is not given nothing is set."""
    absent = argparse.SUPPRESS
    parser.add_argument("--json", action="store_true", default=absent, help="print what the socket answered")
    parser.add_argument("--run", dest="run_directory", type=Path, default=absent, help="where the sockets are")
