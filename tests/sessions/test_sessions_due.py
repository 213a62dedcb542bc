"""What is due, on a real box: the status, the lamps, the slip of a day."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from einvoiced.client import new_key
from einvoiced.rules.period import TAIPEI, Period
from tests.boxes import SALE, until
from tests.sessions.test_sessions_cli import ctl
from tools.virtualbox import VirtualBox, track_file

pytestmark = pytest.mark.sessions

NOON = datetime(2026, 2, 10, 12, tzinfo=TAIPEI)


def due(box: VirtualBox) -> list[str]:
    """The names of what is due."""
    return [each["name"] for each in box.status()["due"]]


def lamps(box: VirtualBox) -> Any:
    """What the lamps show."""
    return json.loads((box.folder / "lamps.json").read_text())["state"]


@pytest.mark.parametrize("mode", ["start", "09:30"])
def test_a_day_with_something_overdue_begins_with_a_slip(make_box: Callable[..., VirtualBox], mode: str) -> None:
    """Once a day, at the first start or at its time; the lamps ask for attention until it is done."""
    box = make_box(box={"id": "A1", "daily_slip": mode, "boot_slip": "never"})
    box.set_clock(set=NOON.isoformat())
    box.start()
    content = base64.b64encode(track_file(("NQ", 0, 499), period=Period.of(NOON)).encode()).decode()
    box.release(box.call("tracks.import", file_name="f.csv", content=content)["to_release"])
    with box.client() as till:
        till.issue(new_key(), **SALE, print="none")
    until(lambda: due(box) == ["uploads_due"])
    box.stop()
    printed = len(box.prints())
    box.set_clock(set=(NOON + timedelta(days=3)).isoformat())
    box.start()
    until(lambda: len(box.prints()) > printed, what="the slip of the day")
    assert due(box) == ["uploads_overdue"]
    until(lambda: lamps(box) == "attention", what="the lamps")
    assert "2026-02-12" in ctl(box, "status").stdout
    box.stop()
    box.start()
    until(lambda: box.status()["printer"] == "ready")
    box.call("report.day", print=True)  # comes out behind whatever the start had to say
    until(lambda: len(box.prints()) > printed + 1, what="the slip of the sums")
    until(lambda: box.call("proof.list") == [])
    assert len(box.prints()) == printed + 2
