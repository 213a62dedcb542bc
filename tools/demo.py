"""`make demo`: the main job, end to end, on virtual hardware. `make run` (`--keep`): such a box to play with."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from einvoiced.client import Client, new_key
from tools.virtualbox import VirtualBox, durable_folder, track_file

FOLDER = Path(__file__).parent.parent / "demo-box"

SALES: list[tuple[str, dict[str, Any]]] = [
    (
        "B2C",
        {
            "lines": [
                {"description": "乾電池", "quantity": 1, "unit_price": 105},
                {"description": "口罩", "quantity": 1, "unit_price": 210},
                {"description": "牛奶", "quantity": 1, "unit_price": 25},
            ],
            "total_amount": 340,
        },
    ),
    (
        "B2B",
        {
            "lines": [
                {"description": "影印紙 A4 80磅", "quantity": 5, "unit_price": 89, "unit": "包"},
                {"description": "原子筆（黑）", "quantity": 12, "unit_price": 10, "unit": "支"},
                {"description": "折扣", "quantity": 1, "unit_price": -15},
            ],
            "total_amount": 550,
            "buyer": {"identifier": "04595257", "name": "示範股份有限公司"},
        },
    ),
    (
        "carrier",
        {
            "lines": [{"description": "美式咖啡", "quantity": 2, "unit_price": 45}],
            "total_amount": 90,
            "carrier": {"type": "3J0002", "id": "/ABC+123"},
        },
    ),
    (
        "donation",
        {"lines": [{"description": "便當", "quantity": 1, "unit_price": 100}], "total_amount": 100, "npoban": "919"},
    ),
]


def main() -> None:
    """Run the demonstration; ends by itself, or with Ctrl-C when the box is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the box running")
    keep = parser.parse_args().keep
    folder = durable_folder(FOLDER)
    if folder.exists() and not keep:
        shutil.rmtree(folder)
    with VirtualBox(folder, box={"boot_slip": "first"}, turnkey={"spool": str(folder / "turnkey")}) as box:
        print(f"starting einvoiced on virtual hardware in {folder}")
        print(f"it answers after {box.start():.2f} s")
        _fill(box)
        if keep:
            _play(box)
        else:
            _demonstrate(box)


def _fill(box: VirtualBox) -> None:
    if box.call("tracks.list"):
        return
    begin = time.monotonic()
    box.plug_in(track_file(("NQ", 42_519_550, 42_522_049)))
    box.wait_for(lambda: box.call("tracks.list"), 10, "the track file to be taken")
    seconds = time.monotonic() - begin
    box.release()
    left = box.status()["counts"]["numbers_left_this_period"]
    print(f"stick with a track file plugged in: {left} numbers taken after {seconds:.2f} s")
    print("the box is new in a running period: a technician said that none of them was used elsewhere")


def _demonstrate(box: VirtualBox) -> None:
    rows = []
    for name, sale in SALES:
        key = new_key()
        with box.client() as till:
            rows.append((name, key, till.issue(key, **sale)))
    rows.append(_repeat_over_a_kill(box))
    _wait_for_paper(box)
    rows.append(_later_life(box, rows))
    _wait_for_paper(box)
    _table(box, rows)
    _upload(box)


def _upload(box: VirtualBox) -> None:
    """The follower puts MIG's XML into Turnkey's folder; an answer, as the platform would give it, comes back."""
    spool = box.folder / "turnkey"
    source = spool / "UpCast" / "B2SSTORAGE" / "F0401" / "SRC"
    source.mkdir(parents=True, exist_ok=True)
    _follow(box)
    files = sorted(source.glob("*.xml"))
    print(f"\n{len(files)} invoices as F0401 (MIG 4.1) for Turnkey, such as\n  {files[0]}")
    infos = "".join(f"<Info><Code>0</Code><Parameter0>{path.name.split('-')[1]}</Parameter0></Info>" for path in files)
    answers = spool / "Unpack" / "BAK" / "ProcessResult"
    answers.mkdir(parents=True, exist_ok=True)
    info = "<MessageInfo><MessageType>F0401</MessageType></MessageInfo>"
    (answers / "answer.xml").write_text(f"<ProcessResult>{info}<Result>{infos}</Result></ProcessResult>")
    _follow(box)
    left = len(box.call("upload.list")["uploads"])
    print(f"the platform's answer was read: {len(files) - left} accepted, {left} still wait")


