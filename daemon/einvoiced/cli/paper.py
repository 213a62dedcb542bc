"""`proof …`, `drawer open`: what people do about paper."""

from __future__ import annotations

import argparse
from typing import Any

from einvoiced import cli
from einvoiced.errors import PAPER_ZH

VERDICTS = {"there": "there", "damaged": "damaged", "nothing": "nothing_usable"}


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    proof = verbs.add_parser("proof", help="Proofs on paper.").add_subparsers(metavar="VERB", required=True)
    cli.verb(proof, "list", _list, "Proofs that wait, or that somebody must do something about.")
    resolve = cli.verb(proof, "resolve", _resolve, "Say what is on paper of an unconfirmed proof.")
    resolve.add_argument("number_or_key")
    resolve.add_argument("verdict", choices=VERDICTS, help="there; damaged (a copy is printed); nothing (usable)")
    resolve.add_argument("--by", required=True, metavar="NAME", help="who looked")
    copy = cli.verb(proof, "copy", _copy, "Print a marked copy (補印).")
    copy.add_argument("number_or_key")
    copy.add_argument("--by", required=True, metavar="NAME", help="who wants it")
    for name, run, text in (
        ("print", _print, "Print an original that nobody has begun."),
        ("details", _details, "Print the details on a sheet of their own."),
    ):
        cli.verb(proof, name, run, text).add_argument("number_or_key")
    drawer = verbs.add_parser("drawer", help="The cash drawer.").add_subparsers(metavar="VERB", required=True)
    cli.verb(drawer, "open", _open, "Open the cash drawer now.")


def _named(options: argparse.Namespace) -> dict[str, str]:
    asked = options.number_or_key
    return {"key" if len(asked.replace("-", "")) > 10 else "invoice_number": asked}


def _list(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "proof.list"), _listed)


def _listed(proofs: Any) -> list[str]:
    return [
        f"{p['invoice_number']}  {p['time']}  {p['total_amount']:>8}  {p['paper']:<12}{PAPER_ZH.get(p['paper'], '')}"
        for p in proofs
    ] or ["Nothing waits. 沒有待處理的證明聯。"]


def _resolve(options: argparse.Namespace) -> int:
    verdict = VERDICTS[options.verdict]
    return _say(options, cli.call(options, "proof.resolve", **_named(options), verdict=verdict, by=options.by))


def _copy(options: argparse.Namespace) -> int:
    return _say(options, cli.call(options, "proof.copy", **_named(options), by=options.by))


def _print(options: argparse.Namespace) -> int:
    return _say(options, cli.call(options, "proof.print", **_named(options)))


def _details(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "proof.details", **_named(options)), lambda _done: ["It is printed."])


def _open(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "drawer.open"), lambda _done: ["It is open."])


def _say(options: argparse.Namespace, answer: Any) -> int:
    return cli.show(options, answer, _stands)


def _stands(state: Any) -> list[str]:
    paper, copies = state["paper"], state["copies"]
    lines = [f"{state['invoice_number']}  {paper} {PAPER_ZH.get(paper, '')}" + (f"  補印 {copies}" if copies else "")]
    if paper == "to_replace":
        lines.append("Cancel the invoice and issue it anew. 請將此發票作廢並重新開立。")
    return lines
