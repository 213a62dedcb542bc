"""The support bundle: what is in it, and above all what is not."""

from __future__ import annotations

import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from einvoiced import cli
from einvoiced.client import BoxError, Client, new_key
from einvoiced.doctor import bundle as bundles
from einvoiced.doctor import mask
from einvoiced.doctor.site import Site
from tests.boxes import RANGE, until
from tools.virtualbox import QR_KEY, VirtualBox

PERSONAL: dict[str, Any] = {
    "buyer": {"identifier": "04595257", "name": "王大明股份有限公司"},
    "labels": {"order_no": "ORDER-7788", "cashier": "林收銀員"},
}
CARRIERS = {"3J0002": "/QWE+R45", "CQ0001": "AB12345678901234"}
ITEM = "祕密藥膏"
LINES = [{"description": ITEM, "quantity": 1, "unit_price": 1234, "remark": "王太太訂"}]


def sell(till: Client) -> list[str]:
    """One sale of each kind; gives everything in them that no bundle may hold."""
    keys = [new_key() for _ in range(4)]
    secrets = [*keys, ITEM, "王太太訂", "王大明", "04595257", "ORDER-7788", "林收銀員", *CARRIERS.values(), "9191919"]
    answers = [till.issue(keys[0], lines=LINES, total_amount=1234, **PERSONAL)]
    for key, (kind, carrier) in zip(keys[1:], CARRIERS.items(), strict=False):
        answers.append(till.issue(key, lines=LINES, total_amount=1234, carrier={"type": kind, "id": carrier}))
    answers.append(till.issue(keys[3], lines=LINES, total_amount=1234, npoban="9191919"))
    for answer in answers:
        secrets += [answer["mac"], answer["invoice"]["code39"], answer["invoice"]["qr_left"][53:77]]
    return secrets


def refused(till: Client) -> None:
    """A request that the box refuses, with a customer's words in it."""
    with pytest.raises(BoxError):
        till.call("invoice.issue", key=new_key(), lines=LINES, total_amount=1, prices="gross")


def contents(file: Path) -> dict[str, bytes]:
    """The members of a bundle, without their folder."""
    with tarfile.open(file) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        return {m.name.partition("/")[2]: tar.extractfile(m).read() for m in members}  # type: ignore[union-attr]


def options(box: VirtualBox, *more: str) -> list[str]:
    """The command line of a bundle of a box."""
    place = ["--config", str(box.folder / "einvoiced.toml"), "--state", str(box.state)]
    return ["--json", "--run", str(box.run), "bundle", *more, *place]


def test_no_secret_and_no_customer_is_in_it(make_box: Callable[..., VirtualBox], tmp_path: Path) -> None:
    """A busy box, its whole bundle searched byte by byte for every secret and everything of its customers."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    with box.client() as till:
        secrets = sell(till)
        refused(till)
    until(lambda: not box.status()["counts"]["proofs_waiting"], 30, "the proofs to be printed")
    rude = tmp_path / "rude.log"
    rude.write_text("\n".join(f"ValueError: bad value {secret}\nnoted '{secret}'" for secret in secrets))
    file = tmp_path / "bundle.tar.gz"
    assert cli.main(options(box, str(file), "--log", str(box.folder / "log"), "--log", str(rude))) == 0
    members = contents(file)
    for secret in [*secrets, QR_KEY, QR_KEY.lower()]:
        for name, content in members.items():
            assert secret.encode() not in content, f"{secret} in {name}"
    assert b"rude.log" not in members["logs/log"] and b"einvoiced: ready" in members["logs/log"]


def test_what_support_needs_is_in_it(
    shared_box: VirtualBox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Versions, findings, status, masked configuration, all envelopes, mounts; and what is missing is said."""
    file = tmp_path / "bundle.tar.gz"
    assert cli.main(options(shared_box, str(file))) == 0
    members, told = contents(file), json.loads(capsys.readouterr().out)
    assert sorted(members) == told["members"]
    assert {"about.json", "doctor.json", "config.toml", "envelopes.jsonl", "disks.txt"} <= set(members)
    lines = [json.loads(line) for line in members["envelopes.jsonl"].splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert {name for line in lines for name in line} == {"epoch", "sequence", "time", "type"}
    assert lines[0]["type"] == "journal_created"
    assert json.loads(members["status.json"])["box"] == "A1"
    assert b"key_file" in members["config.toml"]
    assert told["left_out"].keys() == json.loads(members.get("left-out.json", b"{}")).keys()


def test_it_is_private_and_overwrites_nothing(shared_box: VirtualBox, tmp_path: Path) -> None:
    """Mode 0600; a file that is there stays as it is and the command fails."""
    file = tmp_path / "bundle.tar.gz"
    assert cli.main(options(shared_box, str(file))) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert cli.main(options(shared_box, str(file))) == 2
    assert file.read_bytes() == before


def test_a_dead_box_gives_a_bundle_too(make_box: Callable[..., VirtualBox], tmp_path: Path) -> None:
    """Without status, with the reason, and with the doctor's findings."""
    box = make_box()
    file = tmp_path / "bundle.tar.gz"
    assert cli.main(options(box, str(file))) == 0
    members = contents(file)
    assert "status.json" not in members
    assert "does not answer" in json.loads(members["left-out.json"])["status.json"]
    assert any(f["level"] == "problem" for f in json.loads(members["doctor.json"]))


def test_a_key_in_the_wrong_place_stops_it(
    shared_box: VirtualBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If masking ever failed, nothing would be written."""
    monkeypatch.setattr(mask, "configuration", lambda text: text + QR_KEY)
    file = tmp_path / "bundle.tar.gz"
    assert cli.main(options(shared_box, str(file))) == 1
    assert not file.exists()
    with pytest.raises(bundles.SecretFound):
        bundles.gather(Site(shared_box.folder / "einvoiced.toml", shared_box.state, shared_box.run))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('token = "abc"', 'token = "********"'),
        ('key_file = "qr.key"', 'key_file = "qr.key"'),
        (f'name = "{QR_KEY}"', 'name = "********"'),
        ('id = "A1"', 'id = "A1"'),
        ('office_password="x"  # note', 'office_password="********"'),
    ],
)
def test_secret_options_are_masked(line: str, told: str) -> None:
    """By their names, and whatever looks like a key; a file's name stays."""
    assert mask.configuration(line) == told + "\n"


def test_a_log_keeps_what_helps() -> None:
    """Times, numbers of invoices, the seller, states and processes stay readable."""
    line = "2026-11-26 17:28:04 WARNING einvoiced: NQ42519550 24634102 a strip of 12830 bytes: unknown (pid 4242)\n"
    assert mask.log(line, "24634102") == line
