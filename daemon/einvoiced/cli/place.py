"""Where the box is that a verb works on, running or not: its state, its journal, its configuration, its mirror."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from einvoiced import config

if TYPE_CHECKING:
    from einvoiced.config import Config

STATE, CONFIG = Path("/var/lib/einvoiced"), config.FILE


def place(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add where the box's state and configuration are."""
    parser.add_argument("--state", type=Path, default=STATE, help=f"the box's state (default: {STATE})")
    parser.add_argument("--config", type=Path, default=CONFIG, help="the TOML file")
    return parser


def journal_file(options: argparse.Namespace) -> Path:
    """The journal's database."""
    from einvoiced.journal import store

    return Path(options.state / "journal" / store.FILE)


def configured(options: argparse.Namespace) -> Config | None:
    """What the configuration says; None where it is missing or wrong."""
    from einvoiced.errors import ConfigError

    try:
        return config.load(options.config)
    except ConfigError:
        return None


def configured_mirror(options: argparse.Namespace) -> Path | None:
    """The mirror's directory in the configuration."""
    loaded = configured(options)
    return Path(loaded.mirror.directory) if loaded is not None and loaded.mirror.directory else None
