"""`allowance.issue`, `.cancel`, `.list`, `.print`: parts of invoices that go back, and what is left."""

from __future__ import annotations

from typing import Any

import pytest

from einvoiced import errors
from einvoiced.actions.allowance_slips import next_allowance_slip
from einvoiced.actions.allowances import read_allowance
from einvoiced.actions.list_allowances import AllowanceListParams, list_allowances, print_allowance
from einvoiced.actions.print_proof import doubt_interrupted
from einvoiced.actions.upload_content import content_of
from einvoiced.client import new_key
from einvoiced.journal import entries
from einvoiced.mig.compose import to_xml
from einvoiced.rules.messages import CancelledAllowance, IssuedAllowance
from tests.boxes import SALE, Desk
from tests.unit.actions.lives import (
    WHY,
    allow,
    allow_bytes,
    append,
    cancel,
    entry_of,
    outbox,
    refusal_of,
    replace,
    shown,
    undo,
    undo_bytes,
)

BUYER = {"identifier": "04595257", "name": "示範股份有限公司"}
HUNDRED = {"lines": [{**SALE["lines"][0], "unit_price": 100}], "total_amount": 100}
FOREIGN: dict[str, Any] = {
    "invoice_number": "AB12345678",
    "invoice_date": "20260115",
    "lines": [{"description": "電鍋", "amount": 1050}],
}


def foreign(desk: Desk, **changes: Any) -> Any:
    """`allowance.issue` against a typed original."""
    return allow(desk, None, original={**FOREIGN, **changes})


# -- issue


def test_an_allowance_says_all_that_the_platform_asks_for(stocked: Desk) -> None:
    """MIG's G0401: both parties, each line's net amount and tax, the sums; it follows its invoice."""
    number = stocked.number(**HUNDRED, buyer=BUYER)
    answer = allow(stocked, number, (1, 50))
    assert answer["allowance"] == {
        "message": "G0401",
        "allowance_number": "A10100000001",
        "allowance_date": "20260210",
        "seller": {"identifier": "24634102", "name": "示範商店"},
        "buyer": BUYER,
        "lines": [
            {
                "original_invoice_date": "20260210",
                "original_invoice_number": number,
                "original_sequence_number": 1,
                "original_description": "牛奶",
                "quantity": "1",
                "unit_price": "48",
                "amount": "48",
                "tax": 2,
                "tax_type": "1",
            }
        ],
        "tax_amount": 2,
        "total_amount": 48,
    }
    assert (answer["verified"], answer["left"]) == (True, 50)
    assert outbox(stocked) == [("F0401", "waiting"), ("G0401", "waiting")]


@pytest.mark.parametrize("buyer", [None, BUYER])
def test_several_take_it_all_back(stocked: Desk, buyer: Any) -> None:
    """Net and tax to the dollar, never more."""
    number = stocked.number(**HUNDRED, buyer=buyer)
    allowances = [allow(stocked, number, (1, amount))["allowance"] for amount in (50, 30, 20)]
    assert sum(a["total_amount"] for a in allowances) == 95
    assert sum(a["tax_amount"] for a in allowances) == 5
    error = refusal_of(stocked, errors.AllowanceTooMuch, lambda: allow(stocked, number, (1, 1)))
    assert error.facts["left"] == 0
    now = shown(stocked, number)
    assert [a.allowance_number[-1] for a in now.allowances] == ["1", "2", "3"]
    assert (now.left, now.lines_left) == (0, [0])


def test_allowances_count_through_all_invoices(stocked: Desk) -> None:
    """And begin anew in another epoch: a restored box never gives a number twice."""
    first, second = stocked.number(), stocked.number()
    assert [allow(stocked, n, (1, 5))["allowance"]["allowance_number"] for n in (first, second, first)] == [
        "A10100000001",
        "A10100000002",
        "A10100000003",
    ]
    stocked.call(lambda tx: tx.open_epoch(entries.EpochOpened("復原", "陳技師", 0, [])))
    assert allow(stocked, second, (1, 5))["allowance"]["allowance_number"] == "A10200000001"


