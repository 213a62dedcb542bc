"""The disk of a virtual box: Debian 12 with systemd and udev, the look of a Raspberry Pi 4B, and nothing of ours yet.

Made without mounting anything, cached under a key of all that goes in. It holds what our package depends on, because a
box has no network; the package itself is installed in the running box (`install`).
"""

from __future__ import annotations

import hashlib
import lzma
import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.box import gpio_sim, needs

SUITE = "bookworm"
SIZE = "3G"
ROOTFS = Path(__file__).parent / "rootfs"
PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "libnss-systemd", "kmod", "linux-image-amd64", "initramfs-tools"),
    *("qemu-guest-agent", "python3", "e2fsprogs", "util-linux", "procps", "iproute2", "apt"),
)
_EARLY_MODULES = "virtio_pci\nvirtio_blk\nvirtio_console\next4\n"
_LEFT_OUT_FILES = ("man", "locale", "info")
_LEFT_OUT_MODULES = (
    *("drivers/gpu", "drivers/media", "drivers/infiniband", "drivers/net/wireless", "drivers/net/ethernet"),
    *("drivers/staging", "drivers/isdn", "drivers/iio", "drivers/video", "drivers/crypto", "drivers/hwmon"),
    *("drivers/ata", "drivers/edac", "drivers/thunderbolt", "drivers/bluetooth", "drivers/comedi", "sound"),
    *("net/bluetooth", "net/mac80211", "net/wireless", "net/netfilter", "fs/ocfs2", "fs/gfs2", "fs/xfs", "fs/btrfs"),
    *("fs/ceph", "fs/smb", "fs/nfs", "fs/nfsd", "fs/f2fs"),
)
_MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer"),
    *("dpkg-db-backup.timer", "getty@tty1.service", "serial-getty@ttyS0.service", "systemd-binfmt.service"),
    *("systemd-pstore.service", "modprobe@drm.service", "modprobe@efi_pstore.service", "dev-hugepages.mount"),
    "systemd-timesyncd.service",
)
_LIKE_AN_IMAGE = "MODULES=list\nCOMPRESS=zstd\n"


