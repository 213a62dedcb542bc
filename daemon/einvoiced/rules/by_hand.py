"""Numbers typed by hand, for the day without a stick: two persons, neither seeing what the other typed.

The self-check form allows typing only with several persons confirming. Each types the four values of the platform's
page: 期別 (`11511`, the ROC year and a month of the period), 字軌, 起號 and 迄號. The second learns which values
differ, never what the first typed; whoever calls this keeps the first typing to itself.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from einvoiced.errors import TypedBadly, TypedBySamePerson, TypedDiffers
from einvoiced.rules.numbers import BOOKLET, GENERAL_TAX, NumberRange, track_valid
from einvoiced.rules.period import Period

MOST_TRIES = 3
"""Second typings that may differ from one first typing: told often enough what differs, one could guess it."""

_PERIOD = re.compile(r"[0-9]{5}")
_NUMBER = re.compile(r"[0-9]{8}")
_NAMES_ZH = {"period": "期別", "track": "字軌", "begin": "起號", "end": "迄號"}


@dataclass(frozen=True, slots=True)
class Typing:
    """What one person typed, as it was typed; `person` is a name or a user of the machine."""

    person: str
    period: str
    track: str
    begin: str
    end: str


def read_typing(typing: Typing, *, seller: str) -> NumberRange:
    """The range that one person means; TypedBadly names the first value that cannot be right.

    Blanks around a value are dropped and nothing else is mended. The period may be named by either of its months:
    `11511` and `11512` are the same two months.
    """
    period = _period(typing.period.strip())
    track, begin, end = typing.track.strip(), typing.begin.strip(), typing.end.strip()
    if not track_valid(track):
        raise _bad("track", track, "two capital letters", "兩個大寫英文字母")
    if not _NUMBER.fullmatch(begin) or int(begin) % BOOKLET:
        raise _bad("begin", begin, "8 digits ending in 00 or 50", "8 位數字，末兩碼為 00 或 50")
    if not _NUMBER.fullmatch(end) or int(end) % BOOKLET != BOOKLET - 1:
        raise _bad("end", end, "8 digits ending in 49 or 99", "8 位數字，末兩碼為 49 或 99")
    if int(end) < int(begin):
        raise _bad("end", end, "above the first number", "大於起號的號碼")
    return NumberRange(seller, GENERAL_TAX, period, track, int(begin), int(end))


def agree(first: Typing, second: Typing, *, seller: str) -> NumberRange:
    """The range that both persons typed.

    Raises TypedBySamePerson, TypedBadly (of the second; the first was read before) and TypedDiffers, which names the
    fields that differ and tells no value of either.
    """
    if same_person(first.person, second.person):
        raise TypedBySamePerson()
    wanted, got = read_typing(first, seller=seller), read_typing(second, seller=seller)
    differing = [name for name, value in values(wanted).items() if values(got)[name] != value]
    if differing:
        raise differs(differing)
    return wanted


def values(numbers: NumberRange) -> dict[str, str]:
    """The four values of a typed range in one form each, however they were typed."""
    begin, end = f"{numbers.begin:08d}", f"{numbers.end:08d}"
    return {"period": numbers.period.year_month, "track": numbers.track, "begin": begin, "end": end}


def differs(fields: list[str]) -> TypedDiffers:
    """That two typings differ in some of the `values`."""
    return TypedDiffers(fields=", ".join(fields), fields_zh="、".join(_NAMES_ZH[name] for name in fields))


def same_person(one: str, other: str) -> bool:
    """Whether two names mean one person: case, width, accents, blanks and signs between do not make another."""
    return _who(one) == _who(other)


def _period(text: str) -> Period:
    try:
        if _PERIOD.fullmatch(text):
            return Period.from_roc(int(text[:3]), int(text[3:]))
    except ValueError:
        pass
    raise _bad("period", text, "ROC year and month, such as 11511", "民國年加月份，例如 11511")


def _bad(field: str, value: str, form: str, form_zh: str) -> TypedBadly:
    text = "".join(char if char.isprintable() else "?" for char in value[:20])
    return TypedBadly(1, 0, text, field=field, field_zh=_NAMES_ZH[field], form=form, form_zh=form_zh)


def _who(person: str) -> str:
    """A name's letters and digits, without what hides that two are the same."""
    return "".join(char for char in unicodedata.normalize("NFKD", person).casefold() if char.isalnum())
