"""E0501: whatever the bytes are, a verdict; and nothing taken that another parser and a plain check would not find."""

from __future__ import annotations

import gc
import re
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from intake_helpers import OWN, TODAY, decoded, verdict

from einvoiced import errors
from einvoiced.errors import TrackFileError
from einvoiced.intake import MAX_BYTES, read_track_file
from einvoiced.intake.e0501 import looks_like_xml, read_rows

NAMESPACE = "urn:GEINV:E0501:4.0"
ENVELOPE = "urn:GEINV:InvoiceEnvelope:4.1"
GOOD = {
    "Ban": OWN,
    "InvoiceType": "07",
    "YearMonth": "11012",
    "InvoiceTrack": "NQ",
    "InvoiceBeginNo": "42519550",
    "InvoiceEndNo": "42522049",
    "InvoiceBooklet": "50",
}
FORMS = ("24634102", "07", "1(?:1012|1102)", "[A-Z]{2}", "[0-9]{6}[05]0", "[0-9]{6}[49]9", "[0-9]{1,10}")


def message(values: dict[str, str], namespace: str = NAMESPACE) -> str:
    body = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f'<InvoiceAssignNo xmlns="{namespace}">{body}</InvoiceAssignNo>'


def booklet(number: int, many: int = 1) -> dict[str, str]:
    begin = number * 50
    return GOOD | {
        "InvoiceBeginNo": f"{begin:08d}",
        "InvoiceEndNo": f"{begin + many * 50 - 1:08d}",
        "InvoiceBooklet": str(many),
    }


def envelope(*messages: str, count: int | None = None) -> str:
    stated = len(messages) if count is None else count
    inside = f'<InvoicePack messageType="E0501" count="{stated}">{"".join(messages)}</InvoicePack>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<InvoiceEnvelope xmlns="{ENVELOPE}">{inside}</InvoiceEnvelope>'


def reference(data: bytes) -> list[tuple[str, ...]]:
    """What expat, not libxml2, and a regular expression for each value find; empty for what is no XML."""
    text = decoded(data)
    if text is None:
        return []
    text = re.sub(r"^\s*<\?xml[^>]*>", "", text.rstrip("\x1a \t\r\n"), count=1).lstrip()
    if re.search("<!doctype|<!entity", text, re.IGNORECASE):
        return []
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return []
    found = []
    for element in root.iter():
        space, _, name = element.tag.rpartition("}")
        if name == "InvoiceAssignNo" and space.removeprefix("{") in (NAMESPACE, NAMESPACE.replace("4.0", "4.1")):
            values = [(element.findtext(f"{space}}}{key}") or "").strip(" \t\r\n\u00a0\u3000") for key in GOOD]
            if all(re.fullmatch(form, value) for form, value in zip(FORMS, values, strict=True)):
                found.append(tuple(values))
    return found


ODD = (
    *(
        "",
        " 07 ",
        "08",
        "7",
        "11102",
        "11010",
        "11011",
        "nq",
        "TN",
        "４２５１９５５０",
        "0",
        "51",
        "04595257",
        "&#78;Q",
    ),
    *("42519551", "&amp;", "&x;", "<a/>", "<!-- -->", "<![CDATA[NQ]]>", "\u202e", "1" * 50, "\n11102\n", "00050"),
)
NOISE = (" ", "\n", "<!-- c -->", "<?p i?>", "x", "<Other/>", "&lt;", "]]>", "</a>", "<a>")
odd_value = st.sampled_from(ODD) | st.text(st.characters(exclude_characters="<&", codec="utf-8"), max_size=9)
noise = st.sampled_from([""] * 60 + ["\n", "\t", "<!-- -->"] * 10 + list(NOISE))
changed = st.just([]) | st.just([]) | st.lists(st.tuples(st.sampled_from(list(GOOD)), odd_value), max_size=2)


@st.composite
def a_message(draw: st.DrawFn) -> str:
    """A genuine message, sometimes with a few values changed, dropped, moved or put beside noise."""
    values = booklet(draw(st.integers(0, 300)), draw(st.integers(1, 3)))
    for name, value in draw(changed):
        values[name] = value
    names = list(values)
    if draw(st.integers(0, 9)) == 7:
        names = draw(st.permutations(names))[draw(st.integers(0, 2)) :]
    body = "".join(f"{draw(noise)}<{name}>{values[name]}</{name}>" for name in names)
    space = draw(st.sampled_from([NAMESPACE] * 20 + [NAMESPACE.replace("4.0", "4.1"), "urn:GEINV:E0501:3.1", ""]))
    return f'<InvoiceAssignNo xmlns="{space}">{body}{draw(noise)}</InvoiceAssignNo>'


