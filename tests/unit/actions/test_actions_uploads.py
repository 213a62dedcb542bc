"""Messages for the platform: what may leave, what was said, what people decide; nothing twice, nothing lost."""

from __future__ import annotations

import itertools
import json
from typing import Any

import msgspec
import pytest

from einvoiced import errors
from einvoiced.actions import report_unused
from einvoiced.actions.box_life import retire_box
from einvoiced.actions.close_period import close_period, reopen_period
from einvoiced.actions.correct_invoice import CorrectParams, correct_invoice
from einvoiced.actions.decide_uploads import send_again, settle_uploads
from einvoiced.actions.list_uploads import list_uploads
from einvoiced.actions.report_uploads import (
    PlatformSaid,
    SentUpload,
    uploads_answered,
    uploads_pending,
    uploads_sent,
)
from einvoiced.actions.show_invoice import InvoiceShown, get_invoice
from einvoiced.actions.upload_next import next_uploads
from einvoiced.client import new_key
from einvoiced.journal import entries
from einvoiced.journal.entries import ProofPrinted, ProofUnconfirmed, Upload
from einvoiced.rules.share import Share
from tests.boxes import SELLER, Desk
from tests.unit.actions.lives import at

NUMBERS = ("AB", 100, 199)
CARRIER = {"carrier": {"type": "3J0002", "id": "/ABC+123"}}
TABLES = ("outbox", "facts", "set_aside", "track_events")

pytestmark = pytest.mark.usefixtures("same_after_a_replay")


def issue(desk: Desk, **more: Any) -> int:
    """An invoice in a carrier, unless told otherwise; its entry."""
    return int(json.loads(desk.issue(**{**CARRIER, **more}))["sequence"])


def waiting(desk: Desk) -> list[Any]:
    """Everything that may leave now, page by page."""
    found: list[Any] = []
    cursor = None
    while True:
        page = desk.call(next_uploads(desk.box, cursor, 2))
        found += page.uploads
        cursor = page.cursor
        if cursor is None:
            return found


def send(desk: Desk, way: Any = "folder", batch: str = "b1") -> list[Upload]:
    """Say that everything leaves that may."""
    out = [SentUpload(u.entry, u.message, u.part, changed=u.changed) for u in waiting(desk)]
    return desk.call(uploads_sent(out, way, batch, None)).sent if out else []


_files = itertools.count()


def said(
    desk: Desk,
    reference: str,
    code: str = "",
    message: str = "F0401",
    form: Any = "ProcessResult",
    source: str = "",
) -> Any:
    """The platform's word about one message, in a file of its own; no code: accepted."""
    finding = PlatformSaid(message, reference, not code, "", code, "")
    return desk.call(uploads_answered(desk.box, form, [finding], source or f"{next(_files):064d}", None))


def states(desk: Desk) -> list[tuple[str, str]]:
    """Message and state of everything that is not accepted."""
    return [(u.message, u.state) for u in desk.call(list_uploads(None, None)).uploads]


# -- what may leave ------------------------------------------------------------------------------------------------


def test_a_carriers_invoice_leaves_at_once_and_once(desk: Desk) -> None:
    """It is offered until it was said to leave, and then never again."""
    desk.take(NUMBERS)
    entry = issue(desk, labels={"order_no": "A-17"})
    (out,) = waiting(desk)
    assert (out.entry, out.message, out.reference) == (entry, "F0401", "AB00000100")
    content = msgspec.json.decode(out.content)
    assert content["relate_number"] == "A-17"
    assert send(desk) == [Upload(entry, "F0401")]
    assert not waiting(desk)
    assert states(desk) == [("F0401", "sent")]


def test_pages_reach_everything_once(desk: Desk) -> None:
    """Whatever the size of a page."""
    desk.take(NUMBERS)
    made = [issue(desk) for _ in range(7)]
    assert [out.entry for out in waiting(desk)] == made


def test_an_invoice_on_paper_waits_for_its_proof_at_most_twelve_hours(desk: Desk) -> None:
    """Printed or unconfirmed it leaves; without a word after twelve hours."""
    desk.take(NUMBERS)
    desk.box.prints = True
    printed, unconfirmed, silent = (issue(desk, carrier=None) for _ in range(3))
    assert not waiting(desk)
    assert desk.call(list_uploads("waiting", None)).uploads[0].waits_for == "proof"
    desk.call(lambda tx: tx.append(ProofPrinted(printed, "status")))
    assert [out.entry for out in waiting(desk)] == [printed]
    desk.call(lambda tx: tx.append(ProofUnconfirmed(unconfirmed, "電源中斷")))
    assert [out.entry for out in waiting(desk)] == [printed, unconfirmed]
    at(desk, 2, 10, 23, 59, 59)
    assert [out.entry for out in waiting(desk)] == [printed, unconfirmed]
    at(desk, 2, 11, 0, 0, 0)
    assert [out.entry for out in waiting(desk)] == [printed, unconfirmed, silent]


