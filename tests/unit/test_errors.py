"""Every error: one code, one name, one sentence in each language with all its facts."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from string import Formatter

import pytest

from einvoiced.errors import (
    EinvoicedError,
    FileEmpty,
    JournalBehind,
    JournalBroken,
    StorageFailed,
    TrackFileError,
    ZeroQuantity,
    every,
)

ERRORS = list(every())
SIMPLIFIED_ONLY = set(
    "发号码错误请检时间传数据统编业营类张开单买卖价税额总计书电话线机设备连网络载与为这个样从来对没还过该启动关闭"
)
"""Characters that only the mainland writes."""

MODULES = ["request", "box", "tracks", "paper", "storage", "config", "uploads", "questions"]
"""The modules of the thousands, from 1xxx on (the docstring of `errors`)."""


def facts_of(sentence: str) -> set[str]:
    """The names in a sentence's braces."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def sample(cls: type[EinvoicedError]) -> EinvoicedError:
    """The error with a value for every fact that either sentence names."""
    names = facts_of(cls.en) | facts_of(cls.zh)
    if issubclass(cls, TrackFileError):
        extra: dict[str, object] = dict.fromkeys(names - {"line", "column", "value"}, "FACT")
        return cls(3, 6, "519550", **extra)
    return cls("params.path", **dict.fromkeys(names, "FACT"))


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_both_sentences_format_with_their_facts(cls: type[EinvoicedError]) -> None:
    """Every fact is a plain name, and none stays unfilled."""
    assert all(name.isidentifier() for name in facts_of(cls.en) | facts_of(cls.zh))
    error = sample(cls)
    for text in (error.message, error.message_zh):
        assert text
        assert not set("{}") & set(text)
        assert text.isprintable()


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_the_languages_give_the_same_facts(cls: type[EinvoicedError]) -> None:
    """One language tells no fact that the other keeps back; `kind_zh` is the Chinese form of `kind`."""
    assert {name.removesuffix("_zh") for name in facts_of(cls.zh)} == facts_of(cls.en)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_the_chinese_is_taiwans(cls: type[EinvoicedError]) -> None:
    """Chinese characters are there, none of them simplified, and the sentence ends as Chinese does."""
    assert sum("\u4e00" <= char <= "\u9fff" for char in cls.zh) >= 3
    assert not SIMPLIFIED_ONLY & set(cls.zh)
    assert cls.zh.endswith("。")


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_the_english_is_english(cls: type[EinvoicedError]) -> None:
    """One or more full sentences, beginning with a capital or a fact."""
    assert cls.en.endswith(".")
    assert cls.en[0].isupper() or cls.en[0] == "{"


def test_codes_and_names_are_unique() -> None:
    """A till can rely on either."""
    for kind in ("code", "name"):
        values = [getattr(cls, kind) for cls in ERRORS]
        assert sorted(set(values)) == sorted(values)
    assert all(re.fullmatch("[a-z][a-z0-9_]+", cls.name) for cls in ERRORS)


def test_every_class_has_a_code_and_a_name_of_its_own() -> None:
    """No class of the house inherits its code, but for the bases that are never raised."""
    found = [EinvoicedError]
    for cls in found:
        found.extend(cls.__subclasses__())
    assert {cls for cls in found if cls not in ERRORS} == {TrackFileError}
    assert all("name" in cls.__dict__ for cls in ERRORS)


def test_codes_lie_in_their_sections() -> None:
    """JSON-RPC's own are below -32000; the others are in the thousands that the manual names, each in its module."""
    for cls in ERRORS:
        assert -32768 <= cls.code < -32000 or cls.__module__ == f"einvoiced.errors.{MODULES[cls.code // 1000 - 1]}"
        assert (cls.code // 1000 == 3) == issubclass(cls, TrackFileError)


def test_retries_are_one_of_three() -> None:
    """What a till should do about its key."""
    assert {cls.retry for cls in ERRORS} <= {"never", "same_key", "after_cure"}


def test_facts_stay_readable() -> None:
    """The raiser's facts, the place and the further reasons are attributes, not only text."""
    error = ZeroQuantity("quantity").within("lines[2]")
    assert (error.path, error.facts, error.also) == ("lines[2].quantity", {}, ())
    assert FileEmpty(2, 3, "x").facts == {"line": 2, "column": 3, "value": "x"}
    assert ZeroQuantity().within("lines[2]").path == "lines[2]"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EISDIR])
def test_what_the_kernel_says_is_said_in_chinese(number: int) -> None:
    """Inside a sentence for the shop; the English one has the kernel's own words."""
    said = os.strerror(number)
    error = StorageFailed(detail=f"journal.db: {said}")
    assert said in error.message
    assert not re.search("[A-Za-z]+ [a-z]+", error.message_zh.replace("journal.db", "").replace(" key ", ""))


def test_what_sqlite_says_is_said_in_chinese(tmp_path: Path) -> None:
    """Of a file that is no database, and of a folder that is not there."""
    (tmp_path / "a.db").write_text("no database at all, but long enough to be looked at" * 9)
    for file in ("a.db", "gone/b.db"):
        with pytest.raises(sqlite3.DatabaseError) as caught, closing(sqlite3.connect(tmp_path / file)) as db:
            db.execute("SELECT * FROM sqlite_master").fetchall()
        assert "檔案" in JournalBroken(detail=str(caught.value)).message_zh


def test_a_fact_in_chinese_goes_before_the_one_in_english() -> None:
    """In the Chinese sentence; words that nobody knows stay."""
    error = JournalBehind(who="A till", who_zh="收銀機", detail="it holds entry 7", detail_zh="持有第 7 筆")
    assert error.message_zh.startswith("收銀機 有本機日誌遺失的紀錄（持有第 7 筆）")
    assert "A till knows" in error.message
    assert "Quux" in JournalBroken(detail="Quux").message_zh
