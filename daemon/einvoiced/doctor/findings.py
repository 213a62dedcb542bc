"""What a check says: how bad it is, in both languages, and the cure."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

Level = Literal["ok", "note", "warning", "problem", "unknown"]
"""`problem`: the box cannot do its work, or will not survive. `warning`: it can, somebody should act. `note`: as it is
meant to be, worth knowing. `unknown`: could not be seen.
"""

AS_ROOT = "sudo einvoicectl doctor"


class Finding(Struct, frozen=True):
    """One finding; `check` is filled in by whoever ran the check. `cure` is what to do, often a command."""

    level: Level
    en: str
    zh: str
    check: str = ""
    cure: str = ""
    cure_zh: str = ""

    def of(self, check: str) -> Finding:
        """The same, of a check."""
        return msgspec.structs.replace(self, check=check)


def ok(en: str, zh: str) -> Finding:
    """All is well."""
    return Finding("ok", en, zh)


def note(en: str, zh: str) -> Finding:
    """Worth knowing."""
    return Finding("note", en, zh)


def warning(en: str, zh: str, cure: str, cure_zh: str) -> Finding:
    """Somebody should act."""
    return Finding("warning", en, zh, "", cure, cure_zh)


def problem(en: str, zh: str, cure: str, cure_zh: str) -> Finding:
    """Something is wrong."""
    return Finding("problem", en, zh, "", cure, cure_zh)


def unseen(what: str, what_zh: str) -> Finding:
    """Only root may look."""
    return Finding("unknown", f"{what} can only be seen by root.", f"{what_zh}只有 root 能查看。", "", AS_ROOT, AS_ROOT)
