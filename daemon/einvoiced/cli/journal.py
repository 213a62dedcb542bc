"""`journal verify|export|archive|backup|scrub` on a live or stopped box, and the offline verbs of `repair`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einvoiced import cli, config

if TYPE_CHECKING:
    from einvoiced.journal.findings import Report

STATE, CONFIG = Path("/var/lib/einvoiced"), config.FILE


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    from einvoiced.cli import repair

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


def place(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add where the box's state and configuration are."""
    parser.add_argument("--state", type=Path, default=STATE, help=f"the box's state (default: {STATE})")
    parser.add_argument("--config", type=Path, default=CONFIG, help="the TOML file")
    return parser


def journal_file(options: argparse.Namespace) -> Path:
    """The journal's database."""
    from einvoiced.journal import store

    return Path(options.state / "journal" / store.FILE)


class Bar:
    """A progress bar on stderr, where that is a terminal; a new line for each part of the work."""

    WIDTH = 30

    def __init__(self) -> None:
        self._what, self._drawn = "", 0.0
        self._terminal = sys.stderr.isatty()

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if not self._terminal or (what == self._what and done < of and now - self._drawn < 0.1):
            return
        if what != self._what and self._what:
            sys.stderr.write("\n")
        self._what, self._drawn = what, now
        full = self.WIDTH * done // max(of, 1)
        bar = "#" * full + "." * (self.WIDTH - full)
        sys.stderr.write(f"\r{what:<12} [{bar}] {100 * done // max(of, 1):3d} %")
        sys.stderr.flush()

    def end(self) -> None:
        """The work is over."""
        if self._what:
            sys.stderr.write("\n")


def bar(options: argparse.Namespace) -> Bar:
    """A bar, and this process out of everybody's way."""
    from einvoiced.journal import reading

    reading.be_gentle()
    return Bar()


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

    progress = bar(options)
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
    progress = bar(options)
    with export.whole_file(options.file) as file:
        done = export.export(journal_file(options), file, progress=progress, **chosen)
    progress.end()
    return cli.show(options, msgspec.to_builtins(done), lambda _: [_written(options.file, done)])


def _written(file: Path, done: Any) -> str:
    return f"{file}: {done.entries} entries ({done.first} to {done.last}), last hash {done.hash}"


def _archive(options: argparse.Namespace) -> int:
    from einvoiced.journal import export, verify

    sealed = cli.call(options, "journal.seal", year_month=options.period)
    progress = bar(options)
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

    progress = bar(options)
    try:
        report = backup(journal_file(options), options.file, progress=progress)
    finally:
        progress.end()
    return show_reports(options, [report])


def _scrub(options: argparse.Namespace) -> int:
    from einvoiced.cli.repair import configured_mirror
    from einvoiced.journal import lines, scrub

    progress = bar(options)
    reports = [scrub.scrub(journal_file(options), rate=options.rate, progress=progress)]
    mirror = configured_mirror(options)
    if mirror is not None and lines.read_marker(mirror) is not None:
        reports.append(scrub.scrub_mirror(mirror, progress))
    progress.end()
    return show_reports(options, reports)
