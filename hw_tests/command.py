"""The command line of hw-tests. Exit codes: 0 nothing failed, 1 something failed, 2 wrong use."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import einvoiced
from hw_tests.bench import Bench, Figure, Outcome, Skip, open_bench

TESTS = {
    "clock": ("hw_tests.clock", "Who vouches for the clock: the kernel's synchronisation, a hardware clock."),
    "disk": ("hw_tests.disk", "The journal's disk: file system, room, how long a sync takes."),
    "journal": ("hw_tests.soak", "A throw-away journal: issue, kill, start again, check that nothing is lost."),
    "printer": (
        "hw_tests.printer",
        "The printer: status, a ruler with bars, a 測試 proof. Needs a stopped box.",
    ),
    "lamps": ("hw_tests.lamps", "The lamps: every pattern in turn. Needs a stopped box."),
    "socket": ("hw_tests.till_socket", "The till's socket, as the user who runs this. Starts a stopped box."),
}
"""In the order in which they run; the socket comes last because asking it starts a box that systemd has stopped."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen tests and tell; returns the exit code."""
    options = _options(arguments)
    if options.list:
        print("\n".join(f"{name:<10}{doc}" for name, (_, doc) in TESTS.items()))
        return 0
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    bench = open_bench(options.config, options.state, options.run)
    if not options.yes and sys.stdin.isatty():
        bench.ask = _ask
    if not options.json:
        bench.say = lambda text: print(f"         {text}", flush=True)
    results = [_run(name, bench, options.json) for name in options.tests or TESTS]
    if options.json:
        print(json.dumps({"version": einvoiced.__version__, "results": results}, ensure_ascii=False, indent=2))
    return 1 if any(result["verdict"] == "fail" for result in results) else 0


def _run(name: str, bench: Bench, quiet: bool) -> dict[str, object]:
    begin = time.monotonic()
    try:
        outcome: Outcome = importlib.import_module(TESTS[name][0]).run(bench)
    except Skip as skip:
        outcome = Outcome("skipped", str(skip))
    except Exception as error:
        logging.getLogger("hw_tests").exception("the test %s itself failed", name)
        outcome = Outcome("fail", f"the test itself failed: {type(error).__name__}: {error}")
    seconds = round(time.monotonic() - begin, 2)
    if not quiet:
        print(f"{outcome.verdict:<9}{name:<9}{outcome.reason}", flush=True)
        if outcome.figures:
            print(f"{'':<18}{_figures(outcome.figures)}", flush=True)
    return {
        "name": name,
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "figures": outcome.figures,
        "seconds": seconds,
    }


def _figures(figures: dict[str, Figure]) -> str:
    return "  ".join(f"{name}={value}" for name, value in figures.items())


def _ask(english: str, chinese: str) -> bool:
    """Put a question on stderr, so that stdout stays what `--json` promises; only y or n is an answer."""
    while True:
        print(f"{english}\n{chinese} [y/n] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer or answer.strip().lower() in ("n", "no"):
            return False
        if answer.strip().lower() in ("y", "yes"):
            return True


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hw-tests", description="Test the pieces of the box, one by one or all.")
    parser.add_argument("tests", nargs="*", metavar="NAME", help="which tests (default: all); see --list")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    parser.add_argument("--yes", action="store_true", help="ask nothing; what a person must see is shown all the same")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--config", type=Path, default=Path("/etc/einvoiced/einvoiced.toml"), help="the TOML file")
    state = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/einvoiced"))
    parser.add_argument("--state", type=Path, default=state, help="where the box's journal lives")
    parser.add_argument("--run", type=Path, default=Path("/run/einvoice"), help="where the sockets are")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.tests if name not in TESTS]
    if unknown:
        parser.error(f"there is no test {', '.join(unknown)}; there are: {', '.join(TESTS)}")
    return options
