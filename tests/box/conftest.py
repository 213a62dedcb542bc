"""Fixtures of the virtual box. Its tests are collected by `make box` only: they need root, QEMU and minutes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box.counter import Counter
from tests.box.stages import Stages

PACKAGE = os.environ.get("EINVOICED_BOX_PACKAGE", "")
"""The package under test; `python -m tests.box` sets it."""

collect_ignore_glob = [] if PACKAGE else ["test_*.py"]
FIGURES = pytest.StashKey[dict[str, float]]()


def pytest_configure(config: pytest.Config) -> None:
    """One table of figures for the run."""
    config.stash[FIGURES] = {}


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> dict[str, float]:
    """What the run measures: flat, for build/box.json."""
    return pytestconfig.stash[FIGURES]


@pytest.fixture(scope="session")
def stages(figures: dict[str, float]) -> Stages:
    """The frozen boxes of the package under test."""
    stages = Stages(Path(PACKAGE))
    stages.figures = figures
    return stages


def _counter(stages: Stages) -> Iterator[Counter]:
    with Counter(stages.image) as counter:
        counter.thaw(stages.configured())
        counter.take_tracks()
        yield counter


@pytest.fixture
def counter(stages: Stages) -> Iterator[Counter]:
    """A running box of its own, configured, with a printer and numbers."""
    yield from _counter(stages)


@pytest.fixture(scope="module")
def shared_counter(stages: Stages) -> Iterator[Counter]:
    """Like `counter`, one for the tests of a module that leave it working."""
    yield from _counter(stages)


@pytest.fixture
def off(stages: Stages) -> Iterator[Counter]:
    """A counter whose box is off."""
    with Counter(stages.image) as counter:
        yield counter
