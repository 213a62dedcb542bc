"""The stick's unit on real images: read-only, as nobody in particular, under a deadline, and gone without a trace.

Needs root and loop devices; file systems that this machine's kernel or tools have not are skipped.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hardware_helpers import attached

from einvoiced import stick_unit
from einvoiced.hardware.stick import mount
from einvoiced.hardware.stick.collect import Limits, read_batch, read_file
from tests.boxes import ROOT_IS_A_MOUNT

PROJECT = Path(__file__).parents[3]
CSV = "營業人統編,發票類別代號\r\n24634102,7\r\n".encode()
MAKE = {
    "vfat": ["mkfs.vfat", "-F", "32", "-n", "STICK"],
    "fat16": ["mkfs.vfat", "-F", "16"],
    "fat12": ["mkfs.vfat", "-F", "12"],
    "exfat": ["mkfs.exfat"],
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "ext2": ["mkfs.ext2", "-q", "-F"],
    "ntfs": ["mkfs.ntfs", "-q", "-F"],
}
MEBIBYTES = {"vfat": 40, "fat12": 2}
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not ROOT_IS_A_MOUNT, reason="mounting needs root, and a root that is a mount (no plain chroot)"
)


def image(folder, kind, content=None):
    """A file with a file system of this kind; only ext can be filled without mounting it."""
    if shutil.which(MAKE[kind][0]) is None:
        pytest.skip(f"{MAKE[kind][0]} is not installed")
    path = folder / f"{kind}.img"
    with open(path, "wb") as file:
        file.truncate(MEBIBYTES.get(kind, 16) << 20)
    filled = ["-d", str(content)] if content is not None and kind.startswith("ext") else []
    subprocess.run([*MAKE[kind], *filled, str(path)], check=True, stdout=subprocess.DEVNULL)
    return path


def fill(device, kind, content, tmp_path):
    """Copy files to a file system by mounting it, as a shop's computer does; skip where the kernel cannot."""
    target = tmp_path / "shop"
    target.mkdir()
    done = subprocess.run(["mount", "-t", kind, str(device), str(target)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this kernel does not mount {kind}: {done.stderr.strip()}")
    try:
        shutil.copytree(content, target, dirs_exist_ok=True)
    finally:
        subprocess.run(["umount", str(target)], check=True)


@pytest.fixture
def content(tmp_path):
    folder = tmp_path / "content"
    (folder / "sub").mkdir(parents=True)
    (folder / "發票字軌.csv").write_bytes(CSV)
    (folder / "sub/more.csv").write_bytes(b"a,b\n")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\0")
    return folder


@pytest.fixture
def inbox(tmp_path):
    """A folder that the collecting user may write to, where it may not go by itself."""
    folder = tmp_path / "state" / "inbox"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    shutil.chown(folder, 0, "nogroup")
    folder.chmod(0o2770)
    return folder


@pytest.fixture
def run():
    """Where the unit mounts: everybody may look there, as in /run/einvoiced-stick (pytest's own folders are root's)."""
    folder = Path(tempfile.mkdtemp(prefix="einvoiced-stick-", dir="/run"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def unit(device, inbox, run, **limits):
    """One run of the unit: its exit code and the batches in the inbox."""
    work = stick_unit.make_job(device, inbox=inbox, user="nobody", run=run, limits=Limits(**limits))
    try:
        code = stick_unit.run(work)
    finally:
        os.close(work.inbox)
    return code, [read_batch(path) for path in sorted(inbox.iterdir()) if path.is_dir()]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@needs_root
@pytest.mark.parametrize("kind", ["vfat", "exfat", "ext4", "ext2"])
def test_a_stick_is_collected_and_left_as_it_was(kind, tmp_path, content, inbox, run):
    """The files arrive whole, as another user's; not a bit of the stick changes, and nothing stays mounted."""
    path = image(tmp_path, kind, content)
    with attached(path) as device:
        if not kind.startswith("ext"):
            fill(device, kind, content, tmp_path)
        before = sha256(path)
        code, (batch,) = unit(device, inbox, run)
        assert device.name not in Path("/proc/self/mountinfo").read_text()
        assert mount.lock_writes(device, False) is False
    assert code == 0
    assert sorted(entry.name for entry in batch.files) == ["sub/more.csv", "發票字軌.csv"]
    assert read_file(batch, next(entry for entry in batch.files if "sub" not in entry.name)) == CSV
    assert ("photo.jpg", "not_text") in [(entry.name, entry.reason) for entry in batch.left_out]
    assert batch.path.name == f"usb-{device.name}"
    assert sha256(path) == before
    assert {each.stat().st_uid for each in batch.path.iterdir()} == {65534}
    assert stat.S_IMODE(batch.path.stat().st_mode) & 0o770 == 0o770
    assert list(run.iterdir()) == []


@needs_root
def test_partitions_are_runs_of_their_own(tmp_path, content, inbox, run):
    """Two partitions of one disk are two devices: one with files, one that cannot be read; neither run changes a bit.

    The devices are made of the disk's two parts by their offsets: not every kernel scans loop devices for partitions.
    """
    disk, part = tmp_path / "disk.img", 16 << 20
    with open(disk, "wb") as file:
        file.truncate((1 << 20) + 2 * part)
        file.seek(1 << 20)
        file.write(image(tmp_path, "ext4", content).read_bytes())
    before = sha256(disk)
    for number in range(2):
        with attached(disk, "--offset", str((1 << 20) + number * part), "--sizelimit", str(part)) as device:
            code, batches = unit(device, inbox, run)
            assert code == 0
    assert sorted(len(batch.files) for batch in batches) == [0, 2]
    assert sha256(disk) == before


@needs_root
def test_two_sticks_at_once_do_not_meet(tmp_path, content, inbox, run):
    """Two units run side by side in one folder, and both batches are whole."""
    first = image(tmp_path, "ext4", content)
    second = shutil.copy(first, tmp_path / "second.img")
    command = [sys.executable, "-m", "einvoiced.stick_unit", "--user", "nobody", "--inbox", inbox, "--run", run]
    with attached(first) as one, attached(second) as other:
        programs = [subprocess.Popen([*command, device]) for device in (one, other)]
        codes = [program.wait(30) for program in programs]
    batches = [read_batch(path) for path in sorted(inbox.iterdir())]
    assert codes == [0, 0]
    assert [len(batch.files) for batch in batches] == [2, 2]
    assert {batch.path.name for batch in batches} == {f"usb-{one.name}", f"usb-{other.name}"}


@needs_root
def test_the_same_stick_plugged_in_again_is_another_batch(tmp_path, content, inbox, run):
    """While the first batch waits for the daemon the second gets a name of its own."""
    with attached(image(tmp_path, "ext4", content)) as device:
        assert unit(device, inbox, run)[0] == 0
        code, batches = unit(device, inbox, run)
    assert code == 0
    assert [batch.path.name for batch in batches] == [f"usb-{device.name}", f"usb-{device.name}-2"]


@needs_root
def test_a_journal_that_waits_is_not_replayed(tmp_path, content, inbox, run):
    """A stick that was pulled out of another machine in mid-write is read as it is; reading writes nothing."""
    path = image(tmp_path, "ext4", content)
    with attached(path) as device:
        target = tmp_path / "shop"
        target.mkdir()
        subprocess.run(["mount", "-t", "ext4", str(device), str(target)], check=True)
        (target / "late.csv").write_bytes(CSV)
        subprocess.run(["sync", "-f", str(target)], check=True)
        dirty = path.read_bytes()
        subprocess.run(["umount", str(target)], check=True)
    path.write_bytes(dirty)
    before = sha256(path)
    with attached(path) as device:
        code, (batch,) = unit(device, inbox, run)
    assert code == 0
    assert len(batch.files) >= 2
    assert sha256(path) == before


@needs_root
def test_the_collector_is_nobody_and_sees_a_locked_mount(tmp_path, content, inbox, run, monkeypatch):
    """While it collects: no root, groups, capabilities or way back; every restriction on the mount; no write."""
    collect = stick_unit.collect

    def spy(source, into, **options):
        status = Path("/proc/self/status").read_text()
        facts = {
            "ids": [*os.getresuid(), *os.getresgid(), *os.getgroups()],
            "capabilities": re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\s*(\w+)", status, re.MULTILINE),
            "no_new_privs": re.findall(r"^NoNewPrivs:\s*(\w+)", status, re.MULTILINE),
            "mount": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(source) in line],
            "errors": [],
        }
        for forbidden in (
            lambda: (source / "new").write_bytes(b""),
            lambda: os.setuid(0),
            lambda: os.fork() or os._exit(0),
            lambda: list((tmp_path / "state").iterdir()),
        ):
            try:
                forbidden()
            except OSError as error:
                facts["errors"].append(error.errno)
        (into / "facts").write_text(json.dumps(facts))
        return collect(source, into, **options)

    monkeypatch.setattr(stick_unit, "collect", spy)
    with attached(image(tmp_path, "ext4", content)) as device:
        code, _ = unit(device, inbox, run)
    assert code == 0
    facts = json.loads((inbox / "facts").read_text())
    assert facts["ids"] == [65534] * 6
    assert set(facts["capabilities"]) == {"0" * 16}
    assert facts["no_new_privs"] == ["1"]
    (line,) = facts["mount"]
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(line.split()[5].split(","))
    assert facts["errors"] == [errno.EROFS, errno.EPERM, errno.EAGAIN, errno.EACCES]


@needs_root
def test_the_block_layer_itself_refuses_writes_meanwhile(tmp_path, inbox):
    """Root and the kernel's drivers cannot write to a locked device; afterwards it is as before."""
    path = image(tmp_path, "ext2")
    with attached(path) as device:
        assert mount.lock_writes(device, True) is False
        with pytest.raises(OSError), open(device, "r+b", buffering=0) as file:
            file.write(b"x")
            os.fsync(file.fileno())
        assert mount.lock_writes(device, False) is True


@needs_root
def test_a_disk_in_use_is_left_alone(tmp_path, inbox, run):
    """What is mounted already, as the disk that the box was started from, is neither locked nor collected."""
    with attached(image(tmp_path, "ext4")) as device:
        target = tmp_path / "in-use"
        target.mkdir()
        subprocess.run(["mount", "-t", "ext4", str(device), str(target)], check=True)
        try:
            assert unit(device, inbox, run) == (0, [])
            (target / "still").write_bytes(b"writable")
        finally:
            subprocess.run(["umount", str(target)], check=True)


@needs_root
@pytest.mark.parametrize("damage", ["empty", "zeroed", "cut"])
def test_a_stick_that_cannot_be_read_gives_a_batch_that_says_so(damage, tmp_path, content, inbox, run):
    """No file system, a broken one, one whose end is missing: a batch without files and the reason, never a fault."""
    path = image(tmp_path, "ext4", content)
    with open(path, "r+b") as file:
        if damage == "empty":
            file.truncate(0)
            file.truncate(1 << 20)
        elif damage == "zeroed":
            file.seek(4096)
            file.write(bytes(4 << 20))
        else:
            file.truncate(1 << 20)
    with attached(path) as device:
        code, (batch,) = unit(device, inbox, run)
    assert code == 0
    assert batch.files == ()
    assert {entry.reason for entry in batch.left_out} == {"unreadable"}


@needs_root
def test_a_stick_that_hangs_is_given_up(tmp_path, content, inbox, run, monkeypatch):
    """After the deadline the collector is killed, its mount is gone with it, and a batch tells of it."""
    monkeypatch.setattr(stick_unit, "GRACE_SECONDS", 0.1)

    def hang(work):
        mount.own_namespace()
        mount.mount_read_only(work.device, work.target, uid=work.uid, gid=work.gid)
        time.sleep(600)

    monkeypatch.setattr(stick_unit, "_mount_and_collect", hang)
    with attached(image(tmp_path, "ext4", content)) as device:
        before = time.monotonic()
        code, (batch,) = unit(device, inbox, run, seconds=0.3)
        assert time.monotonic() - before < 5
        assert mount.lock_writes(device, True) is True  # nobody has it mounted any more, or this were EBUSY
        mount.lock_writes(device, False)
    assert code == 0
    assert [entry.reason for entry in batch.left_out] == ["unreadable"]


@needs_root
def test_a_failing_inbox_is_a_failure_and_leaves_nothing(tmp_path, content, inbox, run):
    """A collector that may not write to the inbox ends with 1 and without a batch."""
    inbox.chmod(0o2700)
    with attached(image(tmp_path, "ext4", content)) as device:
        assert unit(device, inbox, run) == (1, [])


def test_a_child_ends_in_time_whatever_it_does():
    """Its code comes back; a fault is 1, a signal is 1; one that hangs is killed and gives nothing."""

    def die():
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def fail():
        raise RuntimeError("expected in this test")

    assert stick_unit.in_child(lambda: 3, 10) == 3
    assert stick_unit.in_child(fail, 10) == 1
    assert stick_unit.in_child(die, 10) == 1
    assert stick_unit.in_child(lambda: time.sleep(600) or 0, 0.1) is None
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@needs_root
def test_the_collecting_user_may_not_be_root(tmp_path, inbox):
    """Collecting as root is refused before anything is read."""
    with pytest.raises(ValueError):
        stick_unit.give_up_root(0, 65534)
    with pytest.raises(ValueError):
        stick_unit.give_up_root(65534, 0)


@pytest.mark.parametrize(
    "arguments",
    [["/dev/null"], ["/dev/no-such-device"], ["/etc/passwd"], ["/dev/.."], ["--user", "no-such-user", "/dev/loop0"]],
)
def test_nonsense_is_refused_with_a_sentence(arguments, tmp_path, capsys):
    """What is no block device, or a user that is not there, ends with 64 and touches nothing."""
    code = stick_unit.main(["--inbox", str(tmp_path / "none"), "--run", str(tmp_path / "run"), *arguments])
    assert code == stick_unit.USAGE
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", list(MAKE))
def test_file_systems_are_told_apart_by_their_content(kind, tmp_path):
    """Images that the real tools make; NTFS and unknown ones are not read here."""
    expected = {"fat12": "vfat", "fat16": "vfat", "ext2": "ext4", "ntfs": ""}.get(kind, kind)
    assert mount.fs_type(image(tmp_path, kind).read_bytes()[: mount.HEAD]) == expected


@pytest.mark.parametrize(
    "head", [b"", bytes(2048), b"\xff" * 2048, bytes(510) + b"\x55\xaa" + bytes(1536), b"EXFAT   "]
)
def test_what_is_no_file_system_is_not_mounted(head):
    """Too short, empty, noise, a bare partition table."""
    assert mount.fs_type(head) == ""


def test_the_unit_is_started_by_a_rule_that_comes_late_enough():
    """The rule reads what 60-persistent-storage.rules found out; the unit it names runs the program on the device."""
    (rule,) = (PROJECT / "systemd").glob("*-einvoiced-stick.rules")
    assert "60-persistent-storage.rules" < rule.name < "99-systemd.rules"
    assert 'ENV{SYSTEMD_WANTS}+="einvoiced-stick@%k.service einvoiced-export@%k.service"' in rule.read_text()
    lines = (PROJECT / "systemd/einvoiced-stick@.service").read_text().splitlines()
    (command,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    options = stick_unit._options(command.replace("%i", "sdb1").split()[1:])
    assert options.device == Path("/dev/sdb1")
    (limit,) = [int(line.removeprefix("TimeoutStartSec=")) for line in lines if line.startswith("TimeoutStartSec=")]
    own = Limits().seconds + stick_unit.GRACE_SECONDS + stick_unit._TELL_SECONDS + 2 * stick_unit._DEATH_SECONDS
    assert own < limit
