"""What a technician does to a stopped box: `journal restore` and `reconcile`, `setup --replaces`, `mirror init`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einvoiced import cli
from einvoiced.cli.place import configured, configured_mirror, journal_file, place
from einvoiced.cli.progress import Bar

if TYPE_CHECKING:
    from einvoiced.hardware.clock import Clock
    from einvoiced.journal.entries import Run
    from einvoiced.journal.histories import History
    from einvoiced.journal.reconcile import Decision, Outcome, Situation

NOTHING = "Nothing was changed (--dry-run). 僅試算，未做任何更動。"
START = "Now start the box (systemctl start einvoiced). 請啟動服務。"


def add_journal_verbs(group: Any) -> None:
    """Add the offline verbs of `journal`."""
    restore = cli.verb(group, "restore", _restore, "Put a backup in the journal's place, if nobody knows more.")
    restore.add_argument("file", type=Path)
    _common(restore)
    reconcile = cli.verb(group, "reconcile", _reconcile, "Compare with all that know better and go on in a new epoch.")
    _common(reconcile)
    reconcile.add_argument("--backup", type=Path, metavar="FILE", help="a backup that may know more")
    reconcile.add_argument("--accept-identity", action="store_true", help="this board and disk are right from now on")
    reconcile.add_argument("--decide", type=Path, metavar="FILE", help="JSON: what was found out about numbers")
    reconcile.add_argument("--dry-run", action="store_true", help="show what it would do, change nothing")
    reconcile.add_argument("--force", action="store_true", help="open a new epoch though all agree")


def add_verbs(verbs: Any) -> None:
    """Add this file's other verbs."""
    mirror = verbs.add_parser("mirror", help="The second copy of the journal.")
    group = mirror.add_subparsers(metavar="VERB", required=True)
    init = place(cli.verb(group, "init", _mirror_init, "Make an empty directory on another disk the journal's mirror."))
    init.add_argument("directory", type=Path)
    init.add_argument("--same-disk", action="store_true", help="for trials: on the journal's own disk")


def add_setup_options(setup: argparse.ArgumentParser) -> None:
    """The options of `setup` that make a journal anew (`make_anew`)."""
    which = setup.add_mutually_exclusive_group()
    which.add_argument("--replaces", metavar="JOURNAL_ID", help="the journal of the dead box, or this box's lost one")
    which.add_argument(
        "--lost", action="store_true", help="this box's journal is lost and nobody has a copy: begin anew"
    )
    _common(setup, required=False)
    setup.add_argument("--backup", type=Path, metavar="FILE", help="a backup of the dead box")
    setup.add_argument("--set-aside", action="store_true", help="keep a journal that is here apart")
    setup.add_argument("--dry-run", action="store_true", help="show what it would do, change nothing")


