"""`doctor`, `selfcheck`, `bundle`: what a technician asks a box, live or dead."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

import einvoiced
from einvoiced import cli
from einvoiced.cli.journal import place

if TYPE_CHECKING:
    from einvoiced.doctor.findings import Finding
    from einvoiced.doctor.site import Site

MARKS = {"ok": "ok", "note": "note", "warning": "WARN", "problem": "BAD", "unknown": "?"}


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    doctor = place(cli.verb(verbs, "doctor", _doctor, "Check all that needs no hands; the cure beside each finding."))
    doctor.add_argument("--all", action="store_true", help="show what is well too")


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