def test_what_changed_since_its_file_was_made_does_not_leave(desk: Desk) -> None:
    """The version is compared in the same step that says it leaves."""
    desk.take(NUMBERS)
    entry = issue(desk)
    old = SentUpload(entry, "F0401", changed=entry - 1)
    taken = desk.call(uploads_sent([old], "folder", "b1", None))
    assert (taken.sent, taken.stale) == ([], [Upload(entry, "F0401")])
    assert states(desk) == [("F0401", "waiting")]


def test_folder_or_stick_never_both(desk: Desk) -> None:
    """What was offered to two ways leaves by the first that says so."""
    desk.take(NUMBERS)
    issue(desk)
    (out,) = waiting(desk)
    file = SentUpload(out.entry, out.message, out.part, changed=out.changed)
    assert desk.call(uploads_sent([file], "stick", "s1", None)).sent
    assert desk.call(uploads_sent([file], "folder", "f1", None)).stale
    assert states(desk) == [("F0401", "handed_over")]


def test_what_a_crash_left_aside_leaves_only_if_that_batch_was_said(desk: Desk) -> None:
    """Another batch's file of the same message is thrown away, even after it was sent again."""
    desk.take(NUMBERS)
    entry = issue(desk)
    upload = Upload(entry, "F0401")
    assert desk.call(uploads_pending([upload], "b1")) == []
    send(desk, batch="b1")
    assert desk.call(uploads_pending([upload], "b1")) == [upload]
    assert desk.call(uploads_pending([upload], "b2")) == []
    desk.call(send_again([upload], "沒有回覆", "店長", None))
    assert desk.call(uploads_pending([upload], "b1")) == []
    send(desk, batch="b3")
    assert desk.call(uploads_pending([upload], "b1")) == []
    said(desk, "AB00000100")
    assert desk.call(uploads_pending([upload], "b3")) == []


# -- what the platform says ------------------------------------------------------------------------------------------


def test_accepted_is_gone_and_twice_does_no_harm(desk: Desk) -> None:
    """The second time nothing is appended."""
    desk.take(NUMBERS)
    issue(desk)
    send(desk)
    assert said(desk, "AB00000100").accepted == 1
    head = len(desk.entries())
    again = said(desk, "AB00000100")
    assert (again.accepted, again.refused, again.unknown) == (0, 0, [])
    assert len(desk.entries()) == head
    assert states(desk) == []


def test_a_strangers_number_is_told_back(desk: Desk) -> None:
    """Somebody should know that the platform speaks of a number that this box never issued."""
    desk.take(NUMBERS)
    assert [each.reference for each in said(desk, "ZZ00000100").unknown] == ["ZZ00000100"]
    assert len(said(desk, "").unknown) == 1


def test_refused_keeps_its_code_and_what_to_do(desk: Desk) -> None:
    """Until somebody sends it again or settles it."""
    desk.take(NUMBERS)
    entry = issue(desk)
    send(desk)
    assert said(desk, "AB00000100", "E0102").refused == 1
    (shown,) = desk.call(list_uploads("refused", None)).uploads
    assert (shown.code, shown.cure, shown.reference) == ("E0102", "office", "AB00000100")
    assert shown.sentence_zh and shown.to_do_zh
    desk.call(send_again([Upload(entry, "F0401")], "已更正", "店長", None))
    assert [out.entry for out in waiting(desk)] == [entry]


def test_a_file_that_is_read_again_decides_nothing_new(desk: Desk) -> None:
    """A stick with yesterday's answer comes back after the message was sent again; another file counts."""
    desk.take(NUMBERS)
    entry = issue(desk)
    send(desk)
    said(desk, "AB00000100", "E0102", source="f" * 64)
    desk.call(send_again([Upload(entry, "F0401")], "已更正", "店長", None))
    send(desk)
    assert said(desk, "AB00000100", "E0102", source="f" * 64).refused == 0
    assert said(desk, "AB00000100", "E0103").refused == 1


