"""A box that may not issue runs all the same, answers everywhere, and says what is wrong and what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import BoxError, new_key
from einvoiced.journal import store
from tests.boxes import SALE, until
from tools.virtualbox import VirtualBox

pytestmark = pytest.mark.sessions


def refusal(box: VirtualBox, method: str, socket: str = "till", **params: Any) -> BoxError:
    """The refusal that a request gets."""
    with box.client(socket) as client, pytest.raises(BoxError) as caught:
        client.call(method, **params)
    return caught.value


def locks(box: VirtualBox) -> list[str]:
    """The names of the locks, once it is sure that the box says what it should of each."""
    status = box.status()
    assert (status["can_issue"], status["lamps"]) == (False, "stop")
    assert all(lock["en"] and lock["zh"] for lock in status["locks"])
    assert status["sentence"] == status["locks"][0]["en"]
    assert status["sentence_zh"] == status["locks"][0]["zh"]
    return [lock["name"] for lock in status["locks"]]


def answers_everywhere(box: VirtualBox) -> None:
    """Every method of both sockets answers: with a result or with a refusal that says why, never with a fault."""
    for socket in ("till", "admin"):
        with box.client(socket) as client:
            info = client.call("box.info")
            assert {"box.info", "box.status", "invoice.issue", "invoice.get"} <= set(info["methods"])
            assert client.call("box.status")["time"]
    for method, params in (
        ("invoice.issue", {**SALE, "key": new_key()}),
        ("invoice.get", {"key": new_key()}),
        ("tracks.list", {}),
        ("tracks.import", {"file_name": "f.csv", "content": ""}),
    ):
        with box.client("admin") as client:
            try:
                client.call(method, **params)
            except BoxError as error:
                assert error.name != "internal_error", f"{method}: {error}"
                assert error.zh


def no_file(box: VirtualBox) -> None:
    """The configuration is not there."""
    (box.folder / "einvoiced.toml").unlink()


def edited(old: str, new: str) -> Callable[[VirtualBox], None]:
    """The configuration with something replaced."""

    def change(box: VirtualBox) -> None:
        file = box.folder / "einvoiced.toml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (no_file, "does not exist"),
        (edited('name = "示範商店"', 'nmae = "示範商店"'), "nmae"),
        (edited("[seller]", "[seller"), "TOML"),
        (edited('[tracks]\nshare = "1/1"\n', ""), "tracks.share"),
        (edited('share = "1/1"', 'share = "3/2"'), "tracks.share"),
        (lambda box: (box.folder / "qr.key").chmod(0o644), "chmod 600"),
        (edited('"virtual"\ndevice = "', '"network"\ndevice = "[::1'), "printer.device"),
    ],
    ids=["none", "option", "syntax", "no share", "wrong share", "open key", "address"],
)
def test_a_wrong_configuration_locks_and_is_named(
    make_box: Callable[..., VirtualBox], spoil: Callable[[VirtualBox], object], told: str
) -> None:
    """The daemon runs, every method answers, and the lock's sentence names the file and what is wrong in it."""
    box = make_box()
    spoil(box)
    box.start()
    assert locks(box) == ["config_error"]
    sentence = box.status()["sentence"]
    assert told in sentence
    assert "einvoiced.toml" in sentence
    error = refusal(box, "invoice.issue", key=new_key(), **SALE)
    assert (error.name, error.retry) == ("box_locked", "after_cure")
    assert told in str(error)
    answers_everywhere(box)


def test_a_mended_configuration_unlocks_at_the_next_start(make_box: Callable[..., VirtualBox]) -> None:
    """Nothing of the lock stays behind."""
    box = make_box()
    good = (box.folder / "einvoiced.toml").read_text()
    no_file(box)
    box.start()
    assert locks(box) == ["config_error"]
    box.stop()
    (box.folder / "einvoiced.toml").write_text(good)
    box.start()
    box.take_tracks(("NQ", 0, 499))
    with box.client() as client:
        assert client.issue(new_key(), **SALE)["invoice"]["invoice_number"] == "NQ00000000"


