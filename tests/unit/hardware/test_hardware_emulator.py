"""The emulated printer prints what real ones print, answers as they answer, and fails as they fail."""

import time

import pytest
from hardware_helpers import CUT, raster
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from einvoiced.hardware.printer.emulator import MAX_STRIP, Emulator

INIT = b"\x1b@"


def ink(strip):
    """The columns and rows (left, top, right, bottom) that carry ink, or None."""
    return Image.eval(strip.image.convert("L"), lambda value: 255 - value).getbbox()


def printed(data, **options):
    emulator = Emulator(**options)
    emulator.feed(data)
    return emulator


def test_a_raster_comes_out_dot_for_dot():
    """Bit 7 is the leftmost dot, 1 is black, and the strip is as long as the rows and the feed."""
    emulator = printed(INIT + b"\x1dv0\x00\x02\x00\x02\x00\x80\x01\xc0\x00" + b"\x1bJ\x0a" + CUT)
    [strip] = emulator.strips
    assert (strip.width, strip.height) == (384, 12) == strip.image.size
    black = {(x, y) for x in range(384) for y in range(12) if strip.image.getpixel((x, y)) == 0}
    assert black == {(0, 0), (15, 0), (0, 1), (1, 1)}
    assert emulator.unknown == []


@pytest.mark.parametrize(
    ("mode", "box"), [(0, (0, 0, 16, 3)), (1, (0, 0, 32, 3)), (2, (0, 0, 16, 6)), (51, (0, 0, 32, 6))]
)
def test_raster_modes_double_the_dots(mode, box):
    """GS v 0 with m = 1, 2, 3 doubles width, height, both; the digits as characters mean the same."""
    [strip] = printed(raster(3, 2, mode) + CUT).strips
    assert ink(strip) == box
    assert strip.height == box[3]


@pytest.mark.parametrize(
    ("setting", "left"),
    [
        (b"\x1ba\x01", 184),
        (b"\x1ba2", 368),
        (b"\x1dL\x28\x00", 40),
        (b"\x1b$\x2c\x01", 300),
        (b"\x1dL\x28\x00\x1b$\x0a\x00", 50),
    ],
)
def test_margin_position_and_alignment_move_a_raster(setting, left):
    """ESC a, GS L and ESC $ say where a raster begins."""
    [strip] = printed(setting + raster(1, 2) + CUT).strips
    assert ink(strip) == (left, 0, left + 16, 1)


def test_a_raster_too_wide_loses_its_right_side():
    """What does not fit on the head is not printed, and the paper is no wider for it."""
    [strip] = printed(raster(2, 60) + CUT).strips
    assert strip.image.size == (384, 2)
    assert ink(strip) == (0, 0, 384, 2)


def test_text_lines_and_feeds_add_up():
    """LF feeds a line (30 dots, or as ESC 3 says), ESC d n lines, ESC J n dots; text leaves ink in its line."""
    emulator = printed(b"Hello\n" + b"\x1b3\x28" + b"\n" + b"\x1b2" + b"\x1bd\x02" + b"\x1bJ\x05" + b"\x1dV\x41\x07")
    [strip] = emulator.strips
    assert strip.height == 30 + 40 + 60 + 5 + 7
    assert strip.texts == ["Hello"]
    left, top, right, bottom = ink(strip)
    assert 0 <= left < right <= 60
    assert 0 <= top < bottom <= 30


def test_a_long_line_wraps():
    """32 characters of font A fit on 384 dots."""
    [strip] = printed(b"x" * 70 + b"\n" + CUT).strips
    assert [len(text) for text in strip.texts] == [32, 32, 6]


