"""`doctor`, `selfcheck`, `bundle`: what a technician asks a box, live or dead."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import einvoiced
from einvoiced import cli
from einvoiced.cli.place import place

if TYPE_CHECKING:
    from einvoiced.doctor.findings import Finding
    from einvoiced.doctor.site import Site

MARKS = {"ok": "ok", "note": "note", "warning": "WARN", "problem": "BAD", "unknown": "?"}


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    doctor = place(cli.verb(verbs, "doctor", _doctor, "Check all that needs no hands; the cure beside each finding."))
    doctor.add_argument("--all", action="store_true", help="show what is well too")
    check = place(
        cli.verb(verbs, "selfcheck", _selfcheck, "The official self-check form (自行檢測表) with this box's evidence.")
    )
    check.add_argument("--maker", default="", help="the system's maker (廠牌) as the shop files it")
    check.add_argument("--model", default="", help="the system's model (型號)")
    check.add_argument("--html", type=Path, metavar="FILE", help="write a page to print and sign")
    check.add_argument("--print", dest="slip", action="store_true", help="print the results on a slip too")
    bundle = place(cli.verb(verbs, "bundle", _bundle, "A support bundle, without secrets and customers' data."))
    bundle.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a new .tar.gz (default: in this folder)")
    bundle.add_argument("--log", type=Path, action="append", default=[], help="a log file besides systemd's journal")


def site_of(options: argparse.Namespace) -> Site:
    """The box that the options name."""
    from einvoiced.doctor.site import Site

    return Site(options.config, options.state, options.run_directory)


def _doctor(options: argparse.Namespace) -> int:
    from einvoiced.doctor import examine

    findings = examine(site_of(options))
    bad = any(finding.level == "problem" for finding in findings)
    if options.json:
        told = {"version": einvoiced.__version__, "healthy": not bad, "findings": msgspec.to_builtins(findings)}
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print("\n".join(doctor_lines(findings, options.all)))
    return cli.REFUSED if bad else cli.DONE


def _selfcheck(options: argparse.Namespace) -> int:
    from einvoiced.doctor import form as page
    from einvoiced.doctor.selfcheck import make_form

    form = make_form(site_of(options), options.maker, options.model)
    if options.html is not None:
        options.html.write_text(page.html(form), encoding="utf-8")
    if options.slip:
        print_slip(options, page.slip_lines(form))
    cli.show(options, msgspec.to_builtins(form), lambda _form: page.text_lines(form))
    return cli.REFUSED if any(item.result == "failed" for item in form.items) else cli.DONE


def _bundle(options: argparse.Namespace) -> int:
    from einvoiced.doctor import bundle as bundles

    site = site_of(options)
    prefix = f"einvoiced-{site.config.box.id}-{site.box.clock.now():%Y%m%d-%H%M%S}"
    file = options.file or Path(f"{prefix}.tar.gz")
    try:
        bundle = bundles.gather(site, options.log, lambda name: print(f"  {name}", file=sys.stderr, flush=True))
    except bundles.SecretFound as error:
        print(error, file=sys.stderr)
        return cli.REFUSED
    bundles.write(bundle, file, prefix)
    answer = {"file": str(file), "members": sorted(bundle.members), "left_out": bundle.left_out}
    return cli.show(options, answer, _bundle_lines)


def _bundle_lines(answer: Any) -> list[str]:
    lines = [f"left out {name}: {why}" for name, why in answer["left_out"].items()]
    if lines and os.geteuid() != 0:
        lines.append("As root it holds more: sudo einvoicectl bundle 以 root 執行可收集更多資料")
    return [*lines, f"{answer['file']}: without secrets, buyers, carriers and items. 不含金鑰、買方、載具與品項。"]


def print_slip(options: argparse.Namespace, lines: list[dict[str, Any]]) -> None:
    """A slip by the running box. BoxError, BoxUnreachable."""
    from einvoiced.client import new_key

    cli.call(options, "slip.print", key=new_key(), lines=lines)


def doctor_lines(findings: Sequence[Finding], everything: bool) -> list[str]:
    """The findings for people, the worst last, so that they stand where the eye is."""
    order = ("ok", "note", "unknown", "warning", "problem")
    lines = []
    for finding in sorted(findings, key=lambda each: order.index(each.level)):
        if finding.level in ("ok", "note") and not everything:
            continue
        lines += [f"{MARKS[finding.level]:<5}{finding.check:<10}{finding.en}", f"{'':<15}{finding.zh}"]
        if finding.cure and finding.cure not in finding.en:
            lines.append(f"{'':<15}→ {finding.cure}")
            if finding.cure_zh not in (finding.cure, finding.zh):
                lines.append(f"{'':<15}→ {finding.cure_zh}")
    count = {level: sum(finding.level == level for finding in findings) for level in order}
    if lines:
        lines.append("")
    sums = f"{count['problem']} problems, {count['warning']} warnings, {count['unknown']} unknown, {count['ok']} well"
    zh = f"{count['problem']} 項異常、{count['warning']} 項提醒、{count['unknown']} 項無法得知、{count['ok']} 項正常"
    return [*lines, f"{sums}  {zh}"]
