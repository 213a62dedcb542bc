"""What comes out of the printer and what the lamps show: the daemon with its virtual paper, stick and lamps."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import new_key
from einvoiced.hardware.lamps import PATTERNS, LampState
from einvoiced.journal import entries, store
from einvoiced.rules.barcodes import AES_IV
from tests.boxes import SALE, until
from tools.virtualbox import QR_KEY, VirtualBox, this_period, track_file

pytestmark = pytest.mark.sessions

SALES: dict[str, dict[str, Any]] = {
    "one item": SALE,
    "published example": {
        "lines": [
            {"description": "乾電池", "quantity": 1, "unit_price": 105},
            {"description": "口罩", "quantity": 1, "unit_price": 210},
            {"description": "牛奶", "quantity": 1, "unit_price": 25},
        ],
        "total_amount": 340,
    },
    "buyer": {
        "lines": [{"description": "影印紙 A4: 80磅 ㍿", "quantity": "2.5", "unit_price": "12.30", "unit": "包"}],
        "total_amount": 31,
        "buyer": {"identifier": "04595257", "name": "示範股份有限公司"},
    },
    "exempt": {
        "lines": [{"description": "白米 蓬萊米", "quantity": 1, "unit_price": 999, "tax_type": "3"}],
        "total_amount": 999,
    },
    "many items": {
        "lines": [{"description": f"品項{n} 很長的名稱", "quantity": n, "unit_price": 7} for n in range(1, 40)],
        "total_amount": 5460,
    },
}


def issue(box: VirtualBox, **sale: Any) -> Any:
    """An invoice from the till's socket."""
    with box.client() as client:
        return client.issue(new_key(), **{"prices": "gross", **sale})["invoice"]


