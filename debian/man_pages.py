"""debian/man_pages.py FOLDER: a manual page for each program of setup.cfg, from the parser that prints its --help.

Run by the package's own Python, with argparse-manpage on the path. FOLDER gets man1 and man8: the programs of units are
section 8.
"""

from __future__ import annotations

import argparse
import configparser
import importlib
import sys
from pathlib import Path
from typing import NoReturn

from argparse_manpage.manpage import Manpage

import einvoiced


class Caught(BaseException):
    """A program has come to where it reads its arguments."""


def parser_of(program: str) -> argparse.ArgumentParser:
    """The parser of a program (module:function), which is started and caught when it asks for its arguments."""

    def catch(parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        raise Caught(parser)

    module, _, function = program.partition(":")
    reads, argparse.ArgumentParser.parse_args = argparse.ArgumentParser.parse_args, catch  # type: ignore[assignment]
    try:
        getattr(importlib.import_module(module), function)()
    except Caught as caught:
        return caught.args[0]
    finally:
        argparse.ArgumentParser.parse_args = reads  # type: ignore[method-assign]
    raise SystemExit(f"{program} reads no arguments")


def page(parser: argparse.ArgumentParser, section: int) -> str:
    """Its page, in roff."""
    about = " ".join((parser.description or "").split()).removeprefix(f"{parser.prog}: ").rstrip(".")
    told = {
        "project_name": "einvoiced",
        "version": einvoiced.__version__,
        "description": about[:1].lower() + about[1:],
        "manual_section": section,
        "manual_title": "einvoiced",
    }
    made = Manpage(parser, _data=told, format="pretty")
    made.add_section("see also", "=", "/usr/share/doc/einvoiced/docs")
    return str(made)


def main() -> None:
    """Write them all."""
    setup = configparser.ConfigParser()
    setup.read("setup.cfg", encoding="utf-8")
    for line in setup["options.entry_points"]["console_scripts"].strip().splitlines():
        name, _, program = line.replace(" ", "").partition("=")
        section = 8 if any(Path("systemd", f"{name}{at}.service").exists() for at in ("", "@")) else 1
        file = Path(sys.argv[1], f"man{section}", f"{name}.{section}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page(parser_of(program), section), encoding="utf-8")


main()
