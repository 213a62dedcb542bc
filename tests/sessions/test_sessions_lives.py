"""The later life of invoices in a real daemon: what the printer makes of it, and what a kill leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from einvoiced.client import new_key
from tests.boxes import SALE, until
from tests.sessions.test_sessions_printing import codes, issue
from tools.virtualbox import VirtualBox

pytestmark = pytest.mark.sessions

WHY = {"reason": "退貨", "by": "王店員", "consent": "買方同意"}
MOBILE = {"type": "3J0002", "id": "/ABC+123"}


def test_only_what_stands_comes_out(make_box: Callable[..., VirtualBox]) -> None:
    """The printer is away, invoices wait; one is cancelled, one goes into a carrier, one is replaced, one comes out of
    its carrier, the box is killed, and the printer is back: each original that is still wanted comes out, once, and the
    same keys give the same bytes. Of an allowance's slip that waited it is said that nobody knows.
    """
    box = make_box(printer={"transport": "serial", "device": "/dev/ttyNOSUCH", "if_unprintable": "queue"})
    box.start()
    box.take_tracks(("NQ", 0, 499))
    cancelled, corrected, replaced = (issue(box, **SALE)["invoice_number"] for _ in range(3))
    on_paper = issue(box, **SALE, carrier=MOBILE)
    part = {"invoice_number": issue(box, **SALE, carrier=MOBILE)["invoice_number"], "by": "王店員"}
    allowed = box.call("allowance.issue", key=new_key(), **part, lines=[{"line": 1, "amount": 10}])["allowance"]
    assert slip(box, allowed["allowance_number"]) == "queued"
    keys = [new_key() for _ in range(4)]
    requests = [
        ("invoice.cancel", {"key": keys[0], "invoice_number": cancelled, **WHY}),
        (
            "invoice.correct",
            {"key": keys[1], "invoice_number": corrected, "carrier": MOBILE, "reason": "存入載具", "by": "王店員"},
        ),
        ("invoice.replace", {"key": keys[2], "invoice_number": replaced, **WHY}),
        (
            "invoice.correct",
            {
                "key": keys[3],
                "invoice_number": on_paper["invoice_number"],
                "print_mark": "Y",
                "reason": "要紙本",
                "by": "王店員",
            },
        ),
    ]
    with box.client() as till:
        answers = [till.call_line(method, params) for method, params in requests]
        new = till.call("invoice.get", key=keys[2])["result"]["invoice"]
    box.kill()
    file = box.folder / "einvoiced.toml"
    file.write_text(file.read_text().replace('"serial"', '"virtual"').replace("/dev/ttyNOSUCH", str(box.paper)))
    box.start()
    with box.client() as till:
        assert [till.call_line(method, params) for method, params in requests] == answers
    until(lambda: len(box.prints()) >= 2 and not box.status()["counts"]["proofs_waiting"], 20, "the strips")
    bars = [text for picture in box.prints() for kind, text in codes(picture) if "39" in kind]
    assert bars == [on_paper["code39"], new["code39"]]
    assert len(box.prints()) == 3, "the white that frees a printer in which a slip may have been interrupted, and those"
    assert slip(box, allowed["allowance_number"]) == "unconfirmed"


def slip(box: VirtualBox, allowance: str) -> str:
    """Where the slip of an allowance is."""
    return str(box.call("allowance.list", allowance_number=allowance)[0]["slip"])


def test_an_allowances_slip_comes_out_in_two_copies(box: VirtualBox) -> None:
    """Once; and again when somebody asks for it. The journal knows when it is on paper."""
    invoice = issue(box, **SALE, carrier=MOBILE)
    back = {"invoice_number": invoice["invoice_number"], "by": "王店員", "lines": [{"line": 1, "amount": 10}]}
    key = new_key()
    told = [box.call("allowance.issue", key=key, **back) for _ in range(2)]
    assert told[0] == told[1]
    until(lambda: len(box.prints()) == 2, 20, "both copies")
    name = told[0]["allowance"]["allowance_number"]
    until(lambda: slip(box, name) == "printed", 20, "the slip to be known as printed")
    assert box.call("allowance.print", allowance_number=name)["slip"] == "queued"
    until(lambda: len(box.prints()) == 4 and slip(box, name) == "printed", 20, "both copies again")
