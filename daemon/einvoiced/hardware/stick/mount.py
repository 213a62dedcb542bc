"""Mount a stranger's stick so that it can do least, by the kernel's own call, seen by one process only.

Needs root. `lock_writes` tells the block layer itself to refuse writes, whatever a file system's driver would like to
do (ext4 replays its journal even when mounted read-only, unless told `noload`).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from pathlib import Path

HEAD = 2048
"""Bytes of a device that `fs_type` looks at."""

_RDONLY, _NOSUID, _NODEV, _NOEXEC, _NOSYMFOLLOW = 1, 2, 4, 8, 256
_REC, _PRIVATE = 16384, 1 << 18
_CLONE_NEWNS = 0x20000
_BLKROSET, _BLKROGET = 0x125D, 0x125E
_FLAGS = _RDONLY | _NOSUID | _NODEV | _NOEXEC | _NOSYMFOLLOW
_SECTOR_SIZES = (512, 1024, 2048, 4096)

_OPTIONS = {
    "vfat": "utf8,uid={uid},gid={gid},fmask=0377,dmask=0277",
    "exfat": "iocharset=utf8,uid={uid},gid={gid},fmask=0377,dmask=0277",
    "ext4": "noload",
}

_WRITABLE = {
    "vfat": "utf8,flush,uid={uid},gid={gid},fmask=0177,dmask=0077",
    "exfat": "iocharset=utf8,uid={uid},gid={gid},fmask=0177,dmask=0077",
    "ext4": "",
}


def fs_type(head: bytes) -> str:
    """`vfat`, `exfat` or `ext4` (ext2 and ext3 too) by a file system's first 2048 bytes; "" for anything else.

    A first guess only: the kernel checks what it mounts.
    """
    if len(head) < HEAD:
        return ""
    if head[3:11] == b"EXFAT   ":
        return "exfat"
    if head[0x438:0x43A] == b"\x53\xef":
        return "ext4"
    (sector,) = struct.unpack_from("<H", head, 11)
    tables = head[16]  # 0 for NTFS, whose boot sector is built alike
    if head[510:512] == b"\x55\xaa" and sector in _SECTOR_SIZES and tables in (1, 2):
        return "vfat"
    return ""


def read_head(device: Path) -> bytes:
    """The first 2048 bytes of a device, fewer when it is smaller. Raise OSError."""
    with open(device, "rb", buffering=0) as file:
        return file.read(HEAD)


def own_namespace() -> None:
    """From now on mounts of this process are seen by it and its children only, and end with them. Raise OSError."""
    _call("unshare", ctypes.c_int(_CLONE_NEWNS))
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_REC | _PRIVATE), None)


def mount_read_only(device: Path, target: Path, *, uid: int, gid: int) -> str:
    """Mount the device on an existing folder for this user to read; returns the type of its file system.

    ro, nosuid, nodev, noexec, nosymfollow. Raise OSError, also for a file system that is not read here.
    """
    kind = fs_type(read_head(device))
    if not kind:
        raise OSError(f"{device} has no file system that is read here")
    options = _OPTIONS[kind].format(uid=uid, gid=gid)
    _call(
        "mount",
        os.fsencode(device),
        os.fsencode(target),
        kind.encode(),
        ctypes.c_ulong(_FLAGS),
        options.encode(),
    )
    return kind


def mount_writable(device: Path, target: Path, *, uid: int, gid: int) -> str:
    """Mount the device on an existing folder for this user to write; returns the type of its file system.

    nosuid, nodev, noexec, nosymfollow. Raise OSError, also for a file system that is not read here.
    """
    kind = fs_type(read_head(device))
    if not kind:
        raise OSError(f"{device} has no file system that is written here")
    options = _WRITABLE[kind].format(uid=uid, gid=gid)
    flags = ctypes.c_ulong(_FLAGS & ~_RDONLY)
    _call("mount", os.fsencode(device), os.fsencode(target), kind.encode(), flags, options.encode())
    return kind


def unmount(target: Path) -> None:
    """Everything written is on the device when this returns. Raise OSError."""
    _call("umount2", os.fsencode(target), ctypes.c_int(0))


def lock_writes(device: Path, locked: bool) -> bool:
    """Make the block layer refuse writes to the device (or allow them again); returns how it was.

    Raise OSError; EBUSY when the device is to be locked and somebody has it mounted: it may be the machine's own.
    """
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_EXCL if locked else 0))
    try:
        (was,) = struct.unpack("i", fcntl.ioctl(fd, _BLKROGET, struct.pack("i", 0)))
        fcntl.ioctl(fd, _BLKROSET, struct.pack("i", int(locked)))
    finally:
        os.close(fd)
    return bool(was)


def no_new_privileges() -> None:
    """No program that this process could start gets rights that it has not (prctl(2)). Raise OSError."""
    _call("prctl", *map(ctypes.c_ulong, (38, 1, 0, 0, 0)))


def die_with_parent() -> None:
    """SIGKILL for this process when its parent ends (prctl(2)); a change of user takes it back. Raise OSError."""
    _call("prctl", *map(ctypes.c_ulong, (1, 9, 0, 0, 0)))


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
