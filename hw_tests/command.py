"""The command line of hw-tests. Exit codes: 0 nothing failed, 1 something failed, 2 wrong use, 130 stopped by hand."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from einvoiced.client import BoxError, BoxUnreachable, Client, new_key
from einvoiced.rules.period import TAIPEI
from hw_tests import report
from hw_tests.bench import Bench, Outcome, Skip, open_bench
from hw_tests.person import Terminal
from hw_tests.report import Report, Result

TESTS = {
    "clock": ("hw_tests.clock", "Who vouches for the clock: NTP, a hardware clock and its battery."),
    "power": ("hw_tests.power", "The supply under load: under-voltage, heat, unclean stops."),
    "disk": ("hw_tests.disk", "The journal's disk: file system, room, how long a sync takes."),
    "journal": ("hw_tests.soak", "A throw-away journal: issue, kill, start again, check that nothing is lost."),
    "printer": ("hw_tests.printer", "The printer: status, ruler, bars, a 測試 proof, speed, paper out, cover."),
    "lamps": ("hw_tests.lamps", "The lamps: every pattern in turn."),
    "stick": ("hw_tests.stick", "A USB stick: plugged in, read, pulled out."),
    "socket": ("hw_tests.till_socket", "The till's socket, as the till's user. Starts a stopped box."),
}
"""In the order in which they run; the socket comes last because asking it starts a box that systemd has stopped."""

STOPPED = "stopped by hand (Ctrl-C)"
INTERRUPTED = 130

STEPS = ("arm", "verdict")
"""Second words of `hw-tests disk`: a test in two steps, with the plug pulled between them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen tests and tell; returns the exit code."""
    options = _options(arguments)
    if options.list:
        print("\n".join(f"{name:<10}{report.NAMES_ZH[name]}  {doc}" for name, (_, doc) in TESTS.items()))
        return 0
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    bench = open_bench(options.config, options.state, options.run)
    bench.users = tuple(options.user)
    if not options.yes and sys.stdin.isatty():
        bench.person = Terminal()
    if not options.json:
        bench.say = lambda text: print("\n".join(f"         {line}" for line in text.splitlines()), flush=True)
    begun = datetime.now(TAIPEI)
    results = list(_results(options, bench))
    done = report.make_report(bench, begun, datetime.now(TAIPEI), results)
    _tell(options, bench, done)
    if done.verdict == "fail":
        return 1
    return INTERRUPTED if results and results[-1].reason == STOPPED else 0


def _results(options: argparse.Namespace, bench: Bench) -> list[Result]:
    """Every test of every round, told as it comes; Ctrl-C ends them all, and what was found until then is kept."""
    results = []
    for number in range(1, options.rounds + 1):
        for name, run in _chosen(options):
            result = msgspec.structs.replace(_run(name, run, bench), round=number)
            results.append(result)
            if not options.json:
                print("\n".join(report.lines_of(result)), flush=True)
            if result.reason == STOPPED:
                return results
    return results


def _chosen(options: argparse.Namespace) -> list[tuple[str, Callable[[Bench], Outcome]]]:
    """The tests that were asked for, or the one step of the disk's."""
    if options.step is not None:
        from hw_tests import disk_cut

        step = {"arm": disk_cut.arm, "verdict": lambda bench: disk_cut.verdict(bench, _seen(options, bench))}
        return [("disk", step[options.step])]
    return [(name, _runner(TESTS[name][0])) for name in options.tests or TESTS]


def _runner(module: str) -> Callable[[Bench], Outcome]:
    return lambda bench: importlib.import_module(module).run(bench)


def _seen(options: argparse.Namespace, bench: Bench) -> int | None:
    """The last number on the screen before the plug was pulled, as the person says it."""
    if options.seen is not None or not bench.attended:
        return int(options.seen) if options.seen is not None else None
    print("The last number on the screen (Enter: unknown)? 螢幕上最後的數字？ ", end="", file=sys.stderr, flush=True)
    said = sys.stdin.readline().strip()
    return int(said) if said.isdecimal() else None


