"""Questions: how long they take with a million invoices, and what building their tables does to a till."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from einvoiced.client import BoxError, Client
from einvoiced.readmodel import tables
from tests.bench import loader, rig

INVOICES = 1_000_000
ASKED = 1500

SPREAD = f"""
UPDATE invoices SET
    place = ((739946 + entry % 1461) << 40) | entry,
    day = date('2026-12-01', (entry % 1461) || ' days'),
    total_amount = 1 + (entry * 7919) % 20000,
    buyer = iif(entry % 5 = 0, printf('%08d', (entry * 104729) % 40000), NULL),
    carrier_id = iif(entry % 3 = 0, printf('/%07d', (entry * 15485863) % 200000), NULL),
    order_no = printf('S%d', entry),
    state = iif(entry % 97 = 0, 'cancelled', 'issued'),
    upload = CASE entry % 1000 WHEN 0 THEN 'refused' WHEN 1 THEN 'unknown' ELSE iif(entry > {INVOICES} - 3000,
        'waiting', 'accepted') END
"""
"""The loader's invoices are all alike; here they get four years of days, totals, buyers and carriers of their own."""


def questions(folder: Path) -> dict[str, float]:
    """`invoice.find` over the admin socket: every indexed question in turn, each with its catching up."""
    loader.load(folder / "grown", INVOICES)
    found = {}
    with rig.daemon(folder / "grown") as box:
        box.load(1, 300)
        idle = statistics.median(box.load(1, 400).p50 for _ in range(3))
        begin = time.monotonic()
        with Client(box.path.replace("till.sock", "admin.sock"), timeout=60) as admin:
            _ask_once(admin)
            meanwhile = []
            while _building(admin):
                meanwhile.append(box.load(1, 200).p50)
            found["find_tables_seconds_with_1_million_invoices"] = time.monotonic() - begin
            found["idle_p50_ms_with_1_million_invoices"] = idle
            found["p50_while_find_tables_are_built_over_idle"] = statistics.median(meanwhile or [idle]) / idle
            found |= _snapshot(admin, lambda: box.load(1, 200).p50, idle)
    with closing(sqlite3.connect(folder / "grown" / "state" / "find.db")) as db:
        for name in re.findall(r"IF NOT EXISTS (\w+)", tables.INDEXES):
            db.execute(f"DROP INDEX {name}")
        db.execute(SPREAD)
        db.commit()
        db.executescript(tables.INDEXES)
    size = (folder / "grown" / "state" / "find.db").stat().st_size
    found["find_tables_mib_with_1_million_invoices"] = size / (1 << 20)
    with rig.daemon(folder / "grown") as box, Client(box.path.replace("till.sock", "admin.sock"), timeout=60) as admin:
        found |= _asked(admin, lambda: box.load(1, 1))
    shutil.rmtree(folder / "grown", ignore_errors=True)
    return found


def _asked(admin: Client, issue: Callable[[], Any]) -> dict[str, float]:
    """Seconds of questions of every kind in turn; now and then an invoice is issued between two."""
    _ask_once(admin)
    while _building(admin):  # what was issued since the tables were last asked
        time.sleep(0.1)
    took: dict[str, list[float]] = {}
    pages = _kinds(random.Random(1))
    for n in range(ASKED):
        name, params = next(pages)
        if n % 50 == 0:
            issue()
        begin = time.perf_counter()
        admin.call("invoice.find", **params)
        took.setdefault(name, []).append((time.perf_counter() - begin) * 1000)
    everything = sorted(each for kind in took.values() for each in kind)
    slowest = max(took, key=lambda name: statistics.median(took[name]))
    return {
        "find_p50_ms_with_1_million_invoices": statistics.median(everything),
        "find_p99_ms_with_1_million_invoices": everything[len(everything) * 99 // 100],
        f"find_p50_ms_of_the_slowest_kind_{slowest.replace(' ', '_')}": statistics.median(took[slowest]),
    }


def _snapshot(admin: Client, issue: Callable[[], float], idle: float) -> dict[str, float]:
    """A snapshot of everything, and what it does to a till meanwhile."""
    begin, meanwhile = time.monotonic(), []
    made = admin.call("report.snapshot")
    while made["state"] == "building":
        meanwhile.append(issue())
        made = admin.call("report.snapshot", snapshot=made["snapshot"])
    if made["state"] != "ready":
        raise RuntimeError(made["detail"])
    return {
        "snapshot_seconds_with_1_million_invoices": time.monotonic() - begin,
        "snapshot_mib_with_1_million_invoices": made["size"] / (1 << 20),
        "p50_while_a_snapshot_is_made_over_idle": statistics.median(meanwhile or [idle]) / idle,
    }


def _kinds(rng: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    while True:
        n, day = rng.randrange(INVOICES), f"{rng.randrange(2027, 2030)}-{rng.randrange(1, 13):02d}-10"
        yield "order", {"order_no": f"S{n}"}
        yield "amount", {"amount": n % 20000}
        yield "amounts", {"amount_from": n % 20000, "amount_to": n % 20000 + 100}
        yield "few amounts", {"amount_from": n % 20000, "amount_to": n % 20000 + 5}
        yield "day", {"date_from": day, "date_to": day}
        yield "buyer", {"buyer": f"{n % 40000:08d}"}
        yield "buyer and period", {"buyer": f"{n % 40000 // 5 * 5:08d}", "year_month": "11702"}
        yield "carrier", {"carrier": f"/{n % 200000:07d}"}
        yield "carrier and amount", {"carrier": f"/{n % 200000:07d}", "amount": n % 20000}
        yield "cancelled", {"state": "cancelled", "cursor": str((740000 + n % 1400) << 40)}
        yield "refused", {"upload": "refused"}
        yield "waiting", {"upload": "waiting", "amount_from": 100}
        yield "page", {"cursor": str((740000 + n % 1400) << 40 | n)}


def _building(admin: Client) -> bool:
    try:
        admin.call("invoice.find", order_no="none")
    except BoxError as error:
        if error.name != "answers_building":
            raise
        return True
    return False


def _ask_once(admin: Client) -> None:
    """Until the first answer or word of the building."""
    _building(admin)
