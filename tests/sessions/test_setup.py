"""`einvoicectl setup` as a technician meets it: on a terminal, with the real daemon and a printer that prints."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from einvoiced import config
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import serve_pty
from tests.boxes import fresh_folder, until
from tools.virtualbox import QR_KEY, SELLER

pytestmark = pytest.mark.sessions

DRIVER = """
import functools, sys
from pathlib import Path
from einvoiced import cli, config
from einvoiced.cli import installed
from einvoiced.hardware.printer import probe
home = Path(sys.argv.pop(1))
config.FILE = home / "etc/einvoiced.toml"
config.CREDENTIAL = home / "credstore/einvoiced.qr-key"
installed.DROP_IN = home / "drop-in/network-printer.conf"
probe.places = functools.partial(probe.places, home / "dev", home / "sys")
sys.exit(cli.main())
"""
SYSTEMCTL = """#!/bin/sh
# Stands in for systemd: `restart` ends the daemon that runs and starts another.
echo "$*" >> {home}/systemctl
case "$1" in
show) echo loaded ;;
restart)
    [ -e {home}/pid ] && kill "$(cat {home}/pid)"
    mkdir -p {home}/credentials
    [ ! -e {home}/credstore/einvoiced.qr-key ] || cp {home}/credstore/einvoiced.qr-key {home}/credentials/qr-key
    CREDENTIALS_DIRECTORY={home}/credentials setsid {python} -m einvoiced --config {home}/etc/einvoiced.toml \
        --state {home}/state --run {home}/run >{home}/log 2>&1 </dev/null &
    echo $! >{home}/pid ;;
