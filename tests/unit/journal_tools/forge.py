"""A journal that somebody with the program at hand has forged: any entries, in a chain that holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from einvoiced.journal import entries, projections, store
from tests.boxes import Desk

Forger = Callable[[list[dict[str, Any]]], object]
"""Changes the entries (as dicts of envelope and data) in their list."""


def lived(desk: Desk) -> None:
    """Some life: two ranges, one of which begins after numbers used elsewhere, and sales."""
    desk.box.secret, desk.box.journal_id = desk.journal.secret, desk.journal.id
    desk.take(("NQ", 0, 99))
    for _ in range(4):
        desk.issue()
    desk.take(("NR", 100, 199))
    desk.issue()


@contextmanager
def opened(directory: Path) -> Iterator[sqlite3.Connection]:
    """A stopped journal, written to behind everybody's back."""
    with closing(sqlite3.connect(directory / store.FILE, isolation_level=None)) as db:
        yield db


def forge(directory: Path, change: Forger) -> None:
    """Rewrite a stopped journal's entries with a chain that holds, and its tables as far as they follow from them."""
    with opened(directory) as db:
        rows = [json.loads(body) for (body,) in db.execute("SELECT body FROM entries ORDER BY sequence")]
        change(rows)
        db.execute("DELETE FROM entries")
        previous = entries.NO_PREVIOUS
        for row in rows:
            row["previous"] = previous
            body = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
            db.execute("INSERT INTO entries VALUES (?, ?)", (row["sequence"], body))
            previous = entries.digest(body)
        db.execute("BEGIN")
        try:
            projections.rebuild(db)
            db.execute("COMMIT")
        except Exception:  # the tables stay as they were: no program can make them of this
            db.execute("ROLLBACK")


def of_type(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The entries of a type."""
    return [row for row in rows if row["type"] == name]
