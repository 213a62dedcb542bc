"""Uploads by stick: written, read back, handed over once; answers and leftovers come home; a slip says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from upload_helpers import Shop, killed_at, one_shop, renewed

from einvoiced import export_unit
from einvoiced.actions.stick_outcome import Outcome
from einvoiced.followers import stick_export
from einvoiced.followers.turnkey import Turnkey
from tests.boxes import until
from tests.platform.desk import Desk
from tools.virtualbox import VirtualBox, this_period

FOLDER = "einvoiced-export"


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """One box for the tests of this file that need but one."""
    yield from one_shop(request, "export")


@pytest.fixture
def shop(running: Shop, tmp_path: Path) -> Shop:
    """That box with nothing to upload, and a stick, which is a folder here."""
    made = renewed(running)
    made.stick = tmp_path
    (made.stick / FOLDER).mkdir()
    made.platform.spool = made.stick / FOLDER
    return made


def plug_in(shop: Shop) -> int:
    """The unit's work on a stick that is mounted."""
    return export_unit.main(["--folder", str(shop.stick), "--sockets", str(shop.box.run)])


def states(shop: Shop) -> list[str]:
    """Of everything that is not accepted."""
    return [each["state"] for each in shop.uploads()]


def test_a_stick_without_the_folder_gets_nothing(shop: Shop) -> None:
    """Nor one where a link has the name."""
    shop.issue()
    folder = shop.stick / FOLDER
    folder.rmdir()
    assert plug_in(shop) == 0
    assert not list(shop.stick.iterdir())
    folder.symlink_to(shop.platform.spool.parent.parent)
    assert plug_in(shop) == 0
    assert states(shop) == ["waiting"]


def test_what_waits_goes_onto_the_stick_once_and_answers_come_home(shop: Shop) -> None:
    """In Turnkey's own folders, with the list of tracks; a slip says how many; handed over is not accepted."""
    numbers = [shop.issue() for _ in range(3)]
    prints = len(shop.box.prints())
    assert plug_in(shop) == 0
    until(lambda: len(shop.box.prints()) > prints, what="the slip")
    files = sorted((shop.stick / FOLDER / "UpCast" / "B2SSTORAGE" / "F0401" / "SRC").iterdir())
    assert [path.name.split("-")[1] for path in files] == numbers
    assert states(shop) == ["handed_over"] * 3
    (tracks,) = (shop.stick / FOLDER / "tracks").iterdir()
    assert this_period().year_month in tracks.name
    assert plug_in(shop) == 0
    left = files[0].read_bytes()
    assert len(shop.platform.take()) == 3
    files[0].write_bytes(left)
    assert plug_in(shop) == 0
    assert shop.platform.files() == [files[0]], "what has no answer stays on the stick"
    shop.platform.answer(form="odd")
    assert plug_in(shop) == 0
    assert not shop.uploads()
    assert not shop.platform.files(), "who copies the stick again would send it twice"


def test_folder_or_stick_never_both(shop: Shop) -> None:
    """What the stick has, the follower leaves alone, and the other way round."""
    turnkey = Desk(shop.spool, shop.books, shop.platform._now)
    turnkey.make_folders()
    follower = Turnkey(shop.box.folder / "einvoiced.toml", shop.box.run, shop.box.folder / "turnkey", 0.1)
    shop.issue()
    plug_in(shop)
    with shop.box.client("admin") as client:
        follower.work(client)
    assert not turnkey.files()
    shop.issue()
    with shop.box.client("admin") as client:
        follower.work(client)
    plug_in(shop)
    assert len(turnkey.files()) == len(shop.platform.files()) == 1
    assert sorted(states(shop)) == ["handed_over", "sent"]


def test_pulled_out_at_any_step_nothing_is_lost_or_leaves_twice(shop: Shop) -> None:
    """After every death the stick is plugged in again."""
    step, issued = 1, []
    while True:
        issued += [shop.issue(), shop.issue()]
        died = killed_at(step, lambda: plug_in(shop))
        shop.platform.take()
        plug_in(shop)
        shop.platform.take()
        if not died:
            break
        step += 1
    assert step > 15
    assert sorted(verdict.reference for verdict in shop.platform.verdicts) == sorted(issued)
    assert {verdict.code for verdict in shop.platform.verdicts} == {"0"}


def test_a_stick_that_loses_what_was_written_gets_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files read back differ: nothing is handed over, the slip says that it is not done; a good stick gets them."""
    shop.issue()
    monkeypatch.setattr(stick_export, "read_back", lambda path: b"\x00" * path.stat().st_size)
    assert plug_in(shop) != 0
    assert states(shop) == ["waiting"]
    assert not shop.platform.files()
    monkeypatch.undo()
    assert plug_in(shop) == 0
    assert states(shop) == ["handed_over"]
    assert len(shop.platform.take()) == 1


def test_a_box_that_is_away_is_said(shop: Shop) -> None:
    """Nothing is written, and the exit code tells."""
    away = shop.stick / "nobody"
    assert export_unit.main(["--folder", str(shop.stick), "--sockets", str(away)]) != 0
    assert not (shop.stick / FOLDER / "UpCast").exists()


def test_leftovers_travel_by_stick_to_the_lead_box(make_box: Callable[..., VirtualBox], durable: Path) -> None:
    """The second box writes its unused numbers, the first takes them in and reports for both."""
    stick = durable / "stick"
    (stick / FOLDER).mkdir(parents=True)
    boxes = {}
    for index, name in enumerate(("A1", "A2"), start=1):
        box = make_box(box={"id": name}, tracks={"share": f"{index}/2", "lead": "A1"})
        box.start()
        box.take_tracks(("NQ", 10_000_000, 10_000_199))
        boxes[name] = box
    ends = this_period().ends + timedelta(days=2)
    for box in boxes.values():
        box.set_clock(set=ends.isoformat())
        box.call("period.close", year_month=this_period().year_month, person="店長")
    for name in ("A2", "A1"):
        code = export_unit.main(["--folder", str(stick), "--sockets", str(boxes[name].run)])
        assert code == 0, boxes[name].log()
    (lead,) = boxes["A1"].call("unused.list")
    assert (lead["reporter"], lead["boxes_missing"]) == ("this_box", [])
    (other,) = boxes["A2"].call("unused.list")
    assert other["reporter"] == "lead_box"


def test_the_outcome_goes_through_the_pipe_whole() -> None:
    """Ten long problems fit."""
    import os

    reader, writer = os.pipe()
    outcome = Outcome(written=10_000, problems=["空" * 100] * 10)
    export_unit._write_outcome(writer, outcome)
    os.close(writer)
    assert export_unit._read_outcome(reader) == outcome
