"""The configuration file: what is wrong in it is named, by option, and nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from einvoiced import config
from einvoiced.errors import ConfigError

GOOD = """
[seller]
identifier = "24634102"
name = "示範商店"
[tracks]
share = "1/1"
[box]
id = "A1"
[qr]
key_file = "qr.key"
[printer]
transport = "virtual"
device = "/tmp/paper"
"""
KEY = "FE05F029154F6AA67A78B338ED2F6601"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good file and its key beside it."""
    path = tmp_path / "einvoiced.toml"
    path.write_text(GOOD)
    (tmp_path / "qr.key").write_text(KEY + "\n")
    (tmp_path / "qr.key").chmod(0o600)
    return path


def test_a_good_file_is_taken(file: Path) -> None:
    """With its defaults, and the key from the file beside it."""
    loaded = config.load(file)
    assert (loaded.seller.identifier, loaded.box.id, loaded.lamps.kind) == ("24634102", "A1", "none")
    assert config.qr_key(file, loaded) == KEY


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[seller]", "[seler]", "seler"),
        ("[seller]", "[seller", "TOML"),
        ("[seller]", "", "the file"),
        ('name = "示範商店"', 'nmae = "示範商店"', "nmae"),
        ('name = "示範商店"', 'name = ""', "seller.name"),
        ('name = "示範商店"', 'name = "a\\nb"', "seller.name"),
        ('device = "/tmp/paper"', f'device = "/tmp/paper"\nnote = "{"x" * 101}"', "printer.note"),
        ('id = "A1"', 'id = "A1"\ndaily_slip = "9:00"', "box.daily_slip"),
        ('name = "示範商店"', 'name = "示範商店"\ntax_registration = "12345"', "seller.tax_registration"),
        ('name = "示範商店"', "name = 7", "seller.name"),
        ("24634102", "24634103", "seller.identifier"),
        ("24634102", "2463410", "seller.identifier"),
        ('share = "1/1"', "", "tracks.share"),
        ('[tracks]\nshare = "1/1"', "", "tracks.share"),
        ('"1/1"', '"0/1"', "tracks.share"),
        ('"1/1"', '"2/1"', "tracks.share"),
        ('"1/1"', "1", "tracks.share"),
        ('share = "1/1"', 'share = "1/1"\nbranches = ["12345678"]', "tracks.branches"),
        ('"A1"', "7", "box.id"),
        ('"A1"', '"ABCDE"', "box.id"),
        ('"virtual"', '"vrtual"', "printer.transport"),
        ('"/tmp/paper"', '""', "printer.device"),
        ('"virtual"\ndevice = "/tmp/paper"', '"network"\ndevice = "printer.local:http"', "printer.device"),
        ('"virtual"\ndevice = "/tmp/paper"', '"network"\ndevice = "[::1"', "printer.device"),
        ('"virtual"\ndevice = "/tmp/paper"', '"network"\ndevice = "host:99999999"', "printer.device"),
        ("[qr]", '[sales]\ncarriers = ["x"]\n[qr]', "sales.carriers"),
        ("[qr]", '[sales]\nmixed_tax = "yes"\n[qr]', "sales.mixed_tax"),
        ("[qr]", '[stick]\nkind = "folder"\n[qr]', "stick.folder"),
        ("[qr]", '[clock]\nkind = "virtual"\n[qr]', "clock.file"),
        ("[qr]", "[coffee]\n[qr]", "coffee"),
    ],
)
def test_what_is_wrong_is_named(file: Path, old: str, new: str, told: str) -> None:
    """The file, the option and what is the matter with it, in both languages."""
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    assert told in caught.value.message
    assert told.replace("the file", "檔案") in caught.value.message_zh
    assert all(str(file) in sentence for sentence in (caught.value.message, caught.value.message_zh))
    assert_chinese(caught.value)


def assert_chinese(error: ConfigError) -> None:
    """The sentence for the shop holds no English but names: a locked box prints it."""
    said = error.message_zh.partition("：")[2]
    allowed = "never、start|Turnkey|TOML|chmod|sudo einvoicectl setup"
    assert not re.search("[A-Za-z]{2,} +[A-Za-z]{2,}", re.sub(allowed, "", said)), said
    assert re.search("[\u4e00-\u9fff]{2}", said.rpartition("：")[2]), said


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00", "[seller]\nname = '中".encode("big5")])
def test_what_is_no_text_is_no_toml(file: Path, content: bytes) -> None:
    """Bytes in another encoding are an error that says so, not a crash."""
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="TOML"):
        config.load(file)


def test_a_file_that_is_not_there_or_no_file_is_said_to_be_so(file: Path) -> None:
    """Not found, and a directory of that name."""
    with pytest.raises(ConfigError, match="does not exist"):
        config.load(file.parent / "other.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(file.parent)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda key: key.unlink(), "cannot be read"),
        (lambda key: key.chmod(0o640), "chmod 600"),
        (lambda key: key.write_text("FE05"), "32 hex digits"),
        (lambda key: key.write_text(KEY[:-1] + "g"), "32 hex digits"),
        (lambda key: key.write_bytes(b"\xff" * 32), "32 hex digits"),
        (lambda key: key.write_text(""), "32 hex digits"),
    ],
)
def test_a_key_that_is_none_is_named(file: Path, spoil: object, told: str) -> None:
    """The key itself is never repeated."""
    spoil(file.parent / "qr.key")  # type: ignore[operator]
    with pytest.raises(ConfigError, match=told) as caught:
        config.qr_key(file, config.load(file))
    assert KEY[:8] not in caught.value.message + caught.value.message_zh
    assert_chinese(caught.value)


def test_systemds_credential_goes_before_the_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential named qr-key is taken where there is one, and checked as the file is."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / config.QR_KEY_CREDENTIAL).write_text("F1A618ED8685B1A3B81E6CB6884617F4")
    assert config.qr_key(file, config.load(file)) == "F1A618ED8685B1A3B81E6CB6884617F4"
    (tmp_path / config.QR_KEY_CREDENTIAL).write_text("short")
    with pytest.raises(ConfigError, match="32 hex digits"):
        config.qr_key(file, config.load(file))
