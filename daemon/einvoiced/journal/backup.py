"""Backup of a journal that may be in use: a copy of one moment, verified as a whole before it gets its name."""

from __future__ import annotations

from pathlib import Path

from einvoiced.errors import RestoreRefused
from einvoiced.journal import reading
from einvoiced.journal.findings import Report
from einvoiced.journal.reading import Progress, silent
from einvoiced.journal.verify import verify_database


def backup(file: Path, to: Path, *, progress: Progress = silent) -> Report:
    """Copy a journal to a new file, 0600. FileExistsError when the name is taken, RestoreRefused when it is not whole.

    A backup holds the key of the answers' MACs: keep it as safe as the box.
    """
    if to.exists():
        raise FileExistsError(17, "there is a file of this name already", str(to))
    part = to.with_name(f".{to.name}.part")
    try:
        reading.snapshot(file, part, progress)
        report = verify_database(part, to.parent, str(to), macs=True, progress=progress)
        if not report.good:
            raise RestoreRefused(detail=f"the copy of {file} is not whole: {report.findings[0].detail}; no backup made")
        part.rename(to)
        reading.sync(to.parent)
    finally:
        part.unlink(missing_ok=True)
    return report
