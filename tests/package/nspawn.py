"""A Debian without our package, booted under systemd-nspawn: real PID 1, users, units, sandbox; no devices."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

PACKAGES = (
    "systemd,systemd-sysv,dbus,udev,kmod,python3,fonts-noto-cjk,fonts-wqy-microhei,fonts-dejavu-core,systemd-timesyncd"
)
BOOT_SECONDS = 60.0


def why_not() -> str | None:
    """What is missing here to run a container; None when nothing is."""
    if os.geteuid() != 0:
        return "root is needed for systemd-nspawn"
    missing = [tool for tool in ("mmdebstrap", "systemd-nspawn", "nsenter", "dpkg-deb") if shutil.which(tool) is None]
    return f"missing: {' '.join(missing)} (apt install mmdebstrap systemd-container)" if missing else None


def base(folder: Path, suite: str = "bookworm") -> Path:
    """The installed system that containers are copies of; made once."""
    made = folder / f"base-{suite}"
    if not made.exists():
        aside = folder / f".base-{suite}"
        shutil.rmtree(aside, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--variant=minbase", f"--include={PACKAGES}", "--aptopt=Acquire::Languages none"]
        subprocess.run(["mmdebstrap", "--quiet", *options, suite, str(aside)], check=True)
        aside.rename(made)
    return made


class Container:
    """One booted copy. The caller kills it."""

    def __init__(self, root: Path, source: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(root)], check=True)
        self.root = root
        self.boot()

    def boot(self) -> None:
        """Start PID 1 and wait until systemd says that it is up."""
        log = self.root.with_suffix(".log")
        command = ["systemd-nspawn", "-q", "-bD", str(self.root), "-M", f"einvoiced-{os.getpid()}", "--register=no"]
        self._process = subprocess.Popen(
            [*command, "--keep-unit", "--private-network", "--console=pipe"],
            stdin=subprocess.DEVNULL,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        deadline = time.monotonic() + BOOT_SECONDS
        self._pid1 = 0
        while time.monotonic() < deadline and self._process.poll() is None:
            self._pid1 = int((children.read_text().split() or ["0"])[0])
            if self._pid1 and self.run("systemctl is-system-running", check=False).strip() in ("running", "degraded"):
                return
            time.sleep(0.1)
        self.kill()
        raise TimeoutError(f"the container did not boot: {log.read_text(errors='replace')[-2000:]}")

    def command(self, script: str) -> list[str]:
        """How a shell script is run inside."""
        return [
            "nsenter",
            "-t",
            str(self._pid1),
            *["-m", "-u", "-i", "-n", "-p", "-r", "-w"],
            "--",
            "/bin/sh",
            "-c",
            script,
        ]

    def run(self, script: str, *, check: bool = True, stdin: str = "", timeout: float = 180.0) -> str:
        """Run a script as root; what it printed on both outputs. AssertionError when it fails and `check`."""
        done = subprocess.run(
            self.command(script),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    def put(self, file: Path, place: str = "/root/") -> None:
        """Copy a file into the container's root directory."""
        shutil.copy(file, self.root / place.lstrip("/"))

    def kill(self) -> None:
        """End it at once, as a plug that is pulled."""
        for pid in (self._pid1, self._process.pid):
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()