def _common(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    place(parser)
    parser.add_argument("--technician", required=required, metavar="NAME", help="who decides; kept in the journal")
    parser.add_argument("--mirror", type=Path, metavar="DIR", help="the mirror (default: the configuration's)")
    parser.add_argument("--without-mirror", action="store_true", help="the mirror is lost for ever: go on without it")


# -- what they share


def _clock(options: argparse.Namespace) -> Clock:
    from einvoiced import config, parts

    loaded = configured(options)
    return parts.clock(loaded.clock if loaded is not None else config.ClockSection())


def _mirror(options: argparse.Namespace) -> Path | None:
    """The mirror to be heard; RestoreRefused when there should be one and it is away."""
    from einvoiced.errors import RestoreRefused
    from einvoiced.journal import lines

    directory: Path | None = options.mirror or configured_mirror(options)
    if options.without_mirror or directory is None:
        return None
    if not directory.is_dir() or lines.read_marker(directory) is None:
        detail = f"the mirror {directory} is away and may know more; mount it, or say --without-mirror"
        raise RestoreRefused(detail=detail)
    return directory


def _histories(options: argparse.Namespace, backup: Path | None) -> tuple[list[History], Path | None]:
    from einvoiced.journal.histories import DatabaseHistory, LinesHistory

    mirror = _mirror(options)
    found: list[History] = [LinesHistory.of_mirror(mirror)] if mirror is not None else []
    if backup is not None:
        found.append(DatabaseHistory(f"backup {backup}", backup))
    return found, mirror


def _technician(options: argparse.Namespace) -> str:
    from einvoiced.rules.sale import check_text

    return check_text(options.technician, 40, "technician", "technician")


def _situation(options: argparse.Namespace, **more: Any) -> Situation:
    from einvoiced import parts
    from einvoiced.journal.reconcile import Situation

    identity = parts.identity(options.state)
    return Situation(_technician(options), identity.board, identity.disk, **more)


def _decisions(options: argparse.Namespace) -> tuple[Decision, ...]:
    import msgspec

    from einvoiced.errors import InvalidParams
    from einvoiced.journal.reconcile import Decisions

    if options.decide is None:
        return ()
    try:
        found = msgspec.json.decode(options.decide.read_bytes(), type=Decisions).numbers
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidParams(str(options.decide), detail=str(error)) from None
    loaded = configured(options)
    seller = loaded.seller.identifier if loaded is not None else ""
    return tuple(msgspec.structs.replace(each, seller=each.seller or seller) for each in found)


# -- the verbs


def _restore(options: argparse.Namespace) -> int:
    from einvoiced.journal import offline

    others, _ = _histories(options, None)
    progress = Bar()
    try:
        head = offline.restore(
            options.state, options.file, _technician(options), others, _clock(options), progress=progress
        )
    finally:
        progress.end()
    answer = {"epoch": head.epoch, "sequence": head.sequence, "hash": head.hash}
    return cli.show(options, answer, lambda _: [f"Restored up to entry {head.sequence}. 已還原。", START])


def _reconcile(options: argparse.Namespace) -> int:
    from einvoiced.journal import offline

    others, mirror = _histories(options, options.backup)
    situation = _situation(
        options, accept_identity=options.accept_identity, decisions=_decisions(options), force=options.force
    )
    outcome = offline.reconcile(options.state, others, situation, _clock(options), dry_run=options.dry_run)
    if mirror is not None and not options.dry_run:
        _leave_out(mirror, outcome)
    return _show_outcome(options, outcome)


def _leave_out(mirror: Path, outcome: Outcome) -> None:
    """A mirror of another history goes on with this one; what it held is kept beside."""
    from einvoiced.followers.mirror_copy import MirrorCopy
    from einvoiced.journal.offline import give_to_owner

    for source in outcome.sources:
        if source.name == f"mirror {mirror}" and source.state == "fork":
            MirrorCopy(mirror).cut_after(source.common)
            give_to_owner(mirror, mirror)


def make_anew(options: argparse.Namespace) -> int:
    """`setup --replaces` and `setup --lost`."""
    from einvoiced.errors import RestoreRefused
    from einvoiced.journal import offline

    if options.technician is None:
        raise RestoreRefused(detail="say who decides with --technician NAME")
    if options.lost:
        _nobody_has_a_copy(options)
        return _show_outcome(options, offline.begin_anew(options.state, _situation(options), _clock(options)))
    others, _ = _histories(options, options.backup)
    if not others:
        raise RestoreRefused(detail="give the dead box's --mirror or a --backup of it")
    options.state.mkdir(parents=True, exist_ok=True)
    outcome = offline.replace_box(
        options.state,
        options.replaces,
        others,
        _situation(options),
        _clock(options),
        set_aside=options.set_aside,
        dry_run=options.dry_run,
    )
    return _show_outcome(options, outcome)


def _nobody_has_a_copy(options: argparse.Namespace) -> None:
    """RestoreRefused when the mirror holds what is called lost."""
    from einvoiced.errors import RestoreRefused
    from einvoiced.followers.mirror_copy import MirrorCopy

    mirror = _mirror(options)
    if mirror is not None and (copy := MirrorCopy(mirror)).sequence:
        detail = f"{mirror} has {copy.sequence} entries; use --replaces {copy.marker.journal}"
        raise RestoreRefused(detail=detail)


def _mirror_init(options: argparse.Namespace) -> int:
    from contextlib import closing

    import msgspec

    from einvoiced.followers.mirror_copy import initialise
    from einvoiced.journal import offline, reading

    with closing(reading.open_read_only(journal_file(options))) as db:
        journal = offline.journal_id(db)
    made = initialise(options.directory, options.state / "journal", journal, same_disk=options.same_disk)
    lines = [f"{options.directory} is the mirror of journal {journal}. 日誌副本已就緒。"]
    if configured_mirror(options) != options.directory:
        lines.append(f'Write into [mirror] of {options.config}: directory = "{options.directory}"')
    return cli.show(options, msgspec.to_builtins(made), lambda _: lines)


def _show_outcome(options: argparse.Namespace, outcome: Outcome) -> int:
    import msgspec

    return cli.show(options, msgspec.to_builtins(outcome), lambda _: list(_outcome_lines(options, outcome)))


def _outcome_lines(options: argparse.Namespace, o: Outcome) -> list[str]:
    lines = [f"journal {o.journal}: {o.entries_before} entries"]
    for s in o.sources:
        lines.append(f"  {s.name}: {s.state}, {s.entries} entries, {s.common} in common {s.detail}".rstrip())
    if not o.epoch:
        return [*lines, "All agree: there is nothing to reconcile. 各方一致，不需處理。"]
    lines += [f"  because of {reason}" for reason in o.reasons]
    lines += [f"restored from elsewhere  {o.restored} entries 取回紀錄"]
    lines += _run_lines("IN DOUBT 待查", o.in_doubt) + _run_lines("issued elsewhere 他處已開立", o.elsewhere)
    if o.duplicates:
        lines.append(f"!!! ISSUED TWICE 重複開立: {', '.join(o.duplicates)}: cancel one of each; tell the accountant")
    lines += [f"!!! ONE SALE, TWO INVOICES 同一筆交易開立兩張: {text}: cancel one" for text in o.double_sales]
    lines += [f"adopted 收回  {number}" for number in o.adopted]
    for i in o.invoices:
        lines.append(f"  known elsewhere  {i.invoice_number} {i.year_month} {i.time[:19]} key {i.key}: {i.fate}")
    lines += [f"identity {text}" for text in o.identity]
    if options.dry_run:
        return [*lines, NOTHING]
    return [*lines, f"Epoch {o.epoch} is open, {o.entries_after} entries. {START}"]


def _run_lines(what: str, runs: list[Run]) -> list[str]:
    total = sum(run.last - run.first + 1 for run in runs)
    return [f"{what}  {total} numbers"] + [
        f"  {run.year_month} {run.track} {run.first:08d}-{run.last:08d}" for run in runs
    ]
