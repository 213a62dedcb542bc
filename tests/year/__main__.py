"""`make year`: six periods of a shop; prints the figures and writes build/year.json."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from einvoiced.rules.period import Period
from tests.boxes import Desk, fresh_folder
from tests.year import check
from tests.year.shop import Shop

TRACKS = ("AB", "CD", "EF", "GH", "JK", "LM")
FIRST = Period.of(date(2026, 3, 1))
"""The clock of a new desk stands in the period before."""
MUST_BE_ZERO = (
    "numbers_in_no_place",
    "numbers_in_two_places",
    "numbers_unused_not_reported",
    "numbers_in_doubt_that_no_fault_explains",
    "uploads_not_accepted",
    "sums_that_differ",
    "invoices_that_differ",
    "unused_runs_that_differ",
    "invoices_accepted_twice",
)


def live(periods: int, per_day: int, seed: int, *, step: int = 1) -> dict[str, float]:
    """Live so many periods, every `step`-th day, and the weeks after them in which the last is reported."""
    logging.getLogger("einvoiced.followers").setLevel(logging.CRITICAL)  # what the platform does wrong is not news here
    folder = fresh_folder("year")
    memory = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="einvoiced-year-", dir=memory) as spool:
        desk = Desk(folder)
        try:
            shop = Shop(desk, Path(spool) / "spool", seed=seed, per_day=per_day)
            _live(shop, periods, step)
            return check.figures(shop)
        finally:
            desk.close()
            shutil.rmtree(folder, ignore_errors=True)


def _live(shop: Shop, periods: int, step: int) -> None:
    day = FIRST.begins.date()
    shop.at(day, 1)
    last = Period(FIRST.index + periods).begins.date()
    while day < last:
        period = Period.of(day)
        number = period.index - FIRST.index
        if day == period.begins.date():
            _begin(shop, period, number, step)
        if number == 2:  # nobody noticed for long: the report of the period before comes too late
            _synchronised(shop, day > period.begins.date() + timedelta(days=12))
        shop.night(day)
        shop.day(day)
        if (number, day.day) == (3, 20) and day.month == period.first_month:
            shop.restore()
        day += timedelta(days=step)
    for later in range(16):
        _synchronised(shop, periods > 1 or later > 12)
        shop.night(day)
        shop.at(day, 12)
        shop.accountant(day)
        shop.at(day, 13)
        shop.carry()
        day += timedelta(days=1)


def _synchronised(shop: Shop, whether: bool) -> None:
    """Without it the hardware clock still vouches for invoices, but no period is closed."""
    shop.desk.clock.say_synchronised(whether)
    shop.desk.box.rtc_agrees = True


def _begin(shop: Shop, period: Period, number: int, step: int) -> None:
    """Numbers for the period: somewhat more than it will need."""
    days = 62 // step
    booklets = int(days * shop.per_day * 1.1) // 50 + 4
    shop.take_numbers(period, TRACKS[number % len(TRACKS)], booklets)
    if number == 1:
        shop.reserve(period, TRACKS[number], 1)


def main() -> int:
    """Exit code 1 when something that must not be is."""
    parser = argparse.ArgumentParser(prog="make year", description=__doc__)
    parser.add_argument("--per-day", type=int, default=75, help="sales a day")
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    begin = time.monotonic()
    found = live(6, options.per_day, options.seed)
    found["seconds"] = round(time.monotonic() - begin, 1)
    for name, value in found.items():
        bad = "   MUST BE 0" if name in MUST_BE_ZERO and value else ""
        print(f"{name:<60}{value:>12,.1f}{bad}")
    target = Path("build") / "year.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written to {target}")
    return int(any(found[name] for name in MUST_BE_ZERO))


if __name__ == "__main__":
    sys.exit(main())
