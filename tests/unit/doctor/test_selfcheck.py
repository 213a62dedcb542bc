"""The self-check form: every item has evidence of this very box, and what speaks against one is not hidden."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from einvoiced import cli
from einvoiced.doctor import form as page
from einvoiced.doctor.selfcheck import Form, cycle_of, make_form
from einvoiced.doctor.site import Site
from tests.boxes import RANGE, until
from tools.virtualbox import SELLER, VirtualBox

LINES = [{"description": "牛奶", "quantity": 1, "unit_price": 25}]


def form_of(box: VirtualBox) -> Form:
    """The form of a box."""
    return make_form(Site(box.folder / "einvoiced.toml", box.state, box.run))


@pytest.fixture(scope="module")
def sold(shared_box: VirtualBox) -> Iterator[VirtualBox]:
    """A box that has sold to consumers, to a business and into a carrier."""
    with shared_box.client() as till:
        for _ in range(40):
            till.issue(_key(), lines=LINES, total_amount=25)
        till.issue(_key(), lines=LINES, total_amount=25, buyer={"identifier": "04595257", "name": "示範公司"})
        till.issue(_key(), lines=LINES, total_amount=25, carrier={"type": "3J0002", "id": "/ABC+123"})
    yield shared_box


def types_of(box: VirtualBox) -> list[str]:
    """The types of a running box's first entries."""
    return [json.loads(entry)["type"] for entry in box.call("journal.read", after=0)["entries"]]


def _key() -> str:
    from einvoiced.client import new_key

    return new_key()


def test_eleven_items_with_evidence(sold: VirtualBox) -> None:
    """What a selling box can show is shown; uploads and other boxes are not claimed; the missing mirror fails."""
    form = form_of(sold)
    results = {item.number: item.result for item in form.items}
    assert results == {
        **dict.fromkeys((1, 2, 3, 4, 5, 6, 7), "shown"),
        **dict.fromkeys((8, 9), "partly"),
        10: "not_here",
        11: "failed",
    }
    assert all(item.evidence_zh for item in form.items)
    assert all(item.left_zh for item in form.items if item.result != "shown")
    assert (form.seller, form.box) == (SELLER, "A1")
    assert any("42 張" in said for said in form.items[1].evidence_zh)


def test_the_form_as_json_and_as_a_page(sold: VirtualBox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` is the form; the page is HTML with every item, escaped; a failed item makes the exit code 1."""
    file = tmp_path / "form.html"
    place = ["--config", str(sold.folder / "einvoiced.toml"), "--state", str(sold.state)]
    command = ["--json", "--run", str(sold.run), "selfcheck", *place, "--html", str(file), "--maker", "<示範>"]
    assert cli.main(command) == 1
    told = json.loads(capsys.readouterr().out)
    assert [item["number"] for item in told["items"]] == list(range(1, 12))
    text = file.read_text(encoding="utf-8")
    assert text.count('<tr><td class="n">') == 11
    assert "&lt;示範&gt;" in text and "<示範>" not in text


def test_the_slip_has_every_item(sold: VirtualBox) -> None:
    """`--print` sends one slip to the running box's printer."""
    until(lambda: not sold.status()["counts"]["proofs_waiting"], 30, "the proofs to be printed")
    before = len(sold.prints())
    place = ["--config", str(sold.folder / "einvoiced.toml"), "--state", str(sold.state)]
    cli.main(["--run", str(sold.run), "selfcheck", *place, "--print"])
    until(lambda: len(sold.prints()) > before, 10, "the slip")
    assert sum("第" in str(line.get("text")) for line in page.slip_lines(form_of(sold))) == 11


def test_a_new_box_claims_nothing(make_box: Callable[..., VirtualBox]) -> None:
    """Before the first invoice what needs invoices cannot be shown, and what to do is said."""
    box = make_box()
    box.start()
    until(lambda: "box_started" in types_of(box), 10, "the start's entry")
    results = {item.number: item.result for item in form_of(box).items}
    assert [number for number, result in results.items() if result == "shown"] == [3, 7]
    assert results[6] == "partly"


def test_a_number_outside_its_range_fails_item_2(make_box: Callable[..., VirtualBox]) -> None:
    """An invoice whose number no range holds any more is found, on a stopped box too."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    with box.client() as till:
        till.issue(_key(), lines=LINES, total_amount=25)
    box.stop()
    with sqlite3.connect(box.state / "journal" / "journal.db") as db:
        db.execute("UPDATE ranges SET begin = begin + 50")
    db.close()
    assert form_of(box).items[1].result == "failed"


@pytest.mark.parametrize(
    ("codes", "cycle"), [("0123456789" * 3, 10), ("0" * 30, 1), ("012345678901234567891123456789", None), ("", None)]
)
def test_a_cycle_of_random_codes_is_found(codes: str, cycle: int | None) -> None:
    """A generator that repeats itself is told by the length after which it does."""
    assert cycle_of(codes) == cycle


def test_without_a_configuration_there_is_no_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The refusal names the file."""
    place: list[Any] = ["--config", str(tmp_path / "none.toml"), "--state", str(tmp_path)]
    assert cli.main(["selfcheck", *place]) == 1
    assert "none.toml" in capsys.readouterr().err
