"""The package before this one: of the last tag, else of the first commit that had one, as a lower version."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.box import needs

ROOT = Path(__file__).parents[2]


def build() -> Path:
    """The older .deb, from the cache or made now; NotRun when there is no older state to be had."""
    commit, tagged = _older()
    kept = needs.cache() / f"previous-{commit[:16]}.deb"
    if kept.exists():
        return kept
    print(f"building the package of {commit[:12]}, to be upgraded from", flush=True)
    with tempfile.TemporaryDirectory(prefix=".previous-", dir=needs.cache()) as name:
        folder = Path(name)
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
        wheels = ROOT / "build" / "wheels"
        if wheels.is_dir():
            shutil.copytree(wheels, folder / "build" / "wheels")
        version = {} if tagged else {"VERSION": f"{_version()}~earlier"}
        done = subprocess.run(
            ["tools/deb.sh"], cwd=folder, env={**os.environ, **version}, capture_output=True, text=True
        )
        found = sorted((folder / "build" / "deb").glob("einvoiced_*_amd64.deb"))
        if done.returncode or not found:
            raise needs.NotRun(f"the package of {commit[:12]} cannot be built: {(done.stderr or done.stdout)[-500:]}")
        for old in needs.cache().glob("previous-*.deb"):
            old.unlink()
        shutil.move(found[0], kept)
    return kept


def _older() -> tuple[str, bool]:
    """A commit, and whether a tag says that it was a release."""
    tag = _git("describe", "--tags", "--abbrev=0", "HEAD")
    if tag and _has_package(tag):
        return _git("rev-parse", f"{tag}^{{commit}}"), True
    first = _git("log", "--diff-filter=A", "--format=%H", "--", "debian/rules").split()
    if not first:
        raise needs.NotRun("no earlier commit has a package: there is nothing to upgrade from")
    return first[-1], False


def _has_package(commit: str) -> bool:
    return bool(_git("rev-parse", "--verify", "--quiet", f"{commit}:debian/rules"))


def _version() -> str:
    line = (ROOT / "debian" / "changelog").read_text().splitlines()[0]
    return line.partition("(")[2].partition(")")[0]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if not done.returncode else ""
