"""What uploading costs: ten thousand waiting invoices to validated, synced files, by the real follower."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.bench import loader
from tests.platform.books import Books
from tests.platform.desk import Desk
from tools.virtualbox import SELLER, VirtualBox

INVOICES = 10_000
WARM = 1_000
"""Files after which nobody's memory may grow any more. Before, the daemon loads what its printer needs,
and SQLite fills its cache; 30,000 invoices then cost no more than the first thousands.
"""

PROOF_WAIT_OVER = 13 * 3600
"""The sample's proof is the till's, which never reports: twelve hours later it leaves."""


def uploads(folder: Path) -> dict[str, float]:
    """Seconds, memory, and the same number of synced files without any content for a baseline."""
    spool = folder.resolve() / "spool"
    loader.load(folder / "box", INVOICES)
    with VirtualBox(folder / "box", turnkey={"spool": str(spool)}) as box:
        box.set_clock(offset=PROOF_WAIT_OVER)
        box.start(timeout=60)
        desk = Desk(spool, Books(SELLER), lambda: None)  # type: ignore[arg-type, return-value]
        desk.make_folders()
        assert box.process is not None
        daemon_before = _resident(box.process.pid)
        seconds, warm, most, daemon_warm = _follow(box, spool / "UpCast" / "B2SSTORAGE" / "F0401" / "SRC")
        daemon_after = _resident(box.process.pid)
        files = len(desk.files())
    plain = folder / "plain"
    plain.mkdir()
    begin = time.monotonic()
    subprocess.run([sys.executable, "-m", "tests.bench.files", str(plain), str(INVOICES)], check=True)
    baseline = time.monotonic() - begin
    return {
        "ten_thousand_invoices_to_files_seconds": seconds,
        "ten_thousand_plain_synced_files_seconds": baseline,
        "ten_thousand_invoices_to_files_over_plain_files": seconds / baseline,
        "ten_thousand_invoices_files": files,
        "turnkey_resident_mib": most,
        "turnkey_resident_mib_grown_after_the_first_thousand": most - warm,
        "daemon_resident_mib_grown_while_uploading": daemon_after - daemon_before,
        "daemon_resident_mib_grown_after_the_first_thousand": daemon_after - daemon_warm,
    }


def _follow(box: VirtualBox, source: Path) -> tuple[float, float, float, float]:
    """Run the follower once: seconds, its MiB after the first thousand files and at most; the daemon's then."""
    assert box.process is not None
    command = [sys.executable, "-m", "einvoiced.followers.turnkey", "--once"]
    command += ["--config", str(box.folder / "einvoiced.toml"), "--run", str(box.run), "--state", str(box.folder)]
    begin = time.monotonic()
    process = subprocess.Popen(command)
    warm = most = daemon_warm = 0.0
    while process.poll() is None:
        resident = _resident(process.pid)
        if not warm and sum(1 for _ in source.iterdir()) >= WARM:
            warm, daemon_warm = resident, _resident(box.process.pid)
        most = max(most, resident)
        time.sleep(0.1)
    assert process.returncode == 0
    return time.monotonic() - begin, warm, most, daemon_warm


def _resident(pid: int) -> float:
    """MiB; 0 when the process has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / (1 << 20)
