"""The units: what a shop without a technician relies on, and how little each may touch."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from einvoiced import client, config
from einvoiced.rpc import registry

SYSTEMD = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(path.name for path in SYSTEMD.glob("*.service"))
LASTING = [name for name in SERVICES if "Type=notify" in (SYSTEMD / name).read_text(encoding="utf-8")]
ROOT = {"einvoiced-stick@.service", "einvoiced-export@.service"}
"""They mount a stranger's file system, which only root may, and then become somebody else."""


def unit(name: str) -> dict[str, list[str]]:
    """What a unit file assigns, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines():
        key, is_option, value = line.partition("=")
        if is_option and not line.startswith("#"):
            found[key].append(value)
    return found


def last(name: str, key: str) -> str | None:
    """The value that counts."""
    return (unit(name)[key] or [None])[-1]


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_little_is_exposed(name: str) -> None:
    """By systemd's own measure: at most 2.0 for the daemon and its followers; the sticks' units mount, so 2.5."""
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager"]
    threshold = "25" if name in ROOT else "20"
    done = subprocess.run(
        [*command, f"--threshold={threshold}", str(SYSTEMD / name)], capture_output=True, text=True, check=False
    )
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` is silent."""
    for path in SYSTEMD.glob("einvoiced*.s[eo]*"):
        text = re.sub(r"/usr/bin/einvoice[\w-]*", "/bin/true", path.read_text(encoding="utf-8"))
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    verify = ["systemd-analyze", "verify", "--man=no", *tmp_path.iterdir()]
    told = subprocess.run(verify, capture_output=True, text=True, check=False).stderr
    assert "einvoiced" not in told, told


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ROOT])
def test_nobody_is_root(name: str) -> None:
    """A user of its own, no capability, none to be had."""
    assert last(name, "User") in ("einvoiced", "einvoiced-turnkey", "einvoiced-export", "einvoiced-office")
    assert unit(name)["CapabilityBoundingSet"] == [""]
    assert last(name, "NoNewPrivileges") == "yes"


@pytest.mark.parametrize("name", LASTING)
def test_nothing_gives_up_for_ever(name: str) -> None:
    """Whatever happens it is started again, and no count of failures stops that."""
    assert last(name, "Restart") == "always"
    assert last(name, "StartLimitIntervalSec") == "0"


@pytest.mark.parametrize(
    ("name", "path"), [(registry.TILL, client.DEFAULT_SOCKET), (registry.ADMIN, client.ADMIN_SOCKET)]
)
def test_the_socket_units_give_what_the_daemon_expects(name: str, path: str) -> None:
    """Name, path, mode and group are the daemon's; systemd deletes no folder of theirs; no burst makes them fail."""
    socket, service = unit(f"einvoiced-{name}.socket"), unit("einvoiced.service")
    assert socket["FileDescriptorName"] == [name]
    assert socket["ListenStream"] == [path]
    assert (socket["SocketMode"], socket["SocketGroup"]) == (["0660"], [f"einvoice-{name}"])
    assert socket["TriggerLimitIntervalSec"] == ["0"]
    assert f"einvoiced-{name}.socket" in service["Sockets"][0].split()
    ours = {f"/run/{folder}" for each in SERVICES for folder in unit(each)["RuntimeDirectory"]}
    assert str(Path(path).parent) not in ours
    assert f"g einvoice-{name} " in (SYSTEMD / "einvoiced.sysusers").read_text(encoding="utf-8")


def test_the_service_is_the_one_that_the_daemon_needs() -> None:
    """Notify, its credential's name, a private state, a writable folder for lgpio, the clock's state readable."""
    service = unit("einvoiced.service")
    assert service["Type"] == ["notify"]
    assert service["LoadCredential"][0].startswith(f"{config.QR_KEY_CREDENTIAL}:")
    assert "/" not in service["LoadCredential"][0], "a path would have to be there"
    assert service["StateDirectoryMode"] == ["0700"]
    assert service["WorkingDirectory"] == [f"%t/{service['RuntimeDirectory'][0]}"]
    assert "ProtectClock" not in service, "it forbids to ask whether the clock is synchronised"
    assert "ProcSubset" not in service, "gpiozero reads /proc/cpuinfo"
    assert {"adjtimex", "clock_adjtime"} <= set(service["SystemCallFilter"][-1].split())


def test_every_kernel_module_of_a_device_is_loaded_before() -> None:
    """DeviceAllow by name is looked up when the service starts."""
    modules = set((SYSTEMD / "einvoiced.modules-load").read_text(encoding="utf-8").split("\n"))
    assert {"usblp", "usbserial", "cdc_acm"} <= modules
    assert {"char-usb rw", "char-ttyUSB rw", "char-ttyACM rw", "char-gpiochip rw"} <= set(
        unit("einvoiced.service")["DeviceAllow"]
    )


@pytest.mark.parametrize("name", SERVICES)
def test_memory_has_an_end(name: str) -> None:
    """Within what the smallest box has: 256 MiB each at most."""
    assert int((last(name, "MemoryMax") or "0").removesuffix("M")) in range(1, 257)


def test_the_watchdog_waits_longer_than_a_kernel_tries_a_disk_again() -> None:
    """A bad disk is tried for up to two minutes; a box killed in the middle of it would be killed for ever."""
    assert int(last("einvoiced.service", "WatchdogSec") or 0) > 120
