"""What goes onto a stick with a folder `einvoiced-export`, and what comes home from it.

    einvoiced-export/UpCast/…            messages for the platform, in Turnkey's own folders: copy them there
    einvoiced-export/tracks/…            the list of what was taken of this period and the next (字軌上傳)
    einvoiced-export/leftovers/…         unused numbers, from a box that shares its tracks to the one that reports
    einvoiced-export/**                  ProcessResult and SummaryResult, wherever they lie

Files are written aside, synced, read back from the stick, said, and renamed, as into Turnkey's folder: a message leaves
by one of the two, never by both, and one that left on a stick is handed over, not accepted.
"""

from __future__ import annotations

import codecs
import errno
import logging
import os
from pathlib import Path
from typing import Any

from einvoiced.actions.stick_outcome import Outcome
from einvoiced.client import BoxError, Client
from einvoiced.followers.answer_memory import Memory
from einvoiced.followers.drop import Drop, Layout, key_of, upload_of, write_synced
from einvoiced.followers.platform_answers import AnswerReader

STORAGE, TRACKS = "B2SSTORAGE", "B2PMESSAGE"
MOST_LEFTOVERS, MOST_BYTES = 99, 4 << 20

logger = logging.getLogger(__name__)


class StickDrop(Drop):
    """A way out whose medium is not to be trusted: every file is read back from it before the box is told."""

    def write_all(self, files: list[tuple[Path, bytes]]) -> None:
        """One after the other; OSError when a file does not come back as it was written."""
        for path, data in files:
            write_synced(path, data)
        for path, data in files:
            if read_back(path) != data:
                raise OSError(errno.EIO, "the stick does not give back what was written", path)


def read_back(path: Path) -> bytes:
    """A synced file's bytes from the medium: what the kernel has of it in memory is dropped first."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return file.read()


def export(folder: Path, box: Client, *, storage: str = STORAGE, tracks: str = TRACKS) -> Outcome:
    """Do all of it in the folder `einvoiced-export`. OSError when the stick fails; what is aside then is finished when
    it comes back.
    """
    problems: list[str] = []
    accepted, refused = AnswerReader(box, [folder], Memory(None)).read_new()
    taken = _take_leftovers(folder / "leftovers", box, problems)
    _tidy(folder, box)
    drop = StickDrop(box, Layout(folder, storage, tracks, make=True), "stick")
    written = drop.recover() + drop.send()
    lists = _write_lists(folder, box)
    return Outcome(
        written=written, accepted=accepted, refused=refused, lists=lists, taken=taken, problems=problems[:10]
    )


def _tidy(folder: Path, box: Client) -> None:
    """Remove files that nobody needs any more: who copies the stick again would send them twice."""
    wanted = set()
    cursor = None
    while True:
        page = box.call("upload.list", state="handed_over", after=cursor)
        wanted |= {key_of(each) for each in page["uploads"]}
        cursor = page["cursor"]
        if cursor is None:
            break
    for path in folder.glob("UpCast/*/*/SRC/*.xml"):
        upload = upload_of(path.name)
        if upload is not None and key_of(upload) not in wanted and not path.is_symlink():
            path.unlink()


def _write_lists(folder: Path, box: Client) -> int:
    """The lists of tracks and this box's leftovers that are not on the stick yet."""
    written = 0
    ranges = box.call("tracks.list")
    for year_month in sorted({each["year_month"] for each in ranges if each["left"]})[-2:]:
        name = f"tracks-{year_month}-"
        if not any((folder / "tracks").glob(f"{name}*")):
            given = box.call("tracks.export", year_month=year_month, form="csv", person="einvoiced-export")
            written += _put(folder / "tracks" / given["file_name"], codecs.BOM_UTF8 + given["content"].encode())
    for period in box.call("unused.list"):
        if period["reporter"] != "this_box":
            given = box.call("unused.export", year_month=period["year_month"])
            written += _put(folder / "leftovers" / given["file_name"], given["content"].encode())
    return written


def _put(path: Path, data: bytes) -> int:
    """Write a file whole and read it back; 0 when it is there already."""
    if path.exists() and read_back(path) == data:
        return 0
    path.parent.mkdir(exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    write_synced(aside, data)
    if read_back(aside) != data:
        raise OSError(errno.EIO, "the stick does not give back what was written", path)
    aside.replace(path)
    return 1


def _take_leftovers(folder: Path, box: Client, problems: list[str]) -> int:
    """Other boxes' unused numbers, where this one reports; what is refused is told on the slip."""
    if not folder.is_dir() or not any(each["reporter"] == "this_box" for each in box.call("unused.list")):
        return 0
    missing = _missing(box)
    for path in sorted(folder.glob("*.json"))[:MOST_LEFTOVERS]:
        status = path.lstat()
        if path.is_symlink() or not path.is_file() or status.st_size > MOST_BYTES:
            continue
        try:
            box.call("unused.take", content=path.read_text(encoding="utf-8", errors="replace"), source="stick")
        except BoxError as error:
            logger.warning("%s: %s", path.name, error)
            problems.append(f"{path.name}: {error.zh}")
    return missing - _missing(box)


def _missing(box: Client) -> int:
    periods: list[Any] = box.call("unused.list")
    return sum(len(each["boxes_missing"]) for each in periods)
