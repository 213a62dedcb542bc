"""What a virtual box needs of the machine that plays it; what is missing is installed where that is allowed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from tests.box import kvm

TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mkfs.exfat": "exfatprogs",
    "mcopy": "mtools",
    "xz": "xz-utils",
    "make": "make",
    "gcc": "gcc",
}
"""program → Debian's package of it."""

NOT_RUN = 77
"""The exit code of a verb that could not try."""


class NotRun(Exception):
    """The virtual box cannot be had here; the text says why."""


def check() -> None:
    """NotRun unless this machine can build and run a box."""
    if os.uname().machine != "x86_64":
        raise NotRun(f"the virtual box is an x86-64 one, this machine is {os.uname().machine}")
    if os.geteuid() != 0:
        raise NotRun("root is needed: a Debian image is made in a chroot")
    packages = sorted({package for program, package in TOOLS.items() if shutil.which(program) is None})
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise NotRun(f"these are missing, and there is no apt-get: {' '.join(packages)}")
    print(f"installing Debian packages: {' '.join(packages)}", flush=True)
    install(*packages, "seabios")


def install(*packages: str) -> None:
    """Install Debian packages; NotRun when that cannot be."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        whole = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *command]
        done = subprocess.run(whole, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise NotRun(f"apt-get {' '.join(command)}: {(done.stderr or done.stdout).strip()[-500:]}")


@functools.cache
def accelerator() -> tuple[str, str]:
    """`kvm` or `tcg`, and why; EINVOICED_BOX_ACCEL decides where it is set."""
    wanted = os.environ.get("EINVOICED_BOX_ACCEL")
    if wanted in ("kvm", "tcg"):
        return wanted, "EINVOICED_BOX_ACCEL says so"
    good, why = kvm.usable()
    return ("kvm" if good else "tcg"), why


def cache() -> Path:
    """Where images are kept: build/box of this project, or `einvoiced` in $XDG_CACHE_HOME where that is set."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = Path(base) / "einvoiced" if base else Path(__file__).parents[2] / "build" / "box"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