def test_a_damaged_journal_locks_and_is_left_alone(box: VirtualBox) -> None:
    """journal_broken from every method that needs it; no byte of it changes; repaired, the box goes on."""
    box.stop()
    file = box.state / "journal" / store.FILE
    whole = file.read_bytes()
    db = sqlite3.connect(file)
    db.execute("UPDATE entries SET body = x'ff' WHERE sequence = 1")
    db.commit()
    db.close()
    damaged = file.read_bytes()
    box.start()
    assert locks(box) == ["journal_broken"]
    assert refusal(box, "invoice.issue", key=new_key(), **SALE).name in ("box_locked", "journal_broken")
    assert refusal(box, "tracks.list", "admin").name == "journal_broken"
    answers_everywhere(box)
    box.stop()
    assert file.read_bytes() == damaged
    file.write_bytes(whole)
    box.start()
    assert box.status()["can_issue"]


SHM = Path("/dev/shm")


@pytest.mark.skipif(not SHM.is_dir() or store.file_system(SHM) != "tmpfs", reason="no tmpfs on /dev/shm")
def test_a_disk_that_forgets_locks(make_box: Callable[..., VirtualBox]) -> None:
    """A state directory on tmpfs: journal_bad_place, and everything answers."""
    box = make_box()
    box.state = SHM / f"einvoiced-session-{os.getpid()}"
    try:
        box.start()
        assert locks(box) == ["journal_bad_place"]
        answers_everywhere(box)
    finally:
        box.stop()
        shutil.rmtree(box.state, ignore_errors=True)


def test_a_second_daemon_on_the_journal_is_locked_and_harmless(
    box: VirtualBox, make_box: Callable[..., VirtualBox]
) -> None:
    """journal_in_use; the first one goes on, and when it ends the second may be started again and take over."""
    second = make_box()
    second.state = box.state
    second.start()
    assert locks(second) == ["journal_in_use"]
    answers_everywhere(second)
    with box.client() as client:
        client.issue(new_key(), **SALE)
    second.stop()
    box.stop()
    second.start()
    assert second.status()["counts"]["last_number"] == "NQ42519550"


def test_a_second_daemon_cannot_take_the_sockets(box: VirtualBox, make_box: Callable[..., VirtualBox]) -> None:
    """It ends with an error at once instead of living without tills; the first one keeps them."""
    second = make_box()
    shutil.rmtree(second.run)
    second.run = box.run
    done = subprocess.run(second.command(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 71
    assert "another process listens there" in done.stderr
    with box.client() as client:
        assert client.issue(new_key(), **SALE)["invoice"]["invoice_number"] == "NQ42519550"


def test_a_place_without_sockets_ends_the_daemon(make_box: Callable[..., VirtualBox]) -> None:
    """A daemon that cannot listen ends, so that systemd notices; it never hangs without sockets."""
    box = make_box()
    command = [*box.command()]
    command[command.index("--run") + 1] = str(box.folder / "qr.key" / "run")
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 71


def test_parts_that_are_not_there_stop_nothing(make_box: Callable[..., VirtualBox]) -> None:
    """No printer, no stick's folder, no place for the lamps: it issues, and says what is missing."""
    box = make_box(
        printer={"transport": "serial", "device": "/dev/ttyNOSUCH", "if_unprintable": "queue"},
        lamps={"kind": "virtual", "file": "/nowhere/lamps.json"},
        stick={"kind": "folder", "folder": "/nowhere/stick"},
    )
    box.start()
    box.take_tracks(("NQ", 0, 499))
    with box.client() as client:
        client.issue(new_key(), **SALE)
    until(lambda: box.status()["printer"] == "absent", 10, "the printer to be missed")
    status = box.status()
    assert (status["can_issue"], status["can_print"]) == (True, False)
    assert [w["name"] for w in status["warnings"]] == ["printer_absent"]
    assert status["counts"]["proofs_waiting"] == 1
