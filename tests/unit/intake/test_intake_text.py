"""Bytes to text: strict, bounded, and UTF-16 told apart."""

from __future__ import annotations

import pytest

from einvoiced.errors import FileEmpty, FileIsUtf16, FileNotText, FileTooLarge
from einvoiced.intake.text import MAX_BYTES, to_text

SAMPLE = "24634102,7,一般稅額計算,110/11 ~ 110/12,NQ,42519550,42522049"
HEADER = "營業人統編,發票類別代號,發票類別,發票期別,發票字軌名稱,發票起號,發票迄號\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950"])
def test_the_encodings_of_the_field_are_read(encoding: str) -> None:
    """UTF-8 with and without a mark and CP950 give the same text."""
    assert to_text(SAMPLE.encode(encoding)) == SAMPLE


def test_utf8_is_tried_before_cp950() -> None:
    """Bytes that are good UTF-8 and good CP950 are UTF-8."""
    assert "一般".encode().decode("cp950", "ignore") != "一般"
    assert to_text("編號".encode()) == "編號"


def test_one_mebibyte_is_the_limit() -> None:
    """A file of exactly 1 MiB is read, one byte more is refused with both sizes."""
    assert to_text(b"x" * MAX_BYTES) == "x" * 1_048_576
    with pytest.raises(FileTooLarge) as caught:
        to_text(b"x" * (MAX_BYTES + 1))
    assert caught.value.facts["limit"] == 1_048_576
    assert caught.value.value == "1048577"


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\x1a", b"\r\n\x1a\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_nothing_but_blanks_is_empty(data: bytes) -> None:
    """A file without a visible character says that it is empty, not that it is damaged."""
    with pytest.raises(FileEmpty):
        to_text(data)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize(
    "text",
    [SAMPLE, HEADER + SAMPLE, "<a:InvoiceAssignNo>\r\n", SAMPLE.replace(",", "\t")],
)
def test_utf16_is_told_apart_with_and_without_its_mark(encoding: str, text: str) -> None:
    """What Excel saves as Unicode text has an error of its own."""
    if encoding == "utf-32-le":
        text = "\ufeff" + text
    with pytest.raises(FileIsUtf16):
        to_text(text.encode(encoding))


def test_a_header_alone_is_a_track_file_too() -> None:
    """Of a shop without an allotment, saved by Excel as Unicode text: told apart by its columns."""
    with pytest.raises(FileIsUtf16):
        to_text(HEADER.encode("utf-16"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    "text", ["[.ShellClassInfo]\r\nIconResource=shell32.dll,-21798\r\n", "買牛奶,雞蛋\r\n" * 40, "x" * 500_000]
)
def test_strangers_utf16_is_no_track_file(encoding: str, text: str) -> None:
    """What Windows (`desktop.ini`) and its users leave on sticks is passed over, not called a spoilt track file."""
    with pytest.raises(FileNotText):
        to_text(text.encode(encoding))


@pytest.mark.parametrize("data", [bytes(4096), b"abc\0def", SAMPLE.encode() + bytes(512), b"\x81", b"a\xff", b"\0"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    """NULs, wherever they are, and bytes of no known encoding are refused, never replaced."""
    with pytest.raises(FileNotText):
        to_text(data)


@pytest.mark.parametrize("tail", [b"\x1a", b"\x1a\x1a", b"\r\n\x1a", b"\x1a\r\n", b"\x1a \t"])
def test_the_dos_end_of_file_is_dropped(tail: bytes) -> None:
    """0x1A at the end is no part of the last value."""
    assert to_text(SAMPLE.encode("cp950") + tail) == SAMPLE


def test_an_end_of_file_inside_stays() -> None:
    """Text behind a 0x1A is not cut off silently."""
    assert to_text(b"a\x1ab") == "a\x1ab"