def _run(name: str, run: Callable[[Bench], Outcome], bench: Bench) -> Result:
    begin = time.monotonic()
    try:
        outcome = run(bench)
    except Skip as skip:
        outcome = Outcome("skipped", str(skip))
    except KeyboardInterrupt:
        outcome = Outcome("skipped", STOPPED)
    except Exception as error:
        logging.getLogger("hw_tests").exception("the test %s itself failed", name)
        outcome = Outcome("fail", f"the test itself failed: {type(error).__name__}: {error}")
    return Result(name, outcome.verdict, outcome.reason, outcome.figures, round(time.monotonic() - begin, 2))


# -- telling


def _tell(options: argparse.Namespace, bench: Bench, done: Report) -> None:
    """The report as JSON, in a file, on a slip."""
    text = json.dumps(msgspec.to_builtins(done), ensure_ascii=False, indent=2)
    if options.json:
        print(text)
    if options.report is not None:
        try:
            options.report.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            print(f"no report in {options.report}: {error.strerror}", file=sys.stderr)
    if options.slip:
        why = print_slip(bench, done)
        if why is not None:
            print(f"no slip: {why}", file=sys.stderr)


def print_slip(bench: Bench, done: Report) -> str | None:
    """Print the report, by the running box or by ourselves; why not, or None."""
    lines = report.slip_lines(done)
    try:
        running = bench.daemon() is not None
    except PermissionError:
        running = True
    if not running:
        return _print_ourselves(bench, lines)
    try:
        with Client(str(bench.run / "admin.sock")) as box:
            box.call("slip.print", key=new_key(), lines=lines, if_unprintable="queue")
    except (BoxUnreachable, BoxError) as error:
        return str(error)
    return None


def _print_ourselves(bench: Bench, lines: list[dict[str, object]]) -> str | None:
    from einvoiced import parts
    from einvoiced.errors import EinvoicedError
    from einvoiced.keepers.slip_lines import to_document
    from einvoiced.proof.render import render
    from einvoiced.rpc.paper_methods import SlipLine

    profile = parts.profile(bench.config.printer, bench.config_file)
    transport = parts.printer(bench.config.printer, profile)
    if transport is None:
        return "no printer is configured"
    try:
        strip = render(to_document(msgspec.convert(lines, list[SlipLine]), profile.dots), profile)
        transport.open()
        transport.write(strip, 5.0 + len(strip) / 600)
    except (OSError, EinvoicedError) as error:
        return str(error)
    finally:
        transport.close()
    return None


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="hw-tests", description="Test the pieces of the box, one by one or all.")
    parser.add_argument("tests", nargs="*", metavar="NAME", help="which tests (default: all), or: disk arm|verdict")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    parser.add_argument("--yes", action="store_true", help="ask nothing; what a person must see is shown all the same")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON to a file")
    parser.add_argument("--slip", action="store_true", help="print the report on a slip")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="run everything N times: a burn-in")
    parser.add_argument("--seen", type=int, metavar="NUMBER", help="disk verdict: the last number on the screen")
    parser.add_argument("--user", action="append", default=[], metavar="NAME", help="socket: as this user (with root)")
    parser.add_argument("--config", type=Path, default=Path("/etc/einvoiced/einvoiced.toml"), help="the TOML file")
    state = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/einvoiced"))
    parser.add_argument("--state", type=Path, default=state, help="where the box's journal lives")
    parser.add_argument("--run", type=Path, default=Path("/run/einvoice"), help="where the sockets are")
    return parser


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked: which tests, or which step of the disk's."""
    known = parser()
    options = known.parse_args(arguments)
    options.step = None
    if options.tests[:1] == ["disk"] and options.tests[1:] and options.tests[1] in STEPS:
        options.step, options.tests = options.tests[1], options.tests[2:]
        if options.tests:
            known.error("a step of the disk's test stands alone")
    unknown = [name for name in options.tests if name not in TESTS]
    if unknown:
        known.error(f"there is no test {', '.join(unknown)}; there are: {', '.join(TESTS)}")
    if options.rounds < 1:
        known.error("--rounds must be 1 or more")
    if options.report is not None:
        try:
            options.report.open("a").close()  # before hours of tests, not after them
        except OSError as error:
            known.error(f"--report {options.report}: {error.strerror}")
    return options
