"""The platform's answers: the schema's form, real files' deviations, and nonsense."""

from __future__ import annotations

import random

import pytest

from einvoiced.errors import AnswerUnreadable
from einvoiced.mig.answers import MOST_BYTES, Finding, looks_like_answer, read_answer
from einvoiced.rules.platform_codes import MEANINGS, SUMMARY_FAILED, meaning

ROUTING = "<RoutingInfo><From><PartyId>0000000000</PartyId></From><FromVAC><RoutingId>A</RoutingId></FromVAC>"
ROUTING += "<To><PartyId>24634102</PartyId></To><ToVAC><RoutingId>B</RoutingId></ToVAC></RoutingInfo>"


def process(kind: str, *infos: str, version: str = "4.0", id_: str = "4.1-1", result: str = "Result") -> bytes:
    """A ProcessResult."""
    info = f"<Id>{id_}</Id><Size>1</Size><MessageType>{kind}</MessageType><Service>S</Service><Action>A</Action>"
    body = "".join(f"<Info>{each}</Info>" for each in infos)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><ProcessResult xmlns="urn:GEINV:ProcessResult:{version}">{ROUTING}'
        f"<MessageInfo>{info}</MessageInfo><{result}>{body}</{result}></ProcessResult>"
    ).encode()


def summary(good: str, failed: str, kind: str = "F0401", result: str = "Result", wrap: str = "") -> bytes:
    """A SummaryResult; `wrap` is an element inside each bucket."""
    begin, end = (f"<{wrap}>", f"</{wrap}>") if wrap else ("", "")
    info = f"<Id>1</Id><Size>1</Size><MessageType>{kind}</MessageType><Service>S</Service><Action>A</Action>"
    buckets = "".join(
        f"<{name}>{begin}<Count>1</Count>{content}{end}</{name}>"
        for name, content in (("Total", ""), ("Good", good), ("Failed", failed))
    )
    return (
        f'<SummaryResult xmlns="urn:GEINV:SummaryResult:4.0">{ROUTING}<DetailList><Message><Info>{info}</Info>'
        f"<{result}>{buckets}</{result}></Message></DetailList></SummaryResult>"
    ).encode()


def listed(number: str, date: str, name: str = "Invocie") -> str:
    """One number in a summary's list."""
    inner = f"<ReferenceNumber>{number}</ReferenceNumber><InvoiceDate>{date}</InvoiceDate>"
    return f"<Invoices><{name}>{inner}</{name}></Invoices>"


GOOD = "<Code>0</Code><Description>OK</Description><Parameter0>AB00001234</Parameter0><Parameter1>20261126</Parameter1>"


def test_an_accepted_invoice() -> None:
    """Code 0 (or 0000) is yes; number and date stand in the parameters."""
    answer = read_answer(process("F0401", GOOD))
    assert answer.form == "ProcessResult"
    assert answer.findings == [Finding("F0401", "AB00001234", True, "20261126", "", "OK")]
    assert read_answer(process("F0401", GOOD.replace(">0<", ">0000<"))).findings[0].accepted


def test_a_refused_invoice_keeps_its_first_code() -> None:
    """Several faults of one number are one refusal; a later success of the same number does not hide it."""
    infos = (
        GOOD,
        "<Code>E0103</Code><Description>金額</Description><Parameter0>AB00001234</Parameter0>",
        "<Code>E0220</Code><Parameter0>AB00001234</Parameter0>",
    )
    (finding,) = read_answer(process("F0401", *infos)).findings
    assert (finding.accepted, finding.code, finding.description) == (False, "E0103", "金額")


@pytest.mark.parametrize(
    "info",
    [
        "<Code>E0102</Code><Parameter0>InvoiceNumber</Parameter0><Parameter1>AB00001234</Parameter1>",
        "<Code>E0102</Code><Description>發票號碼 AB-00001234 不在字軌內</Description>",
        "<Code>e0102</Code><Parameter4> AB00001234 </Parameter4>",
    ],
)
def test_the_number_may_stand_anywhere(info: str) -> None:
    """In any parameter, or in the description."""
    (finding,) = read_answer(process("F0401", info)).findings
    assert (finding.reference, finding.code) == ("AB00001234", "E0102")


