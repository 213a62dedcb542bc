"""`make bench`: every figure against its baseline in the same run; prints a table, writes build/bench.json."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import ask_figures, figures, paper_figures, upload_figures
from tools.virtualbox import durable_folder

SECTIONS: dict[str, Callable[[Path], dict[str, float]]] = {
    "latency": figures.latency,
    "throughput": figures.throughput,
    "slow-disk": figures.slow_disk,
    "writes": figures.writes,
    "paper": paper_figures.paper,
    "start": figures.start,
    "stick": figures.stick,
    "long-work": figures.long_work,
    "uploads": upload_figures.uploads,
    "million": figures.million,
    "questions": ask_figures.questions,
    "context": figures.context,
}
MUST = {
    "1 client p50 over floor": ("<=", 1.5),
    "syncs a commit outside checkpoints": ("<=", 1.0),
    "syncs a commit overall": ("<=", 1.05),
    "64 clients rate over floor": (">=", 1.5),
    "64 clients syncs an invoice": ("<=", 0.1),
    "10 ms syncs 64 clients rate over floor": (">=", 20.0),
    "request to first byte beyond syncs p50 3 items ms": ("<=", 20.0),
    "request to first byte beyond syncs p50 60 items ms": ("<=", 60.0),
    "request to first byte beyond syncs p50 60 items, buyer ms": ("<=", 60.0),
    "rendering p50 3 items ms": ("<=", 12.0),
    "bytes on the wire of a B2C proof": ("<=", 14_000),
    "bytes on the wire of a B2B proof over 14 kB + 2 kB an item": ("<=", 1.0),
    "print time over bytes / line rate": ("<=", 1.1),
    "serial printer at 9,600 baud found": (">=", 1),
    "technician told of 9,600 baud": (">=", 1),
    "1,000 strips resident MiB grown over the last 800": ("<=", 4.0),
    "1,000 strips temporary files grown over the last 800": ("<=", 0),
    "1,000 strips descriptors grown over the last 800": ("<=", 0),
    "1,000 strips proofs still waiting": ("<=", 0),
    "start to ready s": ("<=", 1.0),
    "stick in to slip printed s": ("<=", 1.0),
    "10,000 ranges s": ("<=", 0.5),
    "hostile stick CPU s": ("<=", 3.0),
    "hostile stick MiB": ("<=", 20.0),
    "all good stick CPU s": ("<=", 3.0),
    "all good stick MiB": ("<=", 20.0),
    "resident MiB after 1000 printed": ("<=", 64.0),
    "p50 while long work runs over idle": ("<=", 3.0),
    "p50 with 1 million over empty": ("<=", 1.2),
    "find_p99_ms_with_1_million_invoices": ("<=", 20.0),
    "p50_while_find_tables_are_built_over_idle": ("<=", 3.0),
    "p50_while_a_snapshot_is_made_over_idle": ("<=", 3.0),
    "p50 with 10 million over empty": ("<=", 1.4),
    "start to ready with 10 million over empty": ("<=", 1.5),
    "duplicates": ("<=", 0),
    "ten_thousand_invoices_to_files_seconds": ("<=", 20.0),
    "ten_thousand_invoices_files": (">=", 10_000),
    "turnkey_resident_mib_grown_after_the_first_thousand": ("<=", 4.0),
    "daemon_resident_mib_grown_after_the_first_thousand": ("<=", 4.0),
}


def main() -> int:
    """Run the chosen sections."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--name", default="bench", help="build/NAME.json")
    parser.add_argument("--big", action="store_true", help="ten million invoices instead of one")
    options = parser.parse_args()
    base = durable_folder(Path("build") / f"rig-{options.name}")
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    sections = {"ten-million": figures.ten_million} if options.big else SECTIONS
    found: dict[str, float] = {}
    for name, section in sections.items():
        if options.sections and name not in options.sections:
            continue
        begin = time.monotonic()
        fresh = section(base / name)
        shutil.rmtree(base / name, ignore_errors=True)
        found |= fresh
        print(f"-- {name} ({time.monotonic() - begin:.0f} s)", flush=True)
        for figure, value in fresh.items():
            print(_row(figure, value), flush=True)
    target = Path("build") / f"{options.name}.json"
    kept = json.loads(target.read_text()) if target.exists() and options.sections else {}
    target.write_text(json.dumps({**kept, **{k: round(v, 4) for k, v in found.items()}}, indent=1) + "\n")
    print(f"written to {target}")
    return 0


def _row(figure: str, value: float) -> str:
    sign, bound = MUST.get(figure, ("", 0.0))
    if not sign:
        return f"{figure:<52}{value:>12.3f}"
    reached = value <= bound if sign == "<=" else value >= bound
    return f"{figure:<52}{value:>12.3f}   must be {sign} {bound:g}: {'reached' if reached else 'NOT REACHED'}"


if __name__ == "__main__":
    assert statistics
    sys.exit(main())