def test_the_first_sendings_answer_is_not_the_corrected_ones(desk: Desk) -> None:
    """After a correction the same number is sent anew: a summary, or any answer after a restore, may mean the first."""
    desk.take(NUMBERS)
    entry = issue(desk)
    send(desk)
    assert said(desk, "AB00000100", source="e" * 64).accepted == 1
    wanted = {"reason": "載具有誤", "by": "店長", "carrier": {"type": "3J0002", "id": "/ZZZ0001"}}
    params = {"key": new_key(), "invoice_number": "AB00000100", **wanted}
    desk.call(correct_invoice(desk.box, msgspec.convert(params, CorrectParams), None))
    send(desk)
    assert states(desk) == [("F0701", "sent"), ("F0401", "waiting")]
    at(desk, 2, 11, 9)
    assert said(desk, "AB00000100", message="F0701").accepted == 1
    send(desk)
    assert states(desk) == [("F0401", "sent")]
    assert said(desk, "AB00000100", source="e" * 64).accepted == 0, "the first answer, read again"
    at(desk, 2, 12, 9)
    assert said(desk, "AB00000100", form="SummaryResult").accepted == 0, "of which of the two?"
    desk.call(lambda tx: tx.append(entries.JournalRestored("backup", "陳技師", tx.head.sequence)))
    assert said(desk, "AB00000100").accepted == 0, "nobody knows whether the second one left"
    assert states(desk) == [("F0401", "unknown")]
    assert entry


def test_a_late_yes_spares_the_second_sending(desk: Desk) -> None:
    """No answer, told to send again, and then the first answer comes: it does not leave twice."""
    desk.take(NUMBERS)
    entry = issue(desk)
    assert said(desk, "AB00000100").accepted == 0, "what never left cannot be accepted"
    send(desk)
    desk.call(send_again([Upload(entry, "F0401")], "沒有回覆", "店長", None))
    assert said(desk, "AB00000100").accepted == 1
    assert not waiting(desk)


def test_a_summary_tells_of_the_day_before(desk: Desk) -> None:
    """It never decides what was sent today: a failure may be yesterday's, mended and sent again."""
    desk.take(NUMBERS)
    entry = issue(desk)
    send(desk)
    assert said(desk, "AB00000100", "summary", form="SummaryResult").refused == 0
    said(desk, "AB00000100", "E0102")
    desk.call(send_again([Upload(entry, "F0401")], "已更正", "店長", None))
    at(desk, 2, 11, 9)
    send(desk)
    assert said(desk, "AB00000100", "summary", form="SummaryResult").refused == 0
    assert states(desk) == [("F0401", "sent")]
    at(desk, 2, 12, 9)
    assert said(desk, "AB00000100", "", form="SummaryResult").accepted == 1


def test_overdue_is_listed(desk: Desk) -> None:
    """B2C two days from the day after, B2B seven; sent without an answer counts."""
    desk.take(NUMBERS)
    issue(desk)
    issue(desk, carrier=None, print="none", buyer={"identifier": "04595257"})
    send(desk)
    at(desk, 2, 12, 23, 59)
    assert not desk.call(list_uploads("overdue", None)).uploads
    at(desk, 2, 13)
    assert [u.due for u in desk.call(list_uploads("overdue", None)).uploads] == ["2026-02-12"]
    at(desk, 2, 18)
    assert [u.due for u in desk.call(list_uploads("overdue", None)).uploads] == ["2026-02-12", "2026-02-17"]


def test_an_invoice_shows_how_far_it_got(desk: Desk) -> None:
    """`invoice.get`: a word, and what is not accepted."""
    desk.take(NUMBERS)
    issue(desk)

    def shown() -> InvoiceShown:
        return desk.call(get_invoice(desk.box, key=None, invoice_number="AB00000100", year_month=None))

    assert (shown().upload, [each.state for each in shown().uploads]) == ("waiting", ["waiting"])
    send(desk, way="stick")
    assert (shown().upload, [each.state for each in shown().uploads]) == ("sent", ["handed_over"])
    said(desk, "AB00000100", "E0102")
    assert (shown().upload, shown().uploads[0].code) == ("refused", "E0102")
    said(desk, "AB00000100")
    assert (shown().upload, shown().uploads) == ("accepted", [])


# -- what people decide ----------------------------------------------------------------------------------------------


def test_nobody_sends_again_what_waits(desk: Desk) -> None:
    """Nor what is not there."""
    desk.take(NUMBERS)
    entry = issue(desk)
    with pytest.raises(errors.UploadStateWrong):
        desk.call(send_again([Upload(entry, "F0401")], "再送", "店長", None))
    with pytest.raises(errors.UploadNotFound):
        desk.call(settle_uploads([Upload(entry + 7, "F0401")], "已處理", "店長", None))


