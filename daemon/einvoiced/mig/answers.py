"""The platform's answers, `ProcessResult` and `SummaryResult`, read leniently: real files deviate from the schema.

Namespaces 3.0, 4.0, 4.1 or none; `Result` or `ResultType`, with or without `ResultDetailType` inside; `Invoice` or the
schema's own `Invocie`; dates with or without dashes; the number in any of the five parameters. What is never lenient:
a file that is no well-formed XML, is too big, or brings a DOCTYPE is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct

from einvoiced.errors import AnswerUnreadable
from einvoiced.rules.platform_codes import SUMMARY_FAILED

MOST_BYTES = 16 << 20
"""A SummaryResult of 5,000 messages stays well below."""

_FORBIDDEN = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_INVOICE = re.compile(r"(?<![A-Z0-9])[A-Z]{2}-?[0-9]{8}(?![0-9])")
_ALLOWANCE = re.compile(r"[A-Za-z0-9-]{9,16}")
_DATE = re.compile(r"(20[0-9]{2})[-/]?(0[1-9]|1[0-2])[-/]?(0[1-9]|[12][0-9]|3[01])(?![0-9])")
_YEAR_MONTH = re.compile(r"1[0-9]{2}(?:02|04|06|08|10|12)")
_TRACK = re.compile(r"[A-Z]{2}")
_GOOD = re.compile(r"0+")
_KIND = re.compile(r"[A-Z][0-9]{4}")


class Finding(Struct, frozen=True, omit_defaults=True):
    """What the platform says of one message. `message` is MIG's name; `code` is empty for an accepted one.

    `reference`: the invoice's or allowance's number; for E0402 the period and track, `11510AB`. It may be empty.
    """

    message: str
    reference: str
    accepted: bool
    date: str = ""
    code: str = ""
    description: str = ""


class Answer(Struct, frozen=True):
    """One file."""

    form: Literal["ProcessResult", "SummaryResult"]
    findings: list[Finding]


def looks_like_answer(data: bytes) -> bool:
    """Whether the bytes may be one of the two; a file's name never decides."""
    return b"ProcessResult" in data[:4096] or b"SummaryResult" in data[:4096]


def read_answer(data: bytes) -> Answer:
    """The file's findings; AnswerUnreadable for what is damaged, foreign, hostile or too big."""
    root = _parsed(data)
    name = _local(root)
    if name == "ProcessResult":
        return Answer("ProcessResult", list(_process(root)))
    if name == "SummaryResult":
        return Answer("SummaryResult", list(_summary(root)))
    raise AnswerUnreadable(detail=f"its root is {name[:40]!r}")


def _parsed(data: bytes) -> Any:
    from lxml import etree

    if len(data) > MOST_BYTES:
        raise AnswerUnreadable(detail=f"it has more than {MOST_BYTES >> 20} MiB")
    if _FORBIDDEN.search(data) or b"\x00" in data:
        raise AnswerUnreadable(detail="it holds a DOCTYPE or bytes that no answer has")
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(data.lstrip(b" \t\r\n"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise AnswerUnreadable(detail=str(error)[:120] or "it is no XML") from None


# -- ProcessResult


def _process(root: Any) -> Iterator[Finding]:
    """One finding a message that is named; the first code that is no success decides."""
    info = next(_all(root, "MessageInfo"), root)
    kind, id_ = _kind(info), _text(info, "Id")
    found: dict[str, Finding] = {}
    for each in _all(next(_all(root, "Result"), root), "Info"):
        code = _text(each, "Code").upper()
        description = _text(each, "Description")
        given = [_text(each, f"Parameter{n}") for n in range(5)]
        reference = _reference(kind, [text for text in given if text], description, id_)
        accepted = _GOOD.fullmatch(code) is not None
        old = found.get(reference)
        if old is None or (old.accepted and not accepted):
            found[reference] = Finding(
                kind, reference, accepted, _date(given), "" if accepted else code[:20], description[:300]
            )
    yield from found.values()


def _reference(kind: str, given: list[str], *elsewhere: str) -> str:
    if kind.startswith("E"):
        return _range_reference(given)
    if kind.startswith("G"):
        named = (text for text in given if _ALLOWANCE.fullmatch(text) and not _DATE.fullmatch(text))
        return next((text for text in named if not _INVOICE.fullmatch(text)), "")
    for text in (*given, *elsewhere):
        if number := _INVOICE.search(text):
            return number[0].replace("-", "")
    return ""


def _range_reference(given: Iterable[str]) -> str:
    """Period and track as far as they are told."""
    texts = list(given)
    month = next((text for text in texts if _YEAR_MONTH.fullmatch(text)), "")
    track = next((text[:2] for text in texts if _TRACK.fullmatch(text) or _INVOICE.fullmatch(text)), "")
    return month + track


def _date(given: Iterable[str]) -> str:
    for text in given:
        if found := _DATE.match(text):
            return "".join(found.groups())
    return ""


# -- SummaryResult


def _summary(root: Any) -> Iterator[Finding]:
    for message in _all(root, "Message"):
        kind = _kind(message)
        for part, accepted in (("Good", True), ("Failed", False)):
            for bucket in _all(message, part):
                yield from _listed(kind, bucket, accepted)


def _listed(kind: str, bucket: Any, accepted: bool) -> Iterator[Finding]:
    for name in ("Invoice", "Invocie"):
        for each in _all(bucket, name):
            text = _text(each, "ReferenceNumber")
            reference = _reference(kind, [text] if text else [])
            code = "" if accepted else SUMMARY_FAILED
            yield Finding(kind, reference, accepted, _date([_text(each, "InvoiceDate")]), code)


# -- elements by their local names, whatever the namespace


def _all(parent: Any, name: str) -> Iterator[Any]:
    return (element for element in parent.iter() if element is not parent and _local(element) == name)


def _text(parent: Any, name: str) -> str:
    """The text of the first child or descendant of this name, without blanks around it."""
    for element in _all(parent, name):
        return (element.text or "").strip()
    return ""


def _kind(parent: Any) -> str:
    """MIG's name of the message that is spoken of; "" when it is not told."""
    found = _KIND.search(_text(parent, "MessageType").upper())
    return found[0] if found else ""


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
