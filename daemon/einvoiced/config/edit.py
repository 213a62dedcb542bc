"""Changing the TOML file by hand's rules: one option, its comments kept, the whole checked before the file is replaced.

Lines are edited, not the parsed file written anew, because a shop's comments are worth keeping. What came of it is
parsed again and must differ from before in that one option only; otherwise nothing is written.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from einvoiced import config
from einvoiced.config import Config
from einvoiced.errors import ConfigNotSettable

SETTABLE = frozenset(
    {
        "seller.name",
        "seller.address",
        "seller.telephone",
        "seller.tax_registration",
        "box.boot_slip",
        "box.daily_slip",
        "printer.if_unprintable",
        "printer.donation_slip",
        "printer.carrier_slip",
        "printer.raw_slips",
        "printer.note",
    }
)
"""What `config set` may change: no wrong value of these issues a wrong number or stops the box."""

LIVE = SETTABLE | {
    "seller.identifier",
    "tracks.share",
    "tracks.branches",
    "tracks.lead",
    "sales.mixed_tax",
    "sales.carriers",
    "qr.key_file",
}
"""What a running box takes from a file that was changed; everything else needs a restart."""

_REASONS = {
    "seller.identifier": (
        "a box keeps its seller for life; another seller needs a box without a journal",
        "主機不可更換營業人；換營業人須使用沒有日誌的主機",
    ),
    "box": ("the box's id stands in its journal", "本機代號已寫入日誌"),
    "tracks": ("two boxes with one share issue every number twice", "份額設錯會重複開號"),
    "sales": ("it needs the tax office's approval, or brings duties of its own", "須先經國稅局核准或負有其他義務"),
    "qr": ("the key is put beside the file by hand, private to its owner", "金鑰檔須由維修人員放置並設定權限"),
}
_ELSE = ("it belongs to how the box is built and needs a restart", "屬於主機安裝設定，變更後須重新啟動")
_SECTION = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?$")
_VALUE = r"""(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|\[[^\]#]*\]|[^#"'\[\s][^#]*?)"""
_TAIL = r"(?P<tail>\s*(?:#.*)?)$"


def flat(settings: Config) -> dict[str, Any]:
    """Every option by its dotted name."""
    sections = msgspec.to_builtins(settings)
    return {f"{section}.{name}": value for section, options in sections.items() for name, value in options.items()}


def changed(old: Config, new: Config) -> list[str]:
    """The options that differ, in the order of the file's sections."""
    before = flat(old)
    return [option for option, value in flat(new).items() if before[option] != value]


def merged(old: Config, new: Config) -> Config:
    """What a running box may take of `new`: its LIVE options, the others as they were."""
    sections = {}
    for field in msgspec.structs.fields(Config):
        was, now = getattr(old, field.name), getattr(new, field.name)
        live = {f.name for f in msgspec.structs.fields(type(was)) if f"{field.name}.{f.name}" in LIVE}
        sections[field.name] = msgspec.structs.replace(was, **{name: getattr(now, name) for name in live})
    return Config(**sections)


def read_value(option: str, text: str) -> str | bool | None:
    """The value of a settable option as it was typed: empty takes an optional one away.

    ConfigNotSettable for any other option, with the reason.
    """
    if option not in SETTABLE:
        known = option in flat(config.UNCONFIGURED)
        en, zh = _REASONS.get(option) or _REASONS.get(option.partition(".")[0]) or _ELSE
        if not known:
            en, zh = "there is no such option", "沒有這個選項"
        raise ConfigNotSettable(option, option=option, reason=en, reason_zh=zh)
    if isinstance(flat(config.UNCONFIGURED)[option], bool):
        if text not in ("true", "false"):
            raise ConfigNotSettable(
                option, option=option, reason="it is true or false", reason_zh="只能是 true 或 false"
            )
        return text == "true"
    return text or (None if flat(config.UNCONFIGURED)[option] is None else "")


def edited(text: str, option: str, value: str | int | list[str] | None) -> str:
    """The file's text with one option set, or taken away (None: its line becomes a comment)."""
    section, _, name = option.partition(".")
    lines = text.splitlines()
    begin, end = _bounds(lines, section)
    if begin < 0:
        lines += ["", f"[{section}]"]
        begin = end = len(lines)
    at = _find(lines, begin, end, rf"\s*{name}\s*=\s*{_VALUE}{_TAIL}")
    if value is None:
        if at is not None:
            lines[at] = f"#{lines[at]}"
        return _joined(lines)
    shown = json.dumps(value, ensure_ascii=False)
    commented = at if at is not None else _find(lines, begin, end, rf"\s*#\s*{name}\s*=\s*{_VALUE}{_TAIL}")
    if commented is None:
        lines.insert(_last_used(lines, begin, end), f"{name} = {shown}")
    else:
        found = re.match(rf"\s*#?\s*{name}\s*=\s*{_VALUE}{_TAIL}", lines[commented])
        lines[commented] = f"{name} = {shown}{found['tail'] if found else ''}"
    return _joined(lines)


def set_option(path: Path, option: str, value: str | bool | None) -> Config:
    """Change one option in the file, atomically; the configuration that it holds now.

    ConfigError when the file is wrong before or after; ConfigNotSettable when its form is not one that lines tell.
    """
    before = path.read_text(encoding="utf-8")
    old = config.parse(path, before.encode())
    content = edited(before, option, value).encode()
    new = config.parse(path, content)
    if flat(new) != {**flat(old), option: value}:
        en, zh = "the file is written in a way that only a person should edit", "設定檔寫法特殊，請以文字編輯器修改"
        raise ConfigNotSettable(option, option=option, reason=en, reason_zh=zh)
    if content != before.encode():
        replace(path, content)
    return new


def replace(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Whole or not at all, with the file's own mode and owner; `mode` is that of a file that is new. OSError."""
    path = path.resolve()
    was = path.stat() if mode is None or path.exists() else None
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if was is not None and (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), was.st_uid, was.st_gid)
            os.fchmod(file.fileno(), was.st_mode & 0o7777 if was is not None else mode or 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _bounds(lines: list[str], section: str) -> tuple[int, int]:
    """The lines of a section's body; (-1, -1) when it is not there."""
    heads = [(n, found["name"].strip()) for n, line in enumerate(lines) if (found := _SECTION.match(line))]
    for place, (n, name) in enumerate(heads):
        if name == section:
            return n + 1, heads[place + 1][0] if place + 1 < len(heads) else len(lines)
    return -1, -1


def _find(lines: list[str], begin: int, end: int, pattern: str) -> int | None:
    return next((n for n in range(begin, end) if re.match(pattern, lines[n])), None)


def _last_used(lines: list[str], begin: int, end: int) -> int:
    """Where a new line of a section goes: after its last line that is not blank or a comment."""
    used = [n for n in range(begin, end) if lines[n].strip() and not lines[n].lstrip().startswith("#")]
    return used[-1] + 1 if used else begin


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
