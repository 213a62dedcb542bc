"""A stick gives closed batches: whole, bounded, never through a link, and with a word on everything left out."""

import asyncio
import hashlib
import json
import os
import stat
from dataclasses import replace

import pytest
from hardware_helpers import until
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.hardware.stick import collect as collect_module
from einvoiced.hardware.stick.collect import Limits, collect, looks_like_text, read_batch, read_file
from einvoiced.hardware.stick.folder import FolderStick
from einvoiced.hardware.stick.udev import Stick, UdevSticks

CSV = "營業人統編,發票類別代號\r\n24634102,7\r\n"


@pytest.fixture
def stick(tmp_path):
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def reasons(batch):
    return {entry.name: entry.reason for entry in batch.left_out}


def names(batch):
    return [entry.name for entry in batch.files]


def test_candidates_arrive_byte_for_byte(stick, inbox):
    """The files, their names, sizes and hashes are in the batch, and the batch on disk says the same."""
    (stick / "發票字軌.csv").write_bytes(CSV.encode("cp950"))
    (stick / "sub").mkdir()
    (stick / "sub/E0501.xml").write_bytes(b"<InvoiceAssignNo/>")
    batch = collect(stick, inbox, name="usb-1")
    assert batch.path == inbox / "usb-1"
    assert names(batch) == ["發票字軌.csv", "sub/E0501.xml"]
    assert [entry.file for entry in batch.files] == ["0001", "0002"]
    assert sorted(path.name for path in batch.path.iterdir()) == ["0001", "0002", "batch.json"]
    assert (batch.path / "0001").read_bytes() == CSV.encode("cp950")
    assert batch.files[0].sha256 == hashlib.sha256(CSV.encode("cp950")).hexdigest()
    assert read_batch(batch.path) == batch
    assert read_file(batch, batch.files[1]) == b"<InvoiceAssignNo/>"
    assert [path.name for path in inbox.iterdir()] == ["usb-1"]


def test_a_name_that_is_no_utf8_survives(stick, inbox):
    """FAT written by an old system: the raw bytes of the name come back from the batch."""
    raw = "字軌".encode("cp950") + b".csv"
    (stick / os.fsdecode(raw)).write_bytes(b"a,b\n")
    batch = read_batch(collect(stick, inbox, name="usb").path)
    assert os.fsencode(batch.files[0].name) == raw


def test_links_pipes_and_devices_are_left_out(stick, inbox, tmp_path):
    """Nothing outside the stick is ever read, and a pipe does not block."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (stick / "to-file").symlink_to(secret / "key")
    (stick / "to-folder").symlink_to(secret)
    os.mkfifo(stick / "pipe")
    batch = collect(stick, inbox, name="usb")
    assert batch.files == ()
    assert reasons(batch) == {"to-file": "link", "to-folder": "link", "pipe": "special"}


def test_a_folder_swapped_for_a_link_under_way_is_not_followed(stick, inbox, tmp_path, monkeypatch):
    """Between looking and opening a name may change: the open refuses the link."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/key").write_text("secret")
    (stick / "a").mkdir()
    (stick / "b.csv").write_text("x,y\n")
    real = collect_module._read_candidate

    def swap(*args, **options):
        (stick / "a").rmdir()
        (stick / "a").symlink_to(tmp_path / "outside")
        (stick / "b.csv").unlink()
        (stick / "b.csv").symlink_to(tmp_path / "outside/key")
        return real(*args, **options)

    monkeypatch.setattr(collect_module, "_read_candidate", swap)
    batch = collect(stick, inbox, name="usb")
    assert batch.files == ()
    assert reasons(batch) == {"b.csv": "unreadable", "a": "link"}


def test_sizes_at_the_edge(stick, inbox):
    """One mebibyte is taken, one byte more is not, nothing is nothing."""
    (stick / "fits").write_bytes(b"x" * (1 << 20))
    (stick / "more").write_bytes(b"x" * ((1 << 20) + 1))
    (stick / "none").write_bytes(b"")
    batch = collect(stick, inbox, name="usb")
    assert names(batch) == ["fits"]
    assert reasons(batch) == {"more": "too_big", "none": "empty"}


