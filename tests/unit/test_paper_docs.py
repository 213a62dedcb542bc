"""docs/paper.md says what the code does: every state, trouble, profile and field of a profile is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from einvoiced import config
from einvoiced.actions.paper_notices import TROUBLES
from einvoiced.errors import ConfigError
from einvoiced.journal import entries
from einvoiced.proof.profile import Confirmation, PrinterProfile
from einvoiced.proof.profiles import SOURCE

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")


def cells() -> set[str]:
    """The names in backticks in the first cells of the page's tables."""
    firsts = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|")]
    return {name for cell in firsts for name in re.findall(r"`([^`]+)`", cell)}


def test_every_state_of_an_original_is_described() -> None:
    """All of `paper`'s values."""
    assert set(get_args(entries.Paper)) <= cells()


def test_every_trouble_of_the_printer_is_described() -> None:
    """All of `printer`'s values; a wrong roll shows as a refusal, not as a state."""
    assert {*TROUBLES, "ready", "none"} - {"wrong_roll"} <= cells()


def test_every_confirmation_and_profile_is_described() -> None:
    """Each with its row, and each field of a profile."""
    assert set(get_args(Confirmation)) <= cells()
    assert {file.stem for file in SOURCE.glob("*.toml")} <= cells()
    assert set(PrinterProfile.__struct_fields__) <= cells()


CONFIG = """
[seller]
identifier = "24634102"
name = "示範商店"
[tracks]
share = "1/1"
[printer]
transport = "virtual"
device = "/tmp/paper"
"""


@pytest.mark.parametrize(
    ("lines", "option"),
    [
        ('profile = "nobody"', "printer.profile"),
        ("roll_mm = 80", "printer.roll_mm"),
        ('profile = "bad.toml"', "printer.profile"),
        ("roll_mm = 60", "printer.roll_mm"),
        ('if_unprintable = "hope"', "printer.if_unprintable"),
    ],
)
def test_a_wrong_printer_option_is_named(tmp_path: Path, lines: str, option: str) -> None:
    """A profile that is not there or not right, a roll that the printer does not take."""
    (tmp_path / "bad.toml").write_text("name = 3\n")
    file = tmp_path / "einvoiced.toml"
    file.write_text(CONFIG + lines + "\n")
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    assert caught.value.facts["option"] == option


def test_roll_and_cutter_go_before_the_profile(tmp_path: Path) -> None:
    """An 80 mm printer with a 57 mm roll prints proofs on its narrow part."""
    file = tmp_path / "einvoiced.toml"
    file.write_text(CONFIG + 'profile = "generic-80"\nroll_mm = 57\ncutter = false\n')
    profile = config.printer_profile(file, config.load(file).printer)
    assert (profile.dots, profile.roll_mm, profile.cutter, profile.prints_proofs) == (384, 57, False, True)