def codes(picture: Path) -> list[tuple[str, str]]:
    """Format and text of all codes on a strip, from left to right and from top to bottom."""
    import zxingcpp
    from PIL import Image

    found = zxingcpp.read_barcodes(Image.open(picture).convert("L"))
    placed = sorted(found, key=lambda code: (code.position.top_left.y // 40, code.position.top_left.x))
    return [(str(code.format).lower(), code.text) for code in placed]


def opened(sealed: str) -> str:
    """The number and random code inside the 24 characters of Base64."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    decryptor = Cipher(algorithms.AES(bytes.fromhex(QR_KEY)), modes.CBC(AES_IV)).decryptor()
    padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode("ascii")


def lamps(box: VirtualBox) -> str:
    """The state that the lamps show."""
    try:
        return str(json.loads((box.folder / "lamps.json").read_bytes())["state"])
    except FileNotFoundError:
        return "none"


# -- paper -------------------------------------------------------------------------------------------------------------


def test_the_strip_carries_what_the_socket_answered(box: VirtualBox) -> None:
    """Code 39 and both QR codes decode to the very texts of the answer; the AES opens to number and random code."""
    answers = [issue(box, **sale) for sale in SALES.values()]
    until(lambda: len(box.prints()) == len(answers), 20, "the strips")
    for invoice, picture in zip(answers, box.prints(), strict=True):
        found = codes(picture)
        qr = [text for kind, text in found if "qr" in kind]
        bars = [text for kind, text in found if "39" in kind]
        assert bars == [invoice["code39"]]
        assert [text.encode() for text in qr] == [invoice["qr_left"].encode(), invoice["qr_right"].encode()]
        assert opened(qr[0][53:77]) == invoice["invoice_number"] + invoice["random_number"]
        _left_is_the_invoice(qr[0], invoice)
    counts = box.status()["counts"]
    assert (counts["proofs_waiting"], counts["proofs_unconfirmed"]) == (0, 0)


def _left_is_the_invoice(left: str, invoice: Any) -> None:
    """The fixed part of the left code, field by field, as the specification counts it."""
    day = invoice["invoice_date"]
    buyer = invoice.get("buyer", {}).get("identifier", "00000000")
    assert left[:10] == invoice["invoice_number"]
    assert left[10:17] == f"{int(day[:4]) - 1911:03d}{day[4:]}"
    assert left[17:21] == invoice["random_number"]
    assert int(left[29:37], 16) == invoice["total_amount"]
    assert (left[37:45], left[45:53]) == (buyer, invoice["seller"]["identifier"])
    assert left[77] == ":"


def test_carriers_and_donations_print_nothing(box: VirtualBox) -> None:
    """No proof and nothing that waits; who donated gets a slip that masks the number, behind the next one's proof."""
    silent = [
        issue(box, **SALE, carrier={"type": "3J0002", "id": "/ABC+123"}),
        issue(box, **SALE, npoban="919"),
        issue(box, **SALE, carrier={"type": "CQ0001", "id": "AB12345678901234"}, npoban="919"),
        issue(box, **SALE, buyer={"identifier": "04595257"}, carrier={"type": "3J0002", "id": "/ABC+123"}),
    ]
    by_till = issue(box, **SALE, print="till")
    printed = issue(box, **SALE)
    until(lambda: len(box.prints()) == 3 and not box.status()["counts"]["proofs_waiting"], 20, "the strips")
    found = [codes(picture) for picture in box.prints()]
    assert [text for strip in found for kind, text in strip if "39" in kind] == [printed["code39"]]
    assert found.count([]) == 2
    papers = [box.call("invoice.get", invoice_number=i["invoice_number"])["paper"] for i in (*silent, by_till, printed)]
    assert papers == ["none"] * 4 + ["till", "printed"]


def test_what_was_not_printed_is_printed_after_a_restart(make_box: Callable[..., VirtualBox]) -> None:
    """Proofs that wait for an absent printer come out, once each and in order, when there is one."""
    box = make_box(printer={"transport": "serial", "device": "/dev/ttyNOSUCH", "if_unprintable": "queue"})
    box.start()
    box.take_tracks(("NQ", 0, 499))
    invoices = [issue(box, **SALE) for _ in range(3)]
    assert box.status()["counts"]["proofs_waiting"] == 3
    box.stop()
    file = box.folder / "einvoiced.toml"
    text = file.read_text().replace('"serial"', '"virtual"').replace("/dev/ttyNOSUCH", str(box.paper))
    file.write_text(text)
    box.start()
    until(lambda: len(box.prints()) == 3 and not box.status()["counts"]["proofs_waiting"], 20, "the strips")
    for invoice, picture in zip(invoices, box.prints(), strict=True):
        assert invoice["code39"] in [text for _, text in codes(picture)]


# -- the stick ---------------------------------------------------------------------------------------------------------


def _entries(box: VirtualBox) -> list[entries.EntryData]:
    """All entries of a stopped box."""
    with closing(sqlite3.connect(box.state / "journal" / store.FILE)) as db:
        rows = db.execute("SELECT body FROM entries ORDER BY sequence").fetchall()
    return [entries.read_data(entries.read(body)) for (body,) in rows]


def test_a_track_file_on_the_stick_is_taken_and_told(make_box: Callable[..., VirtualBox]) -> None:
    """Numbers, one slip, and the lamps from stop over taken; the inbox is empty again."""
    box = make_box()
    box.start()
    until(lambda: lamps(box) == "stop", 5, "the red lamp")
    box.plug_in(track_file(("NQ", 0, 499)))
    until(lambda: box.prints(), 10, "the slip")
    until(lambda: lamps(box) == "taken", 5, "the lamps")
    assert [(r["track"], r["begin"], r["end"]) for r in box.call("tracks.list")] == [("NQ", "00000000", "00000499")]
    until(lambda: not [p for p in (box.state / "inbox").iterdir() if not p.name.startswith(".")], 5, "the inbox")
    [slip] = box.prints()
    assert codes(slip) == []
    box.stop()
    [imported] = [e for e in _entries(box) if isinstance(e, entries.TracksImported)]
    assert (imported.source, imported.file_name) == ("stick", "invnoapply.csv")


def test_a_bad_file_on_the_stick_takes_nothing_and_tells_why(make_box: Callable[..., VirtualBox]) -> None:
    """Not one of its numbers, a slip, the lamps ask for attention, and the refusal is kept with its line."""
    box = make_box()
    box.start()
    rows = track_file(("NQ", 0, 49), ("AB", 1, 49))
    box.plug_in(rows, encoding="cp950")
    until(lambda: box.prints(), 10, "the slip")
    until(lambda: lamps(box) == "attention", 5, "the lamps")
    assert box.call("tracks.list") == []
    box.stop()
    [refused] = [e for e in _entries(box) if isinstance(e, entries.TracksRefused)]
    assert (refused.error, refused.line, refused.value) == ("not_a_booklet_begin", 3, "00000001")


def test_a_stick_full_of_other_things_is_told_apart(make_box: Callable[..., VirtualBox]) -> None:
    """Strangers' files are passed over, the good one among them is taken; only it is told."""
    box = make_box()
    box.start()
    (box.stick / "photos").mkdir()
    (box.stick / "photos" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(1000))
    (box.stick / "list.csv").write_text("a,b\n1,2\n")
    (box.stick / "empty.csv").write_bytes(b"")
    box.plug_in(track_file(("NQ", 0, 499)), name="字軌 (1).csv")
    until(lambda: box.prints(), 10, "the slip")
    until(lambda: box.call("tracks.list"), 5, "the numbers")
    box.stop()
    kept = _entries(box)
    assert [e.file_name for e in kept if isinstance(e, entries.TracksImported)] == ["字軌 (1).csv"]
    assert not [e for e in kept if isinstance(e, entries.TracksRefused)]
    assert len(box.prints()) == 1


def test_a_stick_without_any_track_file_is_told(make_box: Callable[..., VirtualBox]) -> None:
    """A slip says so; nothing else happens."""
    box = make_box()
    box.start()
    (box.stick / "list.csv").write_text("a,b\n1,2\n")
    until(lambda: box.prints(), 10, "the slip")
    assert box.call("tracks.list") == []
    box.stop()
    assert not [e for e in _entries(box) if isinstance(e, (entries.TracksImported, entries.TracksRefused))]


# -- the lamps ---------------------------------------------------------------------------------------------------------


def test_the_lamps_follow_the_box(make_box: Callable[..., VirtualBox]) -> None:
    """Stop without numbers, ready with them, attention when few are left, stop in the next period, off at the end."""
    box = make_box()
    box.start()
    for orders, ranges, state in (
        ({}, (), "stop"),
        ({}, (("NQ", 0, 499),), "ready"),
        ({"synchronised": False}, (), "attention"),
    ):
        if ranges:
            box.take_tracks(*ranges)
        box.set_clock(**orders)
        until(lambda state=state: lamps(box) == state, 5, state)
    ends = this_period().ends + timedelta(seconds=1)
    box.set_clock(set=ends.isoformat())
    until(lambda: lamps(box) == "stop", 5, "stop after the period")
    box.stop()
    assert lamps(box) == "off"


def test_every_state_lights_its_own_pattern(box: VirtualBox) -> None:
    """The file shows the lamps' rhythm as the table has it."""
    until(lambda: lamps(box) == "ready", 5, "ready")
    shown = json.loads((box.folder / "lamps.json").read_bytes())
    pattern = PATTERNS[LampState("ready")]
    assert {name: light["on_seconds"] > 0 for name, light in shown["lamps"].items()} == {
        name: light.lit for name, light in pattern.lights()
    }


# -- and nothing at all ------------------------------------------------------------------------------------------------


def test_an_idle_box_is_idle(box: VirtualBox) -> None:
    """A box that nobody asks anything leaves the processor alone: not even a tenth of it."""
    assert box.process is not None
    stat = Path(f"/proc/{box.process.pid}/stat")

    def ticks() -> int:
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    issue(box, **SALE)
    until(lambda: box.prints() and not box.status()["counts"]["proofs_waiting"], 20, "the strip")
    begin, used = time.monotonic(), ticks()
    until(lambda: time.monotonic() - begin > 1.0, 5)
    share = (ticks() - used) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begin)
    assert share < 0.1