def _follow(box: VirtualBox) -> None:
    """One look of einvoiced-turnkey."""
    command = [sys.executable, "-m", "einvoiced.followers.turnkey", "--once", "--config"]
    command += [str(box.folder / "einvoiced.toml"), "--run", str(box.run), "--state", str(box.folder / "turnkey-state")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def _repeat_over_a_kill(box: VirtualBox) -> tuple[str, str, Any]:
    """Issue, kill -9 the daemon, start it again, repeat with the same key: the same bytes, one number."""
    key = new_key()
    params = {"key": key, "prices": "gross", **SALES[0][1]}
    with box.client() as till:
        first = till.call_line("invoice.issue", params)
    _wait_for_paper(box)
    box.kill()
    seconds = box.start()
    with box.client() as till:
        again = till.call_line("invoice.issue", params)
        same = first == again
        print(f"killed with SIGKILL, back after {seconds:.2f} s; the repeated request got the same bytes: {same}")
        if not same:
            raise SystemExit("the repeat differs: this must never happen")
        return "repeated", key, till.issue(**params)


def _later_life(box: VirtualBox, rows: list[tuple[str, str, Any]]) -> tuple[str, str, Any]:
    """One is cancelled, of one a part goes back, one is replaced for a buyer whose number came too late."""
    (_, consumer, _), (_, business, _), *_, (_, repeated, _) = rows
    before = len(box.prints())
    who = {"by": "王店員", "consent": "買方同意，已收回證明聯"}
    with box.client() as till:
        told = till.call("invoice.cancel", key=new_key(), invoice_key=consumer, reason="退貨", **who)
        print(f"\n{told['cancellation']['invoice_number']} cancelled (作廢): {told['todo_zh']}")
        back = {"key": new_key(), "invoice_key": business, "by": "王店員", "lines": [{"line": 1, "amount": 89}]}
        told = till.call("allowance.issue", **back)
        allowance = told["allowance"]
        sums = f"{allowance['total_amount']} + {allowance['tax_amount']}"
        print(f"allowance (折讓) {allowance['allowance_number']}: {sums}, {told['left']} left")
        key, buyer = new_key(), {"identifier": "04595257"}
        told = till.call("invoice.replace", key=key, invoice_key=repeated, reason="補登統編", buyer=buyer, **who)
        print(f"{told['replaced']['cancellation']['invoice_number']} replaced for a buyer with a 統一編號")
    box.wait_for(lambda: len(box.prints()) >= before + 3, 30, "a proof and both copies of the allowance's slip")
    return "replaced", key, told


def _wait_for_paper(box: VirtualBox) -> None:
    box.wait_for(lambda: not box.status()["counts"]["proofs_waiting"], 30, "the proofs to be printed")


def _table(box: VirtualBox, rows: list[tuple[str, str, Any]]) -> None:
    print(f"\n{'sale':<10}{'number':<13}{'total':>6}  {'paper':<12}key")
    with Client(box.socket("admin")) as admin:
        for name, key, answer in rows:
            invoice = answer["invoice"]
            now = admin.call("invoice.get", key=key)
            paper = now["paper"] if now["state"] == "issued" else now["state"]
            total = invoice["total_amount"]
            print(f"{name:<10}{invoice['invoice_number']:<13}{total:>6}  {paper:<12}{key}")
    print("\nwhat came out of the printer (proofs, and slips of the stick and the allowance):")
    for picture in box.prints():
        print(f"  {picture}")
    status = box.status()
    print(f"\n{status['sentence_zh']} {status['counts']['numbers_left_this_period']} numbers left.")


def _play(box: VirtualBox) -> None:
    ctl = f"einvoicectl --run {box.run}"
    print(
        f"""
Play with it (Ctrl-C ends it):
  . .venv/bin/activate
  {ctl} status
  {ctl} issue '牛奶*2@25' 'Pen@10'
  {ctl} tracks list
  tail -f {box.folder}/log
track files go to  {box.stick}
paper comes out in {box.paper}
the clock obeys    {box.folder}/clock.json"""
    )
    try:
        while box.process is not None and box.process.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        print("\nstopping")


if __name__ == "__main__":
    main()
