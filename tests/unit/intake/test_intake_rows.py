"""The CSV and its columns: what is accepted as it is, what is refused and where."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

import pytest

from einvoiced import errors
from einvoiced.errors import TrackFileError
from einvoiced.intake import read_track_file
from einvoiced.intake.csv_file import read_rows
from einvoiced.rules.numbers import NumberRange

OWN, TODAY = "24634102", date(2021, 11, 10)
Row = Callable[..., str]
Sheet = Callable[..., bytes]


def refusal(data: bytes, seller: str = OWN, today: date = TODAY) -> TrackFileError:
    """The error that the file is refused with."""
    with pytest.raises(TrackFileError) as caught:
        read_track_file(data, seller=seller, today=today)
    return caught.value


def test_the_published_rows_are_read(row: Row, sheet: Sheet, numbers: Callable[..., NumberRange]) -> None:
    """The genuine sample gives its two ranges of fifty booklets each, with their lines."""
    parsed = read_track_file(sheet(row(), row(track="TN", begin="42539550", end="42542049")), seller=OWN, today=TODAY)
    assert [each.line for each in parsed.rows] == [2, 3]
    assert parsed.rows[0].range == numbers(42519550, 42522049)
    assert parsed.rows[1].range == numbers(42539550, 42542049, track="TN")
    assert [each.range.booklets for each in parsed.rows] == [50, 50]


def test_lines_are_counted_as_an_editor_counts_them(row: Row) -> None:
    """Blank lines count, and a CRLF is one line end."""
    rows, reasons = read_rows(f"\r\n\r\n{row()}\r\n,,,\n\r{row(begin='1')}")
    assert [each.line for each in rows] == [3]
    assert [reason.line for reason in reasons] == [6]


@pytest.mark.parametrize("column", range(1, 8))
def test_only_column_three_may_hold_anything(row: Row, column: int) -> None:
    """Whatever stands in column 3 is ignored; the same text in any other column refuses the file and names it."""
    cells = row().split(",")
    cells[column - 1] = "¤@¯ë\u202e"
    _, reasons = read_rows(row() + "\n" + ",".join(cells))
    assert [reason.column for reason in reasons] == ([] if column == 3 else [column])


@pytest.mark.parametrize("value", ["1", "42", "519550", "2519550"])
@pytest.mark.parametrize(("name", "column"), [("seller", 1), ("begin", 6), ("end", 7)])
def test_shortened_numbers_name_excel(row: Row, sheet: Sheet, value: str, name: str, column: int) -> None:
    """A number of fewer than eight digits is never padded, and both sentences say that Excel did it."""
    error = refusal(sheet(row(**{name: value})))
    assert isinstance(error, errors.NumberShortened)
    assert (error.line, error.column, error.value) == (2, column, value)
    assert "Excel" in error.message
    assert "Excel" in error.message_zh


@pytest.mark.parametrize(
    "value",
    ["4.25E+07", "4.251955e+7", "4E7", "42519550.0", "42519550.", '="42519550"', "=42519550", "'42519550", "#####"],
)
@pytest.mark.parametrize(("name", "column"), [("begin", 6), ("end", 7)])
def test_the_ways_excel_writes_numbers_are_recognised(row: Row, value: str, name: str, column: int) -> None:
    """Each is refused as rewritten by Excel, at its place."""
    _, (reason,) = read_rows(row() + "\n" + row(**{name: value}))
    assert isinstance(reason, errors.ExcelReformatted)
    assert (reason.line, reason.column, reason.value) == (2, column, value)


@pytest.mark.parametrize(
    "value",
    ["Nov-10", "10-Nov", "Nov-110", "110/11/1", "2021/11/01", "2021-11-01", "2021/11/1 00:00", "11月10日", "110年11月"],
)
def test_the_ways_excel_writes_dates_are_recognised(row: Row, value: str) -> None:
    """A period that became a date is refused as rewritten by Excel."""
    _, (reason,) = read_rows(row(period=value))
    assert isinstance(reason, errors.ExcelReformatted)
    assert reason.column == 4


@pytest.mark.parametrize(
    "value",
    ["110/11", "11011", "110/11~", "110/11 ~ 110/11", "110/12 ~ 111/01", "110/11 ~ 110/12 x", "110/00 ~ 110/01", ""],
)
def test_other_periods_are_simply_wrong(row: Row, value: str) -> None:
    """What is neither a period nor a date is a bad period."""
    _, (reason,) = read_rows(row(period=value))
    assert isinstance(reason, errors.BadPeriod)


@pytest.mark.parametrize("category", ["7", "07", " 07 "])
def test_a_category_is_written_with_one_digit_or_two(row: Row, category: str) -> None:
    """`7` and `07` are the same category."""
    (only,), reasons = read_rows(row(category=category))
    assert (only.range.invoice_type, reasons) == ("07", [])


@pytest.mark.parametrize("category", ["", "1", "007", "77", "７", "x"])
def test_an_unknown_category_is_refused(row: Row, category: str) -> None:
    """Anything but 7, 07, 8 and 08 is refused at column 2."""
    _, (reason,) = read_rows(row(category=category))
    assert isinstance(reason, errors.BadCategory)


def test_every_bad_column_of_a_row_is_named(row: Row, sheet: Sheet) -> None:
    """The refusal is the leftmost; the others travel beside it, in order."""
    bad = row(seller="x", category="9", period="?", track="nq", begin="", end="123456789")
    error = refusal(sheet(row(), bad))
    assert [(each.line, each.column) for each in (error, *error.also)] == [(3, c) for c in (1, 2, 4, 5, 6, 7)]  # type: ignore[attr-defined]


def test_reasons_of_all_kinds_are_told_in_the_order_of_lines(row: Row, sheet: Sheet) -> None:
    """What the parser and what the checks found is one list: a clerk sees all of it at once."""
    error = refusal(
        sheet(
            row(period="110/09 ~ 110/10"),
            row(begin="1"),
            row(seller="04595257", track="UA"),
            row(track="TN", begin="42519551"),
            row(category="08", track="ZZ"),
            row(),
        )
    )
    names = [each.name for each in (error, *error.also)]
    assert names == ["period_past", "number_shortened", "seller_unknown", "not_a_booklet_begin", "category_special"]


def test_the_list_of_reasons_is_bounded(row: Row, sheet: Sheet) -> None:
    """A hostile file of 15,000 bad rows costs little and gives 20 further reasons."""
    data = sheet(*[row(track="nq")] * 15_000)
    before = time.process_time()
    error = refusal(data)
    assert len(error.also) == 20
    assert time.process_time() - before < 1


def test_ten_thousand_ranges_are_read_quickly(row: Row, sheet: Sheet) -> None:
    """A file of 10,000 ranges takes no more than 0.3 s of computing (best of three), the overlap check included."""
    rows = [row(name="", track="AB", begin=f"{i * 100:08d}", end=f"{i * 100 + 49:08d}") for i in range(10_000)]
    data = sheet(*reversed(rows))
    took = []
    for _ in range(3):
        before = time.process_time()
        assert len(read_track_file(data, seller=OWN, today=TODAY).rows) == 10_000
        took.append(time.process_time() - before)
    assert min(took) < 0.3


@pytest.mark.parametrize("first", ["a,b,c,d,e,f,g", "統編,,,期別,字軌,起號,迄號"])
def test_a_header_is_known_by_having_no_digits(row: Row, first: str) -> None:
    """Any names where numbers belong are a header, but only in the first row."""
    rows, reasons = read_rows(f"{first}\n{row()}")
    assert (len(rows), reasons) == (1, [])
    rows, reasons = read_rows(f"{row()}\n{first}\n")
    assert len(rows) == 1
    assert {reason.line for reason in reasons} == {2}


@pytest.mark.parametrize(
    "changed", [{"seller": "２４６３４１０２"}, {"seller": ""}, {"begin": "####"}, {"begin": "٤٢٥١٩٥٥٠"}]
)
def test_a_damaged_first_row_never_passes_for_a_header(row: Row, changed: dict[str, str]) -> None:
    """Digits of any script, or an empty value, make it a row; so nothing is dropped silently."""
    rows, reasons = read_rows(f"{row(**changed)}\n{row(track='TN')}")
    assert len(rows) == 1
    assert [reason.line for reason in reasons] == [1]


def test_a_stray_quote_spoils_only_its_own_row(row: Row) -> None:
    """The rows behind it are still read: nothing between two stray quotes disappears."""
    rows, reasons = read_rows("\n".join((row(), row(name='"x'), row(track="TN"), row(name='x"', track="UA"))))
    assert [each.range.track for each in rows] == ["NQ", "TN", "UA"]
    assert [(reason.line, reason.name) for reason in reasons] == [(2, "file_damaged")]


def test_values_are_shown_short_and_printable(row: Row) -> None:
    """What a file holds reaches a slip or a terminal only without controls, at most 40 characters."""
    _, reasons = read_rows("\n".join((row(), row(track="\x1b@\u202e" + "N" * 90), row(begin="9" * 5000))))
    assert [reason.value for reason in reasons] == ["?@?" + "N" * 36 + "…", "9" * 39 + "…"]