def test_after_a_restore_nobody_knows(desk: Desk) -> None:
    """Everything is unknown and nothing leaves until a person says so; an answer that comes still counts."""
    desk.take(NUMBERS)
    first, second, third = (issue(desk) for _ in range(3))
    send(desk)
    desk.call(lambda tx: tx.append(entries.JournalRestored("backup", "陳技師", tx.head.sequence)))
    assert states(desk) == [("F0401", "unknown")] * 3
    assert not waiting(desk)
    desk.call(send_again([Upload(first, "F0401")], "平台查無", "店長", None))
    desk.call(settle_uploads([Upload(second, "F0401")], "平台已有", "店長", None))
    assert [out.entry for out in waiting(desk)] == [first]
    assert said(desk, "AB00000102").accepted == 1
    assert third not in [u.entry for u in desk.call(list_uploads(None, None)).uploads]


# -- unused numbers ----------------------------------------------------------------------------------------------------


def close(desk: Desk) -> None:
    """A day after the end of the period 11502; nobody undid it for a day."""
    at(desk, 3, 2, 12)
    desk.call(close_period(desk.box, "11502", "店長", None))
    at(desk, 3, 3, 13)


def queue(desk: Desk) -> list[str]:
    """What the box queues by itself."""
    return [each.year_month for each in desk.call(report_unused.queue_what_is_due(desk.box))]


def test_a_closing_can_be_undone_for_a_day(desk: Desk) -> None:
    """Only then its unused numbers are queued; a person who reopens it in time stops that."""
    desk.take(NUMBERS)
    close(desk)
    at(desk, 3, 3, 11, 59)
    assert queue(desk) == []
    desk.call(reopen_period(desk.box, "11502", "店長", None))
    at(desk, 3, 6)
    assert queue(desk) == []
    desk.call(close_period(desk.box, "11502", "店長", None))
    assert queue(desk) == ["11502"], "the fifth is over"


def test_unused_numbers_leave_the_day_after_the_period_and_end_it(desk: Desk) -> None:
    """One E0402 a track; accepted, the period is reported."""
    desk.take(NUMBERS, ("CD", 0, 49))
    issue(desk)
    send(desk)
    assert queue(desk) == []
    close(desk)
    assert queue(desk) == ["11502"]
    assert queue(desk) == []
    outs = [out for out in waiting(desk) if out.message == "E0402"]
    runs = {out.part: [(r["first"], r["last"]) for r in msgspec.json.decode(out.content)["runs"]] for out in outs}
    assert runs == {"AB": [(101, 199)], "CD": [(0, 49)]}
    send(desk)
    said(desk, "11502AB", message="E0402")
    assert desk.call(report_unused.list_unused(desk.box))[0].state == "queued"
    said(desk, "11502CD", message="E0402")
    assert desk.call(report_unused.list_unused(desk.box)) == []
    assert desk.types()[-1] == "unused_reported"


def test_an_answer_without_a_track_decides_only_where_there_is_one(desk: Desk) -> None:
    """Two tracks and an answer that names none: it is nobody's."""
    desk.take(NUMBERS, ("CD", 0, 49))
    close(desk)
    queue(desk)
    send(desk)
    assert said(desk, "", message="E0402").accepted == 0
    said(desk, "11502AB", message="E0402")
    assert said(desk, "", message="E0402").accepted == 1


def test_what_is_unsettled_holds_the_report_until_the_fifth(desk: Desk) -> None:
    """Numbers in doubt are never reported unused by themselves; the others are, on the fifth."""
    desk.take(NUMBERS)
    run = entries.Run(SELLER, "11502", "AB", 100, 109)
    desk.call(lambda tx: tx.open_epoch(entries.EpochOpened("測試", "陳技師", 0, [run])))
    close(desk)
    assert queue(desk) == []
    assert desk.call(report_unused.list_unused(desk.box))[0].in_doubt == 1
    at(desk, 3, 5, 0, 0)
    assert queue(desk) == ["11502"]
    (out,) = [out for out in waiting(desk) if out.message == "E0402"]
    assert [(r["first"], r["last"]) for r in msgspec.json.decode(out.content)["runs"]] == [(110, 199)]


def test_a_retired_box_reports_nothing_by_itself(desk: Desk) -> None:
    """Its numbers may be used elsewhere by now: the list is for the office."""
    desk.take(NUMBERS)
    issue(desk)
    desk.call(retire_box("陳技師", None))
    close(desk)
    at(desk, 3, 6)
    assert queue(desk) == []
    shown = desk.call(report_unused.list_unused(desk.box))[0]
    assert (shown.reporter, shown.numbers) == ("office", 99)


# -- leftovers of several boxes ----------------------------------------------------------------------------------------


