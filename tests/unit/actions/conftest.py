"""Desks that the tests of actions share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from einvoiced.journal import projections
from tests.boxes import RANGE, Desk, dump


@pytest.fixture
def stocked(desk: Desk) -> Desk:
    """A desk with numbers."""
    desk.take(RANGE)
    return desk


@pytest.fixture
def same_after_a_replay(desk: Desk, request: pytest.FixtureRequest) -> Iterator[None]:
    """After the test the projections (the module's TABLES) are what a replay makes of the entries."""
    tables: tuple[str, ...] = request.module.TABLES
    desk.box.secret, desk.box.journal_id = desk.journal.secret, desk.journal.id
    yield
    before = desk.call(lambda tx: dump(tx.db, *tables))
    desk.call(lambda tx: projections.rebuild(tx.db))
    assert desk.call(lambda tx: dump(tx.db, *tables)) == before
