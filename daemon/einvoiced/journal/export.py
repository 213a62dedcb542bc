"""Export as JSON lines: each line is one entry's canonical bytes, so that anybody can check the chain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from einvoiced.errors import JournalBroken
from einvoiced.journal import entries, reading
from einvoiced.journal.chain import Chain
from einvoiced.journal.findings import Findings
from einvoiced.journal.reading import Progress, silent
from einvoiced.rules.period import TAIPEI, Period


class Exported(Struct, frozen=True):
    """What was written: entries from `first` to `last`, and the SHA-256 of the last one."""

    entries: int
    first: int
    last: int
    hash: str
    bytes: int


def export(
    file: Path,
    to: BinaryIO,
    *,
    first: int = 1,
    last: int | None = None,
    since: datetime | None = None,
    period: Period | None = None,
    progress: Progress = silent,
) -> Exported:
    """Write entries of a journal that may be in use; of a period: those whose time lies in it; or from a time on.

    JournalBroken where the chain does not hold: an export of a broken journal would look whole.
    """
    findings = Findings()
    chain = Chain(findings)
    begins, ends = (entries.stamp(period.begins), entries.stamp(period.ends)) if period is not None else ("", "~")
    count = size = wrote_first = wrote_last = 0
    digest = ""
    with closing(reading.open_read_only(file)) as db:
        end = reading.last_sequence(db)
        total = min(last or 1 << 62, end)
        if since is not None:
            first = max(first, reading.before(db, entries.stamp(since.astimezone(TAIPEI)), end) + 1)
        for sequence, body in reading.bodies(db, first - 1, total):
            _must_hold(chain, findings, sequence, body)
            if sequence % 2000 == 0:
                progress("export", sequence, total)
            envelope = chain.last
            if envelope is None or not begins <= envelope.time < ends:
                continue
            size += to.write(body + b"\n")
            count, wrote_first, wrote_last, digest = count + 1, wrote_first or sequence, sequence, chain.hash
    return Exported(count, wrote_first, wrote_last, digest, size)


def _must_hold(chain: Chain, findings: Findings, sequence: int, body: bytes) -> None:
    chain.take(body, f"entry {sequence}", sequence)
    if findings.all and findings.all[0].check != "version":
        found = findings.all[0]
        raise JournalBroken(detail=f"{found.place}: {found.detail}; run einvoicectl journal verify")


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file, 0600, that gets its name only when all of it is on disk. FileExistsError when the name is taken."""
    if path.exists():
        raise FileExistsError(17, "there is a file of this name already", str(path))
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        reading.sync(path.parent)
    finally:
        part.unlink(missing_ok=True)
