"""A box with a mirror, both real processes, and `einvoicectl` by hand."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from einvoiced import cli
from einvoiced.client import Client, new_key
from einvoiced.journal import entries, lines
from tests.boxes import RANGE, SALE, result_of
from tools.virtualbox import VirtualBox

TECHNICIAN = "測試技師"


def ctl(box: VirtualBox, *arguments: str, code: int = 0) -> Any:
    """Run einvoicectl on a box, check its exit code and give its JSON, or what it said."""
    out, err = io.StringIO(), io.StringIO()
    out.buffer = io.BytesIO()  # type: ignore[misc]
    with redirect_stdout(out), redirect_stderr(err):
        got = cli.main(["--json", "--run", str(box.run), *arguments])
    assert got == code, f"{arguments}: {got}\n{out.getvalue()}\n{err.getvalue()}"
    return json.loads(out.getvalue()) if out.getvalue().strip() else err.getvalue()


def offline(box: VirtualBox, *arguments: str, code: int = 0, by: bool = True) -> Any:
    """A verb that needs to know where the box lives."""
    where = ["--state", str(box.state), "--config", str(box.folder / "einvoiced.toml")]
    return ctl(box, *arguments, *where, *(["--technician", TECHNICIAN] if by else []), code=code)


class Mirror:
    """The real einvoiced-mirror of a box, on a directory of its own."""

    def __init__(self, box: VirtualBox, directory: Path) -> None:
        self.box, self.directory = box, directory
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it waits for the box."""
        config = str(self.box.folder / "einvoiced.toml")
        command = [sys.executable, "-m", "einvoiced.followers.mirror", "--config", config]
        with (self.box.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--run", str(self.box.run), "--retry", "0.1"], stderr=log, stdout=log
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def files(self) -> list[Path]:
        """Its period files."""
        return lines.period_files(self.directory)

    def bodies(self) -> list[bytes]:
        """Every entry in it, in order."""
        return [line.body for line in lines.Reader(self.files())]

    def last(self) -> int:
        """The last sequence in it."""
        return max((entries.read(body).sequence for body in self.bodies()), default=0)

    def reached(self, sequence: int) -> Callable[[], bool]:
        """A condition: it has this entry."""
        return lambda: self.last() >= sequence


def mirrored(box: VirtualBox, directory: Path, *, required: bool = True) -> Mirror:
    """Start a new box, make its mirror, and start both again: the box has numbers, the mirror follows."""
    directory.mkdir()
    box.start()
    where = ["--state", str(box.state), "--config", str(box.folder / "einvoiced.toml")]
    ctl(box, "mirror", "init", str(directory), "--same-disk", *where)
    box.stop()
    with (box.folder / "einvoiced.toml").open("a") as config:
        config.write(f'[mirror]\ndirectory = "{directory}"\nrequired = {str(required).lower()}\n')
    mirror = Mirror(box, directory)
    mirror.start()
    box.start()
    box.take_tracks(RANGE)
    return mirror


def sell(box: VirtualBox, count: int = 1) -> dict[str, bytes]:
    """Issue some invoices; key → the bytes of the result."""
    answers = {}
    with Client(box.socket("till")) as client:
        for _ in range(count):
            key = new_key()
            answers[key] = result_of(client.call_line("invoice.issue", {**SALE, "key": key, "print": "till"}))
    return answers


def number(answer: bytes) -> str:
    """The number of an answer."""
    return str(json.loads(answer)["invoice"]["invoice_number"])


def locks(box: VirtualBox) -> list[str]:
    """The names of the locks of a running box."""
    return [lock["name"] for lock in box.status()["locks"]]


def copy_journal(box: VirtualBox, to: Path) -> None:
    """What a helpful person does: cp -r of a stopped box's journal."""
    shutil.copytree(box.state / "journal", to)


def put_back(box: VirtualBox, copy: Path) -> None:
    """And puts it back later."""
    shutil.rmtree(box.state / "journal")
    shutil.copytree(copy, box.state / "journal")
