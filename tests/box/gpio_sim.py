"""The kernel's gpio-sim for Debian's kernel, which is built without it: pins whose levels can be read from outside.

Its sources come from Debian's linux-source of the same version. IRQ_SIM is not built in either, so its file is linked
into the module, and one call that is not exported to modules is replaced by two that are.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.box import needs

_FILES = ("drivers/gpio/gpio-sim.c", "drivers/gpio/gpiolib.h", "kernel/irq/irq_sim.c")
_MAKEFILE = "obj-m := gpio-sim.o\ngpio-sim-y := gpio-sim-main.o irq_sim.o\n"


def build(kernel: str, target: Path) -> None:
    """Build gpio-sim.ko for a kernel's release (`6.1.0-56-amd64`) to `target`; NotRun when it cannot be built."""
    needs.install(f"linux-headers-{kernel}")
    with tempfile.TemporaryDirectory(prefix="gpio-sim-") as name:
        folder = Path(name)
        _fetch(kernel, folder)
        (folder / "gpio-sim.c").rename(folder / "gpio-sim-main.c")
        simulated = folder / "irq_sim.c"
        old, new = "irq_to_desc(irqnum)", "irq_data_to_desc(irq_get_irq_data(irqnum))"
        simulated.write_text(simulated.read_text().replace(old, new))
        (folder / "Makefile").write_text(_MAKEFILE)
        done = _run("make", "-s", "-C", f"/lib/modules/{kernel}/build", f"M={folder}", "modules")
        if done.returncode:
            raise needs.NotRun(f"gpio-sim cannot be built: {done.stderr[-500:]}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "gpio-sim.ko", target)


def _fetch(kernel: str, folder: Path) -> None:
    """The three files of the kernel's sources."""
    series = re.match(r"\d+\.\d+", kernel)
    package = f"linux-source-{series[0] if series else ''}"
    version = _run("dpkg-query", "-W", "-f", "${Version}", f"linux-headers-{kernel}").stdout
    subprocess.run(["chmod", "777", folder], check=True)  # apt downloads as a user of its own
    done = _run("apt-get", "-qq", "download", f"{package}={version}", folder=folder)
    if done.returncode:
        done = _run("apt-get", "-qq", "download", package, folder=folder)
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        raise needs.NotRun(f"{package} cannot be had: {done.stderr[-500:]}")
    inside = f"./usr/src/{package}.tar.xz"
    names = " ".join(f"{package}/{each}" for each in _FILES)
    pipeline = (
        f"dpkg-deb --fsys-tarfile {found[0]} | tar -xO {inside} | xz -dc -T2"
        f" | tar -x -C {folder} --strip-components=3 --occurrence=1 {names}"
    )
    _run("sh", "-c", pipeline)  # the pipe breaks on purpose: tar stops when it has them
    missing = [each for each in _FILES if not (folder / Path(each).name).exists()]
    if missing:
        raise needs.NotRun(f"{package} has no {', '.join(missing)}")


def _run(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)