def share(desk: Desk, text: str, lead: str = "A1", box: str = "A1") -> None:
    """Make the desk one of several boxes."""
    import dataclasses

    desk.box.id = box
    desk.box.shop = dataclasses.replace(desk.shop, share=Share.parse(text), lead=lead)


def others(desk: Desk, text: str, *runs: tuple[str, int, int], box: str = "A2", period: str = "11502") -> bytes:
    """Another box's file."""
    left = [report_unused.LeftRun(*run) for run in runs]
    made = report_unused.Leftovers(
        form=report_unused.FORM, seller=SELLER, year_month=period, box=box, share=text, unused=left
    )
    return msgspec.json.encode(msgspec.structs.replace(made, sha256=report_unused._digest(made)))


def take(desk: Desk, content: bytes) -> report_unused.UnusedState:
    """Take a file in."""
    return desk.call(report_unused.take_leftovers(desk.box, content, "test", None))


def test_the_lead_box_reports_for_all(desk: Desk) -> None:
    """It waits for every share, then sends one E0402 a track with everybody's runs, joined."""
    share(desk, "1/2")
    desk.take(("AB", 0, 199))
    close(desk)
    assert queue(desk) == []
    assert desk.call(report_unused.list_unused(desk.box))[0].boxes_missing == ["2/2"]
    file = others(desk, "2/2", ("AB", 60, 99), ("AB", 150, 199))
    assert take(desk, file).boxes_missing == []
    assert take(desk, file).boxes_missing == [], "the same file again changes nothing"
    assert queue(desk) == ["11502"]
    data = entries.read_data(desk.entries()[-1])
    assert isinstance(data, entries.UnusedQueued)
    assert data.boxes == ["A1", "A2"]
    assert [(run.first, run.last) for run in data.unused] == [(0, 49), (60, 199)]


def test_a_box_that_does_not_lead_gives_its_leftovers_and_never_sends(desk: Desk) -> None:
    """Not even on the fifth; its file is what the lead box takes."""
    share(desk, "2/2", box="A2")
    desk.take(("AB", 0, 199))
    close(desk)
    at(desk, 3, 6)
    assert queue(desk) == []
    shown = desk.call(report_unused.list_unused(desk.box))[0]
    assert (shown.reporter, shown.numbers) == ("lead_box", 100)
    given = desk.call(report_unused.export_leftovers(desk.box, "11502"))
    assert given.file_name == f"leftovers-{SELLER}-11502-2-2.json"
    file = report_unused.read_leftovers(given.content.encode())
    assert [(run.first, run.last) for run in file.unused] == [(50, 99), (150, 199)]
    with pytest.raises(errors.NotLeadBox):
        take(desk, given.content.encode())


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("1/2", [("AB", 0, 49)]),
        ("2/3", [("AB", 50, 99)]),
        ("2/2", [("AB", 0, 49)]),
        ("2/2", [("AB", 50, 149)]),
        ("2/2", [("AB", 250, 299)]),
        ("2/2", [("ZZ", 50, 99)]),
        ("2/2", [("AB", 50, 99), ("AB", 60, 99)]),
        ("2/2", [("AB", 99, 50)]),
    ],
)
def test_leftovers_that_do_not_fit_are_refused(desk: Desk, text: str, runs: list[tuple[str, int, int]]) -> None:
    """This box's own share, another split, numbers of other boxes, unknown ones, overlapping ones."""
    share(desk, "1/2")
    desk.take(("AB", 0, 199))
    close(desk)
    with pytest.raises(errors.LeftoversRefused):
        take(desk, others(desk, text, *runs))


def test_damaged_late_and_differing_leftovers_are_refused(desk: Desk) -> None:
    """Each with a sentence of its own."""
    share(desk, "1/2")
    desk.take(("AB", 0, 199))
    file = others(desk, "2/2", ("AB", 50, 99))
    with pytest.raises(errors.PeriodNotClosed):
        take(desk, file)
    close(desk)
    with pytest.raises(errors.LeftoversDamaged):
        take(desk, file.replace(b"99", b"98"))
    take(desk, file)
    with pytest.raises(errors.LeftoversDiffer):
        take(desk, others(desk, "2/2", ("AB", 51, 99)))
    assert queue(desk) == ["11502"]
    with pytest.raises(errors.PeriodReported):
        take(desk, others(desk, "2/2", ("AB", 52, 99)))


def test_without_the_other_box_the_fifth_does_not_wait(desk: Desk) -> None:
    """The law's tenth is nearer than the other box."""
    share(desk, "1/2")
    desk.take(("AB", 0, 199))
    close(desk)
    at(desk, 3, 4, 23, 59)
    assert queue(desk) == []
    at(desk, 3, 5)
    assert queue(desk) == ["11502"]
