"""USB sticks as pictures of disks, made without mounting anything here: exFAT, for which there is no such tool, is
written by the guest's own kernel.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.box.machine import Machine

FileSystem = Literal["vfat", "exfat"]
_TYPE = {"vfat": 0x0C, "exfat": 0x07}
_FIRST = 2048
"""The first sector of the first partition, as everybody aligns it."""


@dataclass(frozen=True)
class Volume:
    """A file system and what is on it."""

    kind: FileSystem = "vfat"
    files: Mapping[str, bytes] = field(default_factory=dict)
    """By name; one that ends with a slash is an empty folder at the top."""
    mib: int = 40


def make_stick(machine: Machine, name: str, *volumes: Volume, partitioned: bool = True) -> Path:
    """A stick with these volumes as partitions, or with one on the whole disk; the machine fills exFAT."""
    assert partitioned or len(volumes) == 1
    path = machine.path(f"{name}.img")
    if not partitioned:
        _format(machine, path, volumes[0])
        return path
    places = _places(volumes)
    with path.open("wb") as disk:
        disk.truncate((_FIRST + sum(count for _, count in places)) * 512)
        disk.write(_master_boot_record(volumes, places))
    for volume, (first, _) in zip(volumes, places, strict=True):
        part = machine.path(f"{name}.part")
        _format(machine, part, volume)
        copy = ["dd", f"if={part}", f"of={path}", "bs=512", f"seek={first}", "conv=notrunc,sparse", "status=none"]
        subprocess.run(copy, check=True)
        part.unlink()
    return path


def copy_out(stick: Path, name: str, target: Path) -> None:
    """Copy a folder from a stick's first partition, FAT32, into a folder here."""
    target.mkdir(exist_ok=True)
    subprocess.run(["mcopy", "-s", "-i", f"{stick}@@{_FIRST * 512}", f"::{name}", str(target)], check=True)


def copy_onto(stick: Path, source: Path, folder: str) -> None:
    """Copy a folder into one of a stick's first partition, FAT32."""
    subprocess.run(["mcopy", "-s", "-i", f"{stick}@@{_FIRST * 512}", str(source), f"::{folder}"], check=True)


def check_stick(stick: Path, kind: FileSystem) -> None:
    """AssertionError unless the file system on the first partition is whole."""
    with tempfile.NamedTemporaryFile(prefix="stick-") as part:
        copy = ["dd", f"if={stick}", f"of={part.name}", "bs=512", f"skip={_FIRST}", "conv=sparse", "status=none"]
        subprocess.run(copy, check=True)
        done = subprocess.run([f"fsck.{kind}", "-n", part.name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def read_in_guest(machine: Machine, stick: Path, pattern: str) -> str:
    """The text of the files of a stick's first partition whose paths fit, as the guest's own kernel reads them."""
    machine.plug_disk(stick)
    part = "/dev/disk/by-id/virtio-posdata-part1"
    machine.until(f"test -b {part}")
    machine.sh(f"mkdir -p /run/read && mount -o ro {part} /run/read")
    text = machine.sh(f"cat /run/read/{pattern}")
    machine.sh("umount /run/read")
    machine.unplug_disk()
    return text


def _places(volumes: Sequence[Volume]) -> list[tuple[int, int]]:
    """First sector and number of sectors of each."""
    first, found = _FIRST, []
    for volume in volumes:
        found.append((first, volume.mib * 2048))
        first += volume.mib * 2048
    return found


def _master_boot_record(volumes: Sequence[Volume], places: Sequence[tuple[int, int]]) -> bytes:
    record = bytearray(512)
    for number, (volume, (first, count)) in enumerate(zip(volumes, places, strict=True)):
        entry = struct.pack("<BBBBBBBBII", 0, 0xFE, 0xFF, 0xFF, _TYPE[volume.kind], 0xFE, 0xFF, 0xFF, first, count)
        record[446 + 16 * number : 462 + 16 * number] = entry
    record[510:512] = b"\x55\xaa"
    return bytes(record)


def _format(machine: Machine, path: Path, volume: Volume) -> None:
    with path.open("wb") as file:
        file.truncate(volume.mib << 20)
    make = {"vfat": ["mkfs.vfat", "-F", "32", "-n", "STICK"], "exfat": ["mkfs.exfat", "-L", "STICK"]}[volume.kind]
    subprocess.run([*make, str(path)], check=True, stdout=subprocess.DEVNULL)
    if volume.kind == "exfat" and volume.files:
        _fill_in_guest(machine, path, volume.files)
    elif volume.files:
        _copy_in(path, volume.files)


def _copy_in(path: Path, files: Mapping[str, bytes]) -> None:
    """All files in one go: ten thousand calls would take minutes."""
    with tempfile.TemporaryDirectory(prefix="stick-") as name:
        for each, data in files.items():
            if each.endswith("/"):
                (Path(name) / each).mkdir()
            else:
                (Path(name) / each).write_bytes(data)
        subprocess.run(["mcopy", "-s", "-i", str(path), *sorted(Path(name).iterdir()), "::"], check=True)


def _fill_in_guest(machine: Machine, path: Path, files: Mapping[str, bytes]) -> None:
    machine.plug_disk(path)
    machine.sh("mkdir -p /run/fill && mount -t exfat /dev/disk/by-id/virtio-posdata /run/fill")
    for name, data in files.items():
        if name.endswith("/"):
            machine.sh(f"mkdir /run/fill/{name}")
        else:
            machine.put(f"/run/fill/{name}", data)
    machine.sh("umount /run/fill")
    machine.unplug_disk()