@st.composite
def document(draw: st.DrawFn) -> bytes:
    """A message or an envelope, in an encoding like a file's, sometimes cut or with a few bytes changed."""
    messages = draw(st.lists(a_message(), min_size=1, max_size=4))
    text = envelope(*messages) if draw(st.booleans()) else messages[0]
    if draw(st.integers(0, 9)) == 7:
        text = draw(noise) + text + draw(noise)
    data = bytearray(text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "cp950"])), "replace"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 3]))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.sampled_from([len(data)] * 9 + [len(data) // 2]))])


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(document())
def test_nothing_is_taken_that_another_parser_does_not_find(data: bytes) -> None:
    """Every range taken is a good message for expat too, none is lost, and no number is taken twice."""
    parsed = verdict(data)
    if parsed is None:
        return
    taken = [(row.range.period.year_month, row.range.track, row.range.begin, row.range.end) for row in parsed.rows]
    assert taken == [(v[2], v[3], int(v[4]), int(v[5])) for v in reference(data)]
    numbers = [(track, period, n) for period, track, begin, end in taken for n in range(begin, end + 1)]
    assert len(numbers) == len(set(numbers))


@given(st.binary(max_size=300))
@example(b"")
@example(b"\xff\xfe<\0")
def test_any_bytes_behind_a_bracket_are_refused_properly(data: bytes) -> None:
    """Noise is refused with a TrackFileError, also where it names the message, and never taken."""
    assert verdict(b"<" + data) is None
    assert verdict(b"<InvoiceAssignNo" + data) is None


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30, unique=True))
def test_every_good_envelope_is_taken_whole(numbers: list[int]) -> None:
    """Genuine messages that do not overlap are taken, every one, in the file's order."""
    data = envelope(*[message(booklet(each)) for each in numbers]).encode()
    parsed = read_track_file(data, seller=OWN, today=TODAY)
    assert [row.range.begin // 50 for row in parsed.rows] == numbers


@pytest.mark.parametrize(
    ("text", "xml"),
    [
        ("<a/>", True),
        ("\r\n \t<a/>", True),
        ("24634102,7", False),
        ("營業人統編,<", False),
        ("\u3000<a/>", False),
        ("", False),
    ],
)
def test_the_first_character_decides(text: str, xml: bool) -> None:
    """Only an opening bracket, after blanks, makes a file XML."""
    assert looks_like_xml(text) == xml


def test_lines_are_those_of_the_source() -> None:
    """Whatever the line ends and however many blank lines come first, an editor finds the place."""
    text = '\r\n\r\n<?xml version="1.0"?>\r' + message(GOOD | {"Ban": "1"}).replace("><", ">\r\n<")
    _, (reason,) = read_rows(text)
    assert (reason.line, reason.column, reason.value) == (5, 1, "1")


def test_a_refusal_names_the_element_and_the_value() -> None:
    """What an editor of the file must look at, in both languages."""
    _, (reason,) = read_rows(message(GOOD | {"InvoiceTrack": "nq"}))
    assert isinstance(reason, errors.XmlBadValue)
    for sentence in (reason.message, reason.message_zh):
        assert "InvoiceTrack" in sentence
        assert "nq" in sentence


def test_a_strangers_file_never_reaches_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not name InvoiceAssignNo, or has a DOCTYPE, is refused without lxml."""
    monkeypatch.setitem(sys.modules, "lxml", None)
    for text, kind in (
        ("<html><body>" + "<p>" * 1000, errors.XmlNotE0501),
        ("<!DOCTYPE a>" + message(GOOD), errors.XmlForbidden),
        ("<! entity a>" + message(GOOD), errors.XmlForbidden),
    ):
        _, (reason,) = read_rows(text)
        assert isinstance(reason, kind)


def test_a_strangers_file_is_no_track_file() -> None:
    """Whoever passes over files that are no track files passes over strangers' XML too."""
    assert issubclass(errors.XmlNotE0501, errors.NotATrackFile)


def seconds(data: bytes) -> float:
    """The computing time of the best of three readings."""
    took = []
    for _ in range(3):
        before = time.process_time()
        verdict(data)
        took.append(time.process_time() - before)
    return min(took)


def test_a_full_envelope_is_read_quickly() -> None:
    """A thousand messages take no more than 0.3 s of computing."""
    data = envelope(*[message(booklet(each)) for each in range(1000)]).encode()
    assert len(read_track_file(data, seller=OWN, today=TODAY).rows) == 1000
    assert seconds(data) < 0.3


def fill(piece: str) -> str:
    return piece * ((MAX_BYTES - 1000) // len(piece))


@pytest.mark.parametrize(
    "text",
    [
        message(GOOD)[:-18] + fill("<a/>") + "</InvoiceAssignNo>",
        message(GOOD)[:-18] + fill("<!-- -->") + "</InvoiceAssignNo>",
        envelope(*["<InvoiceAssignNo/>"] * 55_000),
        "<InvoiceAssignNo " + " ".join(f'a{i}=""' for i in range(80_000)) + "/>",
        "<InvoiceAssignNo " + " ".join(f'xmlns:a{i}="u{i}"' for i in range(48_000)) + "/>",
        "<InvoiceAssignNo>" + fill("&#65;") + "</InvoiceAssignNo>",
        "<InvoiceAssignNo>" + fill("<a>"),
        message(GOOD | {"Ban": fill("x")}),
        message(GOOD | {"Ban": fill("\u3000")}),
        fill("\n") + message(GOOD),
        fill("<") + "InvoiceAssignNo",
        fill("<! ") + "InvoiceAssignNo",
        "<!" + fill(" ") + "InvoiceAssignNo",
        "<?xml " + fill(" ") + "InvoiceAssignNo",
    ],
    ids=range(14),
)
def test_a_hostile_mebibyte_costs_little(text: str) -> None:
    """Whatever fills the file: a verdict within half a second of computing."""
    data = text.encode()
    assert len(data) > MAX_BYTES // 2
    assert seconds(data[:MAX_BYTES]) < 0.5


@pytest.mark.parametrize(
    "text",
    ["x", "24634102,7,,110/11 ~ 110/12,nq,1,2", "<a/>", "<InvoiceAssignNo>", message(GOOD | {"Ban": ""})],
)
def test_a_refusal_leaves_nothing_for_the_garbage_collector(text: str) -> None:
    """No error is part of a cycle that would keep a stranger's mebibyte in memory."""

    def refusals() -> int:
        try:
            read_track_file(text.encode(), seller=OWN, today=TODAY)
        except TrackFileError:
            return 1
        return 0

    assert refusals() == 1
    gc.collect()
    gc.disable()
    try:
        refusals()
        assert gc.collect() == 0
    finally:
        gc.enable()