@pytest.mark.parametrize(
    "cut", [b"\x1dV\x00", b"\x1dV1", b"\x1dVA\x00", b"\x1dVB\x00", b"\x1dVa\x00", b"\x1dVg\x00", b"\x1dVh\x00"]
)
def test_every_form_of_cut_ends_the_strip(cut):
    """Whatever GS V is used, the next dots are on another strip."""
    emulator = printed(raster(2) + cut + raster(3) + cut)
    assert [strip.height for strip in emulator.strips] == [2, 3]
    assert emulator.unknown == []


def test_cutting_nothing_leaves_no_strip():
    """A cut with no paper out is no strip."""
    assert not printed(INIT + CUT[:2] + b"\x00").strips


def test_status_is_answered_between_commands_only():
    """DLE EOT inside a raster is dots; after it, it is a question."""
    emulator = Emulator()
    data = raster(1, 48)
    assert emulator.feed(data[:20] + b"\x10\x04\x01" + data[23:]) == b""
    assert emulator.feed(b"\x10\x04\x01") == b"\x12"
    assert emulator.unknown == []


@pytest.mark.parametrize(
    ("switch", "answers"),
    [
        (None, b"\x12\x12\x12\x12"),
        ("paper_out", b"\x1a\x32\x12\x7e"),
        ("paper_low", b"\x12\x12\x12\x1e"),
        ("cover_open", b"\x1a\x16\x12\x12"),
        ("offline", b"\x1a\x12\x12\x12"),
        ("broken", b"\x1a\x52\x32\x12"),
    ],
)
def test_switches_show_in_the_status(switch, answers):
    """Each fault sets the bits that Epson's reference gives it."""
    emulator = Emulator()
    if switch:
        setattr(emulator, switch, True)
    assert b"".join(emulator.feed(bytes((0x10, 4, n))) for n in (1, 2, 3, 4)) == answers


def test_silent_answers_nothing_for_ever():
    """What was asked while silent is not answered later either."""
    emulator = Emulator()
    emulator.silent = True
    assert emulator.feed(b"\x10\x04\x01\x1dr\x01") == b""
    emulator.silent = False
    assert emulator.feed(b"") == b""


def test_other_questions_are_answered():
    """GS r tells the paper sensors, GS I n the model, GS I 66 the maker as text."""
    emulator = Emulator()
    assert emulator.feed(b"\x1dr\x01") == b"\x00"
    assert emulator.feed(b"\x1dI\x01") == b"\x20"
    assert emulator.feed(b"\x1dIB") == b"_einvoiced\x00"


def test_process_id_is_answered_when_the_paper_has_it():
    """GS ( H waits for the paper: nothing while it is out, the answer when it is back."""
    emulator = Emulator(process_id=True)
    emulator.paper_out = True
    assert emulator.feed(raster(2) + b"\x1d(H\x06\x00\x30\x30A1b2") == b""
    emulator.paper_out = False
    assert emulator.feed(b"") == b"\x37\x22A1b2\x00"


def test_process_id_is_unknown_to_a_printer_without_it():
    """A printer without the function says nothing, and the trap notes the misuse."""
    emulator = Emulator()
    assert emulator.feed(b"\x1d(H\x06\x00\x30\x30A1b2") == b""
    assert emulator.unknown == [b"\x1d(H\x06\x00\x30\x30A1b2"]


def test_drawer_pulses_are_counted():
    """ESC p and the real-time DLE DC4 both open the drawer."""
    assert printed(b"\x1bp\x00\x19\xfa\x1bp1\x19\xfa\x10\x14\x01\x00\x01").drawer_pulses == 3


@pytest.mark.parametrize(
    "misuse",
    [
        b"\x1b\x7f",
        b"\x1d~",
        b"\x1b*\x00\x03\x00abc",
        b"\x1dk\x05123\x00",
        b"\x1dk\x01123\x00",
        b"\x1d(k\x03\x000QP",
        b"\x01",
        b"\x1dv1\x00\x01\x00\x01\x00a",
    ],
)
def test_unknown_commands_are_recorded_whole_and_do_no_harm(misuse):
    """An unknown command is noted with its data, and what follows is printed."""
    emulator = printed(misuse + raster(2) + CUT)
    assert emulator.unknown == [misuse]
    assert [strip.height for strip in emulator.strips] == [2]