def test_depth_count_and_entries_are_limited(stick, inbox):
    """Three folders deep, 64 files, and a bound on what is looked at; shallow files come first."""
    (stick / "1/2/3/4").mkdir(parents=True)
    (stick / "1/2/3/deep.csv").write_text("a")
    (stick / "1/2/3/4/deeper.csv").write_text("a")
    for number in range(70):
        (stick / f"f{number:02d}").write_text("a")
    batch = collect(stick, inbox, name="usb")
    assert names(batch) == [f"f{number:02d}" for number in range(64)]
    assert reasons(batch)["f64"] == "too_many_files"
    assert reasons(batch)["1/2/3/4"] == "too_deep"
    assert reasons(batch)["1/2/3/deep.csv"] == "too_many_files"
    deep = collect(stick / "1", inbox, name="usb")
    assert deep.path.name == "usb-2"
    assert names(deep) == ["2/3/deep.csv", "2/3/4/deeper.csv"]
    few = collect(stick, inbox, name="few", limits=Limits(entries=10))
    assert len(few.files) + len([entry for entry in few.left_out if entry.reason != "too_many_entries"]) <= 10
    assert reasons(few)["."] == "too_many_entries"


def test_the_list_of_what_was_left_out_is_bounded(stick, inbox):
    """A stick full of pictures gives a short list and a count."""
    for number in range(30):
        (stick / f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    batch = collect(stick, inbox, name="usb", limits=Limits(left_out=5))
    assert len(batch.left_out) == 5
    assert batch.left_out_more == 25
    assert {entry.reason for entry in batch.left_out} == {"not_text"}
    assert read_batch(batch.path).left_out_more == 25


def test_the_deadline_ends_the_collection(stick, inbox):
    """With no time left nothing is copied, and the batch says so."""
    (stick / "a.csv").write_text("a")
    (stick / "b.csv").write_text("a")
    batch = collect(stick, inbox, name="usb", limits=Limits(seconds=-1.0))
    assert batch.files == ()
    assert [entry.reason for entry in batch.left_out] == ["deadline"]


def test_an_io_error_is_a_normal_case(stick, inbox, monkeypatch):
    """A file on a bad or yanked stick is left out, the others are taken."""
    (stick / "bad.csv").write_text("a,b\n")
    (stick / "good.csv").write_text("c,d\n")
    bad = (stick / "bad.csv").stat().st_ino
    real = os.read

    def failing(fd, count):
        if os.fstat(fd).st_ino == bad:
            raise OSError(5, "Input/output error")
        return real(fd, count)

    monkeypatch.setattr(os, "read", failing)
    batch = collect(stick, inbox, name="usb")
    assert names(batch) == ["good.csv"]
    assert reasons(batch) == {"bad.csv": "unreadable"}


def test_a_stick_that_is_gone_gives_an_empty_batch(inbox, tmp_path):
    """Yanked before the first look: a batch that says "unreadable"."""
    batch = collect(tmp_path / "gone", inbox, name="usb")
    assert batch.files == ()
    assert reasons(batch) == {".": "unreadable"}


def test_a_batch_appears_all_at_once_or_not_at_all(stick, inbox, monkeypatch):
    """Nothing is visible in the inbox while copying, and a full disk leaves nothing behind."""
    (stick / "a.csv").write_text("a,b\n")
    seen = []
    real = collect_module._write

    def watching(path, data):
        seen.append([entry.name for entry in inbox.iterdir() if not entry.name.startswith(".")])
        real(path, data)

    monkeypatch.setattr(collect_module, "_write", watching)
    collect(stick, inbox, name="usb")
    assert seen == [[], []]

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(collect_module, "_write", full)
    with pytest.raises(OSError):
        collect(stick, inbox, name="other")
    assert [entry.name for entry in inbox.iterdir()] == ["usb"]


def test_an_old_leftover_is_swept_and_a_fresh_one_is_not(stick, inbox):
    """A collector that was killed leaves no rubbish for ever; one at work is not disturbed."""
    for name, age in (("old", 7200), ("new", 0)):
        left = inbox / f".collecting-{name}"
        left.mkdir()
        past = left.stat().st_mtime - age
        os.utime(left, (past, past))
    collect(stick, inbox, name="usb")
    assert sorted(path.name for path in inbox.iterdir()) == [".collecting-new", "usb"]


def test_a_group_may_take_the_batch(stick, inbox):
    """The collector is another user than the daemon: the group reads the files and may delete them."""
    (stick / "a.csv").write_text("a")
    batch = collect(stick, inbox, name="usb")
    assert stat.S_IMODE(batch.path.stat().st_mode) == 0o770
    assert stat.S_IMODE((batch.path / "0001").stat().st_mode) & 0o647 == 0o640


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n", "x" * 101])
def test_a_batch_name_is_one_plain_word(stick, inbox, name):
    """A name can neither leave the inbox nor hide in it."""
    with pytest.raises(ValueError):
        collect(stick, inbox, name=name)


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (CSV.encode("cp950"), True),
        (CSV.encode("utf-8-sig"), True),
        (CSV.encode("utf-16"), True),
        (CSV.encode("utf-16-le"), False),
        (b"<?xml version='1.0'?>", True),
        (b"a,b\r\n\x1a", True),
        (b"PK\x03\x04\x14\x00", False),
        (b"\x7fELF", True),
        (b"\x7fELF\x02\x01\x01", False),
        (b"\x89PNG\r\n\x1a\n\x00\x00", False),
        (b"", False),
    ],
)
def test_what_looks_like_text(head, verdict):
    """Text in any encoding and XML pass, binary formats do not, and the name plays no part."""
    assert looks_like_text(head) is verdict


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_printable_text_passes(text):
    """No printable text is refused in UTF-8, with or without a mark."""
    assert looks_like_text(text.encode())
    assert looks_like_text(text.encode("utf-8-sig"))


