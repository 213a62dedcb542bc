"""The Debian package's own files, without building it: the lock, the version, the script that guards the journal."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import einvoiced
from einvoiced.journal import schema
from tests.boxes import ROOT, Desk

DEBIAN = ROOT / "debian"
LOCKS = sorted((DEBIAN / "wheels").glob("python3.*.txt"))


def locked(file: Path) -> dict[str, str]:
    """Package → exact version; each has at least one hash."""
    entries = re.findall(
        r"(?m)^([a-z0-9-]+)==(\S+) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", file.read_text()
    )
    assert len(entries) == file.read_text().count("==")
    return {name: version for name, version, _ in entries}


@pytest.mark.parametrize("file", LOCKS, ids=lambda path: path.stem)
def test_the_lock_is_of_these_requirements(file: Path) -> None:
    """Every requirement stands in it, at a version within its range. If not: make lock."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    versions = locked(file)
    for line in (setup["options"]["install_requires"] + setup["options.extras_require"]["deb"]).split("\n"):
        if line:
            wanted = Requirement(line)
            version = versions.get(wanted.name.lower().replace("_", "-"))
            assert version is not None, f"{wanted.name} is not locked: make lock"
            assert wanted.specifier.contains(version), f"{wanted} is locked at {version}: make lock"


def test_there_is_a_lock_for_each_supported_debian() -> None:
    """Debian 12 has Python 3.11, Debian 13 has 3.13."""
    assert [path.stem for path in LOCKS] == ["python3.11", "python3.13"]


def test_the_package_has_the_programs_version() -> None:
    """debian/changelog begins with it."""
    found = re.match(r"einvoiced \(([^)]+)\)", (DEBIAN / "changelog").read_text(encoding="utf-8"))
    assert found is not None
    assert found[1] == einvoiced.__version__


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm", "build-venv"])
def test_the_scripts_are_shell(name: str) -> None:
    """sh reads them, and they stop at the first failure."""
    subprocess.run(["sh", "-n", DEBIAN / name], check=True)
    assert re.search(r"(?m)^set -eu?$", (DEBIAN / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("reads", "code"), [(schema.VERSION, 0), (schema.VERSION + 1, 0), (schema.VERSION - 1, 1)])
def test_a_version_that_cannot_read_the_journal_is_refused(desk: Desk, tmp_path: Path, reads: int, code: int) -> None:
    """preinst looks at an open journal: older formats and its own are fine, a newer one is refused with a cure."""
    script = (DEBIAN / "preinst").read_text(encoding="utf-8")
    script = script.replace("@SCHEMA@", str(reads)).replace("/var/lib/einvoiced/journal", str(desk.directory))
    (tmp_path / "preinst").write_text(script, encoding="utf-8")
    done = subprocess.run(["sh", tmp_path / "preinst", "upgrade", "9"], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("拒絕安裝" in done.stderr) == bool(code)
    assert str(schema.VERSION) in done.stderr or not code
    subprocess.run(["sh", tmp_path / "preinst", "abort-upgrade", "9"], check=True)


def purge(place: Path, **environment: str) -> str:
    """Run postrm's purge with its folders below a place; what it said."""
    script = re.sub(r"(?<=[ =])/(var|etc)/", rf"{place}/\1/", (DEBIAN / "postrm").read_text(encoding="utf-8"))
    command = ["sh", "-c", script, "postrm", "purge"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a removed package leaves: a journal, its configuration, and a copy that a technician put beside it."""
    (tmp_path / "var/lib/einvoiced/journal").mkdir(parents=True)
    (tmp_path / "var/lib/einvoiced/beside-journal.json").write_text('{"journal":"abc","running":false}')
    for file in ("var/lib/einvoiced-2026/journal.db", "etc/einvoiced/einvoiced.toml", "var/cache/einvoiced/x"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    return tmp_path


def test_purge_deletes_the_named_journal_and_no_copy_beside_it(left: Path) -> None:
    """Not named, or by another name, journal and configuration stay; named they go, and nothing else does."""
    assert "delete-abc" in purge(left)
    assert "KEPT" in purge(left, EINVOICED_PURGE_JOURNAL="delete-ab")
    assert (left / "var/lib/einvoiced/journal").is_dir()
    assert (left / "etc/einvoiced/einvoiced.toml").exists()
    assert "abc" in purge(left, EINVOICED_PURGE_JOURNAL="delete-abc")
    assert [path.name for path in (left / "var/lib").iterdir()] == ["einvoiced-2026"]
    assert (left / "var/lib/einvoiced-2026/journal.db").exists()
    assert not (left / "etc/einvoiced").exists()


def test_purge_keeps_what_belongs_to_a_journal_on_a_disk_that_is_away(left: Path) -> None:
    """The journal's folder leads to a disk that is not mounted: its configuration and the file beside it stay."""
    (left / "var/lib/einvoiced/journal").rmdir()
    (left / "var/lib/einvoiced/journal").symlink_to(left / "mnt/journal")
    assert "KEPT" in purge(left)
    assert (left / "var/lib/einvoiced/beside-journal.json").exists()
    assert (left / "etc/einvoiced/einvoiced.toml").exists()
