"""One virtual machine: power, snapshots, what is plugged in. QEMU with or without hardware virtualisation."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.box import needs
from tests.box.agent import Agent, Result
from tests.box.image import Image
from tests.box.qmp import MachineError, Qmp

MEMORY_MIB = 768
_KERNEL = "root=/dev/vda rw console=ttyS0 quiet panic=1 mitigations=off init_on_alloc=0 systemd.show_status=false"
_PR_SET_PDEATHSIG = 1
_DATA = {"driver": "virtio-blk-pci", "id": "dev-data", "bus": "rp1", "drive": "data", "serial": "posdata"}


PORTS = {"agent": "org.qemu.guest_agent.0", "ack": "box.ack", "hand": "box.hand"}
"""A socket here → a virtio port in the guest."""


class Disk(Protocol):
    """A disk that is served on a Unix socket (NBD)."""

    sock: Path


@dataclass(frozen=True)
class Frozen:
    """A machine that was stopped while it ran: its memory, and its disk as it was."""

    memory: Path

    @property
    def disk(self) -> Path:
        return self.memory.with_suffix(".qcow2")


class Machine:
    """A machine in a folder of its own. One thread."""

    def __init__(self, image: Image, *, root: Disk | None = None, kernel: str = "") -> None:
        """`root`: a disk instead of an overlay of the image's. `kernel`: more of its command line."""
        self.image, self._root_disk, self._kernel = image, root, kernel
        self.folder = Path(tempfile.mkdtemp(prefix="einvoiced-box-", dir="/var/tmp"))
        self.agent = Agent(self.folder / "agent")
        self.accelerator = needs.accelerator()[0]
        self.started_at = 0.0
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Qmp | None = None
        self._sticks: set[str] = set()
        if root is None:
            self.new_disk(image.disk)

    # -- files

    def path(self, name: str) -> Path:
        """A socket or a file of this machine."""
        return self.folder / name

    def new_disk(self, backing: Path) -> None:
        """Forget what was written; start from another disk."""
        self.path("root.qcow2").unlink(missing_ok=True)
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(backing), "-F", "qcow2"]
        subprocess.run([*command, str(self.path("root.qcow2"))], check=True)

    def console(self) -> str:
        """What the last start wrote to its console."""
        path = self.path(f"console.{self._starts}")
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Pull the plug and remove the folder."""
        self.power_cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- power

    def boot(self) -> None:
        """Power on, and wait until systemd has started all; MachineError when a unit failed."""
        self.power_on()
        self.wait_started()

    def wait_started(self, timeout: float = 240.0) -> None:
        """Wait until systemd has started all; MachineError when a unit failed."""
        self.agent.wait(timeout)
        state = self.run("systemctl is-system-running --wait", timeout).out.strip()
        if state != "running":
            failed = self.run("systemctl --failed --no-legend").out
            raise MachineError(f"systemd is {state}: {failed}")

    def power_on(self, memory: Path | None = None, *, printer: bool = False) -> None:
        """Start QEMU; `memory`: go on from there instead of booting. `printer`: a serial printer is plugged in."""
        assert self._process is None, "it is running"
        for name in ("qmp", "line", *PORTS):
            self.path(name).unlink(missing_ok=True)
        self._starts += 1
        more = ["-incoming", f"exec:cat {memory}"] if memory else []
        more += self._printer() if printer else []
        with self.path("qemu.log").open("ab") as log:
            self.started_at = time.monotonic()
            self._process = subprocess.Popen(
                [*self._command(), *more], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_us
            )
        try:
            self._qmp = Qmp(self.path("qmp"))
        except MachineError:
            self.power_cut()
            raise MachineError(f"QEMU did not start: {self.path('qemu.log').read_text()[-800:]}") from None

    def hold_still(self) -> None:
        """Not one instruction more, and not one request; only `power_cut` may follow. What QEMU sent is on its way."""
        assert self._process is not None, "the box is off"
        self._process.send_signal(signal.SIGSTOP)

    def power_cut(self) -> None:
        """SIGKILL: to the guest that is a pulled plug. Its disks keep what they were given (but see VolatileDisk)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._gone()

    def freeze(self, memory: Path) -> Frozen:
        """Write the running machine to files, and end it. QEMU cannot freeze a serial line: pull it first."""
        self.qmp("stop")
        self.agent.close()
        aside = memory.with_suffix(".part")
        self.qmp("migrate", uri=f"exec:cat > {aside}")
        while (status := self.qmp("query-migrate").get("status")) != "completed":
            if status == "failed":
                raise MachineError("the machine cannot be frozen")
            time.sleep(0.05)
        self.qmp("quit")
        self._gone()
        frozen = Frozen(memory)
        shutil.move(self.path("root.qcow2"), frozen.disk)
        aside.rename(memory)
        return frozen

    def thaw(self, frozen: Frozen, timeout: float = 60.0) -> None:
        """Go on from a frozen machine that was made with the same arguments; its clock stands where it stood."""
        self.new_disk(frozen.disk)
        self.power_on(frozen.memory)
        while (status := self.qmp("query-status")["status"]) in ("inmigrate", "postmigrate"):
            time.sleep(0.02)
        if status == "paused":
            self.qmp("cont")
        self.agent.wait(timeout)

    def qmp(self, command: str, /, **arguments: Any) -> Any:
        """One command to QEMU; `_` in a name stands for `-`."""
        assert self._qmp is not None, "it is not running"
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        return self._qmp.call(command, named)

    def _gone(self) -> None:
        assert self._process is not None
        self._process.wait(30)
        self.agent.close()
        if self._qmp is not None:
            self._qmp.close()
        self._process = self._qmp = None
        self._sticks.clear()

    def _command(self) -> list[str]:
        root = _served(self._root_disk, "root") if self._root_disk is not None else self._own_root()
        return [
            *self.hardware(),
            *("-serial", f"file:{self.path(f'console.{self._starts}')}"),
            *("-drive", root, "-qmp", f"unix:{self.path('qmp')},server=on,wait=off"),
            *(part for name in PORTS for part in self._port(name)),
        ]

    def hardware(self) -> list[str]:
        """What kind of machine it is: the part of its command line that a frozen one must share."""
        tcg = self.accelerator == "tcg"
        return [
            *("qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-M", "q35"),
            *("-accel", "tcg,thread=multi,tb-size=512" if tcg else "kvm", "-smp", "2", "-m", str(MEMORY_MIB)),
            *("-cpu", "max,la57=off,pku=off" if tcg else "host"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-append", f"{_KERNEL} {self._kernel}"),
            *("-device", "virtio-blk-pci,drive=root,serial=posroot", "-device", "virtio-serial-pci"),
            *(part for n, i in PORTS.items() for part in ("-device", f"virtserialport,chardev=c-{n},name={i}")),
            *("-device", "pcie-root-port,id=rp1,chassis=1", "-device", "virtio-rng-pci"),
            *("-device", "qemu-xhci,id=xhci,p2=8,p3=8"),
        ]

    def _own_root(self) -> str:
        return f"if=none,id=root,file={self.path('root.qcow2')},format=qcow2,discard=unmap,cache=writeback"

    def _port(self, name: str) -> tuple[str, str]:
        return ("-chardev", f"socket,id=c-{name},path={self.path(name)},server=on,wait=off")

    def _printer(self) -> list[str]:
        socket = f"socket,id=c-line,path={self.path('line')},server=on,wait=off"
        return ["-chardev", socket, "-device", "usb-serial,id=dev-line,bus=xhci.0,chardev=c-line,always-plugged=on"]

    # -- the guest

    def run(self, command: str, timeout: float = 60.0) -> Result:
        """A shell command in the guest, as root."""
        return self.agent.wait_for(self.agent.spawn(command), timeout)

    def sh(self, command: str, timeout: float = 60.0) -> str:
        """Like `run`, but a command that fails is a MachineError; returns what it wrote."""
        result = self.run(command, timeout)
        if result.code:
            raise MachineError(f"{command!r} ended with {result.code}\n{result.out}\n{result.err}")
        return result.out

    def until(self, command: str, timeout: float = 30.0) -> str:
        """Repeat a command until it succeeds; MachineError when it never does."""
        deadline = time.monotonic() + timeout
        while (result := self.run(command, timeout)).code:
            if time.monotonic() > deadline:
                raise MachineError(f"never true in {timeout:.0f} s: {command!r}: {result.out} {result.err}")
            time.sleep(0.1)
        return result.out

    def put(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file in the guest."""
        self.agent.put(path, content.encode() if isinstance(content, str) else content)
        self.sh(f"chmod {mode:o} {path}")  # the agent's umask is 0

    # -- plugs

    def plug_disk(self, disk: Disk | Path) -> None:
        """Plug in a disk; it is /dev/disk/by-id/virtio-posdata. Never before a freeze: its pages would be stale."""
        self.qmp("blockdev-add", node_name="data", **_node(disk))
        self.qmp("device_add", **_DATA)
        self.until("test -b /dev/disk/by-id/virtio-posdata")

    def plug_data(self, disk: Disk | Path, place: str) -> None:
        """Plug in an ext4 disk, look it over as a boot does, and mount it.

        A power cut may tear the superblock, which is two sectors: only a look (systemd-fsck, fsck.repair=yes) puts its
        copy in its place; e2fsck(8) ends with 1 where it mended something.
        """
        self.plug_disk(disk)
        device = "/dev/disk/by-id/virtio-posdata"
        look = f"e2fsck -p {device} || [ $? = 1 ] || e2fsck -y {device} || [ $? = 1 ]"
        self.sh(f"mkdir -p {place} && {{ {look}; }} && mount -o noatime {device} {place}", 180)

    def unplug_disk(self) -> None:
        """Take the disk out again; nothing of it may be mounted."""
        self._remove("data")
        self.qmp("blockdev-del", node_name="data")

    def plug_stick(self, name: str, content: Path | Disk, *, read_only: bool = False) -> None:
        """Plug in a USB stick: a picture of one, or a disk that fails like one."""
        self.qmp("blockdev-add", driver="raw", node_name=name, read_only=read_only, file=_node(content))
        device = {"driver": "usb-storage", "id": f"dev-{name}", "bus": "xhci.0", "drive": name, "removable": True}
        self.qmp("device_add", **device)
        self._sticks.add(name)

    def pull_stick(self, name: str) -> None:
        """Pull a stick out, whatever is being done with it."""
        self._remove(name)
        with suppress(MachineError):
            self.qmp("blockdev-del", node_name=name)
        self._sticks.discard(name)

    def plug_printer(self) -> None:
        """Plug the printer's cable in again."""
        address = {"type": "unix", "data": {"path": str(self.path("line"))}}
        backend = {"type": "socket", "data": {"addr": address, "server": True, "wait": False}}
        self.qmp("chardev-add", id="c-line", backend=backend)
        device = {
            "driver": "usb-serial",
            "id": "dev-line",
            "bus": "xhci.0",
            "chardev": "c-line",
            "always-plugged": True,
        }
        self.qmp("device_add", **device)

    def pull_printer(self) -> None:
        """Pull the printer's cable."""
        self._remove("line")
        deadline = time.monotonic() + 5
        while True:  # the line outlives its device for a moment
            try:
                self.qmp("chardev-remove", id="c-line")
                break
            except MachineError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)
        self.path("line").unlink(missing_ok=True)

    def plug_usb(self, path: Path) -> None:
        """Plug in the USB device that somebody plays on a socket (`UsbPrinter`)."""
        address = {"type": "unix", "data": {"path": str(path)}}
        self.qmp("chardev-add", id="c-usb", backend={"type": "socket", "data": {"addr": address, "server": False}})
        self.qmp("device_add", driver="usb-redir", id="dev-usb", bus="xhci.0", chardev="c-usb")

    def pull_usb(self) -> None:
        """Pull it out; its line goes with it."""
        self._remove("usb")

    def _remove(self, name: str) -> None:
        assert self._qmp is not None
        self.qmp("device_del", id=f"dev-{name}")
        self._qmp.wait_event("DEVICE_DELETED", lambda data: data.get("device") == f"dev-{name}")


def _served(disk: Disk, name: str) -> str:
    return f"driver=nbd,server.type=unix,server.path={disk.sock},if=none,id={name}"


def _node(disk: Disk | Path) -> dict[str, Any]:
    if isinstance(disk, Path):
        return {"driver": "file", "filename": str(disk)}
    return {"driver": "nbd", "server": {"type": "unix", "path": str(disk.sock)}}


def _die_with_us() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(5)
