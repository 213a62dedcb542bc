"""A running box and its configuration file: changed, read again, wrong, mended; no request is lost."""

from __future__ import annotations

import signal
import subprocess
import threading
from pathlib import Path

import pytest

from einvoiced.client import BoxError, new_key
from tests.boxes import SALE, until
from tests.sessions.test_sessions_cli import DONE, REFUSED, ctl
from tools.virtualbox import QR_KEY, VirtualBox

pytestmark = pytest.mark.sessions


def file_of(box: VirtualBox) -> Path:
    """The configuration's file."""
    return box.folder / "einvoiced.toml"


def notices(box: VirtualBox) -> set[str]:
    """The names of a status' warnings."""
    return {each["name"] for each in box.status()["warnings"]}


def set_option(box: VirtualBox, option: str, value: str, code: int = DONE) -> subprocess.CompletedProcess[str]:
    """`einvoicectl config set`."""
    return ctl(box, "config", "set", option, value, "--by", "王店長", "--config", str(file_of(box)), code=code)


def test_a_changed_name_stands_on_the_next_invoice_and_in_the_journal(shared_box: VirtualBox) -> None:
    """While tills go on asking: none of their requests fails, and each invoice has the old name or the new one."""
    names: list[str] = []
    done = threading.Event()

    def till() -> None:
        with shared_box.client() as client:
            while not done.is_set():
                names.append(client.issue(new_key(), **SALE)["invoice"]["seller"]["name"])

    worker = threading.Thread(target=till)
    worker.start()
    try:
        until(lambda: len(names) > 5)
        assert "seller.name" in set_option(shared_box, "seller.name", "示範商店二店").stdout
        seen = len(names)
        until(lambda: len(names) > seen + 5)
    finally:
        done.set()
        worker.join()
    assert names[0] == "示範商店"
    assert names[-1] == "示範商店二店"
    assert sorted(names, key=lambda name: name != "示範商店") == names  # never back
    entries = shared_box.call("journal.read", after=0)["entries"]
    (change,) = [each for each in entries if '"company_changed"' in each]
    assert '"changed":["name"],"person":"王店長"' in change


def test_a_wrong_file_changes_nothing_and_the_status_says_so(shared_box: VirtualBox) -> None:
    """By signal and by method; a mended file takes the notice away."""
    assert shared_box.process is not None
    good = file_of(shared_box).read_text(encoding="utf-8")
    file_of(shared_box).write_text(good.replace("[seller]", "[seler]"), encoding="utf-8")
    shared_box.process.send_signal(signal.SIGHUP)
    until(lambda: "config_not_taken" in notices(shared_box))
    with pytest.raises(BoxError, match="seler"):
        shared_box.call("config.reload", person="王店長")
    assert shared_box.status()["can_issue"]
    file_of(shared_box).write_text(good, encoding="utf-8")
    shared_box.process.send_signal(signal.SIGHUP)
    until(lambda: "config_not_taken" not in notices(shared_box))


def test_what_needs_a_restart_is_named(shared_box: VirtualBox) -> None:
    """In the answer and in the status, until the file says again what runs."""
    good = file_of(shared_box).read_text(encoding="utf-8")
    file_of(shared_box).write_text(good.replace('id = "A1"', 'id = "B2"'), encoding="utf-8")
    assert shared_box.call("config.reload", person="王店長") == {"changed": [], "restart": ["box.id"]}
    assert "restart_needed" in notices(shared_box)
    assert shared_box.status()["box"] == "A1"
    file_of(shared_box).write_text(good, encoding="utf-8")
    assert shared_box.call("config.reload", person="王店長") == {"changed": [], "restart": []}
    assert "restart_needed" not in notices(shared_box)


def test_another_seller_is_refused(shared_box: VirtualBox) -> None:
    """A box with numbers keeps its seller; not even the file is changed by `config set`."""
    assert "for life" in set_option(shared_box, "seller.identifier", "12345675", REFUSED).stderr
    good = file_of(shared_box).read_text(encoding="utf-8")
    file_of(shared_box).write_text(good.replace("24634102", "12345675"), encoding="utf-8")
    with pytest.raises(BoxError) as refused:
        shared_box.call("config.reload", person="王店長")
    assert refused.value.name == "seller_changed"
    assert "config_not_taken" in notices(shared_box)
    file_of(shared_box).write_text(good, encoding="utf-8")
    shared_box.call("config.reload", person="王店長")


def test_the_key_is_checked_against_a_proof_and_never_shown(shared_box: VirtualBox) -> None:
    """The code of an own proof fits, one with another random code does not; a text that is none is refused."""
    with shared_box.client() as client:
        text = client.issue(new_key(), **SALE)["invoice"]["qr_left"]
    assert "金鑰正確" in ctl(shared_box, "key", "check", text).stdout
    other = text[:17] + f"{(int(text[17:21]) + 1) % 10000:04d}" + text[21:]
    assert "不符" in ctl(shared_box, "key", "check", other, code=REFUSED).stdout
    ctl(shared_box, "key", "check", text[:60], code=REFUSED)
    shown = ctl(shared_box, "config", "show", str(file_of(shared_box))).stdout
    assert "not shown" in shown
    assert "seller.name" in shown
    for told in (shown, shared_box.log(), str(shared_box.call("journal.read", after=0))):
        assert QR_KEY.lower() not in told.lower()
