"""A box on virtual hardware in one folder: the real daemon, a folder that plays the stick, paper as pictures.

Used by `make demo`, `make run`, the benchmarks and the session tests.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.rules.period import Period

SELLER = "24634102"
QR_KEY = "FE05F029154F6AA67A78B338ED2F6601"
"""A published test vector's key: no shop's secret."""

HEADER = "營業人統編,發票類別代號,發票類別,發票期別,發票字軌名稱,發票起號,發票迄號"


class VirtualBox:
    """One daemon and its folder. `options` replace sections of the configuration, such as `printer={...}`."""

    def __init__(self, folder: Path, **options: dict[str, Any]) -> None:
        self.folder = folder.resolve()
        self.state, self.stick, self.paper = (self.folder / n for n in ("state", "stick", "paper"))
        self.run = Path(tempfile.mkdtemp(prefix="einvoice-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] | None = None
        for each in (self.folder, self.stick, self.paper):
            each.mkdir(parents=True, exist_ok=True)
        self._write_config(options)
        self.set_clock()

    def _write_config(self, options: dict[str, dict[str, Any]]) -> None:
        sections: dict[str, dict[str, Any]] = {
            "seller": {"identifier": SELLER, "name": "示範商店"},
            "box": {"id": "A1", "boot_slip": "never"},
            "tracks": {"share": "1/1"},
            "qr": {"key_file": "qr.key"},
            "printer": {"transport": "virtual", "device": str(self.paper)},
            "lamps": {"kind": "virtual", "file": str(self.folder / "lamps.json")},
            "stick": {"kind": "folder", "folder": str(self.stick)},
            "clock": {"kind": "virtual", "file": str(self.folder / "clock.json")},
        }
        for name, section in options.items():
            sections[name] = {**sections.get(name, {}), **section}
        text = "".join(
            f"[{name}]\n" + "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in section.items()) + "\n"
            for name, section in sections.items()
        )
        (self.folder / "einvoiced.toml").write_text(text, encoding="utf-8")
        key = self.folder / "qr.key"
        key.write_text(QR_KEY)
        key.chmod(0o600)

    # -- the daemon

    def command(self) -> list[str]:
        """How this box is started."""
        return [
            *(sys.executable, "-m", "einvoiced"),
            *("--config", str(self.folder / "einvoiced.toml")),
            *("--state", str(self.state), "--run", str(self.run)),
        ]

    def start(self, *prefix: str, timeout: float = 60.0) -> float:
        """Start the daemon and wait until it answers; returns the seconds. RuntimeError with its log if it ends.

        A disk that others write to can hold up the syncs of a new journal for half a minute.
        """
        begin = time.monotonic()
        self.spawn(*prefix)
        self.wait_for(self.answers, timeout, "the daemon to answer")
        return time.monotonic() - begin

    def spawn(self, *prefix: str) -> None:
        """Start the daemon and wait for nothing."""
        with (self.folder / "log").open("ab") as log:
            command = [*prefix, *self.command()]
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=self.environment)

    def answers(self) -> bool:
        """Whether the daemon answers on both sockets."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon ended with {self.process.returncode}:\n{self.log()}")
        try:
            for name in ("till", "admin"):
                with self.client(name) as client:
                    client.call("box.status")
        except (BoxUnreachable, BoxError):
            return False
        return True

    def kill(self) -> None:
        """SIGKILL, as a power cut would end the process (not the disk)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(30)
        self.process = None

    def close(self) -> None:
        """Stop, and remove the sockets' folder; the box's folder stays."""
        self.stop()
        shutil.rmtree(self.run, ignore_errors=True)

    def __enter__(self) -> VirtualBox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the world around it

    def socket(self, name: str) -> str:
        """The path of the till's or the admin's socket."""
        return str(self.run / f"{name}.sock")

    def client(self, name: str = "till") -> Client:
        """A client on a socket."""
        return Client(self.socket(name))

    def call(self, method: str, **params: Any) -> Any:
        """One request over the admin socket."""
        with self.client("admin") as client:
            return client.call(method, **params)

    def status(self) -> Any:
        """`box.status`."""
        return self.call("box.status")

    def set_clock(self, **orders: Any) -> None:
        """Steer the movable clock: `set` (ISO time), `offset` (seconds), `frozen`, `synchronised`, `rtc`."""
        aside = self.folder / ".clock.json"
        aside.write_text(json.dumps({"synchronised": True, **orders}))
        aside.replace(self.folder / "clock.json")

    def plug_in(self, rows: str, name: str = "invnoapply.csv", encoding: str = "utf-8") -> None:
        """Put a track file on the folder that plays the stick."""
        (self.stick / name).write_bytes(rows.encode(encoding))

    def take_tracks(self, *ranges: tuple[str, int, int], period: Period | None = None) -> None:
        """Import ranges over the admin socket, and release them as a technician of a new box would."""
        content = base64.b64encode(track_file(*ranges, period=period).encode()).decode()
        self.release(self.call("tracks.import", file_name="invnoapply.csv", content=content)["to_release"])

    def release(self, ranges: list[dict[str, Any]] | None = None) -> None:
        """Say of ranges (default: all that wait for it) that none of their numbers was used elsewhere."""
        waiting = ranges if ranges is not None else [r for r in self.call("tracks.list") if r["state"] == "unreleased"]
        for r in waiting:
            place = {name: r[name] for name in ("year_month", "track", "begin")}
            self.call("tracks.release", **place, last_used="none", technician="示範技師")

    def log(self) -> str:
        """What the daemon wrote to stderr."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def prints(self) -> list[Path]:
        """The pictures of what came out of the printer."""
        return sorted(self.paper.glob("*.png"))

    @staticmethod
    def wait_for(condition: Callable[[], object], timeout: float = 10.0, what: str = "a condition") -> None:
        """Wait until the condition holds; TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {timeout} s for {what}")
            time.sleep(0.01)


def track_file(*ranges: tuple[str, int, int], period: Period | None = None, seller: str = SELLER) -> str:
    """A track file as the platform writes it, for ranges (track, begin, end) of this period or another."""
    shown = (period or this_period()).csv_form
    rows = [f"{seller},7,一般稅額計算,{shown},{track},{begin:08d},{end:08d}" for track, begin, end in ranges]
    return "\r\n".join([HEADER, *rows, ""])


def this_period() -> Period:
    """The period of the machine's clock, in Taipei."""
    from einvoiced.rules.period import TAIPEI

    return Period.of(datetime.now(TAIPEI))


def durable_folder(wanted: Path) -> Path:
    """The folder itself, or one in /var/tmp where the wanted one's file system forgets what it synced (containers)."""
    from einvoiced.journal.store import FORGETFUL, file_system

    for base in (wanted, Path("/var/tmp") / f"einvoiced-{os.getuid()}" / wanted.name):
        parent = base if base.exists() else base.parent
        while not parent.exists():
            parent = parent.parent
        if file_system(parent) not in FORGETFUL:
            return base
    raise SystemExit(
        f"{wanted} and /var/tmp are on file systems that forget (tmpfs, overlay …): the journal refuses to live there. "
        "Clone to a local disk."
    )
