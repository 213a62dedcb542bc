"""The reader of the platform's folders: each file once, however old and deep the spool is, without reading it all."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from einvoiced.followers import answer_memory, platform_answers
from einvoiced.followers.answer_memory import Memory
from einvoiced.followers.platform_answers import AnswerReader

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
    memory = tmp_path / "state" / "read.db"
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


def test_what_has_gone_from_the_folders_takes_no_memory(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the inside of old days; what is there is still told once only."""
    for day in range(10):
        put(tmp_path / f"202601{day:02d}" / "09", day, age=(20 - day) * DAY)
    put(tmp_path / "20260130" / "09", 99)
    monkeypatch.setattr(platform_answers, "FULL", 3)
    reader = AnswerReader(box, [tmp_path], Memory(None))  # type: ignore[arg-type]
    assert reader.read_new() == (11, 0)
    inside = {path for path in (*reader._newest, *reader._quiet) if path.endswith("/09")}
    assert inside == {str(tmp_path / "20260130" / "09")}
    for day in range(9):
        shutil.rmtree(tmp_path / f"202601{day:02d}")
    for _ in range(4):
        assert reader.read_new() == (0, 0)
    assert len(reader._seen) == 2
    assert sorted(Path(path).name for path in reader._newest) == sorted(["09", "20260109", "20260130", tmp_path.name])
    put(tmp_path / "20260109" / "09", 100, age=10 * DAY)
    assert [reader.read_new() for _ in range(3)].count((1, 0)) == 1
    assert len(box.told) == len(set(box.told)) == 12


def told_anew(box: Box, spool: Path, memory: Path) -> list[str]:
    """What another start tells."""
    before = len(box.told)
    AnswerReader(box, [spool], Memory(memory)).read_new()  # type: ignore[arg-type]
    return box.told[before:]


def test_what_lies_in_the_folders_is_never_forgotten(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over years. What was taken away is remembered for more than a year since it was last there."""
    memory, spool, today = tmp_path / "state" / "read.db", tmp_path / "spool", 20_000
    monkeypatch.setattr(answer_memory, "_today", lambda: today)
    kept, gone = put(spool, 1), put(spool, 2)
    assert len(told_anew(box, spool, memory)) == 2
    for _ in range(5):
        today += 390
        assert told_anew(box, spool, memory) == []
    gone.rename(tmp_path / "aside")
    assert told_anew(box, spool, memory) == []
    today += 390
    (tmp_path / "aside").rename(gone)
    assert told_anew(box, spool, memory) == []
    gone.rename(tmp_path / "aside")
    today += 410
    assert told_anew(box, spool, memory) == []
    (tmp_path / "aside").rename(gone)
    assert told_anew(box, spool, memory) == ["AB00000002"]
    assert kept.exists()


def test_a_folder_that_is_away_makes_nothing_forgotten(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network drive that is not mounted, years later."""
    memory, spool, today = tmp_path / "state" / "read.db", tmp_path / "spool", 20_000
    monkeypatch.setattr(answer_memory, "_today", lambda: today)
    put(spool, 1)
    assert len(told_anew(box, spool, memory)) == 1
    today += 1000
    spool.rename(tmp_path / "away")
    assert told_anew(box, spool, memory) == []
    (tmp_path / "away").rename(spool)
    assert told_anew(box, spool, memory) == []


def test_a_full_disk_makes_nothing_told_twice(tmp_path: Path) -> None:
    """It is remembered as long as the follower lives, and written with the next one."""
    memory = Memory(tmp_path / "read.db")
    memory._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(OSError, match="full"):
        for number in range(200):
            memory.add(f"{number:064x}")
    assert f"{number:064x}" in memory
    memory._db.execute("PRAGMA max_page_count = 1000")
    memory.add("a" * 64)
    again = Memory(tmp_path / "read.db")
    assert f"{number:064x}" in again and "a" * 64 in again and "b" * 64 not in again


def test_a_damaged_memory_is_begun_anew_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The box knows itself what was decided; the uploads go on."""
    (tmp_path / "read.db").write_bytes(b"no database at all" * 100)
    memory = Memory(tmp_path / "read.db")
    memory.add("a" * 64)
    assert "a" * 64 in Memory(tmp_path / "read.db")
    assert "begun anew" in caplog.text
    assert (tmp_path / "read.damaged").exists()


def test_the_memory_of_an_earlier_build_is_taken_over(tmp_path: Path) -> None:
    """It was a text of one line each, the last of which a power cut may have torn."""
    (tmp_path / "read.txt").write_text("a" * 64 + "\n" + "b" * 64 + "\n" + "c" * 20)
    memory = Memory(tmp_path / "read.db")
    assert "a" * 64 in memory and "b" * 64 in memory
    assert not (tmp_path / "read.txt").exists()
