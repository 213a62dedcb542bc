"""What must be true at the end: every number of every range in one place, the platform's books equal to ours."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

from einvoiced.journal import entries
from tests.year.shop import Shop

PLACES = ("issued", "cancelled", "unused_and_reported", "set_aside", "in_doubt")


def places(shop: Shop) -> dict[tuple[str, str, int], list[str]]:
    """Where every number of every range is, by the journal's tables."""
    call = shop.desk.call
    found: dict[tuple[str, str, int], list[str]] = {}
    for year_month, track, begin, end in shop.books.ranges:
        found |= {(year_month, track, number): [] for number in range(begin, end + 1)}
    for year_month, track, number, state in call(
        lambda tx: tx.all("SELECT year_month, track, number, state FROM invoices")
    ):
        found[year_month, track, number].append(state)
    reported = {
        name.split()[2]
        for (name,) in call(
            lambda tx: tx.all("SELECT name FROM facts WHERE name GLOB 'period *' AND value = 'reported'")
        )
    }
    for year_month, track, first, last, state in call(
        lambda tx: tx.all("SELECT year_month, track, first, last, state FROM set_aside")
    ):
        name = {"in_doubt": "in_doubt", "unused": "unused_and_reported"}.get(state, "set_aside")
        if name == "unused_and_reported" and year_month not in reported:
            name = "unused_not_reported"
        for number in range(first, last + 1):
            found[year_month, track, number].append(name)
    return found


def figures(shop: Shop) -> dict[str, float]:
    """The year in numbers, for build/year.json."""
    found = places(shop)
    kinds = Counter(kind for kinds in found.values() for kind in kinds)
    explained = {(r.year_month, r.track, n) for r in shop.faults for n in range(r.first, r.last + 1)}
    doubt = [place for place, kinds in found.items() if "in_doubt" in kinds]
    ours, theirs = _our_sums(shop), _their_sums(shop)
    accepted = Counter((v.message, v.reference, v.date) for v in shop.platform.verdicts if v.code == "0")
    return {
        "numbers": len(found),
        **{f"numbers_{place}": kinds[place] for place in PLACES},
        "numbers_in_no_place": sum(not kinds for kinds in found.values()),
        "numbers_in_two_places": sum(len(kinds) > 1 for kinds in found.values()),
        "numbers_unused_not_reported": kinds["unused_not_reported"],
        "numbers_in_doubt_that_no_fault_explains": sum(place not in explained for place in doubt),
        "uploads_not_accepted": len(shop.box.call("upload.list")["uploads"]),
        "sums_that_differ": sum(ours[key] != theirs[key] for key in ours.keys() | theirs.keys()),
        "invoices_that_differ": len(_our_states(shop) ^ _their_states(shop)),
        "unused_runs_that_differ": len(_our_unused(shop) ^ _their_unused(shop)),
        "invoices_accepted_twice": sum(
            count > 1 for (message, *_), count in accepted.items() if message not in ("F0401", "F0701")
        ),
        "files": len(shop.platform.verdicts),
        **{f"files_{kind}": n for kind, n in sorted(Counter(v.message for v in shop.platform.verdicts).items())},
        "files_refused": sum(v.code != "0" for v in shop.platform.verdicts),
        **{name.replace(".", "_").replace(" ", "_").replace(":", ""): count for name, count in shop.counts.items()},
    }


def _invoices(shop: Shop) -> list[tuple[str, Any]]:
    """State and content, as they are now, of every invoice."""
    rows = shop.desk.call(
        lambda tx: tx.all("SELECT state, body FROM invoices JOIN entries ON entries.sequence = invoices.content")
    )
    return [(state, json.loads(bytes(entries.read(body).data))["result"]["invoice"]) for state, body in rows]


def _our_sums(shop: Shop) -> dict[tuple[str, str], Decimal]:
    """By period: total of all invoices that stand, and of all allowances that stand."""
    sums: Counter[Any] = Counter()
    for state, invoice in _invoices(shop):
        sums[invoice["year_month"], f"total of {state}"] += invoice["total_amount"]
        sums[invoice["year_month"], f"tax of {state}"] += invoice["tax_amount"]
    rows = shop.desk.call(
        lambda tx: tx.all("SELECT state, body FROM allowances JOIN entries ON entries.sequence = allowances.entry")
    )
    for state, body in rows:
        allowance = json.loads(bytes(entries.read(body).data))["result"]["allowance"]
        if state == "issued":
            sums["", "allowed net"] += allowance["total_amount"]
            sums["", "allowed tax"] += allowance["tax_amount"]
    return {key: Decimal(value) for key, value in sums.items() if value}


def _their_sums(shop: Shop) -> dict[tuple[str, str], Decimal]:
    """The same by the XML that the platform took."""
    sums: Counter[Any] = Counter()
    for (_, month), copy in shop.books.invoices.items():
        state = "cancelled" if copy.cancelled else "issued"
        sums[month, f"total of {state}"] += copy.total
        sums[month, f"tax of {state}"] += copy.stated_tax
    for allowance in shop.books.allowances.values():
        if not allowance.cancelled:
            sums["", "allowed net"] += allowance.net
            sums["", "allowed tax"] += allowance.tax
    return {key: Decimal(value) for key, value in sums.items() if value}


def _our_states(shop: Shop) -> set[tuple[str, str, str, str]]:
    return {(i["year_month"], i["invoice_number"], state, i.get("carrier_id") or "") for state, i in _invoices(shop)}


def _their_states(shop: Shop) -> set[tuple[str, str, str, str]]:
    return {
        (month, number, "voided" if c.voided else "cancelled" if c.cancelled else "issued", c.carrier)
        for (number, month), c in shop.books.invoices.items()
    }


def _our_unused(shop: Shop) -> set[tuple[str, str, int]]:
    return {place for place, kinds in places(shop).items() if kinds == ["unused_and_reported"]}


def _their_unused(shop: Shop) -> set[tuple[str, str, int]]:
    return {
        (month, track, number)
        for (month, track), runs in shop.books.unused.items()
        for first, last in runs
        for number in range(first, last + 1)
    }
