"""Every file of the corpus gets the verdict written beside it (tests/corpus/tracks/README.md)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from einvoiced.errors import TrackFileError, every
from einvoiced.intake import new_ranges, read_track_file
from einvoiced.rules.numbers import NumberRange
from einvoiced.rules.period import Period

CORPUS = Path(__file__).parents[2] / "corpus" / "tracks"
FILES = sorted([*CORPUS.glob("*.csv"), *CORPUS.glob("*.xml")])
ALWAYS = {"why", "today", "seller", "verdict"}
OF_VERDICT = {"taken": {"ranges"}, "refused": {"code", "line", "column", "also"}}
OPTIONAL = {"known", "held", "branches", "listed"}


def expectation(path: Path) -> dict[str, str]:
    """The keys of an `.expect` file, checked against the table in the README."""
    pairs = [line.split(":", 1) for line in path.read_text("utf-8").splitlines() if line.strip()]
    keys = {key.strip(): value.strip() for key, value in pairs}
    needed = ALWAYS | OF_VERDICT[keys["verdict"]]
    assert len(keys) == len(pairs), f"{path.name}: a key is given twice"
    assert needed <= set(keys) <= needed | OPTIONAL, f"{path.name}: {set(keys) ^ needed}"
    return keys


def ranges(text: str, seller: str) -> tuple[NumberRange, ...]:
    """`11012 NQ 42519550-42522049, …` as ranges."""
    return tuple(one_range(part.split(), seller) for part in filter(None, text.split(",")))


def one_range(words: list[str], seller: str) -> NumberRange:
    """`[11012, NQ, 42519550-42522049]`, before them a seller and a category where they are not the usual ones."""
    *others, period, track, numbers = words
    seller, category = (*others, "07")[:2] if others else (seller, "07")
    begin, end = numbers.split("-")
    return NumberRange(seller, category, Period.from_year_month(period), track, int(begin), int(end))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_file_gets_its_verdict(path: Path) -> None:
    """What is taken, or why and where it is refused, is exactly what the `.expect` file says."""
    want = expectation(path.with_suffix(".expect"))
    seller, data = want["seller"], path.read_bytes()
    branches = frozenset(want.get("branches", "").replace(",", " ").split())
    try:
        parsed = read_track_file(data, seller=seller, today=date.fromisoformat(want["today"]), branches=branches)
        verdict = new_ranges(parsed.rows, ranges(want.get("known", ""), seller))
    except TrackFileError as error:
        got = (error.name, str(error.line), str(error.column), str(len(error.also)))
        assert want["verdict"] == "refused", error.message
        assert got == tuple(want[key] for key in ("code", "line", "column", "also")), error.message
        _printable(error)
    else:
        assert want["verdict"] == "taken"
        assert verdict.taken == ranges(want["ranges"], seller)
        assert verdict.known == ranges(want.get("held", ""), seller)
        assert tuple(row.range for row in parsed.branch_rows) == ranges(want.get("listed", ""), seller)


def _printable(error: TrackFileError) -> None:
    """Whatever the file holds, its refusal can go to a slip, a log and a terminal."""
    for one in (error, *error.also):
        assert one.message.isprintable()
        assert one.message_zh.isprintable()
        assert len(one.message_zh) < 200


def test_the_corpus_is_complete() -> None:
    """Every file has its verdict and every verdict its file; of the XML alone there are at least twenty-five."""
    assert sorted(path.stem for path in FILES) == sorted(path.stem for path in CORPUS.glob("*.expect"))
    assert len(FILES) >= 80
    assert len([path for path in FILES if path.suffix == ".xml"]) >= 25


def test_every_refusal_of_a_track_file_occurs_in_the_corpus() -> None:
    """No reason to refuse a file is without an example (a file above the size limit is made in test_intake_text)."""
    codes = {expectation(path).get("code") for path in CORPUS.glob("*.expect")}
    of_files = {cls.name for cls in every() if issubclass(cls, TrackFileError) and not cls.name.startswith("typed_")}
    assert of_files - codes == {"file_too_large"}


def test_the_bytes_are_as_committed() -> None:
    """Line ends and encodings survived version control: the oddities are still odd."""
    assert b"\r\n" in (CORPUS / "published-utf8.csv").read_bytes()
    assert b"\n" not in (CORPUS / "eol-cr.csv").read_bytes()
    assert b"\r" not in (CORPUS / "eol-lf.csv").read_bytes()
    assert (CORPUS / "published-utf8-bom.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert "營業人統編".encode("cp950") in (CORPUS / "published-cp950.csv").read_bytes()
    assert b"\x5c" in (CORPUS / "name-cp950-backslash.csv").read_bytes()
