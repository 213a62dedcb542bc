"""A till's slip on paper: each kind of line as it was asked for, and a sentence for each that cannot be printed."""

from __future__ import annotations

import base64
import io

import pytest
import zxingcpp
from PIL import Image, ImageOps

from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.keepers.slip_lines import MOST_LINES, to_document
from einvoiced.proof.profile import GENERIC_58
from einvoiced.proof.render import render
from einvoiced.rpc.paper_methods import SlipLine

HEAD = GENERIC_58.dots


def png(width: int, height: int, mode: str = "1", colour: object = 0) -> str:
    """A picture of one colour in Base64."""
    out = io.BytesIO()
    Image.new(mode, (width, height), colour).save(out, "PNG")  # type: ignore[arg-type]
    return base64.b64encode(out.getvalue()).decode()


def printed(*lines: SlipLine) -> Image.Image:
    """What comes out."""
    printer = Emulator(HEAD)
    printer.feed(render(to_document(list(lines), HEAD), GENERIC_58))
    assert printer.unknown == []
    (strip,) = printer.strips
    return strip.image.convert("L")


def box(image: Image.Image) -> tuple[int, int, int, int]:
    """The edges of the ink."""
    found = ImageOps.invert(image).getbbox()
    assert found is not None
    return found


def test_a_picture_comes_out_dot_for_dot_where_it_is_told_to_stand() -> None:
    """Left, in the middle, right; a dot a pixel."""
    for align, left in (("left", 0), ("center", (HEAD - 100) // 2), ("right", HEAD - 100)):
        image = printed(SlipLine(image=png(100, 40), align=align))  # type: ignore[arg-type]
        assert box(image) == (left, 0, left + 100, 40)
        assert image.crop(box(image)).getextrema() == (0, 0)


def test_a_picture_wider_than_the_head_becomes_smaller_and_greys_become_patterns() -> None:
    """No picture loses its right side; half grey is half black; what is transparent is white."""
    left, top, right, bottom = box(printed(SlipLine(image=png(4 * HEAD, 400))))
    assert (left, right, bottom - top) == (0, HEAD, 100)
    grey = printed(SlipLine(image=png(200, 200, "L", 128)))
    black = grey.histogram()[0]
    assert 0.4 < black / (200 * 200) < 0.6
    clear = printed(SlipLine(image=png(50, 50, "RGBA", (0, 0, 0, 0))), SlipLine(rule=True))
    assert box(clear)[1] > 50


def test_barcode_and_qr_can_be_read() -> None:
    """Code 39 and a QR code."""
    image = printed(SlipLine(barcode="SHIFT-1"), SlipLine(gap_mm=4), SlipLine(qr="https://example.tw/交班"))
    found = {(str(code.format).lower().replace(" ", ""), code.text) for code in zxingcpp.read_barcodes(image)}
    assert {text for _, text in found} == {"SHIFT-1", "https://example.tw/交班"}


def test_sizes_bold_and_places() -> None:
    """Each size is taller than the one before, bold has more ink, text stands left, in the middle or right."""
    heights = [
        bottom - top
        for size in ("detail", "small", "title", "huge")
        for _, top, _, bottom in [box(printed(SlipLine(text="現金", size=size)))]  # type: ignore[arg-type]
    ]
    assert heights == sorted(set(heights))
    inks = [printed(SlipLine(text="現金", size="title", bold=bold)).histogram()[0] for bold in (False, True)]
    assert inks[0] < inks[1]
    places = [box(printed(SlipLine(text="現金", align=align)))[0] for align in ("left", "center", "right")]  # type: ignore[arg-type]
    assert places == sorted(set(places))
    pair = box(printed(SlipLine(text="現金", right="1234")))
    assert pair[0] < 8 and pair[2] > HEAD - 8
    assert printed(SlipLine(text="現金", inverse=True)).histogram()[0] > HEAD * 10


def test_rules_and_gaps() -> None:
    """A line across the head; so many millimetres of white."""
    image = printed(SlipLine(rule=True), SlipLine(gap_mm=10), SlipLine(rule=True))
    left, top, right, bottom = box(image)
    assert (left, right) == (0, HEAD)
    assert 80 <= bottom - top <= 90


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (SlipLine(), "exactly one"),
        (SlipLine(text="a", rule=True), "exactly one"),
        (SlipLine(gap_mm=0), "gap_mm"),
        (SlipLine(gap_mm=1001), "gap_mm"),
        (SlipLine(text="x" * 1001), "characters"),
        (SlipLine(image="!!"), "Base64"),
        (SlipLine(image=base64.b64encode(b"GIF89a").decode()), "PNG"),
        (SlipLine(image=png(3000, 3000)), "pixels"),
    ],
)
def test_a_line_that_cannot_be_printed_is_named(line: SlipLine, word: str) -> None:
    """By its place, with what is wrong."""
    with pytest.raises(ValueError, match=rf"lines\[1\].*{word}"):
        to_document([SlipLine(text="x"), line], HEAD)


@pytest.mark.parametrize("count", [0, MOST_LINES + 1])
def test_a_slip_has_some_lines_and_not_too_many(count: int) -> None:
    """One at least."""
    with pytest.raises(ValueError, match="lines"):
        to_document([SlipLine(text="x")] * count, HEAD)


@pytest.mark.parametrize(
    "line", [SlipLine(image=png(1, 100_000)), SlipLine(text="長" * 1000, size="huge"), SlipLine(gap_mm=30)]
)
def test_nobody_prints_away_the_roll(line: SlipLine) -> None:
    """A slip is at most a metre long, whatever its lines are."""
    with pytest.raises(ValueError, match="longer than 1000 mm"):
        render(to_document([line] * 50, HEAD), GENERIC_58)


@pytest.mark.parametrize("line", [SlipLine(barcode="小寫"), SlipLine(barcode="X" * 60), SlipLine(qr="x" * 4000)])
def test_codes_that_do_not_fit_are_refused(line: SlipLine) -> None:
    """Before a byte is sent."""
    with pytest.raises(ValueError):
        render(to_document([line], HEAD), GENERIC_58)


def test_a_line_with_a_right_side_is_as_bold_and_as_black_as_any() -> None:
    """The total of a sale is bold on both sides, and white on black where the till wants it."""

    def black(**style: bool) -> int:
        return printed(SlipLine(text="總計", right="1,234", **style)).histogram()[0]

    assert black(bold=True) > 1.1 * black()
    assert black(inverse=True) > 5 * black()
