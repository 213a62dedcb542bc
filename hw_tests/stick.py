"""The stick: plugged in, read through and pulled out, each noticed and measured.

The box's own unit takes a track file from it all the same, as from any stick: use one without, or a stick whose file
the box has already.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from einvoiced import stick_unit
from einvoiced.hardware.stick import mount
from einvoiced.hardware.stick.udev import UdevSticks
from hw_tests import pictures
from hw_tests.bench import Bench, Figure, Outcome, Skip

PLUG_SECONDS = 90.0
READ_SECONDS = 60.0
MOST_BYTES = 64 << 20
"""Read for the measure; a stick of 128 GB is not read to its end."""

NO_FILE_SYSTEM = "it has no file system that is read here: format it as FAT32 or exFAT"


@dataclass(frozen=True)
class Figures:
    """What reading gave; `trouble` says why it did not."""

    files: int = 0
    size: int = 0
    seconds: float = 0.0
    kind: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Way:
    """How sticks come: what is there now (a name for each), and how one is read through."""

    present: Callable[[], list[str]]
    read: Callable[[str], Figures]


def run(bench: Bench) -> Outcome:
    """A person plugs a stick in and pulls it out again; without one, whatever is plugged in is read."""
    section = bench.need_config().stick
    if section.kind == "none":
        raise Skip("no sticks are configured")
    way = _folder(Path(section.folder)) if section.kind == "folder" else _udev()
    figures: dict[str, Figure] = {}
    before = way.present()
    plugged = _plug(bench, way, before, figures)
    if plugged is None:
        if not before:
            raise Skip("no stick was plugged in")
        plugged = before[0]
    found = way.read(plugged)
    if found.trouble:
        return Outcome("fail", f"{plugged}: {found.trouble}", figures)
    rate = found.size / max(found.seconds, 1e-6) / (1 << 20)
    figures |= {"files": found.files, "mib": round(found.size / (1 << 20), 2), "file_system": found.kind}
    figures["mib_per_second"] = round(rate, 1)
    if bench.attended and not _pull(bench, way, plugged, figures):
        return Outcome("fail", f"{plugged} was pulled out and is still shown, or was not pulled out", figures)
    return Outcome("pass", f"{plugged}: {found.files} files read at {rate:.1f} MiB/s", figures)


def _plug(bench: Bench, way: Way, before: list[str], figures: dict[str, Figure]) -> str | None:
    """The stick that was plugged in; None when nobody did."""
    begin = time.monotonic()
    if bench.attended:
        bench.say(pictures.STICK_IN)
    done = bench.until(
        "Plug a stick in now (it is only read).",
        "請插入隨身碟（只會讀取）。",
        lambda: bool(set(way.present()) - set(before)),
        PLUG_SECONDS,
    )
    if not done:
        return None
    figures["seen_after_seconds"] = round(time.monotonic() - begin, 1)
    return sorted(set(way.present()) - set(before))[0]


def _pull(bench: Bench, way: Way, plugged: str, figures: dict[str, Figure]) -> bool:
    begin = time.monotonic()
    bench.say(pictures.STICK_OUT)
    gone = bench.until("Pull it out now.", "請拔出隨身碟。", lambda: plugged not in way.present(), PLUG_SECONDS)
    figures["gone_after_seconds"] = round(time.monotonic() - begin, 1)
    return bool(gone)


# -- the ways


def _udev() -> Way:
    """Real sticks. Skip where there is no udev."""
    sticks = UdevSticks(lambda _added, _removed: None)

    def present() -> list[str]:
        return [stick.devnode for stick in sticks.refresh()]

    try:
        present()
    except OSError as error:
        raise Skip(str(error)) from None
    return Way(present, lambda node: read_device(Path(node)))


def _folder(folder: Path) -> Way:
    """A folder that plays the stick: it is plugged in while it holds files."""

    def present() -> list[str]:
        return [str(folder)] if folder.is_dir() and any(folder.iterdir()) else []

    return Way(present, lambda name: read_through(Path(name), "folder"))


def read_device(device: Path) -> Figures:
    """Mount a stick where nobody else sees it, read-only, and read it through, in a child with a deadline."""
    if os.geteuid() != 0:
        return Figures(trouble="only root may mount it; run hw-tests with sudo")
    reader, writer = os.pipe()

    def work() -> int:
        mount.own_namespace()
        target = Path("/mnt")
        kind = mount.mount_read_only(device, target, uid=0, gid=0)
        found = read_through(target, kind)
        os.write(writer, f"{found.files} {found.size} {found.seconds} {found.kind}".encode())
        return 0

    code = stick_unit.in_child(work, READ_SECONDS)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode().split()
    if code is None:
        return Figures(trouble=f"reading took longer than {READ_SECONDS:g} s: the stick is worn or counterfeit")
    if code or len(said) != 4:
        return Figures(trouble=NO_FILE_SYSTEM)
    return Figures(int(said[0]), int(said[1]), float(said[2]), said[3])


def read_through(folder: Path, kind: str) -> Figures:
    """Read the files of a folder, up to a bound; the first that cannot be read is the trouble."""
    files = size = 0
    begin = time.monotonic()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            with path.open("rb", buffering=0) as file:
                while size < MOST_BYTES and (part := file.read(1 << 20)):
                    size += len(part)
        except OSError as error:
            return Figures(files, size, time.monotonic() - begin, kind, f"{path.name}: {error.strerror}")
        files += 1
    return Figures(files, size, time.monotonic() - begin, kind)
