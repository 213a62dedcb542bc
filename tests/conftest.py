"""Fixtures of all tests: folders that keep what they sync, boxes that are put away and tell their log on failure."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.boxes import RANGE, Desk, fresh_folder
from tools.virtualbox import VirtualBox

BOXES = pytest.StashKey[list[VirtualBox]]()

hypothesis.settings.register_profile("box", deadline=None)  # a busy machine is no finding
hypothesis.settings.load_profile("box")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the logs of a failed test's boxes with its failure."""
    report = yield
    if report.failed:
        for node in (item, item.getparent(pytest.Module)):
            for box in node.stash.get(BOXES, []) if node is not None else []:
                if (box.folder / "log").exists():
                    report.sections.append((f"log of {box.folder.name}", box.log()[-10_000:]))
    return report


def boxes_of(node: pytest.Item | pytest.Collector) -> Iterator[Callable[..., VirtualBox]]:
    """Gives a function that makes boxes, and puts them away in the end: for fixtures of any scope."""
    kept = node.stash.setdefault(BOXES, [])
    with ExitStack() as stack:

        def make(**options: dict[str, Any]) -> VirtualBox:
            folder = fresh_folder("box")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            box = stack.enter_context(VirtualBox(folder, **options))
            kept.append(box)
            return box

        yield make


@pytest.fixture
def make_box(request: pytest.FixtureRequest) -> Iterator[Callable[..., VirtualBox]]:
    """Makes boxes that are not started; options replace sections of their configuration."""
    yield from boxes_of(request.node)


def _started(box: VirtualBox) -> VirtualBox:
    box.start()
    box.take_tracks(RANGE)
    return box


@pytest.fixture
def box(make_box: Callable[..., VirtualBox]) -> VirtualBox:
    """A running box of its own, with the numbers of a track file."""
    return _started(make_box())


@pytest.fixture(scope="module")
def shared_box(request: pytest.FixtureRequest) -> Iterator[VirtualBox]:
    """Like `box`, one for all tests of a module: for tests that leave it as it was, or do not care."""
    for make in boxes_of(request.node):
        yield _started(make())


@pytest.fixture
def durable() -> Iterator[Path]:
    """An empty folder where a journal may live."""
    folder = fresh_folder("durable")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def desk(durable: Path) -> Iterator[Desk]:
    """A journal with a shop on it, without any number."""
    desk = Desk(durable)
    yield desk
    desk.close()