@pytest.mark.parametrize("version", ["3.0", "4.0", "4.1"])
@pytest.mark.parametrize("result", ["Result", "ResultType"])
def test_versions_and_names_deviate(version: str, result: str) -> None:
    """Neither the namespace's version nor the name of the list matters."""
    data = process("F0401", GOOD, version=version, result=result)
    assert read_answer(data).findings == read_answer(process("F0401", GOOD)).findings
    bare = data.replace(f' xmlns="urn:GEINV:ProcessResult:{version}"'.encode(), b"")
    assert read_answer(bare).findings == read_answer(data).findings


def test_an_allowance_is_named_by_its_own_number() -> None:
    """Not by the invoice that it is about."""
    info = "<Code>0</Code><Parameter0>AB00001234</Parameter0><Parameter1>20261126</Parameter1>"
    (finding,) = read_answer(process("G0401", info + "<Parameter2>A10100000001</Parameter2>")).findings
    assert (finding.message, finding.reference, finding.date) == ("G0401", "A10100000001", "20261126")


def test_unused_numbers_are_named_by_period_and_track() -> None:
    """As far as the answer tells them."""
    info = (
        "<Code>E0612</Code><Parameter0>11512</Parameter0><Parameter1>AB</Parameter1><Parameter2>00001235</Parameter2>"
    )
    assert read_answer(process("E0402", info)).findings[0].reference == "11512AB"
    assert read_answer(process("E0402", "<Code>0</Code>")).findings[0].reference == ""


@pytest.mark.parametrize("name", ["Invoice", "Invocie"])
@pytest.mark.parametrize(("result", "wrap"), [("Result", ""), ("ResultType", ""), ("ResultType", "ResultDetailType")])
def test_a_summary_in_every_form(name: str, result: str, wrap: str) -> None:
    """The schema's own spelling, the sensible one, and the nested one."""
    good, failed = listed("AB00001234", "2026-11-26", name), listed("AB00001235", "20261126", name)
    answer = read_answer(summary(good, failed, result=result, wrap=wrap))
    assert answer.form == "SummaryResult"
    assert answer.findings == [
        Finding("F0401", "AB00001234", True, "20261126"),
        Finding("F0401", "AB00001235", False, "20261126", SUMMARY_FAILED),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not XML",
        b"<Invoice/>",
        process("F0401", GOOD)[:-40],
        b'<!DOCTYPE x [<!ENTITY a "b">]><ProcessResult>&a;</ProcessResult>',
        b"<ProcessResult>\x00</ProcessResult>",
        b"<ProcessResult>" + b" " * MOST_BYTES + b"</ProcessResult>",
        b"<ProcessResult>" + b"<a>" * 300 + b"</a>" * 300 + b"</ProcessResult>",
    ],
    ids=["empty", "text", "foreign", "cut", "doctype", "nul", "huge", "deep"],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    """A half-written file is read again later; a hostile one does nothing."""
    with pytest.raises(AnswerUnreadable):
        read_answer(data)


def test_a_name_is_not_needed_to_tell_an_answer() -> None:
    """The content does."""
    assert looks_like_answer(process("F0401", GOOD))
    assert looks_like_answer(summary("", ""))
    assert not looks_like_answer(b"<Invoice/>")


def test_spoilt_answers_are_read_or_refused() -> None:
    """Bytes changed, cut and doubled at random: findings or AnswerUnreadable, nothing else, and never a stranger's
    acceptance out of a refusal."""
    rng = random.Random(6)
    refused = process("F0401", "<Code>E0103</Code><Parameter0>AB00001234</Parameter0>")
    for _ in range(3000):
        data = bytearray(refused)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            choice = rng.randrange(3)
            if choice == 0:
                data[at] = rng.randrange(256)
            elif choice == 1:
                del data[at : at + rng.randrange(1, 30)]
            else:
                data[at:at] = data[at : at + rng.randrange(1, 30)]
        try:
            findings = read_answer(bytes(data)).findings
        except AnswerUnreadable:
            continue
        assert not any(finding.accepted and finding.code for finding in findings)


def test_every_code_says_what_to_do() -> None:
    """In both languages; an unknown one and a silent summary too."""
    for code in (*MEANINGS, "E9999", SUMMARY_FAILED):
        found = meaning(code)
        assert found.en.endswith(".") and found.do_en.endswith(".")
        assert found.zh.endswith("。") and found.do_zh.endswith("。")
    assert meaning("E0201").cure == "settle"
