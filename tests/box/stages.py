"""The running boxes that tests start from, each frozen once and kept: a case begins in two seconds, not in thirty.

`bare`: Debian has booted. `installed`: our package has just been installed there by apt, as a technician does it.
`configured`: a shop's configuration is in, the daemon is ready; it has no numbers yet. `stopped`: and was stopped.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.box import needs
from tests.box.counter import UNIT, Counter, configuration
from tests.box.image import build
from tests.box.machine import Frozen, Machine

FILES = Path(__file__).parent / "guest"
GUEST = {
    "hand.py": "/usr/local/lib/box/hand.py",
    "pi-hardware.conf": "/etc/systemd/system/einvoiced.service.d/pi-hardware.conf",
}
INSTALL = "apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0"


class Stages:
    """The stages of one package. What has to be made is made when it is first asked for."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self._content = package.read_bytes()
        self.image = build(depends(package))
        self.figures: dict[str, float] = {}
        version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True).stdout
        guest = b"".join((FILES / name).read_bytes() for name in GUEST)
        with Machine(self.image) as machine:
            self._hardware = repr((machine.hardware(), version, guest, self.image.key)).encode()

    def bare(self) -> Frozen:
        """Debian, booted; nothing of ours."""
        return self._stage("bare", b"", _first_boot)

    def installed(self) -> Frozen:
        """The package was installed a moment ago."""
        return self._stage("installed", self._content, self._install)

    def configured(self) -> Frozen:
        """A shop's box, ready, without numbers."""
        return self._stage("configured", self._content + configuration("").encode(), self._configure)

    def stopped(self) -> Frozen:
        """The same with the daemon stopped: its journal's disk is plugged in later."""
        return self._stage("stopped", self._content + configuration("").encode(), self._stop)

    def older(self, package: Path) -> Frozen:
        """A shop's box with an older package, ready, without numbers."""

        def make(counter: Counter) -> None:
            counter.thaw(self.bare())
            install(counter.machine, package)
            _begin_business(counter, box={"boot_slip": None})  # an option that the first package does not know

        return self._stage("older", package.read_bytes() + configuration("").encode(), make)

    def _install(self, counter: Counter) -> None:
        counter.thaw(self.bare(), printer=False)
        begin = time.monotonic()
        install(counter.machine, self.package)
        counter.machine.until("systemctl is-active --quiet einvoiced.service", 60)
        self.figures["install_seconds"] = round(time.monotonic() - begin, 1)

    def _configure(self, counter: Counter) -> None:
        counter.thaw(self.installed())
        _begin_business(counter)

    def _stop(self, counter: Counter) -> None:
        counter.thaw(self.configured(), printer=False)
        counter.machine.sh(f"systemctl stop {UNIT}", 60)

    def _stage(self, name: str, content: bytes, make: Callable[[Counter], None]) -> Frozen:
        key = hashlib.sha256(self._hardware + content).hexdigest()[:16]
        frozen = Frozen(needs.cache() / f"{name}-{key}")
        if not frozen.memory.exists():
            for old in needs.cache().glob(f"{name}-*"):
                old.unlink()
            with Counter(self.image) as counter:
                make(counter)
                counter.freeze(frozen.memory)
        return frozen


def _first_boot(counter: Counter) -> None:
    counter.machine.boot()
    counter.machine.sh(f"mkdir -p {' '.join(str(Path(path).parent) for path in GUEST.values())}")
    for name, path in GUEST.items():
        counter.machine.put(path, (FILES / name).read_bytes())
    counter.machine.sh("systemctl daemon-reload && systemctl enable --now hand.service")


def _begin_business(counter: Counter, **options: dict[str, Any]) -> None:
    """A shop's configuration, a printer that was heard once, and programs that were read from the disk once."""
    counter.configure(**options)
    counter.until_status(lambda status: status["printer"] == "ready")
    counter.warm_up()
    counter.pull_printer()


def install(machine: Machine, package: Path) -> str:
    """Give a package to apt in the guest; returns what apt wrote. MachineError when it refused."""
    with package_disk(machine, package) as path:
        return machine.sh(f"DEBIAN_FRONTEND=noninteractive {INSTALL} {path} 2>&1", 400)


@contextmanager
def package_disk(machine: Machine, package: Path) -> Iterator[str]:
    """A disk with the package on it, mounted in the guest; its path there."""
    with tempfile.TemporaryDirectory(prefix="package-", dir=machine.folder) as name:
        folder, disk = Path(name) / "files", Path(name) / "disk"
        folder.mkdir()
        shutil.copyfile(package, folder / "einvoiced.deb")
        megabytes = package.stat().st_size // (1 << 20) + 16
        subprocess.run(["truncate", "-s", f"{megabytes}M", disk], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", folder, disk], check=True)
        machine.plug_disk(disk)
        machine.sh("mkdir -p /run/package && mount -o ro /dev/disk/by-id/virtio-posdata /run/package")
        try:
            yield "/run/package/einvoiced.deb"
        finally:
            machine.sh("umount /run/package")
            machine.unplug_disk()


def depends(package: Path) -> list[str]:
    """The Debian packages that a package depends on, the first of each alternative."""
    done = subprocess.run(["dpkg-deb", "-f", str(package), "Depends"], capture_output=True, text=True, check=True)
    return sorted({re.split(r"[ (|:]", entry.strip())[0] for entry in done.stdout.split(",") if entry.strip()})


def newest_package() -> Path:
    """What `make deb` built last; NotRun when it has built nothing."""
    folder = Path(__file__).parents[2] / "build" / "deb"
    found = sorted(folder.glob("einvoiced_*_amd64.deb"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise needs.NotRun("there is no package in build/deb (make deb)")
    return found[-1]
