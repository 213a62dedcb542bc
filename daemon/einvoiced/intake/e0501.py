"""The platform's XML form of an allotment (MIG message E0501) to rows.

| element of `InvoiceAssignNo` | form | column of an error |
|---|---|---|
| `Ban` | 8 digits | 1 |
| `InvoiceType` | `07` or `08` | 2 |
| `YearMonth` | ROC year and even month, `11512` | 4 |
| `InvoiceTrack` | two letters A-Z | 5 |
| `InvoiceBeginNo` | 8 digits, ends in 00 or 50 | 6 |
| `InvoiceEndNo` | 8 digits, ends in 49 or 99 | 7 |
| `InvoiceBooklet` | how many booklets the range has | 8 |

It is the root itself, or 1 to 1000 of them stand in `InvoiceEnvelope/InvoicePack`. An error's column is that of the
same value in the CSV. A file that never names `InvoiceAssignNo` is not parsed at all, nor is one with a DOCTYPE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from einvoiced import errors
from einvoiced.errors import TrackFileError
from einvoiced.intake.columns import BEGIN, CATEGORY, END, PERIOD, SELLER, TRACK, TrackRow, bound_reasons, stripped
from einvoiced.intake.refusals import ENOUGH, shown
from einvoiced.rules.numbers import NumberRange, track_valid
from einvoiced.rules.period import Period

ITEM, ENVELOPE, PACK = "InvoiceAssignNo", "InvoiceEnvelope", "InvoicePack"
MOST_ITEMS = 1000
BOOKLETS = 8
"""The column of InvoiceBooklet, which the CSV has not."""

_MESSAGE = "E0501"
_NAMESPACES = {ITEM: ("urn:GEINV:E0501:4.0", "urn:GEINV:E0501:4.1")}
_NAMESPACES[ENVELOPE] = ("urn:GEINV:InvoiceEnvelope:4.0", "urn:GEINV:InvoiceEnvelope:4.1")
_MOST_MARKS = 40_000
"""Tags and attributes that are parsed: twice what a full envelope has, some 8 MiB of the parser's memory."""

_ROUTING = frozenset({"From", "FromVAC", "To", "ToVAC"})
_FORBIDDEN = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?")
_BLANK = " \t\n"
_AROUND = _BLANK + "\u00a0\u3000"
_COUNT = re.compile(r"[0-9]{1,10}")


def _is_year_month(value: str) -> bool:
    try:
        Period.from_year_month(value)
    except ValueError:
        return False
    return True


