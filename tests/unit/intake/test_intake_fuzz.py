"""Whatever the bytes are: a verdict or a TrackFileError, and nothing taken that a plain reference check refuses."""

from __future__ import annotations

import re
from itertools import combinations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from intake_helpers import OWN, TODAY, decoded, verdict

from einvoiced.intake import read_track_file

HEADER = "營業人統編,發票類別代號,發票類別,發票期別,發票字軌名稱,發票起號,發票迄號"
GOOD = ("24634102", "7", "一般稅額計算", "110/11 ~ 110/12", "NQ", "42519550", "42522049")
ODD = (
    *("", " ", "0", "49", "00000000", "00000049", "99999950", "99999999", "42519599", "42519600", "100000000"),
    *("08", "8", "07", "TN", "nq", "ＮＱ", "110/09 ~ 110/10", "111/01～111/02", "111/03 ~ 111/04", "110/11", "Nov-10"),
    *(
        "4.25E+07",
        '="42519550"',
        "'1",
        '"',
        '""',
        "１２３４５６７８",
        "\x1a",
        "\u3000",
        "04595257",
        "12345678",
        "\ufeff",
    ),
)
cell = st.sampled_from(GOOD + ODD) | st.text(max_size=12)
changed = st.just([]) | st.just([]) | st.lists(st.tuples(st.integers(0, 6), cell), max_size=2)
glue = st.sampled_from([",", ",", ",", ",", " , ", ", ", "\u3000,", ";"])
end_of_line = st.sampled_from(["\r\n", "\n", "\r", "\n\n"])
encoding = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "cp950", "cp950", "cp950", "utf-16"])


@st.composite
def line(draw: st.DrawFn) -> str:
    """A genuine row, with a few values replaced, quoted, cut short or lengthened."""
    cells = list(GOOD)
    cells[5] = f"{draw(st.integers(0, 400)) * 50:08d}"
    cells[6] = f"{int(cells[5]) + draw(st.integers(0, 4)) * 50 + 49:08d}"
    for at, value in draw(changed):
        cells[at] = value
    if draw(st.booleans()):
        cells = [f'"{each}"' for each in cells]
    if draw(st.integers(0, 19)) == 7:
        cells = draw(st.lists(cell, max_size=9))
    return draw(glue).join(cells) + draw(st.sampled_from(["", "", "", ",", ",,"]))


@st.composite
def sheet(draw: st.DrawFn) -> bytes:
    """Lines like a file's, in an encoding like a file's, sometimes with a few bytes changed."""
    lines = [HEADER] * draw(st.integers(0, 1)) + draw(st.lists(line(), min_size=1, max_size=5))
    data = bytearray(draw(end_of_line).join(lines).encode(draw(encoding), "replace"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 1, 3]))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def reference(data: bytes) -> list[tuple[str, str, str, str]]:
    """Every (period, track, begin, end) that a simple scan of the decoded lines finds whole and good."""
    text = decoded(data)
    if text is None:
        return []
    blank = r"[ \t\u3000\xa0]*"
    quoted = rf'{blank}"?{blank}'
    between = f"{quoted},{quoted}"
    form = re.compile(
        rf"{quoted}{OWN}{between}0?7{between}.*{between}(110/11|111/0?1){blank}[~～]{blank}(?:110/12|111/0?2){between}"
        rf'([A-Z]{{2}}){between}([0-9]{{6}}[05]0){between}([0-9]{{6}}[49]9){quoted}[, \t\u3000\xa0"]*',
        re.ASCII,
    )
    return [
        found.groups() for each in re.split("[\r\n]+", text.rstrip(" \t\r\n\x1a")) if (found := form.fullmatch(each))
    ]  # type: ignore[misc]


@given(st.binary(max_size=400))
@example(b"\xff\xfe")
@example(b"\0")
@example(b'"')
def test_any_bytes_are_refused_properly(data: bytes) -> None:
    """Noise is refused with a TrackFileError, never with another exception, and never taken."""
    assert verdict(data) is None


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(sheet())
def test_nothing_is_taken_that_a_plain_check_refuses(data: bytes) -> None:
    """Every range taken stands in the file as a good row of this shop; no number is taken twice, no row lost."""
    parsed = verdict(data)
    if parsed is None:
        return
    taken = [
        (row.range.period.csv_form[:6], row.range.track, f"{row.range.begin:08d}", f"{row.range.end:08d}")
        for row in parsed.rows
    ]
    plain = [(period.replace("111/1", "111/01"), *rest) for period, *rest in reference(data)]
    assert taken
    assert taken == plain
    for one, other in combinations(taken, 2):
        assert one[:2] != other[:2] or one[3] < other[2] or other[3] < one[2]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30, unique=True), st.sampled_from(["\r\n", "\n", "\r"]))
def test_every_good_file_is_taken_whole(booklets: list[int], end: str) -> None:
    """A file of genuine rows that do not overlap is taken, every row, in the file's order."""
    lines = [",".join((*GOOD[:5], f"{each * 50:08d}", f"{each * 50 + 49:08d}")) for each in booklets]
    parsed = read_track_file(end.join([HEADER, *lines]).encode("cp950"), seller=OWN, today=TODAY)
    assert [row.range.begin // 50 for row in parsed.rows] == booklets