@dataclass(frozen=True)
class Image:
    """A kernel, its first file system, and a disk that nobody may write to (overlays do)."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinux"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"

    @property
    def disk(self) -> Path:
        return self.folder / "root.qcow2"

    @property
    def key(self) -> str:
        return self.folder.name.partition("-")[2]


def build(depends: Sequence[str]) -> Image:
    """The image with these Debian packages beside its own, from the cache or made now; NotRun when it cannot be."""
    key = _key(depends)
    image = Image(needs.cache() / f"image-{key}")
    if image.disk.exists():
        return image
    print("building the image of the virtual box (a minute)", flush=True)
    aside = Path(tempfile.mkdtemp(prefix=".image-", dir=needs.cache()))
    try:
        _make(aside, depends)
        aside.chmod(0o755)
        aside.rename(image.folder)
        _forget_old(image)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return image


def _forget_old(image: Image) -> None:
    """Keep this image and the newest other one: two branches may take turns."""
    others = [path for path in needs.cache().glob("image-*") if path != image.folder]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[:-1]:
        shutil.rmtree(path)


def _key(depends: Sequence[str]) -> str:
    found = hashlib.sha256(repr((PACKAGES, sorted(depends), SIZE)).encode())
    for path in (Path(__file__), Path(gpio_sim.__file__), *sorted(p for p in ROOTFS.rglob("*") if p.is_file())):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _make(folder: Path, depends: Sequence[str]) -> None:
    root = folder / "root"
    _bootstrap(root, (*PACKAGES, *depends))
    kernel = next((root / "lib/modules").iterdir()).name
    (folder / "vmlinux").write_bytes(_unpacked((root / f"boot/vmlinuz-{kernel}").read_bytes()))
    shutil.copyfile(root / f"boot/initrd.img-{kernel}", folder / "initrd.img")
    gpio_sim.build(kernel, root / f"lib/modules/{kernel}/extra/gpio-sim.ko")
    _furnish(root, kernel)
    raw = folder / "root.raw"
    _run("truncate", "-s", SIZE, raw)
    options = ("-O", "^metadata_csum_seed", "-E", "lazy_itable_init=1,lazy_journal_init=1")
    _run("mkfs.ext4", "-q", "-F", "-L", "posroot", *options, "-d", root, raw)
    _run("qemu-img", "convert", "-O", "qcow2", raw, folder / "root.qcow2")
    raw.unlink()
    shutil.rmtree(root)


def _bootstrap(root: Path, packages: Sequence[str]) -> None:
    sources = [f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {line}" for line in _archives()]
    hook = f"""mkdir -p "$1/etc/initramfs-tools/conf.d"
        printf '{_LIKE_AN_IMAGE}' > "$1/etc/initramfs-tools/conf.d/box"
        printf '{_EARLY_MODULES}' > "$1/etc/initramfs-tools/modules" """.replace("\n        ", "\n")
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT_FILES]
    command = [
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"),
        *("--aptopt=Acquire::Languages none", "--dpkgopt=force-unsafe-io", f"--include={','.join(packages)}"),
        *(*left_out, f"--essential-hook={hook}", SUITE, str(root), *sources),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise needs.NotRun(f"mmdebstrap: {done.stderr.strip()[-800:]}")
    root.chmod(0o755)


def _archives() -> Iterator[str]:
    """The archive that this machine's own apt uses: its mirror, its security archive."""
    text = "\n".join(p.read_text() for p in (Path("/etc/apt/sources.list"), *_parts()) if p.exists())
    found = re.findall(r"^(?:URIs: *|deb (?:\[[^]]*\] )?)([a-z+]+:\S+)", text, re.MULTILINE)
    debian = [uri for uri in found if "debian" in uri]
    plain = next((uri for uri in debian if "security" not in uri), "http://deb.debian.org/debian")
    security = next((uri for uri in debian if "security" in uri), "http://deb.debian.org/debian-security")
    yield f"{plain} {SUITE} main"
    yield f"{plain} {SUITE}-updates main"
    yield f"{security} {SUITE}-security main"


def _parts() -> list[Path]:
    folder = Path("/etc/apt/sources.list.d")
    return sorted(p for p in folder.glob("*") if p.suffix in (".list", ".sources")) if folder.is_dir() else []


def _furnish(root: Path, kernel: str) -> None:
    """Our files in, what a till's box cannot have out."""
    for name in _LEFT_OUT_MODULES:
        shutil.rmtree(root / "lib/modules" / kernel / "kernel" / name, ignore_errors=True)
    shutil.copytree(ROOTFS, root, dirs_exist_ok=True)
    _run("chroot", root, "depmod", kernel)
    _run("chroot", root, "passwd", "-d", "root")
    _run("chroot", root, "systemctl", "--quiet", "enable", "pi-hardware.service")
    _run("chroot", root, "systemctl", "--quiet", "mask", *_MASKED)
    (root / "var/log/journal").mkdir(exist_ok=True)
    (root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink(missing_ok=True)  # our package comes with its documents
    for pattern in ("boot/*", "var/cache/apt/*.bin"):
        for path in root.glob(pattern):
            path.unlink()


def _unpacked(kernel: bytes) -> bytes:
    """The ELF in a bzImage: started directly (PVH) it saves the guest from unpacking itself, two seconds under TCG."""
    setup = (kernel[0x1F1] or 4) + 1
    offset, length = struct.unpack_from("<II", kernel, 0x248)
    payload = kernel[setup * 512 + offset :][:length]
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    return zlib.decompressobj(31).decompress(payload)


def _run(*command: str | Path) -> None:
    """Run a tool; NotRun with what it said when it fails: then there is no image, and nothing was tried."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise needs.NotRun(f"{' '.join(str(part) for part in command[:3])}: {(done.stderr or done.stdout)[-500:]}")
