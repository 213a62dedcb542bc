"""The box's identity: the same for every user, honest about its source, unknown rather than invented."""

import os
from pathlib import Path

import pytest

from einvoiced.hardware.board import UNKNOWN, board_serial, disk_serial


def put(root, path, content, mode=0o644):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    file.chmod(mode)


def test_a_raspberry_pi_is_known_by_its_processor(tmp_path):
    """The Serial line of /proc/cpuinfo comes first."""
    put(tmp_path, "proc/cpuinfo", "processor\t: 0\nSerial\t\t: 10000000abcdef01\nModel\t\t: Raspberry Pi 4\n")
    put(tmp_path, "sys/firmware/devicetree/base/serial-number", "other\0")
    assert board_serial(tmp_path) == "pi:10000000abcdef01"


def test_other_sources_in_order(tmp_path):
    """Machine-id only when nothing else tells; it is never shown itself."""
    assert board_serial(tmp_path) == UNKNOWN
    put(tmp_path, "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    fallback = board_serial(tmp_path)
    assert fallback.startswith("machine-id:") and "0123456789abcdef" not in fallback
    put(tmp_path, "sys/class/dmi/id/product_serial", "SN-77\n")
    assert board_serial(tmp_path) == "dmi:SN-77"
    put(tmp_path, "sys/firmware/devicetree/base/serial-number", "dt-5\0")
    assert board_serial(tmp_path) == "device-tree:dt-5"


@pytest.mark.parametrize(
    "junk", ["0000000000000000", "To be filled by O.E.M.", "Default string", "None", "Not Specified", "", "xxxx"]
)
def test_junk_is_no_serial_number(tmp_path, junk):
    """What factories leave in the field is passed over."""
    put(tmp_path, "proc/cpuinfo", f"Serial\t\t: {junk}\n")
    put(tmp_path, "sys/class/dmi/id/board_serial", junk + "\n")
    assert board_serial(tmp_path) == UNKNOWN


def test_what_only_root_may_read_is_not_used(tmp_path):
    """Root and the daemon's user must find the same identity, so a private file counts as missing."""
    put(tmp_path, "sys/class/dmi/id/product_uuid", "secret\n", mode=0o400)
    assert board_serial(tmp_path) == UNKNOWN


def block(tmp_path):
    """A /sys in which tmp_path lies on partition 1 of mmcblk0; return the disk's folder."""
    number = tmp_path.stat().st_dev
    disk = tmp_path / "sys/devices/mmc/block/mmcblk0"
    put(disk, "mmcblk0p1/partition", "1\n")
    put(disk, "dev", "179:0\n")
    link = tmp_path / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(disk / "mmcblk0p1")
    return disk


def test_a_partition_has_its_disks_serial(tmp_path):
    """The card's CID is found from a path on its first partition."""
    put(block(tmp_path), "device/cid", "1b534d30303030301012345678010a\n")
    assert disk_serial(tmp_path, tmp_path) == "mmc:1b534d30303030301012345678010a"


def test_a_volume_has_the_serial_of_the_disk_below(tmp_path):
    """LVM and RAID are followed down."""
    disk = block(tmp_path)
    below = tmp_path / "sys/devices/ata/block/sda"
    put(below, "device/wwid", "t10.ATA DISK 123\n")
    (disk / "slaves").mkdir()
    (disk / "slaves/sda").symlink_to(below)
    assert disk_serial(tmp_path, tmp_path) == "wwid:t10.ATA DISK 123"


def test_udev_knows_when_sysfs_does_not(tmp_path):
    """The last source is udev's data base."""
    block(tmp_path)
    put(tmp_path, "run/udev/data/b179:0", "S:disk/by-id/x\nE:ID_SERIAL=USB_Disk_9\n")
    assert disk_serial(tmp_path, tmp_path) == "udev:USB_Disk_9"


def test_an_unknown_disk_is_unknown(tmp_path):
    """No sysfs, no serial or no such path: the word, never an exception."""
    assert disk_serial(tmp_path, tmp_path) == UNKNOWN
    block(tmp_path)
    assert disk_serial(tmp_path, tmp_path) == UNKNOWN
    assert disk_serial(tmp_path / "missing") == UNKNOWN


def test_this_machine_answers():
    """On a real machine both give one word, twice the same."""
    assert board_serial() == board_serial() != ""
    assert disk_serial(Path("/")) == disk_serial(Path("/")) != ""
