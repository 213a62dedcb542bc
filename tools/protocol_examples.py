"""Capture the examples of docs/protocol.md from a real box: `python -m tools.protocol_examples` writes them anew.

With names behind it, only those.

In the manual an example stands between `<!-- example NAME -->` and `<!-- end -->`; everything else is written by hand.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from einvoiced.client import BoxUnreachable
from einvoiced.rules.period import Period
from tools.virtualbox import VirtualBox, durable_folder, this_period, track_file

MANUAL = Path(__file__).parent.parent / "docs" / "protocol.md"
_EXAMPLE = re.compile(r"<!-- example (?P<name>[a-z._]+) -->\n.*?<!-- end -->", re.DOTALL)

KEY, SECOND_KEY = "0192f3a4-5b6c-7d8e-9f01-23456789abcd", "0192f3a4-5b6c-7d8e-9f01-23456789abce"
SALE: dict[str, Any] = {
    "key": KEY,
    "prices": "gross",
    "lines": [
        {"description": "牛奶", "quantity": 2, "unit_price": 25},
        {"description": "起司", "quantity": "0.350", "unit_price": "420.00"},
    ],
    "total_amount": 197,
    "labels": {"order_no": "S-1122-17", "till": "1"},
}
BUSINESS_SALE: dict[str, Any] = {
    "key": SECOND_KEY,
    "prices": "gross",
    "lines": [{"description": "影印紙", "quantity": 1, "unit_price": 105}],
    "total_amount": 105,
    "buyer": {"identifier": "04595257", "name": "示範股份有限公司"},
    "print": "till",
}


def capture(box: VirtualBox) -> dict[str, tuple[Any, Any]]:
    """A conversation with a new, running box: name → (request, answer). The name is the method's, or an error's."""
    said: dict[str, tuple[Any, Any]] = {}
    box.wait_for(lambda: _answers(box), 20, "the admin socket")

    def ask(method: str, name: str = "", till: bool = False, **params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": len(said) + 1, "method": method, "params": params}
        answer = exchange(box.socket("till" if till else "admin"), json.dumps(request).encode())
        said[name or method] = (request, answer)
        return answer.get("result")

    following = this_period().next()
    rows = track_file(("NQ", 42_519_550, 42_522_049))
    rows += track_file(("RT", 10_000_000, 10_000_499), period=following).partition("\r\n")[2]
    content = base64.b64encode(rows.encode()).decode()
    (waits,) = ask("tracks.import", file_name="invnoapply.csv", content=content)["to_release"]
    place = {name: waits[name] for name in ("year_month", "track", "begin")}
    ask("tracks.release", **place, last_used="42519612", technician="陳技師")
    issued = ask("invoice.issue", till=True, **SALE)
    ask("invoice.issue", "with_buyer", till=True, **BUSINESS_SALE)
    ask("invoice.issue", "total_mismatch", till=True, **{**SALE, "key": SECOND_KEY[:-1] + "f", "total_amount": 198})
    ask("invoice.issue", "key_conflict", till=True, **{**SALE, "total_amount": 50, "lines": SALE["lines"][:1]})
    box.wait_for(lambda: not box.status()["counts"]["proofs_waiting"], 30, "the proof to be printed")
    ask("invoice.get", till=True, key=KEY)
    _ask_about_paper(ask)
    ask("invoice.find", amount=197)
    _ask_about_lives(ask)
    ask("invoice.adopt", key=KEY, result=issued, technician="陳技師")
    _ask_about_tracks(ask, waits["year_month"], following)
    _ask_about_uploads(ask)
    box.wait_for(lambda: box.status()["can_print"], 30, "the printer to be back from its loan")
    ask("box.status", till=True)
    ask("box.info", till=True)
    page = ask("journal.read", after=0, limit=1)
    first = json.loads(page["entries"][0])
    report = {"witness": "mirror", "journal": first["data"]["journal"], "epoch": 0, "sequence": 0, "hash": ""}
    ask("witness.report", **report)
    ask("journal.seal", year_month=waits["year_month"])
    ask("clock.correct", technician="陳技師")
    box.set_clock(offset=70 * 86_400)  # from here on the period is over, whatever the day
    for verb in ("close", "reopen", "close"):
        ask(f"period.{verb}", year_month=waits["year_month"], person="王店長")
    ask("unused.list")
    leftovers = ask("unused.export", year_month=waits["year_month"])
    ask("unused.take", content=leftovers["content"])
    ask("period.reported", year_month=waits["year_month"], person="王店長")
    ask("box.retire", technician="陳技師")
    ask("config.reload", person="陳技師")
    ask("report.period", by=["day"])
    ask("report.day")
    made = ask("report.snapshot")["snapshot"]
    box.wait_for(lambda: box.call("report.snapshot", snapshot=made, wait=5.0)["state"] == "ready", 30, "the snapshot")
    ask("report.read", snapshot=made)
    ask("key.check", text=issued["invoice"]["qr_left"])
    return said


def _ask_about_paper(ask: Any) -> None:
    """What tills ask about proofs, slips and the drawer."""
    ask("proof.list", till=True)
    ask("proof.resolve", till=True, key=KEY, verdict="damaged", by="王店員")
    ask("proof.copy", till=True, key=KEY, by="王店員")
    ask("proof.bytes", till=True, key=SECOND_KEY)
    ask("proof.report", till=True, key=SECOND_KEY, outcome="not_begun", reason="缺紙")
    ask("proof.print", till=True, key=SECOND_KEY)
    ask("proof.details", till=True, key=KEY)
    lines = [{"text": "謝謝光臨", "align": "center"}]
    ask("slip.print", till=True, key=SECOND_KEY[:-1] + "a", lines=lines, if_unprintable="queue")
    ask("drawer.open", till=True)
    ask("printer.lend", borrower="hw-tests", seconds=30)
    ask("printer.return")
    ask("lamps.show", state="attention", seconds=0)


def _ask_about_uploads(ask: Any) -> None:
    """What followers and people ask about messages for the platform."""
    (first,) = ask("upload.next", limit=1)["uploads"]
    upload = {name: first[name] for name in ("entry", "message", "part")}
    batch = "9f86d081884c7d65"
    ask("upload.sent", uploads=[{**upload, "changed": first["changed"]}], way="folder", batch=batch)
    ask("upload.pending", uploads=[upload], batch=batch)
    said = {"message": "F0401", "reference": first["reference"], "accepted": False, "code": "E0102"}
    answers = [{**said, "description": "發票號碼不在字軌內"}]
    ask("upload.answered", form="ProcessResult", answers=answers, source="0" * 64)
    ask("upload.list", state="refused")
    ask("upload.exported", written=12, lists=1)
    ask("upload.again", uploads=[upload], reason="字軌已核對", by="王店長")
    ask("upload.settle", uploads=[upload], reason="已由平台人工上傳", by="王店長")


def _ask_about_lives(ask: Any) -> None:
    """What becomes of invoices."""
    why = {"by": "王店員", "consent": "買方同意，已收回證明聯"}
    ask("invoice.cancel", till=True, key=SECOND_KEY[:-2] + "c1", invoice_key=SECOND_KEY, reason="買方統編有誤", **why)
    late = {"key": SECOND_KEY[:-2] + "c7", "invoice_key": SECOND_KEY, "by": "王店長"}
    ask("invoice.document", till=True, **late, document="財北國稅字第1150012345號")
    buyer, new = BUSINESS_SALE["buyer"], SECOND_KEY[:-2] + "c2"
    ask("invoice.replace", till=True, key=new, invoice_key=KEY, reason="補登統編", buyer=buyer, print="none", **why)
    mobile = {"type": "3J0002", "id": "/ABC+123"}
    later = {"key": SECOND_KEY[:-2] + "c3", "invoice_key": new, "reason": "存入載具", "by": "王店員"}
    ask("invoice.correct", till=True, **later, carrier=mobile)
    back = {"key": SECOND_KEY[:-2] + "c4", "invoice_key": new, "by": "王店員"}
    allowed = ask("allowance.issue", till=True, **back, lines=[{"line": 1, "amount": 25}])["allowance"]
    line = {"description": "電鍋", "amount": 1050}
    foreign = {"invoice_number": "AB12345678", "invoice_date": "20251231", "lines": [line]}
    back = {"key": SECOND_KEY[:-2] + "c5", "by": "王店員"}
    ask("allowance.issue", "typed_original", till=True, **back, original=foreign)
    number = allowed["allowance_number"]
    ask("allowance.list", till=True, allowance_number=number)
    ask("allowance.print", till=True, allowance_number=number)
    why = {"reason": "誤開", "by": "王店員"}
    ask("allowance.cancel", till=True, key=SECOND_KEY[:-2] + "c6", allowance_number=number, **why)


def _ask_about_tracks(ask: Any, year_month: str, following: Period) -> None:
    """What people do with number ranges."""
    typed = {"period": f"{following.roc_year:03d}{following.first_month:02d}", "track": "SU"}
    typed |= {"begin": "20000000", "end": "20000099"}
    first = ask("tracks.type", "first_typing", person="王店長", **typed)
    ask("tracks.type", person="李副店長", **typed, confirms=first["typing"])
    place = {"year_month": following.year_month, "track": "RT", "begin": "10000400"}
    ask("tracks.reserve", **place, end="10000499", reason="美食街的系統使用", person="王店長")
    place["begin"] = "10000000"
    ask("tracks.hold", **place, reason="先用另一段", person="王店長")
    ask("tracks.unhold", **place, person="王店長")
    ask("tracks.share", year_month=following.year_month, person="陳技師")
    ask("tracks.list")
    ask("tracks.export", year_month=year_month, form="csv", person="王店長")
    ask("tracks.history", limit=3)
    ask("stock.plan")


def _answers(box: VirtualBox) -> bool:
    try:
        return bool(box.status())
    except BoxUnreachable:
        return False


def exchange(path: str, line: bytes) -> Any:
    """Send one line to a socket and give the answer's line, decoded."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(30)
        sock.connect(path)
        sock.sendall(line + b"\n")
        with sock.makefile("rb") as file:
            return json.loads(file.readline())


