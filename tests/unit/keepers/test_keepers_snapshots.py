"""Snapshots for accountants when the machine has no room for another process."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from einvoiced.keepers.snapshots import SnapshotDesk


def test_a_snapshot_whose_process_cannot_begin_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told with the reason, and the next one may be asked for: none is "building" for ever."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))

    async def main() -> None:
        desk = SnapshotDesk(tmp_path)
        names = set()
        for _ in range(2):
            told = await desk.snapshot(None, 10)
            assert (told.state, "No such file" in told.detail) == ("failed", True)
            names.add(told.snapshot)
        assert len(names) == 2
        await desk.stop()

    asyncio.run(main())
