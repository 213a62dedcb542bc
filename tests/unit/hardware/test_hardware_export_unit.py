"""The unit that writes onto sticks, on a real device: mounted for writing only where the stick asks, unmounted after.

Needs root, loop devices and mkfs.ext4; the kernels of the tests have no vfat, whose options are the same call's.
"""

from __future__ import annotations

import grp
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hardware_helpers import attached

from einvoiced.client import new_key
from tests.boxes import RANGE, ROOT_IS_A_MOUNT, SALE, until
from tools.virtualbox import VirtualBox

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not ROOT_IS_A_MOUNT or shutil.which("mkfs.ext4") is None,
    reason="mounting needs root, a root that is a mount (no plain chroot), and mkfs.ext4",
)
NOBODY = "nobody"


@contextmanager
def stick(folder: Path, *, asks: bool) -> Iterator[Path]:
    """A loop device with a file system that has the folder, or has not."""
    content = folder / "content"
    content.mkdir()
    if asks:
        (content / "einvoiced-export").mkdir(mode=0o777)
        (content / "einvoiced-export").chmod(0o777)
    image = folder / "stick.img"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(content), str(image)], check=True)
    with attached(image) as device:
        yield device


def plug_in(device: Path, box: VirtualBox, folder: Path) -> int:
    """Run the unit's program in a process of its own, as systemd does; its exit code."""
    group = grp.getgrgid(65534).gr_name
    program = f"import sys; from einvoiced import export_unit as u; u.ADMIN_GROUP = {group!r}; sys.exit(u.main())"
    options = [str(device), "--user", NOBODY, "--run", str(folder), "--sockets", str(box.run)]
    with (box.folder / "log").open("ab") as log:
        return subprocess.run([sys.executable, "-c", program, *options], stderr=log, check=False).returncode


def files_on(device: Path) -> list[str]:
    """What lies on the stick, read without mounting it."""
    listed = subprocess.run(
        ["debugfs", "-R", "ls -p /einvoiced-export/UpCast/B2SSTORAGE/F0401/SRC", str(device)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return sorted(line.split("/")[5] for line in listed.splitlines() if ".xml" in line)


@pytest.fixture
def run_folder() -> Iterator[Path]:
    """Where to mount: a folder that the user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="einvoiced-export-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def open_box(make_box: Callable[..., VirtualBox]) -> VirtualBox:
    """A box whose sockets anybody may ask, with one invoice that waits."""
    box = make_box()
    box.start()
    box.take_tracks(RANGE)
    box.run.chmod(0o755)
    (box.run / "admin.sock").chmod(0o666)
    with box.client() as till:
        till.call("invoice.issue", key=new_key(), carrier={"type": "3J0002", "id": "/ABC+123"}, **SALE)
    return box


def test_a_stick_that_asks_is_written_and_unmounted(open_box: VirtualBox, run_folder: Path, tmp_path: Path) -> None:
    """As somebody who is not root; the file is on the device, the slip comes out after the unmounting."""
    with stick(tmp_path, asks=True) as device:
        assert plug_in(device, open_box, run_folder) == 0
        until(lambda: open_box.prints(), what="the slip")
        (name,) = files_on(device)
        assert name.startswith("F0401-NQ42519550-A1-")
        assert str(device) not in Path("/proc/mounts").read_text()
    (listed,) = open_box.call("upload.list")["uploads"]
    assert listed["state"] == "handed_over"


def test_a_stick_that_does_not_ask_is_never_mounted_for_writing(
    open_box: VirtualBox, run_folder: Path, tmp_path: Path
) -> None:
    """Not a byte of it changes."""
    with stick(tmp_path, asks=False) as device:
        before = device.read_bytes()
        assert plug_in(device, open_box, run_folder) == 0
        assert device.read_bytes() == before
    assert [each["state"] for each in open_box.call("upload.list")["uploads"]] == ["waiting"]
