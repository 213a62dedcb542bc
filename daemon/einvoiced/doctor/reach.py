"""Is a folder there? Asked by a child: a dead disk or network folder holds whoever asks, for ever."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

SECONDS = 5.0


def answers(folder: Path, seconds: float = SECONDS) -> bool | None:
    """Whether the folder is there; None when nobody answers in time (the child is left to the kernel)."""
    asking = subprocess.Popen(
        ["ls", "-A", "--", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + seconds
    while asking.poll() is None:
        if time.monotonic() > deadline:
            asking.kill()  # not waited for: in the kernel it cannot be ended
            return None
        time.sleep(0.01)
    return asking.returncode == 0
