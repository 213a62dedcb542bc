"""What a virtual box needs of the machine that plays it; what is missing is installed where that is allowed."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.box import kvm

PACKAGES = (
    *("qemu-system-x86", "qemu-utils", "seabios", "mmdebstrap", "e2fsprogs", "dosfstools", "exfatprogs", "mtools"),
    *("xz-utils", "make", "gcc"),
)
"""Debian's packages of the programs that build and play a box."""

ROOT = Path(__file__).parents[2]
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
    if shutil.which("apt-get") is None:
        raise NotRun("this is no Debian: there is no apt-get")
    install(*PACKAGES)


def install(*packages: str) -> None:
    """Install what is missing of these Debian packages; NotRun when that cannot be."""
    done = subprocess.run([str(ROOT / "tools" / "need.sh"), *packages], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise NotRun(f"Debian packages are missing: {done.stderr.strip()[-500:]}")


@contextmanager
def alone() -> Iterator[None]:
    """One run at a time: two would take each other's stages away, and the processors."""
    with (cache() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another run is using the virtual boxes; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
    folder = Path(base) / "einvoiced" if base else ROOT / "build" / "box"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