esac
"""
SHOP = ["--identifier", SELLER, "--name", "示範商店", "--share", "1/1"]


class Machine:
    """A folder that plays the machine: configuration, credential store, devices, a stand-in for systemctl."""

    def __init__(self, home: Path) -> None:
        self.home, self.file = home, home / "etc/einvoiced.toml"
        self.key = home / "credstore/einvoiced.qr-key"
        self.by_id = home / "dev/serial/by-id"
        for folder in (self.by_id, home / "bin", home / "etc"):
            folder.mkdir(parents=True)
        systemctl = home / "bin/systemctl"
        systemctl.write_text(SYSTEMCTL.format(home=home, python=sys.executable))
        systemctl.chmod(0o755)

    def command(self, *arguments: str) -> list[str]:
        """How setup is run here."""
        place = ["--config", str(self.file)]
        return [
            sys.executable,
            "-c",
            DRIVER,
            str(self.home),
            "--run",
            str(self.home / "run"),
            "setup",
            *place,
            *arguments,
        ]

    @property
    def environment(self) -> dict[str, str]:
        """With the stand-in for systemctl first."""
        return {**os.environ, "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}", "PYTHONUTF8": "1"}

    def verb(self, *verb: str) -> str:
        """Another verb in the machine's place; what it prints."""
        command = [sys.executable, "-c", DRIVER, str(self.home), "--run", str(self.home / "run"), *verb]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    def setup(self, *arguments: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run it without a terminal; its exit code must be `code`."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def stop(self) -> None:
        """End the daemon."""
        pid = self.home / "pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine on which nothing is configured."""
    import shutil

    made = Machine(fresh_folder("setup"))
    yield made
    made.stop()
    shutil.rmtree(made.home, ignore_errors=True)


@pytest.fixture
def printer(machine: Machine, tmp_path: Path) -> Iterator[Emulator]:
    """An Epson on a USB serial cable of that machine."""
    emulator = Emulator(360, tmp_path, True)
    _, stop = serve_pty(emulator, machine.by_id / "usb-EPSON_TM-T88V_J7KL01-if00-port0")
    yield emulator
    stop()


class Conversation:
    """Setup on a terminal: what it asks is read, what is typed is sent."""

    def __init__(self, machine: Machine, *arguments: str) -> None:
        self.heard = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(sys.executable, machine.command(*arguments), machine.environment)

    def until(self, text: str, seconds: float = 40.0) -> str:
        """Read until it says this and asks; what was said since the last answer."""
        deadline = time.monotonic() + seconds
        while not re.search(re.escape(text) + r"(.|\n)*> $", self.heard):
            assert time.monotonic() < deadline, f"never asked {text!r}: {self.heard}"
            self._read(deadline)
        said, self.heard = self.heard, ""
        return said

    def answer(self, question: str, text: str) -> str:
        """Wait for a question and answer it."""
        said = self.until(question)
        os.write(self.terminal, text.encode() + b"\n")
        return said

    def end(self, seconds: float = 60.0) -> tuple[int, str]:
        """The exit code, and all that was said since the last answer."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            assert time.monotonic() < deadline, self.heard
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status), self.heard

    def _read(self, deadline: float) -> bool:
        if not select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return True
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # a pty whose other end is closed (EIO)
            return False
        self.heard += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


def test_a_box_is_configured_in_one_conversation(machine: Machine, printer: Emulator) -> None:
    """Wrong answers are refused at once in both languages; the printer is found; file, key and test strip are there."""
    talk = Conversation(machine)
    talk.answer("統一編號", "12345678")
    again = talk.answer("統一編號", SELLER)
    assert "統一編號不正確" in again
    assert "check digit" in again
    talk.answer("營業人名稱", "示範商店")
    talk.answer("營業地址", "")
    talk.answer("電話", "02-23456789")
    assert "✗" in talk.answer("幾台", "2") + talk.answer("幾台", "1/2")
    talk.answer("本機代號", "")
    choices = talk.answer("哪一台印表機", "")
    assert "EPSON TM-T88V" in choices
    assert "就緒" in choices
    assert "[1]" in choices
    talk.answer("型號", "")
    talk.answer("紙捲", "")
    if any(Path("/dev").glob("gpiochip*")):
        talk.answer("燈號", "n")
    talk.answer("金鑰", "not a key")
    assert "32 位" in talk.answer("金鑰", QR_KEY)
    shown = talk.answer("啟動？", "y")
    assert "seller.name" in shown
    code, told = talk.end()
    assert code == 0, told + (machine.home / "log").read_text()
    assert "測試單已印出" in told
    assert QR_KEY not in choices + again + shown + told

    loaded = config.load(machine.file)
    assert (loaded.seller.identifier, loaded.seller.address, loaded.seller.telephone) == (SELLER, None, "02-23456789")
    assert (loaded.tracks.share, loaded.box.id, loaded.stick.kind) == ("1/2", "A1", "udev")
    section = loaded.printer
    assert (section.transport, section.baudrate, section.profile) == ("serial", 115200, "epson-tm-t88")
    assert section.roll_mm == 57
    assert machine.key.read_text().strip() == QR_KEY
    assert stat.S_IMODE(machine.key.stat().st_mode) == 0o600
    assert QR_KEY not in machine.file.read_text(encoding="utf-8")
    assert "營業登記上的資料" in machine.file.read_text(encoding="utf-8"), "the example's comments stay"
    assert printer.strips


def test_without_a_person(machine: Machine) -> None:
    """Options and a key on standard input configure and start a box; again with one option, the others stay."""
    told = machine.setup("--yes", *SHOP, "--printer", "none", "--key-file", "-", stdin=QR_KEY + "\n").stdout
    assert "設定已寫入" in told
    assert config.load(machine.file).stick.kind == "udev"
    assert "good" in machine.verb("config", "check", str(machine.file))
    before = machine.file.read_text(encoding="utf-8")
    machine.setup("--yes", "--telephone", "02-12345678", "--no-start")
    after = machine.file.read_text(encoding="utf-8")
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        line for line in after.splitlines() if line.startswith("telephone")
    ]
    assert "restart einvoiced.service" in (machine.home / "systemctl").read_text()


def test_wrong_answers_change_nothing(machine: Machine) -> None:
    """What is missing is named; what is wrong is named; no file is made."""
    missing = machine.setup("--yes", "--identifier", SELLER, code=2).stderr
    assert "--name" in missing
    assert "--share" in missing
    assert "--key-file" in missing
    wrong = machine.setup("--yes", *SHOP[:-1], "3/2", "--box", "TOO LONG", code=2).stderr
    assert "tracks.share" in wrong
    assert "box.id" in wrong
    bad_key = machine.setup("--yes", *SHOP, "--key-file", "-", stdin="12AB\n", code=2).stderr
    assert "32" in bad_key
    assert "12AB" not in bad_key
    nobody = machine.setup("--yes", *SHOP, "--key-file", "-", "--printer", "auto", stdin=QR_KEY, code=2).stderr
    assert "0 do" in nobody
    assert "--yes" in machine.setup(*SHOP, code=2).stderr
    assert not machine.file.exists()
    assert not machine.key.exists()


def test_a_box_with_lamps_only_shows_that_it_is_not_configured(machine: Machine) -> None:
    """A maker may ship a file that names the lamps alone: the box says by them that it issues nothing."""
    lamps = machine.home / "lamps.json"
    machine.file.write_text(f'[lamps]\nkind = "virtual"\nfile = "{lamps}"\n')
    subprocess.run([str(machine.home / "bin/systemctl"), "restart"], env=machine.environment, check=True)
    until(lambda: lamps.exists() and json.loads(lamps.read_text())["state"] == "stop", what="the lamps' stop")
    assert "seller" in machine.verb("status")
    machine.setup("--yes", *SHOP, "--key-file", "-", stdin=QR_KEY)
    loaded = config.load(machine.file)
    assert (loaded.lamps.file, loaded.stick.kind) == (str(lamps), "udev")


def test_an_answers_file_and_a_network_printer(machine: Machine) -> None:
    """Any option of the configuration from a file; the sandbox is opened for that address alone, and closed again."""
    answers = machine.home / "answers.toml"
    answers.write_text(
        f'[seller]\nidentifier = "{SELLER}"\nname = "示範商店"\n[tracks]\nshare = "1/1"\n'
        '[printer]\nif_unprintable = "queue"\ncarrier_slip = true\n',
        encoding="utf-8",
    )
    key = machine.home / "key"
    key.write_text(QR_KEY)
    told = machine.setup(
        *("--yes", "--answers", str(answers), "--key-file", str(key), "--printer", "network:127.0.0.1:9"), code=1
    )
    assert "測試單沒有印出" in told.stdout
    loaded = config.load(machine.file)
    assert (loaded.printer.if_unprintable, loaded.printer.carrier_slip) == ("queue", True)
    assert "IPAddressAllow=127.0.0.1\n" in (machine.home / "drop-in/network-printer.conf").read_text()
    machine.setup("--yes", "--printer", "none")
    assert not (machine.home / "drop-in/network-printer.conf").exists()
    assert tomllib.loads(machine.file.read_text(encoding="utf-8"))["printer"]["transport"] == "none"


def test_a_dry_run_and_a_cancelled_one_change_nothing(machine: Machine) -> None:
    """--dry-run shows what would change; Ctrl-D in the middle says that nothing was changed."""
    shown = machine.setup("--yes", *SHOP, "--dry-run", "--key-file", "-", stdin=QR_KEY).stdout
    assert "tracks.share" in shown
    talk = Conversation(machine)
    talk.answer("統一編號", SELLER)
    talk.answer("營業人名稱", "\x04")
    code, told = talk.end()
    assert code == 1
    assert "未做任何更動" in told
    assert not machine.file.exists()