def test_a_box_without_an_id_issues_none(stocked: Desk) -> None:
    """Its allowances could meet another box's."""
    number = stocked.number()
    stocked.box.id = ""
    refusal_of(stocked, errors.NotConfigured, lambda: allow(stocked, number, (1, 5)))


@pytest.mark.parametrize(
    ("params", "kind", "path"),
    [
        ({"lines": []}, errors.BadLineCount, "lines"),
        ({"lines": [{"line": 2, "amount": 1}]}, errors.AllowanceLineUnknown, "lines[0].line"),
        ({"lines": [{"line": 1, "amount": 26}]}, errors.AllowanceTooMuch, "lines[0].amount"),
        ({"lines": [{"line": 1, "amount": "1.5"}]}, errors.InvalidParams, "lines[0].amount"),
        ({"lines": [{"line": 1, "amount": 0}]}, errors.InvalidParams, "lines[0].amount"),
        ({"lines": [{"line": 1, "amount": 1, "quantity": 0}]}, errors.ZeroQuantity, "lines[0].quantity"),
        ({"by": ""}, errors.BadText, "by"),
        ({"labels": {"business_day": "x"}}, errors.InvalidParams, "labels.business_day"),
        ({"invoice_number": "NQ00000001"}, errors.InvoiceNotFound, None),
        ({"original": FOREIGN}, errors.InvalidParams, "invoice_number"),
    ],
)
def test_what_cannot_be_is_refused(stocked: Desk, params: Any, kind: Any, path: str | None) -> None:
    """With its path; the key may be used again."""
    number, key = stocked.number(), new_key()
    error = refusal_of(stocked, kind, lambda: allow(stocked, number, (1, 5), **{"key": key, **params}))
    assert error.path == path
    allow(stocked, number, (1, 5), key=key)


def test_a_repeat_gets_the_very_bytes(stocked: Desk) -> None:
    """Though less is left by now; another content under its key is a conflict that shows both."""
    number, other, key = stocked.number(), stocked.number(), new_key()
    first = allow_bytes(stocked, number, (1, 20), key=key)
    allow(stocked, number, (1, 5))
    stocked.reopen()
    before = stocked.entries()
    assert allow_bytes(stocked, number, (1, 20), key=key) == first
    assert stocked.entries() == before
    for differs, ask in (
        ("lines", lambda: allow(stocked, number, (1, 21), key=key)),
        ("invoice_number", lambda: allow(stocked, other, (1, 20), key=key)),
        ("by", lambda: allow(stocked, number, (1, 20), key=key, by="李店員")),
        ("method", lambda: cancel(stocked, number, key=key)),
        ("method", lambda: stocked.issue(key=key)),
    ):
        assert refusal_of(stocked, errors.KeyConflict, ask).facts["differs"] == differs


def test_of_a_cancelled_invoice_nothing_goes_back(stocked: Desk) -> None:
    """It is all undone; and one with an allowance is neither cancelled nor replaced."""
    gone, allowed = stocked.number(), stocked.number()
    cancel(stocked, gone)
    refusal_of(stocked, errors.InvoiceIsCancelled, lambda: allow(stocked, gone, (1, 5)))
    allow(stocked, allowed, (1, 5))
    refusal_of(stocked, errors.AllowancesStand, lambda: cancel(stocked, allowed))
    refusal_of(stocked, errors.AllowancesStand, lambda: replace(stocked, allowed, **WHY))


def slip(desk: Desk, allowance: Any) -> str:
    """Where the slip of an allowance is, as `allowance.list` says."""
    number = allowance["allowance"]["allowance_number"]
    (found,) = desk.call(list_allowances(desk.box, AllowanceListParams(allowance_number=number)))
    return found.slip


def reprint(desk: Desk, allowance: Any) -> str:
    """`allowance.print`; gives the slip's state."""
    return desk.call(print_allowance(desk.box, allowance["allowance"]["allowance_number"], None)).slip


def waiting_slip(desk: Desk) -> tuple[int, int]:
    """The entries of the slip that comes next and of its allowance."""
    found = desk.call(next_allowance_slip)
    assert found is not None
    return found


