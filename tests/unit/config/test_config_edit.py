"""`config set`: one option changes, comments stay, and a file that would be wrong is not written."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from einvoiced import config
from einvoiced.config import edit
from einvoiced.errors import ConfigError, ConfigNotSettable

EXAMPLE = (Path(__file__).parents[3] / "config" / "einvoiced.toml").read_text(encoding="utf-8")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The documented example as a shop would have it."""
    path = tmp_path / "einvoiced.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    path.chmod(0o640)
    return path


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seller.name", '老王 "分店" #2'),
        ("seller.address", "臺北市中正區忠孝東路一段2號"),
        ("seller.tax_registration", "987654321"),
        ("printer.donation_slip", False),
        ("printer.if_unprintable", "queue"),
    ],
)
def test_one_option_changes_and_nothing_else(file: Path, option: str, value: str | bool) -> None:
    """Set ones, defaults and ones behind a # alike; every other line and the file's mode stay as they were."""
    before = edit.flat(config.load(file))
    edit.set_option(file, option, value)
    assert edit.flat(config.load(file)) == {**before, option: value}
    old, new = EXAMPLE.splitlines(), file.read_text(encoding="utf-8").splitlines()
    different = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    ((was, now),) = different
    assert re.findall(r"\s+#[^#]*$", was[1:]) == re.findall(r"\s+#[^#]*$", now[1:])  # the comment behind it
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_an_option_is_taken_away_and_comes_back_in_its_place(file: Path) -> None:
    """An empty value makes its line a comment; setting it again uses that line."""
    edit.set_option(file, "seller.telephone", "02-1")
    edit.set_option(file, "seller.telephone", edit.read_value("seller.telephone", ""))
    assert config.load(file).seller.telephone is None
    assert file.read_text(encoding="utf-8").count("telephone") == EXAMPLE.count("telephone")


def test_a_section_that_is_not_there_is_made(file: Path) -> None:
    """A short file without [printer] gets one, behind the others."""
    file.write_text('[seller]\nidentifier = "12345675"\nname = "甲"\n[tracks]\nshare = "1/1"\n', encoding="utf-8")
    edit.set_option(file, "printer.carrier_slip", True)
    edit.set_option(file, "seller.address", "乙")
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {
        "seller": {"identifier": "12345675", "name": "甲", "address": "乙"},
        "tracks": {"share": "1/1"},
        "printer": {"carrier_slip": True},
    }


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seller.name", "x" * 61),
        ("seller.name", None),
        ("seller.tax_registration", "12345"),
        ("seller.address", "a\nb"),
    ],
)
def test_a_wrong_value_changes_nothing(file: Path, option: str, value: str | None) -> None:
    """The file as it would be is checked as a whole first."""
    with pytest.raises(ConfigError, match="seller"):
        edit.set_option(file, option, value)
    assert file.read_text(encoding="utf-8") == EXAMPLE


@pytest.mark.parametrize(
    "seller",
    [
        'seller = {identifier = "12345675", name = "甲"}\n',
        'seller.identifier = "12345675"\nseller.name = "甲"\n',
        '[seller]\nidentifier = "12345675"\nname = """甲"""\n',
        '[ "seller" ]\nidentifier = "12345675"\nname = "甲"\n',
    ],
)
def test_a_form_that_lines_cannot_tell_is_left_to_people(file: Path, seller: str) -> None:
    """Inline tables, dotted keys and long strings are good TOML; such a file is not touched."""
    text = seller + '[tracks]\nshare = "1/1"\n'
    file.write_text(text, encoding="utf-8")
    config.load(file)
    with pytest.raises((ConfigNotSettable, ConfigError)):
        edit.set_option(file, "seller.name", "乙")
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "option", ["seller.identifier", "box.id", "tracks.share", "qr.key_file", "mirror.directory", "x"]
)
def test_dangerous_options_are_refused_with_the_reason(option: str) -> None:
    """In both languages."""
    with pytest.raises(ConfigNotSettable) as refused:
        edit.read_value(option, "1")
    assert option in refused.value.message
    assert str(refused.value.facts["reason_zh"]) in refused.value.message_zh


def test_a_switch_is_true_or_false() -> None:
    """And nothing that merely looks like it."""
    assert edit.read_value("printer.raw_slips", "false") is False
    with pytest.raises(ConfigNotSettable):
        edit.read_value("printer.raw_slips", "no")


def test_a_running_box_takes_live_options_only(file: Path) -> None:
    """What belongs to how the box is built stays as it was until a restart."""
    old = config.load(file)
    text = EXAMPLE.replace('id = "A1"', 'id = "B2"').replace('name = "示範商店"', 'name = "新名"')
    new = config.parse(file, text.encode())
    merged = edit.merged(old, new)
    assert (merged.seller.name, merged.box.id) == ("新名", "A1")
    assert edit.changed(old, new) == ["seller.name", "box.id"]
