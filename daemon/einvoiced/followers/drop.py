"""Files for the platform on their way out of the box: written aside, synced, said, and only then put in place.

Nothing leaves twice, wherever this dies: the box has it in its journal that a file leaves before the file is renamed
into the folder from which others take it. What a crash left aside is put in place when the journal says that it left,
and thrown away when not. The folder aside lies on the same file system.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from einvoiced.client import Client
from einvoiced.errors import BadMessage
from einvoiced.mig.compose import to_xml
from einvoiced.rules.messages import Message

ASIDE = "einvoiced-aside-{}-{}"
"""The folder aside, by the box's id and its journal's: several boxes may share one spool."""

LIMIT = 100
SIDE_BY_SIDE = 16
"""Files that are written and synced at a time: a disk syncs many that wait as fast as one."""

_NAME = re.compile(r"([EFG]0[0-9]{3})-([A-Za-z0-9_-]+)-([0-9]+)-([0-9]+)-([0-9a-f]{16})\.xml")
_BATCH = re.compile(r"[0-9a-f]{16}")
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW

Key = tuple[int, str, str]
logger = logging.getLogger(__name__)
_read_message = msgspec.json.Decoder(Message).decode


@dataclass(frozen=True, slots=True)
class Layout:
    """Where Turnkey takes files from, below a root; `make`: the folders are made where they are missing."""

    root: Path
    storage: str
    tracks: str
    make: bool = False

    def source(self, message: str) -> Path:
        """The folder of a message's files."""
        service = self.tracks if message.startswith("E") else self.storage
        return self.root / "UpCast" / service / message / "SRC"

    def check(self) -> None:
        """FileNotFoundError when the root is not what it should be: a folder that is not mounted is never filled."""
        if not self.make and not self.source("F0401").is_dir():
            raise FileNotFoundError(errno.ENOENT, "Turnkey's folder is not there (not mounted?)", self.source("F0401"))


class Drop:
    """One way out. One thread; OSError when the file system fails, what is aside then waits for `recover`."""

    def __init__(self, box: Client, layout: Layout, way: str, bad: set[Key] | None = None) -> None:
        """`bad` keeps, from one to the next, which messages were said not to be fit to be sent.

        BoxUnreachable or BoxError: it asks the box whose files these are.
        """
        self._box, self._layout, self._way = box, layout, way
        who = box.call("upload.next", limit=1)
        self._box_id = _plain(who["box"])
        self._aside = layout.root / ASIDE.format(self._box_id, who["journal"][:8])
        self._bad = set() if bad is None else bad

    def recover(self) -> int:
        """Bring what a crash left aside to its end; returns how many files were put in place."""
        self._layout.check()
        return sum(self._finish(batch) for batch in sorted(self._aside.glob("*")))

    def send(self) -> int:
        """Put every message that may leave into its folder; returns how many."""
        self._layout.check()
        sent, cursor = 0, None
        while True:
            page = self._box.call("upload.next", after=cursor, limit=LIMIT)
            if page["uploads"]:
                sent += self._send_page(page["uploads"])
            cursor = page["cursor"]
            if cursor is None:
                return sent

    def _send_page(self, uploads: list[dict[str, Any]]) -> int:
        batch = self._aside / secrets.token_hex(8)
        named = [(each, *made) for each in uploads if (made := self._compose(each))]
        if not named:
            return 0
        batch.mkdir(parents=True)
        self.write_all([(batch / name, data) for _, name, data in named])
        for folder in (batch, self._aside, self._layout.root):
            _sync(folder)
        said = [{key: each[key] for key in ("entry", "message", "part", "changed")} for each, _, _ in named]
        taken = self._box.call("upload.sent", uploads=said, way=self._way, batch=batch.name)
        leave = {key_of(each) for each in taken["sent"]}
        self._place(batch, [name for each, name, _ in named if key_of(each) in leave])
        return len(leave)

    def write_all(self, files: list[tuple[Path, bytes]]) -> None:
        """Write and sync files; all of them are on the disk when this returns."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for done in [pool.submit(write_synced, path, data) for path, data in files]:
                done.result()

    def _compose(self, each: dict[str, Any]) -> tuple[str, bytes] | None:
        """Name and bytes of a message's file; None, said once, for one that may not leave."""
        try:
            data = to_xml(_read_message(msgspec.json.encode(each["content"])))
        except BadMessage as error:
            if key_of(each) not in self._bad:
                logger.error("%s: %s", each["reference"], error)
            self._bad.add(key_of(each))
            return None
        mark = hashlib.sha256(data).hexdigest()[:16]
        name = f"{each['message']}-{each['reference']}-{self._box_id}-{each['entry']}-{each['changed']}-{mark}.xml"
        return name, data

    def _finish(self, batch: Path) -> int:
        """One folder that was left aside."""
        if not _BATCH.fullmatch(batch.name) or not batch.is_dir() or batch.is_symlink():
            return 0
        found = {path.name: upload for path in batch.iterdir() if (upload := upload_of(path.name))}
        names = []
        if found:
            pending = self._box.call("upload.pending", uploads=list(found.values()), batch=batch.name)
            wanted = {key_of(each) for each in pending}
            names = [name for name, upload in found.items() if key_of(upload) in wanted and _whole(batch / name)]
        self._place(batch, names)
        return len(names)

    def _place(self, batch: Path, names: list[str]) -> None:
        """Rename these into the folders from which they are taken; whatever else is in the batch is thrown away."""
        folders = {self._layout.source(name[:5]) for name in names}
        for folder in folders:
            if self._layout.make:
                folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (batch / name).rename(self._layout.source(name[:5]) / name)
        for folder in folders:
            _sync(folder)
        for left in batch.iterdir():
            if not left.name.endswith(".torn"):
                left.unlink()
        if not any(batch.iterdir()):
            batch.rmdir()
        _sync(batch.parent)


def key_of(each: dict[str, Any]) -> Key:
    """Entry, message and part of a message."""
    return each["entry"], each["message"], each.get("part", "")


def upload_of(name: str) -> dict[str, Any] | None:
    """The message that a file's name speaks of; only a question, the box decides."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    reference = found[2].split("-")[0]
    return {"entry": int(found[3]), "message": found[1], "part": reference[5:7] if found[1] == "E0402" else ""}


def _whole(path: Path) -> bool:
    """Whether a file's bytes are those that its name was made of; one that is torn is kept under another name."""
    mark = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    if path.name.endswith(f"-{mark}.xml"):
        return True
    logger.error("%s was spoilt before it left and was said to be sent: send it again (upload again)", path.name)
    path.rename(path.with_suffix(".torn"))
    return False


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", text)


def write_synced(path: Path, data: bytes) -> None:
    """A new file, on the disk when this returns."""
    descriptor = os.open(path, _WRITE, 0o660)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    """Sync a folder; those of some network file systems cannot be, and say so."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
