"""Small tools of these tests: waiting with a deadline, commands as a printer gets them, an image as a device."""

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest


def until(condition, seconds=5.0):
    """Wait until the condition holds; False when it did not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def raster(rows, row_bytes=48, mode=0, fill=0xFF):
    """A GS v 0 with `rows` rows of one byte value."""
    head = b"\x1dv0" + bytes((mode, row_bytes % 256, row_bytes // 256, rows % 256, rows // 256))
    return head + bytes((fill,)) * (row_bytes * rows)


CUT = b"\x1dVB\x00"


@contextmanager
def attached(path, *options):
    """The image as a loop device, which is a block device like a stick's."""
    done = subprocess.run(["losetup", "--find", "--show", *options, str(path)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no loop device: {done.stderr.strip()}")
    device = Path(done.stdout.strip())
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", str(device)], check=True)