def test_a_raster_of_four_gigabytes_is_refused():
    """A head that promises too much is noted, not waited for."""
    emulator = printed(b"\x1dv0\x00\xff\xff\xff\xff" + b"A\n" + CUT)
    assert emulator.unknown == [b"\x1dv0\x00\xff\xff\xff\xff"]
    assert emulator.strips[0].texts == ["A"]


def test_a_halted_printer_buffers_and_prints_later():
    """Bytes taken while the paper was out come out when it is back: taken is not printed."""
    emulator = Emulator()
    emulator.paper_out = True
    emulator.feed(raster(10) + CUT)
    assert not emulator.strips
    emulator.paper_out = False
    emulator.feed(b"")
    assert [strip.height for strip in emulator.strips] == [10]


def test_a_halted_printer_takes_its_buffer_and_no_more_but_answers_status():
    """4,096 bytes and then nothing, yet DLE EOT gets through."""
    emulator = Emulator()
    emulator.cover_open = True
    taken, _ = emulator.accept(b"\n" * 5000)
    assert taken == 4096
    assert emulator.accept(b"\n" * 10)[0] == 0
    assert emulator.accept(b"\x10\x04\x02") == (3, b"\x16")
    assert [emulator.accept(bytes((byte,))) for byte in b"\x10\x04\x02"] == [(1, b""), (1, b""), (1, b"\x16")]


def test_stall_after_is_exact():
    """It takes n more bytes, then none, and none of the rest is printed."""
    emulator = Emulator()
    emulator.stall_after = 7
    assert emulator.accept(b"0123456789")[0] == 7
    assert emulator.accept(b"789")[0] == 0
    assert emulator.bytes_taken == 7
    emulator.stall_after = None
    assert emulator.accept(b"789")[0] == 3


def test_first_byte_at_ignores_status():
    """The benchmark's timer starts with the first byte of the job, not with a question."""
    emulator = Emulator()
    emulator.feed(b"\x10\x04\x01\x10")
    emulator.feed(b"\x04\x01")
    assert emulator.first_byte_at is None
    before = time.monotonic()
    emulator.feed(b"\x1b")
    assert before <= emulator.first_byte_at <= time.monotonic()
    emulator.reset_timer()
    assert emulator.first_byte_at is None


def test_strips_are_saved_whole_and_numbered_on(tmp_path):
    """Files are NNNN.png in true size, go on after an earlier run's, and nothing else stays in the folder."""
    (tmp_path / "0041.png").write_bytes(b"earlier")
    emulator = Emulator(directory=tmp_path)
    emulator.feed(raster(720) + CUT + raster(5) + CUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0041.png", "0042.png", "0043.png"]
    with Image.open(tmp_path / "0042.png") as image:
        assert image.size == (384, 720)
        assert image.info["dpi"] == pytest.approx((203.2, 203.2), abs=0.05)


def test_memory_is_bounded():
    """Only the last strips are kept, and a roll that nobody cuts ends by itself."""
    emulator = Emulator(keep=3)
    for rows in range(1, 10):
        emulator.feed(raster(rows) + CUT)
    assert [strip.height for strip in emulator.strips] == [7, 8, 9]
    assert emulator.strips_finished == 9
    emulator.feed(b"\x1bd\xff" * 40)
    assert emulator.strips_finished > 9
    assert max(strip.height for strip in emulator.strips) < MAX_STRIP + 255 * 30


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [
                INIT,
                raster(3, 4),
                CUT,
                b"Hello\n",
                b"\x10\x04\x01",
                b"\x1dr\x01",
                b"\x1dI\x42",
                b"\x1dk\x04A\x00",
                b"\x1ba\x01",
            ]
        ),
    ),
    max_size=12,
)