def shortened(name: str, answer: Any) -> Any:
    """The answer as the manual shows it: of `box.info` one method and one error are enough."""
    if name in ("proof.bytes", "report.read"):
        return {**answer, "result": {**answer["result"], "content": answer["result"]["content"][:24] + "…"}}
    if name != "box.info":
        return answer
    result = dict(answer["result"])
    result["methods"] = {"box.status": result["methods"]["box.status"]}
    result["errors"] = result["errors"][:1]
    return {**answer, "result": result}


def written(said: dict[str, tuple[Any, Any]], manual: str, only: list[str]) -> str:
    """The manual with its examples (or `only` some) replaced; KeyError for an example that nobody captured."""

    def block(found: re.Match[str]) -> str:
        name = found["name"]
        if only and name not in only:
            return found[0]
        request, answer = said[name]
        parts = [f"<!-- example {name} -->", "```json"]
        parts += [json.dumps(each, ensure_ascii=False, indent=2) for each in (request, shortened(name, answer))]
        return "\n".join([*parts, "```", "<!-- end -->"])

    return _EXAMPLE.sub(block, manual)


def main() -> None:
    """Write the examples into the manual."""
    folder = durable_folder(MANUAL.parent.parent / "build" / "examples")
    shutil.rmtree(folder, ignore_errors=True)
    with VirtualBox(folder) as box:
        box.start()
        said = capture(box)
    MANUAL.write_text(written(said, MANUAL.read_text(encoding="utf-8"), sys.argv[1:]), encoding="utf-8")


if __name__ == "__main__":
    main()
