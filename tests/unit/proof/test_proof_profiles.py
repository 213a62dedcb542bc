"""The profiles of known printers: each file is good, says what the law needs, and is found by its name."""

from __future__ import annotations

import msgspec
import pytest

from einvoiced.proof.profile import GENERIC_58, PrinterProfile
from einvoiced.proof.profiles import SOURCE, load_profile, profile_names

NAMES = sorted(file.stem for file in SOURCE.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_is_good(name: str) -> None:
    """It loads under its own name, has a sentence, and prints proofs on a 57 mm roll at least 48 mm wide."""
    profile = load_profile(name)
    assert profile.name == name and profile.description
    narrow = profile if profile.prints_proofs else profile.on_roll(57)
    assert 47.5 <= narrow.to_mm(narrow.dots) <= 57
    assert narrow.left_dots % 8 == 0


def test_the_known_heads_are_there() -> None:
    """58 mm with 384 dots, 80 mm with 576, 203 and 180 dpi, with and without confirmation and process id."""
    profiles = [load_profile(name) for name in NAMES]
    assert {(58 if p.roll_mm == 57 else 80, p.dots) for p in profiles} >= {(58, 384), (80, 576)}
    assert {p.dpi for p in profiles} == {180, 203}
    assert {p.confirmation for p in profiles} == {"process_id", "status", "none"}


def test_the_unknown_printer_gets_the_safe_one() -> None:
    """The built-in profile is the file's, so that a broken installation prints all the same."""
    built_in, file = msgspec.to_builtins(GENERIC_58), msgspec.to_builtins(load_profile("generic-58"))
    assert built_in == file
    assert not GENERIC_58.margins


def test_a_technicians_own_profile_goes_before(tmp_path) -> None:
    """`printers/` beside the configuration, or a file by its path; a name nobody knows lists those there are."""
    own = tmp_path / "printers"
    own.mkdir()
    (own / "generic-58.toml").write_text('name = "ours"\ndots = 400\n')
    (tmp_path / "one.toml").write_text('name = "one"\n')
    assert load_profile("generic-58", tmp_path) == PrinterProfile(name="ours", dots=400)
    assert load_profile("one.toml", tmp_path).name == "one"
    assert "generic-58" in profile_names(tmp_path)
    with pytest.raises(ValueError, match=r"there are .*generic-80"):
        load_profile("nobody", tmp_path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('name = "x"\nwidth = 3\n', "width"),
        ('name = "x"\ndots = 10\n', "dots"),
        ("name = ", "one.toml"),
        (None, "read"),
    ],
)
def test_a_bad_profile_says_what_is_wrong(tmp_path, text: str | None, word: str) -> None:
    """The field or the file."""
    if text is not None:
        (tmp_path / "one.toml").write_text(text)
    with pytest.raises(ValueError, match=word):
        load_profile("one.toml", tmp_path)
