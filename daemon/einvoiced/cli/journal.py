"""`journal verify|export|archive|backup|scrub` on a live or stopped box, and the offline verbs of `repair`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einvoiced import cli
from einvoiced.cli import repair
from einvoiced.cli.place import configured_mirror, journal_file, place
from einvoiced.cli.progress import bar

if TYPE_CHECKING:
    from einvoiced.journal.findings import Report


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    text = "The journal: verify, export, back up, restore, reconcile."
    group = verbs.add_parser("journal", help=text).add_subparsers(metavar="VERB", required=True)
    verify = place(cli.verb(group, "verify", _verify, "Check chain, numbers and tables of the journal, or of files."))
    verify.add_argument("files", nargs="*", type=Path, metavar="FILE", help="mirror directories, exports, backups")
    verify.add_argument("--macs", action="store_true", help="check the MAC of every answer too")
    verify.add_argument("--scratch", type=Path, help="where the copies are made (default: beside the journal)")
    export = place(cli.verb(group, "export", _export, "Write entries as JSON lines."))
    export.add_argument("file", nargs="?", type=Path, help="default: standard output")
    export.add_argument("--from", dest="first", type=int, default=1, metavar="SEQUENCE")
    export.add_argument("--to", dest="last", type=int, metavar="SEQUENCE")
    export.add_argument("--since", metavar="TIME", help="from the first entry at or after it: 2026-11-22T18:00+08:00")
    export.add_argument("--period", metavar="YYYMM", help="ROC year and even month")
    archive = place(cli.verb(group, "archive", _archive, "Seal a past period and write its entries to a file."))
    archive.add_argument("period", metavar="YYYMM", help="ROC year and even month")
    archive.add_argument("file", type=Path)
    backup = place(cli.verb(group, "backup", _backup, "Copy the journal while the box runs, and verify the copy."))
    backup.add_argument("file", type=Path)
    scrub = place(cli.verb(group, "scrub", _scrub, "Read every page of journal and mirror from their disks, slowly."))
    scrub.add_argument("--rate", type=float, default=20.0, metavar="MIB", help="most MiB a second (default: 20)")
    repair.add_journal_verbs(group)


def show_reports(options: argparse.Namespace, reports: list[Report]) -> int:
    """Print reports; refused when one of them has findings."""
    import msgspec

    cli.show(options, msgspec.to_builtins(reports), lambda _: [line for each in reports for line in _lines(each)])
    return cli.DONE if all(each.good for each in reports) else cli.REFUSED


def _lines(report: Report) -> list[str]:
    what = f"{report.what}: {report.entries} entries ({report.first} to {report.last}), {report.invoices} invoices"
    if report.good:
        return [f"{what}: good 驗證無誤", f"  journal {report.journal or '-'}, last hash {report.hash or '-'}"]
    lines = [f"{what}: {len(report.findings) + report.more} FINDINGS 發現問題"]
    for finding in report.findings:
        where = " ".join(f"{name} {value}" for name, value in (("entry", finding.entry),) if value is not None)
        lines += [f"  {finding.check} {where or finding.place or ''}: {finding.detail}", f"    cure: {finding.cure}"]
    return lines + ([f"  and {report.more} more"] if report.more else [])


def _verify(options: argparse.Namespace) -> int:
    from einvoiced.journal import verify

    progress = bar()
    try:
        if options.files:
            scratch = options.scratch or Path("/var/tmp")
            reports = [verify.verify_path(p, scratch, macs=options.macs, progress=progress) for p in options.files]
        else:
            scratch = options.scratch or options.state
            reports = [verify.verify_journal(journal_file(options), scratch, macs=options.macs, progress=progress)]
    finally:
        progress.end()
    return show_reports(options, reports)


def _export(options: argparse.Namespace) -> int:
    from datetime import datetime

    import msgspec

    from einvoiced.journal import export
    from einvoiced.rules.period import Period

    try:
        period = Period.from_year_month(options.period) if options.period else None
        since = datetime.fromisoformat(options.since) if options.since else None
    except ValueError as error:
        print(error, file=sys.stderr)
        return cli.WRONG_USE
    chosen: dict[str, Any] = {"first": options.first, "last": options.last, "period": period, "since": since}
    if options.file is None:
        export.export(journal_file(options), sys.stdout.buffer, **chosen)
        return cli.DONE
    progress = bar()
    with export.whole_file(options.file) as file:
        done = export.export(journal_file(options), file, progress=progress, **chosen)
    progress.end()
    return cli.show(options, msgspec.to_builtins(done), lambda _: [_written(options.file, done)])


def _written(file: Path, done: Any) -> str:
    return f"{file}: {done.entries} entries ({done.first} to {done.last}), last hash {done.hash}"


def _archive(options: argparse.Namespace) -> int:
    from einvoiced.journal import export, verify

    sealed = cli.call(options, "journal.seal", year_month=options.period)
    progress = bar()
    with export.whole_file(options.file) as file:
        done = export.export(journal_file(options), file, first=sealed["first"], last=sealed["last"], progress=progress)
    report = verify.verify_files([options.file], options.file.parent, str(options.file), progress)
    progress.end()
    if done.hash != sealed["hash"] or report.hash != sealed["hash"]:
        print(f"{options.file} does not end with the sealed entry; keep it and verify the journal", file=sys.stderr)
        return cli.REFUSED
    return show_reports(options, [report])


def _backup(options: argparse.Namespace) -> int:
    from einvoiced.journal.backup import backup

    progress = bar()
    try:
        report = backup(journal_file(options), options.file, progress=progress)
    finally:
        progress.end()
    return show_reports(options, [report])


def _scrub(options: argparse.Namespace) -> int:
    from einvoiced.journal import lines, scrub

    progress = bar()
    reports = [scrub.scrub(journal_file(options), rate=options.rate, progress=progress)]
    mirror = configured_mirror(options)
    if mirror is not None and lines.read_marker(mirror) is not None:
        reports.append(scrub.scrub_mirror(mirror, progress))
    progress.end()
    return show_reports(options, reports)
