"""The print job: the bytes a printer gets."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap

import pytest
from msgspec.structs import replace
from PIL import Image, ImageOps
from proof_samples import SHOP, assert_reads, business, consumer, invoice, line, printed

from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.escpos_stream import CommandStream
from einvoiced.proof.commands import drawer_pulse, encode, recovery
from einvoiced.proof.content import proof, slip
from einvoiced.proof.profile import GENERIC_58, PrinterProfile
from einvoiced.proof.render import picture, render
from einvoiced.rules.sale import Buyer

CUTTER = PrinterProfile(name="cutter", cutter=True, feed_dots=112)


def commands(job):
    """The job taken apart."""
    return list(CommandStream().push(job))


@pytest.mark.parametrize("profile", [GENERIC_58, CUTTER, PrinterProfile(name="x", slice_height=128)])
def test_a_job_is_nothing_but_initialise_rasters_and_cut(profile):
    """ESC @, no status unasked, GS v 0 of at most the profile's slice height, and a cut where there is a cutter."""
    first, quiet, *rasters = commands(render(proof(business(), shop_name=SHOP), profile))
    assert (first, quiet) == (b"\x1b@", b"\x1da\x00")
    if profile.cutter:
        assert rasters.pop() == b"\x1dV\x00"
    for raster in rasters:
        assert raster[:3] == b"\x1dv0" and raster[3] in range(4)
        assert 1 <= (raster[4] + 256 * raster[5]) * (1 + (raster[3] & 1)) <= profile.dots // 8 + 1
        assert 1 <= (raster[6] + 256 * raster[7]) * (1 + (raster[3] >> 1)) <= profile.slice_height


def test_a_printer_without_doubling_or_margins_gets_neither():
    """What a profile denies is not sent, and what it allows leaves the same dots on paper."""
    document = proof(business(), shop_name=SHOP)
    plain, most = PrinterProfile(name="x", scaled_rasters=False), PrinterProfile(name="x", margins=True)
    assert {part[3] for part in commands(render(document, plain)) if part[:2] == b"\x1dv"} == {0}
    assert not any(part[:2] == b"\x1dL" for part in commands(render(document, plain)))
    assert any(part[:2] == b"\x1dL" for part in commands(render(document, most)))
    assert printed(document, plain).tobytes() == printed(document, most).tobytes()


def test_a_wide_head_prints_proofs_on_the_narrow_roll():
    """57 mm on an 80 mm printer: the proof stands over the roll, wherever that lies under the head."""
    wide = PrinterProfile(name="w", dots=576, roll_mm=80, narrow_dots=384, narrow_left=96, margins=True, cutter=True)
    assert not wide.prints_proofs and wide.on_roll(57).prints_proofs
    for profile in (wide.on_roll(57), replace(wide, margins=False).on_roll(57)):
        emulator = Emulator(576)
        emulator.feed(render(proof(consumer(), shop_name=SHOP), profile))
        (strip,) = emulator.strips
        left, _, right, _ = ImageOps.invert(strip.image.convert("L")).getbbox()
        assert 96 <= left < right <= 96 + 384
        assert_reads(strip.image.crop((96, 0, 480, strip.height)), consumer())
    with pytest.raises(ValueError, match="no roll of 80"):
        GENERIC_58.on_roll(80)


def test_a_torn_strip_is_filled_up_fed_out_and_cut():
    """Wherever a strip stopped, `recovery` makes the next one come out whole on paper of its own."""
    job = render(proof(consumer(), shop_name=SHOP), CUTTER)
    expected = printed(proof(consumer(), shop_name=SHOP), CUTTER).tobytes()
    chooser = random.Random(1)
    for stop in [*range(1, 40), *(chooser.randrange(len(job)) for _ in range(60)), len(job) - 1]:
        emulator = Emulator()
        emulator.feed(job[:stop])
        emulator.feed(recovery(CUTTER) + job)
        assert emulator.strips[-1].image.tobytes() == expected, stop
        assert len(emulator.strips) in (2, 3), stop  # white from behind a cut that was completed


def test_the_drawer_is_opened_by_the_profiles_pin():
    """Pin 2 or pin 5; a printer without a drawer is an error."""
    pulses = {pin: drawer_pulse(PrinterProfile(name="x", drawer_pin=pin)) for pin in (2, 5)}
    assert {pin: pulse[:3] for pin, pulse in pulses.items()} == {2: b"\x1bp\x00", 5: b"\x1bp\x01"}
    with pytest.raises(ValueError, match="no drawer"):
        drawer_pulse(PrinterProfile(name="x", drawer_pin=0))


def test_a_partial_cut_is_the_profiles_choice():
    """GS V 1."""
    profile = PrinterProfile(name="x", cutter=True, partial_cut=True)
    assert commands(render(slip("測試", ["一"]), profile))[-1] == b"\x1dV\x01"


@pytest.mark.parametrize("profile", [GENERIC_58, CUTTER], ids=lambda profile: profile.name)
@pytest.mark.parametrize("original", [consumer(), business()], ids=["consumer", "business"])
def test_the_paper_is_the_picture_and_the_feed(original, profile):
    """Dot for dot what was drawn, then white up to the cutter or tear bar."""
    document = proof(original, shop_name=SHOP)
    drawn, paper = picture(document, profile).convert("L"), printed(document, profile).convert("L")
    assert paper.height == drawn.height + profile.feed_dots
    assert paper.crop((0, 0, drawn.width, drawn.height)).tobytes() == drawn.tobytes()
    assert paper.crop((0, drawn.height, paper.width, paper.height)).getextrema() == (255, 255)