def test_a_batch_that_was_tampered_with_is_refused(stick, inbox):
    """The inbox is written by another user: changed bytes, links and wrong lists are errors, not data."""
    (stick / "a.csv").write_text("a,b\n")
    batch = collect(stick, inbox, name="usb")
    (batch.path / "0001").write_text("a,c\n")
    with pytest.raises(ValueError):
        read_file(batch, batch.files[0])
    with pytest.raises((ValueError, OSError)):
        read_file(replace(batch, path=inbox), batch.files[0])
    (batch.path / "0001").unlink()
    (batch.path / "0001").symlink_to(stick / "a.csv")
    with pytest.raises(OSError):
        read_file(batch, batch.files[0])
    good = json.loads((batch.path / "batch.json").read_text())
    for wrong in (
        {**good, "files": [{**good["files"][0], "file": "../../etc/passwd"}]},
        {**good, "files": [{**good["files"][0], "size": "4"}]},
        {**good, "files": [{"file": "0001"}]},
        {"files": []},
        [],
    ):
        (batch.path / "batch.json").write_text(json.dumps(wrong))
        with pytest.raises(ValueError):
            read_batch(batch.path)


def test_a_folder_plays_the_stick(stick, inbox):
    """New files are collected once, when they have stopped changing; emptying is pulling the stick out."""
    player = FolderStick(stick, inbox)
    assert player.poll() == []
    (stick / "a.csv").write_text("half")
    assert player.poll() == []
    (stick / "a.csv").write_text("a,b\nwhole\n")
    assert player.poll() == []
    [batch] = player.poll()
    assert read_file(batch, batch.files[0]) == b"a,b\nwhole\n"
    assert player.poll() == player.poll() == []
    (stick / "b.csv").write_text("c,d\n")
    assert player.poll() == []
    assert names(player.poll()[0]) == ["a.csv", "b.csv"]
    (stick / "a.csv").rename(inbox.parent / "kept")
    (stick / "b.csv").unlink()
    assert player.poll() == player.poll() == []
    (inbox.parent / "kept").rename(stick / "a.csv")
    assert player.poll() == []
    assert names(player.poll()[0]) == ["a.csv"]


def test_a_folder_that_is_missing_is_a_stick_pulled_out(inbox, tmp_path):
    """No folder, no batch, no error."""
    player = FolderStick(tmp_path / "none", inbox)
    assert player.poll() == player.poll() == []


def test_a_failing_inbox_is_tried_again(stick, inbox):
    """When the inbox was missing the files are not forgotten."""
    (stick / "a.csv").write_text("a")
    player = FolderStick(stick, inbox)
    player.poll()
    inbox.rmdir()
    with pytest.raises(OSError):
        player.poll()
    inbox.mkdir()
    assert len(player.poll()) == 1


# -- udev ------------------------------------------------------------------------------------------------------------


class Device:
    def __init__(self, **properties):
        self.properties = properties


class Context:
    """Stands for the machine's devices; the test plugs and pulls."""

    def __init__(self):
        self.devices = []

    def list_devices(self, **match):
        assert match == {"subsystem": "block"}
        return list(self.devices)


class Monitor:
    """A monitor on a real pipe; `overflow` makes every read fail, as the kernel does after ENOBUFS."""

    def __init__(self, context):
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.overflow = False

    def fileno(self):
        return self.reader

    def poll(self, timeout):
        if self.overflow:
            raise OSError(105, "No buffer space available")
        try:
            return os.read(self.reader, 1) or None
        except BlockingIOError:
            return None

    def event(self):
        os.write(self.writer, b"!")


