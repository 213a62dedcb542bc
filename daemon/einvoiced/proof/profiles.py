"""The profiles of known printers: TOML files, beside the configuration or installed with the program."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from einvoiced.proof.profile import GENERIC_58, PrinterProfile

SHARED = Path(sys.prefix) / "share" / "einvoiced" / "printers"
"""Where a wheel puts the files."""

SYSTEM = Path("/usr/share/einvoiced/printers")
SOURCE = Path(__file__).parents[3] / "config" / "printers"


def load_profile(name: str, beside: Path | None = None) -> PrinterProfile:
    """The profile of a name, or of a file where the name is a path (ends in `.toml`).

    Looked for in `printers/` beside the configuration (`beside` is its folder), then where the program keeps its own.
    ValueError says what is wrong, and which names there are.
    """
    if name.endswith(".toml"):
        return _read((beside or Path()) / name)
    for folder in _folders(beside):
        file = folder / f"{name}.toml"
        if file.is_file() and "/" not in name:
            return _read(file)
    if name == GENERIC_58.name:
        return GENERIC_58
    raise ValueError(f"no printer profile {name!r}; there are {', '.join(profile_names(beside))}")


def profile_names(beside: Path | None = None) -> list[str]:
    """The names there are."""
    return sorted({GENERIC_58.name, *(file.stem for folder in _folders(beside) for file in folder.glob("*.toml"))})


def _folders(beside: Path | None) -> list[Path]:
    own = [beside / "printers"] if beside is not None else []
    return [*own, SHARED, SYSTEM, SOURCE]


def _read(file: Path) -> PrinterProfile:
    try:
        return msgspec.toml.decode(file.read_bytes(), type=PrinterProfile)
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: {error}") from None
