"""The configuration's file as `setup` fills it in: options one by one, and only a good file replaces what is there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from einvoiced import config
from einvoiced.config import edit
from einvoiced.errors import ConfigError

EXAMPLES = (
    Path("/usr/share/einvoiced/einvoiced.toml"),
    Path(__file__).parents[3] / "config" / "einvoiced.toml",
)
"""Where a new file's comments come from; without them it is short."""

_GOOD = {"seller": {"identifier": "12345675", "name": "示範商店"}, "tracks": {"share": "1/1"}}


class ConfigFile:
    """One file being changed. Nothing touches the disk before `write`.

    `before` is what the file on the disk says, by `section.option`; `changes` what was set otherwise: before, now.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there, or begin with the example. ConfigError for a file that is no TOML."""
        self.path = path
        self.exists = path.exists()
        self.changes: dict[str, tuple[Any, Any]] = {}
        self.before: dict[str, Any] = {}
        try:
            self._text = self._read()
            sections = tomllib.loads(self._text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise config.not_toml(path, error) from None
        except OSError as error:
            raise config.unreadable(path, error) from None
        if self.exists:
            self.before = flatten(sections)

    def _read(self) -> str:
        if self.exists:
            return self.path.read_text(encoding="utf-8")
        example = next((each for each in EXAMPLES if each.is_file()), None)
        return example.read_text(encoding="utf-8") if example is not None else ""

    def set(self, option: str, value: Any) -> None:
        """Set an option; None takes it out."""
        before = self.before.get(option)
        self.changes.pop(option, None)
        if not self.exists or before != value:
            self._text = edit.edited(self._text, option, value)
        if before != value:
            self.changes[option] = (before, value)

    def check(self) -> config.Config:
        """What the file will say. ConfigError as `config.load`, also where lines could not tell what was meant."""
        loaded = config.parse(self.path, self._text.encode())
        said = edit.flat(loaded)
        for option, (_, now) in self.changes.items():
            if now is not None and said[option] != now:
                raise ConfigError(
                    file=self.path,
                    option=option,
                    detail="is written in a way that only a person should edit",
                    detail_zh="寫法特殊，請用編輯器修改",
                )
        return loaded

    def write(self) -> None:
        """Replace the file, whole or not at all, and only by one that the box takes; ConfigError, OSError."""
        self.check()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        edit.replace(self.path, self._text.encode(), mode=0o644)


def flatten(sections: dict[str, Any]) -> dict[str, Any]:
    """`section.option` → value of parsed TOML; what stands outside of sections has no option's name."""
    return {
        f"{part}.{name}": value
        for part, section in sections.items()
        for name, value in (section.items() if isinstance(section, dict) else [("", section)])
    }


def objection(option: str, value: Any, folder: Path) -> str | None:
    """What is wrong with one option's value by itself; None when nothing is. `folder` is the configuration's."""
    part, _, name = option.partition(".")
    sections: dict[str, dict[str, Any]] = {key: dict(section) for key, section in _GOOD.items()}
    sections.setdefault(part, {})[name] = value
    path = folder / "einvoiced.toml"
    try:
        config.check(path, msgspec.convert(sections, type=config.Config))
    except msgspec.ValidationError as error:
        return str(error).partition(" - at ")[0]
    except ConfigError as error:
        return str(error.facts["detail"])
    return None
