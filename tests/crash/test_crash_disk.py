"""The model of a disk: what is safe, what is not, and what luck may do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash import disk
from tests.crash.record import Event, NotRecorded, build_shim, files, read

pytestmark = pytest.mark.crash


def play(*events: tuple[str, str, str, int, bytes]) -> disk.Disk:
    played = disk.Disk({"old": b"old"})
    for event in events:
        played.play(Event(*event))
    return played


def created(name: str, data: bytes) -> list[tuple[str, str, str, int, bytes]]:
    return [("C", name, "", 0, b""), ("W", name, "", 0, data)]


def outcomes(played: disk.Disk, name: str) -> set[bytes | None]:
    return {image.get(name) for seed in range(60) for _, image in played.images(seed, 4)}


def test_disk_synced_bytes_without_a_name():
    """A file that was synced may still be gone while its directory was not."""
    played = play(*created("new", b"x" * 600), ("S", "new", "", 0, b""))
    assert outcomes(played, "new") == {None, b"x" * 600}


def test_disk_name_without_bytes():
    """A file whose directory was synced may be empty, torn at a sector, or zeros."""
    found = outcomes(play(*created("new", b"x" * 600), ("D", "", "", 0, b"")), "new")
    assert {b"", b"x" * 512, b"x" * 600, bytes(600)} <= found
    assert None not in found


def test_disk_synced_both():
    """Synced bytes below a synced name are safe, and then only one disk is possible."""
    played = play(*created("new", b"x" * 600), ("S", "new", "", 0, b""), ("D", "", "", 0, b""))
    assert [kind for kind, _ in played.images(0, 4)] == ["settled"]
    assert outcomes(played, "new") == {b"x" * 600}


def test_disk_rename_over():
    """A rename that no directory sync covered leaves the old file or the new one; without a file sync, an empty one."""
    replace = ("R", "aside", "old", 0, b"")
    assert outcomes(play(*created("aside", b"new"), ("S", "aside", "", 0, b""), replace), "old") == {b"old", b"new"}
    assert b"" in outcomes(play(*created("aside", b"new"), replace), "old")


def test_disk_renamed_directory():
    """A renamed directory takes its files along, or stays with them."""
    made = [("M", "a", "", 0, b""), *created("a/file", b"x"), ("S", "a/file", "", 0, b""), ("D", "a", "", 0, b"")]
    played = play(*made, ("D", "", "", 0, b""), ("R", "a", "b", 0, b""))
    seen = {tuple(sorted(image)) for seed in range(20) for _, image in played.images(seed, 4)}
    assert seen == {("a/", "a/file", "old"), ("b/", "b/file", "old")}


def test_disk_unlink_and_truncation():
    """What was removed or cut short may come back until it is synced."""
    assert outcomes(play(("U", "old", "", 0, b"")), "old") == {None, b"old"}
    assert outcomes(play(("T", "old", "", 1, b"")), "old") == {b"o", b"old"}


SCRIPT = """
import os, pathlib, sys
root = pathlib.Path(sys.argv[1])
(root / "a").mkdir()
with open(root / "a" / "x", "wb") as file:
    file.write(b"hello")
    file.flush()
    os.fsync(file.fileno())
os.replace(root / "a" / "x", root / "y")
with open(root / "y", "ab") as file:
    file.write(b" world")
os.truncate(root / "y", 8)
os.chdir(root)
pathlib.Path("z").write_text("z")
os.unlink("z")
os.rmdir("a")
fd = os.open(root, os.O_RDONLY)
os.fsync(fd)
os.pwrite(os.open("p", os.O_RDWR | os.O_CREAT), b"p", 3)
"""


def run_below_shim(tmp_path: Path, script: str) -> tuple[Path, bytes]:
    root, log = tmp_path / "root", tmp_path / "log"
    root.mkdir()
    environment = {"LD_PRELOAD": str(build_shim()), "CRASH_ROOT": str(root), "CRASH_LOG": str(log)}
    subprocess.run([sys.executable, "-c", script, str(root)], env=environment, check=True)
    return root, log.read_bytes()


def test_shim_records_all(tmp_path):
    """Played to its end, the record is what the directory really holds; the syncs stand in it."""
    root, raw = run_below_shim(tmp_path, SCRIPT)
    played = disk.Disk({})
    events = read(raw)
    for event in events:
        played.play(event)
    assert played.everything() == files(root) == {"p": b"\0\0\0p", "y": b"hello wo"}
    assert [(e.op, e.path) for e in events if e.op in "SD"] == [("S", "a/x"), ("D", "")]


def test_shim_refuses_what_it_cannot_record(tmp_path):
    """A file written through a mapping makes the record unusable instead of wrong."""
    script = (
        "import mmap, sys; f = open(sys.argv[1] + '/m', 'w+b'); f.write(b'x' * 9); f.flush(); mmap.mmap(f.fileno(), 9)"
    )
    with pytest.raises(NotRecorded, match="mmap on m"):
        read(run_below_shim(tmp_path, script)[1])


def test_record_is_complete(short_life):
    """The record of the daemon, played to its end, is the very disk that the daemon has left."""
    assert disk.final(short_life) == short_life.after