def usb(name="/dev/sda1", **properties):
    fields = {
        "DEVNAME": name,
        "DEVTYPE": "partition",
        "ID_BUS": "usb",
        "ID_FS_USAGE": "filesystem",
        "ID_FS_TYPE": "vfat",
    }
    return Device(**{**fields, "ID_FS_UUID": "1234-ABCD", "ID_FS_LABEL": "STICK", **properties})


def run_with_monitors(scenario):
    """Run an async scenario with a fake machine; returns the changes that were told."""
    changes, monitors, context = [], [], Context()

    def make_monitor(given_context):
        assert given_context is context
        monitors.append(Monitor(context))
        return monitors[-1]

    sticks = UdevSticks(
        lambda added, removed: changes.append((added, removed)), context=context, make_monitor=make_monitor
    )

    async def main():
        try:
            await asyncio.wait_for(scenario(sticks, context, monitors, changes), 10)
        finally:
            sticks.close()

    asyncio.run(main())
    for monitor in monitors:
        os.close(monitor.reader)
        os.close(monitor.writer)
    return changes


async def told(changes, count):
    assert await asyncio.to_thread(until, lambda: len(changes) >= count)


STICK = Stick("/dev/sda1", "vfat", "1234-ABCD", "STICK")


def test_sticks_come_and_go():
    """Plugging and pulling are told once each, with what udev knows of the stick."""

    async def scenario(sticks, context, monitors, changes):
        sticks.start(asyncio.get_running_loop())
        assert changes == []
        context.devices = [usb()]
        monitors[0].event()
        await told(changes, 1)
        monitors[0].event()
        context.devices = []
        monitors[0].event()
        await told(changes, 2)

    assert run_with_monitors(scenario) == [(frozenset([STICK]), frozenset()), (frozenset(), frozenset([STICK]))]


def test_a_stick_that_was_there_first_is_told_at_the_start():
    """The list is made after listening has begun."""

    async def scenario(sticks, context, monitors, changes):
        context.devices = [usb()]
        sticks.start(asyncio.get_running_loop())
        assert len(monitors) == 1

    assert run_with_monitors(scenario) == [(frozenset([STICK]), frozenset())]


def test_after_an_overflow_the_monitor_is_built_again():
    """An overflow loses no stick, and the next event is heard through the new monitor."""

    async def scenario(sticks, context, monitors, changes):
        sticks.start(asyncio.get_running_loop())
        context.devices = [usb()]
        monitors[0].overflow = True
        monitors[0].event()
        await told(changes, 1)
        assert len(monitors) == 2
        context.devices = []
        monitors[1].event()
        await told(changes, 2)

    assert len(run_with_monitors(scenario)) == 2


@pytest.mark.parametrize(
    "device",
    [
        usb(ID_BUS="ata"),
        usb(ID_FS_USAGE="crypto"),
        usb(ID_FS_USAGE="raid"),
        usb(DEVTYPE="other"),
        Device(DEVNAME="/dev/sr0"),
    ],
)
def test_other_block_devices_are_no_sticks(device):
    """Fixed disks, encrypted volumes, RAID members and empty readers are passed over."""
    context = Context()
    context.devices = [device]
    assert UdevSticks(lambda added, removed: None, context=context).refresh() == []


def test_a_stick_without_label_or_partition_table_counts():
    """A whole disk with a file system is a stick; what udev does not say is empty."""
    context = Context()
    context.devices = [
        Device(DEVNAME="/dev/sdb", DEVTYPE="disk", ID_BUS="usb", ID_FS_USAGE="filesystem", ID_FS_TYPE="exfat"),
        usb("/dev/sda1"),
    ]
    sticks = UdevSticks(lambda added, removed: None, context=context).refresh()
    assert sticks == [STICK, Stick("/dev/sdb", "exfat", "", "")]


def test_the_real_udev_can_be_listened_to():
    """The real monitor starts, is on the loop, and is given back."""

    async def main():
        sticks = UdevSticks(lambda added, removed: None)
        sticks.start(asyncio.get_running_loop())
        fd = sticks._monitor.fileno()
        assert asyncio.get_running_loop().remove_reader(fd)
        asyncio.get_running_loop().add_reader(fd, sticks.on_readable)
        sticks.on_readable()
        assert isinstance(sticks.refresh(), list)
        sticks.close()
        sticks.close()

    try:
        asyncio.run(main())
    except OSError as error:
        pytest.skip(f"no udev here: {error}")