def test_its_slip_waits_for_the_printer(stocked: Desk) -> None:
    """By its entry; not for a repeat, not where nobody wants it, not without a printer."""
    number, key = stocked.number(), new_key()
    stocked.box.paper_waits = False
    first = allow(stocked, number, (1, 5), key=key)
    allow(stocked, number, (1, 5), key=key)
    unwanted = allow(stocked, number, (1, 5), print="none")
    assert stocked.box.paper_waits
    assert (slip(stocked, first), slip(stocked, unwanted)) == ("queued", "none")
    assert stocked.types().count("allowance_slip_queued") == 1
    assert waiting_slip(stocked)[1] == first["sequence"]
    allowance, verified = stocked.call(lambda tx: read_allowance(tx, first["sequence"]))
    assert (allowance.allowance_number, verified) == (first["allowance"]["allowance_number"], True)
    stocked.box.prints = False
    assert slip(stocked, allow(stocked, number, (1, 5))) == "none"


def test_it_is_known_whether_a_slip_came_out(stocked: Desk) -> None:
    """Also after the plug was pulled: then nobody knows, and who lacks it asks again. Asked twice, it comes once."""
    first = allow(stocked, stocked.number(), (1, 5))
    assert reprint(stocked, first) == "queued"
    assert stocked.types().count("allowance_slip_queued") == 1
    append(stocked, entries.SlipPrinted(waiting_slip(stocked)[0], "status"))
    assert (slip(stocked, first), stocked.call(next_allowance_slip)) == ("printed", None)
    assert reprint(stocked, first) == "queued"
    stocked.reopen()
    assert stocked.call(doubt_interrupted) == 1
    assert (slip(stocked, first), stocked.call(next_allowance_slip)) == ("unconfirmed", None)
    assert reprint(stocked, first) == "queued"


def test_the_slip_of_a_cancelled_allowance_does_not_come(stocked: Desk) -> None:
    """Unless it was leaving already: then it is said that it is out."""
    first = allow(stocked, stocked.number(), (1, 5))
    sequence, _ = waiting_slip(stocked)
    undo(stocked, first["allowance"]["allowance_number"])
    assert (slip(stocked, first), stocked.call(next_allowance_slip)) == ("dropped", None)
    append(stocked, entries.SlipPrinted(sequence, "status"))
    assert slip(stocked, first) == "printed"


def test_a_tills_slips_are_no_allowances(stocked: Desk) -> None:
    """They wait in the same table."""
    append(stocked, entries.SlipQueued(new_key(), "lines", "0" * 64, 9, None))
    assert stocked.call(next_allowance_slip) is None
    first = allow(stocked, stocked.number(), (1, 5))
    assert waiting_slip(stocked)[1] == first["sequence"]


# -- against an invoice that is not here


def test_a_typed_original_is_marked(stocked: Desk) -> None:
    """Nobody has checked it; the tax is what its amount holds, unless somebody knows better."""
    answer = foreign(stocked)
    assert (answer["verified"], "left" in answer) == (False, False)
    assert (answer["allowance"]["total_amount"], answer["allowance"]["tax_amount"]) == (1000, 50)
    line = {"description": "電鍋", "amount": 50, "tax": 3, "line": 2}
    told = foreign(stocked, lines=[line, {"description": "米", "amount": 10, "tax_type": "3"}], buyer=BUYER)[
        "allowance"
    ]
    assert (told["total_amount"], told["tax_amount"], told["buyer"]) == (57, 3, BUYER)
    assert told["lines"][0]["original_sequence_number"] == 2
    (newest, _) = stocked.call(list_allowances(stocked.box, AllowanceListParams()))
    assert (newest.verified, newest.invoice_number) == (False, "AB12345678")
    assert outbox(stocked) == [("G0401", "waiting"), ("G0401", "waiting")]


