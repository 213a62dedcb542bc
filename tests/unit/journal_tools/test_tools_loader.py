"""The bulk loader of the benchmarks makes a journal that the real code could have written."""

from __future__ import annotations

from pathlib import Path

from einvoiced.journal import store
from einvoiced.journal.verify import verify_journal
from tests.bench import loader
from tests.boxes import SALE
from tools.virtualbox import VirtualBox


def test_a_loaded_journal_verifies_and_goes_on(durable: Path) -> None:
    """Over several pages and a rest: chain, numbers, MACs and projections hold, and a box issues the next number."""
    folder = durable / "box"
    loader.load(folder, 301, page=100)
    report = verify_journal(folder / "state" / "journal" / store.FILE, durable, macs=True)
    assert report.good, report.findings
    assert report.invoices == 301
    with VirtualBox(folder) as box:
        box.start()
        with box.client() as till:
            number = till.call("invoice.issue", key="0192f3a4-5b6c-7d8e-9f01-23456789abcd", print="till", **SALE)
    assert number["invoice"]["invoice_number"] == "NQ00000301"
