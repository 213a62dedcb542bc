"""The reader of the platform's folders: each file once, however old and deep the spool is, without reading it all."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from einvoiced.followers import platform_answers
from einvoiced.followers.platform_answers import AnswerReader, Memory

DAY = 86_400


class Box:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def call(self, _method: str, **params: Any) -> Any:
        self.told += [answer["reference"] for answer in params["answers"]]
        return {"accepted": len(params["answers"]), "refused": 0, "unknown": []}


def put(folder: Path, number: int, age: float = 0) -> Path:
    """An answer about one invoice, in a folder that was changed so many seconds ago."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.xml"
    path.write_text(
        "<ProcessResult><MessageInfo><MessageType>F0401</MessageType></MessageInfo><Result><Info><Code>0</Code>"
        f"<Parameter0>AB{number:08d}</Parameter0></Info></Result></ProcessResult>"
    )
    when = time.time() - age
    for each in (path, folder, folder.parent) if age else ():
        os.utime(each, (when, when))
    return path


@pytest.fixture
def box() -> Box:
    """A box that takes everything."""
    return Box()


def test_every_file_is_told_once(box: Box, tmp_path: Path) -> None:
    """Also one that comes into a folder that had been quiet for long."""
    reader = AnswerReader(box, [tmp_path], Memory(None))  # type: ignore[arg-type]
    put(tmp_path / "20261126" / "09", 1)
    assert reader.read_new() == (1, 0)
    for _ in range(5):
        assert reader.read_new() == (0, 0)
    put(tmp_path / "20261126" / "09", 2)
    assert reader.read_new() == (1, 0)
    put(tmp_path / "20261126" / "10", 3)
    assert reader.read_new() == (1, 0)
    assert box.told == ["AB00000001", "AB00000002", "AB00000003"]


def test_a_file_that_is_written_slowly_is_read_when_it_is_whole(box: Box, tmp_path: Path) -> None:
    """Its folder's time does not change when it grows."""
    path = put(tmp_path / "20261126" / "09", 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    reader = AnswerReader(box, [tmp_path], Memory(None))  # type: ignore[arg-type]
    for _ in range(5):
        assert reader.read_new() == (0, 0)
    path.write_bytes(whole)
    assert reader.read_new() == (1, 0)


def test_old_folders_are_not_listed_at_every_look(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year's spool costs a look into the last days only; now and then all of it is looked at."""
    for day in range(10):
        put(tmp_path / f"202601{day:02d}" / "09", day, age=(20 - day) * DAY)
    put(tmp_path / "20260130" / "09", 99)
    reader = AnswerReader(box, [tmp_path], Memory(None))  # type: ignore[arg-type]
    assert reader.read_new() == (11, 0)
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scandir(path))
    reader.read_new()
    assert not any("202601" in path and "20260130" not in path for path in listed)
    put(tmp_path / "20260100" / "09", 100, age=20 * DAY - 5)
    monkeypatch.setattr(platform_answers, "FULL", 1)
    assert reader.read_new() == (1, 0)


def test_what_was_read_is_remembered_by_content_over_a_restart(box: Box, tmp_path: Path) -> None:
    """Whatever it is called afterwards."""
    path = put(tmp_path / "spool", 1)
    memory = tmp_path / "state" / "read.txt"
    assert AnswerReader(box, [tmp_path / "spool"], Memory(memory)).read_new() == (1, 0)  # type: ignore[arg-type]
    path.rename(path.with_name("other.xml"))
    assert AnswerReader(box, [tmp_path / "spool"], Memory(memory)).read_new() == (0, 0)  # type: ignore[arg-type]


def test_links_and_pipes_are_nothing(box: Box, tmp_path: Path) -> None:
    """A spool is a stranger's folder."""
    put(tmp_path / "elsewhere", 1)
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "link.xml").symlink_to(tmp_path / "elsewhere" / "1.xml")
    (spool / "folder").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(spool / "pipe.xml")
    assert AnswerReader(box, [spool], Memory(None)).read_new() == (0, 0)  # type: ignore[arg-type]