@pytest.mark.parametrize(
    ("changes", "kind", "path"),
    [
        ({"invoice_number": "A1"}, errors.InvalidParams, "original.invoice_number"),
        ({"invoice_date": "2026-01-15"}, errors.InvalidParams, "original.invoice_date"),
        ({"invoice_date": "20260230"}, errors.InvalidParams, "original.invoice_date"),
        ({"invoice_date": "20260211"}, errors.InvalidParams, "original.invoice_date"),
        ({"lines": []}, errors.BadLineCount, "original.lines"),
        ({"buyer": {"identifier": "12345678"}}, errors.BuyerIdSuspect, "original.buyer.identifier"),
        ({"lines": [{"description": "", "amount": 1}]}, errors.BadText, "original.lines[0].description"),
        ({"lines": [{"description": "x", "amount": "0.5"}]}, errors.InvalidParams, "original.lines[0].amount"),
        ({"lines": [{"description": "x", "amount": 5, "tax": 5}]}, errors.InvalidParams, "original.lines[0].tax"),
        (
            {"lines": [{"description": "x", "amount": 5, "tax": 1, "tax_type": "3"}]},
            errors.InvalidParams,
            "original.lines[0].tax",
        ),
        ({"lines": [{"description": "x", "amount": 5, "line": 0}]}, errors.InvalidParams, "original.lines[0].line"),
    ],
)
def test_what_was_typed_badly_is_refused(stocked: Desk, changes: Any, kind: Any, path: str) -> None:
    """As far as anybody can see it."""
    assert refusal_of(stocked, kind, lambda: foreign(stocked, **changes)).path == path


def test_several_of_one_typed_original_are_added_up(stocked: Desk) -> None:
    """Each says what stood before; with the total on its proof they never take back more. A cancelled one counts no
    more, the same number of another period is another invoice.
    """
    first = foreign(stocked)
    assert "taken_before" not in first
    second = foreign(stocked, lines=[{"description": "米", "amount": 40}], total_amount=1100)
    assert (second["taken_before"], second["left"], second["verified"]) == (1050, 10, False)
    much = {"lines": [{"description": "米", "amount": 11}], "total_amount": 1100}
    error = refusal_of(stocked, errors.OriginalTakenBack, lambda: foreign(stocked, **much))
    assert (error.path, error.facts["left"], error.facts["asked"]) == ("original.total_amount", 10, 11)
    refusal_of(stocked, errors.OriginalTakenBack, lambda: foreign(stocked, total_amount=1049, invoice_date="20251105"))
    assert foreign(stocked, total_amount=1050, invoice_date="20251105")["left"] == 0
    undo(stocked, first["allowance"]["allowance_number"])
    assert foreign(stocked, **much)["left"] == 1049
    refusal_of(stocked, errors.InvalidParams, lambda: foreign(stocked, total_amount=0))


def test_what_this_journal_holds_is_not_typed(stocked: Desk) -> None:
    """Else nobody would count what is left of it. The same number of another period is another invoice."""
    number = stocked.number()
    refusal_of(stocked, errors.OriginalIsHere, lambda: foreign(stocked, invoice_number=number, invoice_date="20260205"))
    foreign(stocked, invoice_number=number, invoice_date="20251205")


def test_a_typed_one_is_repeated_by_its_key(stocked: Desk) -> None:
    """As it was typed."""
    key = new_key()
    first = allow_bytes(stocked, None, key=key, original=FOREIGN)
    stocked.box.lock("journal_behind", "old", "舊")
    assert allow_bytes(stocked, None, key=key, original=FOREIGN) == first
    stocked.box.unlock("journal_behind")
    other = {**FOREIGN, "lines": [{"description": "電鍋", "amount": 1049}]}
    error = refusal_of(stocked, errors.KeyConflict, lambda: allow(stocked, None, key=key, original=other))
    assert error.facts["differs"] == "original"


# -- cancel, list, print


