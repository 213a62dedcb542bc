"""`make box`: the installed package in a virtual machine; a table, and build/box.json. `make box-power`: power cuts.

Ends with 1 when a promise was broken, with 77 and "NOT RUN: why" where it could not be tried.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.box import needs

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SECONDS_A_CASE = 3600
"""All power cuts are one case."""


class Table:
    """A line a case, as they end; what failed is told at once."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.config: pytest.Config | None = None
        self.seconds = 0.0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what each case promises."""
        self.config = session.config
        self.promises = {
            item.nodeid: f"{item.name.removeprefix('test_')}: {(item.obj.__doc__ or '').splitlines()[0]}"
            for item in session.items
            if isinstance(item, pytest.Function)
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a case ended; its time counts from the start of its box."""
        self.seconds = report.duration + (self.seconds if report.when != "setup" else 0.0)
        failed = report.outcome == "failed"
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = "FAILED" if failed else report.outcome
            seconds = f"{self.seconds:6.1f} s"
            print(f"{self.outcomes[report.nodeid]:8}{seconds}  {self.promises[report.nodeid]}", flush=True)
        if failed or report.skipped:
            print(report.longreprtext, *(text for _, text in report.sections), sep="\n", flush=True)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported."""
        if report.failed:
            self.outcomes[report.nodeid] = "FAILED"
            print(report.longreprtext, flush=True)

    def count(self, outcome: str) -> int:
        """How many cases ended so."""
        return sum(found == outcome for found in self.outcomes.values())


def main() -> int:
    """Run it; the exit code."""
    options = _options()
    begin = time.monotonic()
    try:
        needs.check()
        package = options.package or _newest()
    except needs.NotRun as why:
        print(f"{options.name}: NOT RUN: {why}")
        return needs.NOT_RUN
    accelerator, reason = needs.accelerator()
    print(f"{package.name} in a virtual box, by {accelerator.upper()} ({reason})", flush=True)
    os.environ["EINVOICED_BOX_PACKAGE"] = str(package.resolve())
    os.environ["EINVOICED_BOX_CUTS"] = str(options.cuts)
    table = Table()
    with needs.alone():
        return _finish(options.name, table, _run(options, table), begin)


def _run(options: argparse.Namespace, table: Table) -> str:
    """Run the cases; why they could not be run, or ""."""
    from tests.box.stages import Stages

    try:
        Stages(Path(os.environ["EINVOICED_BOX_PACKAGE"]))  # the image: what it lacks is no fault of a case
    except needs.NotRun as why:
        return str(why)
    where = [str(HERE / "test_box_power.py")] if options.name == "box-power" else [str(HERE)]
    chosen = ["-k", options.choose] if options.choose else []
    ours = ["-s", "-p", "no:terminal", "-o", "addopts=--strict-markers"]  # and not two at a time, as the others are
    ours += ["-o", f"timeout={SECONDS_A_CASE}"]
    pytest.main([*ours, *where, *chosen], plugins=[table])
    return ""


def _finish(name: str, table: Table, not_run: str, begin: float) -> int:
    from tests.box.conftest import FIGURES

    if not_run:
        print(f"{name}: NOT RUN: {not_run}")
        return needs.NOT_RUN
    figures: dict[str, float] = table.config.stash[FIGURES] if table.config is not None else {}
    figures["cases"], figures["cases_failed"] = len(table.outcomes), table.count("FAILED")
    figures["seconds"] = round(time.monotonic() - begin)
    for figure, value in figures.items():
        print(f"  {figure:<44}{value:>10,}")
    target = ROOT / "build" / f"{name}.json"
    target.write_text(json.dumps(figures, indent=1) + "\n")
    good = table.outcomes and not table.count("FAILED")
    print(f"{'all promises kept' if good else 'PROMISES BROKEN'}; {target.relative_to(ROOT)}")
    return 0 if good else 1


def _newest() -> Path:
    from tests.box.stages import newest_package

    return newest_package()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.box", description=__doc__)
    parser.add_argument("--name", default="box", choices=("box", "box-power"), help="what is run and written")
    parser.add_argument("--package", type=Path, help="a .deb; otherwise the last one that `make deb` built")
    parser.add_argument("--cuts", type=int, default=5, help="power cuts under load")
    parser.add_argument("-k", dest="choose", default="", help="only cases whose names fit (pytest's -k)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