def _form(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


_FIELDS: dict[str, tuple[int, Callable[[str], bool]]] = {
    "Ban": (SELLER, _form("[0-9]{8}")),
    "InvoiceType": (CATEGORY, _form("0[78]")),
    "YearMonth": (PERIOD, _is_year_month),
    "InvoiceTrack": (TRACK, track_valid),
    "InvoiceBeginNo": (BEGIN, _form("[0-9]{8}")),
    "InvoiceEndNo": (END, _form("[0-9]{8}")),
    "InvoiceBooklet": (BOOKLETS, _form("[0-9]{1,10}")),
}


def looks_like_xml(text: str) -> bool:
    """Whether the first character that is no blank opens a tag: the content decides, never a file's name."""
    return text.lstrip(_BLANK + "\r").startswith("<")


def read_rows(text: str) -> tuple[list[TrackRow], list[TrackFileError]]:
    """The rows that could be read and the reasons against the others; it stops after 21 reasons.

    `line` is that of the source. What concerns the file as a whole is one reason and no row.
    """
    rows: list[TrackRow] = []
    reasons: list[TrackFileError] = []
    try:
        for item in _items(_parsed(_LINE_END.sub("\n", text))):
            row = _read_item(item)
            if isinstance(row, TrackRow):
                rows.append(row)
            else:
                reasons += row
            if len(reasons) >= ENOUGH:
                break
    except TrackFileError as reason:
        return [], [reason.with_traceback(None)]
    return rows, reasons


def _parsed(text: str) -> Any:
    """The root element; the blank lines before it are kept in the parser's count of lines."""
    if ITEM not in text:
        raise errors.XmlNotE0501(1)
    if text.count("<") + text.count("=") > _MOST_MARKS:
        raise errors.XmlDamaged(1, 0, f"{text.count('<')} tags")
    if found := _FORBIDDEN.search(text):
        raise errors.XmlForbidden(text.count("\n", 0, found.start()) + 1, 0, found[1].upper())
    from lxml import etree

    # An XML declaration must be the very first; what it says of the encoding was settled when the text was decoded.
    body = text.lstrip(_BLANK)
    before = text[: len(text) - len(body)].count("\n")
    declaration = re.match(r"<\?xml\s[^>]*>", body)
    at = declaration.end() if declaration else 0
    source = body[:at] + "\n" * before + body[at:]
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(source.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise errors.XmlDamaged(error.lineno or 1, 0, shown(error.msg or "")) from None


def _items(root: Any) -> list[Any]:
    """The InvoiceAssignNo elements of the file."""
    name = _local(root)
    if name == ITEM:
        return [root]
    if name != ENVELOPE:
        raise errors.XmlNotE0501(1)
    _check_namespace(root, ENVELOPE)
    packs = []
    for child in _elements(root):
        _check_same_namespace(child, root)
        if _local(child) == PACK:
            packs.append(child)
        elif _local(child) not in _ROUTING:
            raise _misplaced(child)
    if len(packs) != 1:
        raise errors.XmlStructure(root.sourceline, 0, "", element=PACK)
    return _items_of_pack(packs[0])


def _items_of_pack(pack: Any) -> list[Any]:
    """All of the pack's messages, when they are E0501 and as many as it says."""
    if stripped(pack.get("messageType", _MESSAGE)) != _MESSAGE:
        raise errors.XmlNotE0501(pack.sourceline)
    items = list(_elements(pack))
    stranger = next((item for item in items if _local(item) != ITEM), None)
    if stranger is not None:  # an element without children is false
        raise _misplaced(stranger)
    if not items:
        raise errors.XmlStructure(pack.sourceline, 0, "", element=ITEM)
    stated = stripped(pack.get("count", str(len(items))))
    if len(items) > MOST_ITEMS or not _COUNT.fullmatch(stated):
        wrong = stated if len(items) <= MOST_ITEMS else str(len(items))
        raise errors.XmlBadValue(pack.sourceline, 0, shown(wrong), element=f"{PACK}/count")
    if int(stated) != len(items):
        raise errors.XmlCountWrong(pack.sourceline, 0, stated, element=f"{PACK}/count", found=len(items))
    return items


def _read_item(item: Any) -> TrackRow | list[TrackFileError]:
    """The range that one InvoiceAssignNo gives, or every reason against it."""
    try:
        _check_namespace(item, ITEM)
        fields = _fields(item)
    except TrackFileError as reason:
        return [reason.with_traceback(None)]
    reasons: list[TrackFileError] = []
    for name, (column, well_formed) in _FIELDS.items():
        line, value = fields[name]
        if not well_formed(value):
            reasons.append(errors.XmlBadValue(line, column, shown(value), element=name))
    if reasons:
        return reasons
    values = [value for _, value in (fields[name] for name in _FIELDS)]
    return _row(item.sourceline, fields["InvoiceBooklet"][0], values)


def _row(line: int, line_of_booklets: int, values: list[str]) -> TrackRow | list[TrackFileError]:
    """The range of seven well-formed values, when they agree with each other."""
    seller, category, year_month, track, begin, end, booklets = values
    if reasons := bound_reasons(line, begin, end):
        return reasons
    numbers = NumberRange(seller, category, Period.from_year_month(year_month), track, int(begin), int(end))
    if int(booklets) != numbers.booklets:
        return [
            errors.XmlCountWrong(line_of_booklets, BOOKLETS, booklets, element="InvoiceBooklet", found=numbers.booklets)
        ]
    return TrackRow(line, numbers)


def _fields(item: Any) -> dict[str, tuple[int, str]]:
    """Line and value of each of the seven elements; XmlStructure or XmlNamespace unless each is there once."""
    fields: dict[str, tuple[int, str]] = {}
    for child in _elements(item):
        _check_same_namespace(child, item)
        name = _local(child)
        if name not in _FIELDS or name in fields:
            raise _misplaced(child)
        if len(child):
            column = _FIELDS[name][0]
            raise errors.XmlBadValue(child.sourceline, column, shown(_local(child[0]) or "<!-- -->"), element=name)
        fields[name] = child.sourceline, (child.text or "").strip(_AROUND)
    if missing := next((name for name in _FIELDS if name not in fields), None):
        raise errors.XmlStructure(item.sourceline, _FIELDS[missing][0], "", element=missing)
    return fields


def _elements(parent: Any) -> Iterator[Any]:
    """The child elements, without comments; XmlStructure for text beside them."""
    if _has_text(parent.text):
        raise _misplaced(parent)
    for child in parent:
        if _has_text(child.tail):
            raise _misplaced(parent)
        if isinstance(child.tag, str):
            yield child


def _has_text(text: str | None) -> bool:
    return bool(text) and bool(str(text).strip(_BLANK))


def _local(element: Any) -> str:
    """The name without its namespace; "" for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _namespace(element: Any) -> str:
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def _check_namespace(element: Any, name: str) -> None:
    if _namespace(element) not in _NAMESPACES[name]:
        raise errors.XmlNamespace(element.sourceline, 0, shown(_namespace(element)), element=name)


def _check_same_namespace(element: Any, parent: Any) -> None:
    if _namespace(element) != _namespace(parent):
        raise errors.XmlNamespace(element.sourceline, 0, shown(_namespace(element)), element=shown(_local(element)))


def _misplaced(element: Any) -> TrackFileError:
    return errors.XmlStructure(element.sourceline, 0, "", element=shown(_local(element)))