def test_a_cancelled_allowance_gives_back_what_it_took(stocked: Desk) -> None:
    """As if it had not been; the platform hears of it after the allowance."""
    number = stocked.number(**HUNDRED)
    first = allow(stocked, number, (1, 60))["allowance"]["allowance_number"]
    answer = undo(stocked, first)
    assert answer["left"] == 100
    assert answer["cancellation"]["allowance_number"] == first
    assert answer["cancellation"]["buyer_id"] == "0000000000"
    assert outbox(stocked)[1:] == [("G0401", "waiting"), ("G0501", "waiting")]
    again = allow(stocked, number, (1, 100))["allowance"]
    assert (again["total_amount"], again["tax_amount"]) == (95, 5)
    assert [a.state for a in shown(stocked, number).allowances] == ["cancelled", "issued"]
    undo(stocked, again["allowance_number"])
    cancel(stocked, number)


def test_it_is_cancelled_once(stocked: Desk) -> None:
    """Its key gives the very bytes, another key is told, a key of another content or verb is a conflict."""
    number, key = stocked.number(), new_key()
    one, two = (allow(stocked, number, (1, 5))["allowance"]["allowance_number"] for _ in range(2))
    first = undo_bytes(stocked, one, key=key)
    stocked.reopen()
    assert undo_bytes(stocked, one, key=key) == first
    refusal_of(stocked, errors.AllowanceIsCancelled, lambda: undo(stocked, one))
    refusal_of(stocked, errors.AllowanceNotFound, lambda: undo(stocked, "A10100000099"))
    for differs, ask in (
        ("allowance_number", lambda: undo(stocked, two, key=key)),
        ("reason", lambda: undo(stocked, one, key=key, reason="別的")),
        ("method", lambda: allow(stocked, number, (1, 5), key=key)),
    ):
        assert refusal_of(stocked, errors.KeyConflict, ask).facts["differs"] == differs
    facts = refusal_of(stocked, errors.KeyConflict, lambda: undo(stocked, two, key=key)).facts
    assert (facts["stored"], facts["sent"]) == (f'"{one}"', f'"{two}"')


def test_a_typed_ones_cancelling_knows_no_rest(stocked: Desk) -> None:
    """Nobody knows its invoice."""
    assert "left" not in undo(stocked, foreign(stocked)["allowance"]["allowance_number"])


def test_they_are_listed(stocked: Desk) -> None:
    """By number, of an invoice, or the newest in pages."""
    number, other = stocked.number(), stocked.number()
    names = [allow(stocked, n, (1, 5))["allowance"]["allowance_number"] for n in (number, other, number)]

    def listed(**params: Any) -> list[str]:
        found = stocked.call(list_allowances(stocked.box, AllowanceListParams(**params)))
        return [a.allowance_number for a in found]

    assert listed(invoice_number=number) == [names[0], names[2]]
    assert listed(allowance_number=names[1]) == [names[1]]
    assert listed(limit=2) == [names[2], names[1]]
    (second,) = stocked.call(list_allowances(stocked.box, AllowanceListParams(allowance_number=names[1])))
    assert listed(before=second.sequence) == [names[0]]
    with pytest.raises(errors.InvalidParams):
        listed(invoice_number=number, allowance_number=names[0])


def test_a_slip_is_printed_again(stocked: Desk) -> None:
    """Of one that stands."""
    number = stocked.number()
    first = allow(stocked, number, (1, 5), print="none")
    assert reprint(stocked, first) == "queued"
    undo(stocked, first["allowance"]["allowance_number"])
    refusal_of(stocked, errors.AllowanceIsCancelled, lambda: reprint(stocked, first))


def test_what_is_uploaded_is_what_was_answered(stocked: Desk) -> None:
    """G0401 and G0501 pass the project's own schemas."""
    number = stocked.number(**HUNDRED, buyer=BUYER)
    issued = allow(stocked, number, (1, 33))
    undone = undo(stocked, issued["allowance"]["allowance_number"])
    at = entry_of(stocked, number)
    first = stocked.call(lambda tx: content_of(tx, issued["sequence"], "G0401", at, ""))
    second = stocked.call(lambda tx: content_of(tx, undone["sequence"], "G0501", at, ""))
    assert isinstance(first, IssuedAllowance) and isinstance(second, CancelledAllowance)
    assert b"<AllowanceNumber>A10100000001</AllowanceNumber>" in to_xml(first)
    assert undone["cancellation"]["cancel_reason"] == second.cancel_reason
    to_xml(second)
