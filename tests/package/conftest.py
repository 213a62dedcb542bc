"""Fixtures of the package's tests: the .deb that `make deb` built, variants of it, one booted container."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.boxes import ROOT
from tests.package import nspawn

WORK = ROOT / "build" / "deb-test"

SUITE = os.environ.get("EINVOICED_DEB_TEST")
"""Which Debian's package is tested: bookworm, trixie."""

if SUITE is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def deb() -> Path:
    """The package for this machine."""
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    every = (ROOT / "build" / "deb").glob(f"einvoiced_[0-9]*_{arch}.deb")
    found = [path for path in every if ("+deb13" in path.name) == (SUITE == "trixie")]
    assert found, "run make deb first"
    found.sort(key=lambda path: path.stat().st_mtime)
    return found[-1]


@pytest.fixture(scope="session")
def variant(deb: Path) -> Callable[[str, int | None], Path]:
    """The same package with another version, and perhaps another journal format that it can read."""

    def make(version: str, schema: int | None = None) -> Path:
        tree = WORK / "variant"
        shutil.rmtree(tree, ignore_errors=True)
        subprocess.run(["dpkg-deb", "-R", str(deb), str(tree)], check=True)
        control, preinst = tree / "DEBIAN/control", tree / "DEBIAN/preinst"
        control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
        if schema is not None:
            preinst.write_text(re.sub(r"(?m)^SCHEMA=\d+$", f"SCHEMA={schema}", preinst.read_text()))
        made = WORK / f"einvoiced_{version}_all.deb"
        subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", str(tree), str(made)], check=True)
        return made

    return make


@pytest.fixture(scope="module")
def machine() -> Iterator[nspawn.Container]:
    """A booted Debian without the package."""
    if (why := nspawn.why_not()) is not None:
        pytest.skip(f"not run: {why}")
    container = nspawn.Container(WORK / "root", nspawn.base(WORK, SUITE or "bookworm"))
    yield container
    container.kill()
    shutil.rmtree(container.root, ignore_errors=True)