def test_white_is_not_sent():
    """A consumer's proof is well below the 34,560 bytes of its dots, and an empty picture next to nothing."""
    margins = PrinterProfile(name="x", margins=True)
    assert len(render(proof(consumer(), shop_name=SHOP), GENERIC_58)) <= 13_500
    assert len(render(proof(consumer(), shop_name=SHOP), margins)) <= 12_500
    for count in (3, 10, 30):
        sold = invoice([line("乾電池", "2", "105") for _ in range(count)], buyer=Buyer("09876543", None, True))
        assert len(render(proof(sold, shop_name=SHOP), GENERIC_58)) <= 14_000 + 2000 * count
    assert len(encode(Image.new("1", (384, 700), 1), GENERIC_58)) < 1000


def test_the_same_document_gives_the_same_bytes():
    """So that a job's hash in the journal means something."""
    assert render(proof(consumer(), shop_name=SHOP), CUTTER) == render(proof(consumer(), shop_name=SHOP), CUTTER)
    assert type(render(proof(consumer(), shop_name=SHOP), CUTTER)) is bytes


def test_pictures_of_any_mode_are_taken():
    """A logo in grey or colour becomes black and white at the middle."""
    for mode, dark in (("1", 0), ("L", 60), ("RGB", (80, 0, 0))):
        drawn = Image.new(mode, (101, 21), dark)
        emulator = Emulator()
        emulator.feed(encode(drawn, GENERIC_58))
        assert ImageOps.invert(emulator.strips[0].image.convert("L")).getbbox() == (0, 0, 101, 21)


def test_a_picture_wider_than_the_head_is_refused():
    """Nothing is cut off in silence."""
    with pytest.raises(ValueError, match="generic-58"):
        encode(Image.new("1", (385, 10), 1), GENERIC_58)


def test_nothing_is_written_to_standard_output(capfd):
    """python-escpos prints advice about profiles; a daemon's output is its log."""
    render(proof(consumer(), shop_name=SHOP), GENERIC_58)
    assert capfd.readouterr().out == ""


def _fresh(code, tmp_path, **environment):
    """Run Python code in a process of its own, with a temporary directory of its own."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    own = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    own.pop("ESCPOS_CAPABILITIES_PICKLE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=own, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


_ENCODE = """
    from PIL import Image
    from einvoiced.proof.commands import encode
    from einvoiced.proof.profile import GENERIC_58
    print(encode(Image.new("1", (8, 8)), GENERIC_58).hex())
"""


def test_loading_the_encoder_leaves_no_temporary_directory(tmp_path):
    """python-escpos makes one at each import; a daemon restarted for years must not fill /tmp."""
    assert _fresh(_ENCODE, tmp_path, CACHE_DIRECTORY="").startswith("1b40")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_printer_data_is_kept_in_the_cache_directory(tmp_path):
    """So that the next start loads it in a third of the time."""
    cache = tmp_path / "cache"
    cache.mkdir()
    _fresh(_ENCODE, tmp_path, CACHE_DIRECTORY=str(cache))
    assert [path.name.endswith(".capabilities.pickle") for path in cache.iterdir()] == [True]
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("left", [b"", b"\x80\x02torn"])
def test_a_cache_torn_by_a_power_cut_is_made_anew(tmp_path, left):
    """An empty or broken pickle never keeps the box from printing."""
    cache = tmp_path / "cache"
    cache.mkdir()
    _fresh(_ENCODE, tmp_path, CACHE_DIRECTORY=str(cache))
    (pickle,) = cache.iterdir()
    whole = pickle.stat().st_size
    pickle.write_bytes(left)
    assert _fresh(_ENCODE, tmp_path, CACHE_DIRECTORY=str(cache)).startswith("1b40")
    assert pickle.stat().st_size == whole


def test_importing_the_proof_loads_nothing_heavy(tmp_path):
    """The daemon may import it at start: Pillow, segno and python-escpos wait for the first print."""
    code = """
        import sys
        import einvoiced.proof.render, einvoiced.proof.content
        print(sorted({name.partition(".")[0] for name in sys.modules} & {"PIL", "segno", "escpos", "numpy"}))
    """
    assert _fresh(code, tmp_path).strip() == "[]"


def test_memory_does_not_grow_with_the_number_of_prints(tmp_path):
    """Four hundred proofs with ever new names cost no more than the bounded caches: 4 MiB."""
    code = """
        import random
        from proof_samples import SHOP, invoice, line
        from einvoiced.proof.content import proof
        from einvoiced.proof.profile import GENERIC_58
        from einvoiced.proof.render import render
        def resident():
            status = open("/proc/self/status").read()
            return int(status.partition("VmRSS:")[2].split()[0])
        chooser = random.Random(1)
        for number in range(600):
            if number == 200:
                before = resident()
            name = "".join(chr(chooser.randint(0x4E00, 0x9FA5)) for _ in range(8))
            render(proof(invoice([line(name)]), shop_name=name), GENERIC_58)
        print(resident() - before)
    """
    assert int(_fresh(code, tmp_path)) < 4096


def test_sixty_items_stay_on_one_strip():
    """A long strip is many slices, one cut."""
    original = invoice([line(f"第{i}號商品", "1", "10") for i in range(60)])
    parts = commands(render(proof(original, shop_name=SHOP), CUTTER))
    assert [part for part in parts if part.startswith(b"\x1dV")] == [parts[-1]]
