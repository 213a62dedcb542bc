"""Number ranges on a running box: two boxes with one stick, typing, the turn of the period, what it does by itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest

from einvoiced.client import BoxError, new_key
from tests.boxes import SALE, until
from tools.virtualbox import SELLER, VirtualBox, this_period, track_file

pytestmark = pytest.mark.sessions

NEXT = this_period().next()


def number(box: VirtualBox) -> str:
    """The number of a plain sale."""
    with box.client() as till:
        return str(till.issue(new_key(), **SALE, print="till")["invoice"]["invoice_number"])


def set_clock_to(box: VirtualBox, moment: Any) -> None:
    """Let the box's clock go on from a moment."""
    box.set_clock(set=moment.isoformat())


def test_two_boxes_take_one_stick_between_them(make_box: Callable[..., VirtualBox]) -> None:
    """The same file on both: no number twice, every number once, and each slip and verdict says its share."""
    issued: list[str] = []
    for share in ("1/2", "2/2"):
        box = make_box(tracks={"share": share}, printer={"transport": "none"})
        box.start()
        box.plug_in(track_file(("NQ", 50, 299)))
        until(lambda box=box: box.call("tracks.list"), 10, "the file to be taken")
        box.release([r for r in box.call("tracks.list") if r["state"] == "unreleased"])
        left = box.status()["counts"]["numbers_left_this_period"]
        (taken,) = box.call("tracks.list")
        assert (taken["share"], taken["left"]) == (share, left)
        issued += [number(box) for _ in range(left)]
        with pytest.raises(BoxError) as refused:
            number(box)
        assert refused.value.name == "no_numbers_left"
        box.close()
    assert sorted(issued) == [f"NQ{n:08d}" for n in range(50, 300)]


def test_two_persons_type_over_the_socket(make_box: Callable[..., VirtualBox]) -> None:
    """Only the admin's; the range is taken, a slip is printed, and the journal's readers never saw the first typing."""
    box = make_box()
    box.start()
    values = {"period": f"{NEXT.roc_year:03d}{NEXT.first_month:02d}", "track": "QZ", "begin": "12345600"}
    first = box.call("tracks.type", person="王店長", **values, end="12345699")
    raw = "".join(box.call("journal.read", after=0)["entries"])
    assert "12345600" not in raw and '"QZ' not in raw
    with pytest.raises(BoxError) as refused:
        box.call("tracks.type", person="李小姐", **values, end="12345749", confirms=first["typing"])
    assert (refused.value.name, refused.value.error["data"]["facts"]["fields"]) == ("typed_differs", "end")
    done = box.call("tracks.type", person="李小姐", **values, end="12345699", confirms=first["typing"])
    assert done["verdict"]["taken"][0]["numbers"] == 100
    until(box.prints, 10, "the slip")
    with box.client("till") as till, pytest.raises(BoxError):
        till.call("tracks.type", person="王店長", **values, end="12345699")


def test_rows_of_branches_are_told_and_not_taken(make_box: Callable[..., VirtualBox]) -> None:
    """Only those that the configuration names; a file with nothing else brings nothing, and is no fault."""
    branch = "04595257"
    box = make_box(tracks={"share": "1/1", "branches": [branch]})
    box.start()
    rows = track_file(("NQ", 0, 49), period=NEXT, seller=branch)
    from tests.boxes import import_rows

    verdict = import_rows(box, rows)
    assert ([r["seller"] for r in verdict["branches"]], verdict["taken"]) == ([branch], [])
    verdict = import_rows(box, rows + track_file(("NQ", 50, 99), period=NEXT).partition("\r\n")[2])
    assert ([r["seller"] for r in verdict["taken"]], len(verdict["branches"])) == ([SELLER], 1)
    assert len(box.call("tracks.list")) == 1


def test_the_turn_of_the_period_and_what_follows(make_box: Callable[..., VirtualBox]) -> None:
    """At the second the other range is used; a day later the old one's left-overs are unused; the lists lie ready."""
    box = make_box(printer={"transport": "none"})
    turn = NEXT.begins
    box.set_clock(set=turn.replace(microsecond=0).isoformat(), frozen=True)
    from datetime import timedelta

    box.set_clock(set=(turn - timedelta(seconds=1)).isoformat(), frozen=True)
    box.start()
    box.take_tracks(("AB", 0, 99))
    box.take_tracks(("CD", 0, 99), period=NEXT)
    assert number(box) == "AB00000000"
    box.set_clock(set=turn.isoformat(), frozen=True)
    assert number(box) == "CD00000000"
    box.set_clock(set=(turn + timedelta(hours=23, minutes=59)).isoformat(), frozen=True)
    with pytest.raises(BoxError) as early:
        box.call("period.close", year_month=this_period().year_month, person="王店長")
    assert early.value.name == "period_close_too_early"
    box.set_clock(set=(turn + timedelta(hours=25)).isoformat())
    box.stop()
    box.start()
    history: list[Any] = []

    def closed() -> bool:
        history[:] = box.call("tracks.history")["events"]
        return any(event["what"] == "period_closed" for event in history)

    until(closed, 20, "the period to be closed")
    event = next(event for event in history if event["what"] == "period_closed")
    assert (event["who"], event["tracks"]) == (["einvoiced"], [f"{this_period().year_month} AB 00000001-00000099"])
    export = box.state / "export"
    until(lambda: (export / f"tracks-{NEXT.year_month}-A1.json").exists(), 10, "the list")
    with (export / f"tracks-{NEXT.year_month}-A1.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row[3:6] for row in csv.reader(file)][1:] == [["CD", "00000000", "00000099"]]
    assert json.loads((export / f"tracks-{NEXT.year_month}-A1.json").read_text())[0]["track"] == "CD"
    reopened = box.call("period.reopen", year_month=this_period().year_month, person="王店長")
    assert reopened["state"] == "reopened"