@given(PIECES, st.data())
def test_any_split_of_the_bytes_prints_the_same(pieces, data):
    """How the bytes arrive changes neither paper, answers nor the list of unknowns."""
    stream = b"".join(pieces) + CUT
    whole, split = Emulator(process_id=True), Emulator(process_id=True)
    expected = whole.feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    answers = b"".join(split.feed(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True))
    assert answers == expected
    assert [s.image.tobytes() for s in split.strips] == [s.image.tobytes() for s in whole.strips]
    assert split.unknown == whole.unknown
    assert split.bytes_taken == whole.bytes_taken == len(stream)


def test_it_draws_bar_codes_and_qr_codes_by_command():
    """What a till that knows ESC/POS sends by itself can be read back: Code 39, Code 128, EAN-13, QR."""
    import zxingcpp
    from PIL import Image

    qr = b"https://example.tw/?a=1"
    store = b"\x1d(k" + bytes((len(qr) + 3, 0)) + b"1P0" + qr
    job = (
        b"\x1b@\x1dh\x50\x1dw\x02\x1ba\x01\x1dk\x04AB12\x00\x1bJ\x50",
        b"\x1dk\x49\x07{Bab-12\x1bJ\x50\x1dk\x02471234567890\x00\x1bJ\x50",
        b"\x1d(k\x03\x001C\x06\x1d(k\x03\x001E1" + store + b"\x1d(k\x03\x001Q0\x1bJ\x50",
    )
    emulator = Emulator()
    emulator.feed(b"".join(job) + CUT)
    assert emulator.unknown == []
    paper = Image.new("L", (500, emulator.strips[0].height + 100), 255)
    paper.paste(emulator.strips[0].image.convert("L"), (58, 50))
    found = {code.text for code in zxingcpp.read_barcodes(paper)}
    assert found == {"AB12", "ab-12", "4712345678900", qr.decode()}


def test_a_roll_comes_to_its_end():
    """Low first, then out: the printer halts by itself, and a new roll begins a new strip."""
    emulator = Emulator()
    emulator.roll = 8100
    emulator.feed(raster(100) + raster(100))
    assert (emulator.paper_low, emulator.paper_out) == (True, False)
    emulator.roll = 50
    emulator.feed(raster(100) + raster(10) + CUT)
    assert emulator.paper_out and emulator.strips_finished == 0
    emulator.load_roll(8000)
    emulator.feed(b"")
    assert [strip.height for strip in emulator.strips] == [300, 10]


def test_automatic_status_tells_changes():
    """After GS a four bytes come at once and at every change, before and after nothing."""
    emulator = Emulator()
    assert emulator.feed(b"\x1b@") == b""
    assert emulator.feed(b"\x1da\xff") == b"\x10\x00\x00\x00"
    assert emulator.feed(b"x") == b""
    emulator.cover_open = True
    assert emulator.feed(b"") == b"\x38\x00\x00\x00"
    emulator.cover_open = False
    assert emulator.feed(b"\x1da\x00") == b""


def test_a_slow_line_takes_its_time():
    """A thousand bytes at 10,000 a second take about a tenth of a second."""
    emulator = Emulator()
    emulator.bytes_per_second = 10_000
    begin, left = time.monotonic(), bytes(1000)
    while left:
        left = left[emulator.accept(left)[0] :]
    assert 0.07 <= time.monotonic() - begin < 0.5


def test_power_takes_what_was_received():
    """Off, it swallows everything without a word; on again, it knows nothing of what it held."""
    emulator = Emulator()
    emulator.feed(b"\x1dv0\x00\x30\x00\x10\x00" + bytes(20))
    emulator.powered = False
    assert emulator.accept(b"\x10\x04\x01abc") == (6, b"")
    emulator.powered = True
    assert emulator.feed(b"\x10\x04\x01") == b"\x12"
