"""`config check|show|set|reload`, `key check`: company and print settings (公司設定, 列印設定)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from einvoiced import cli
from einvoiced.client import BoxUnreachable

FILE = Path("/etc/einvoiced/einvoiced.toml")


def add_verbs(verbs: Any) -> None:
    """Add this file's verbs."""
    text = "The configuration file: company and print settings."
    group = verbs.add_parser("config", help=text).add_subparsers(metavar="VERB", required=True)
    for name, run, said in (
        ("check", _check, "Check the file as a whole; names the option that is wrong."),
        ("show", _show, "Every option as the file has it; secrets are not shown."),
    ):
        cli.verb(group, name, run, said).add_argument("file", nargs="?", type=Path, default=FILE)
    change = cli.verb(group, "set", _set, "Change one option in the file, check it as a whole, tell the box.")
    change.add_argument("option", metavar="SECTION.OPTION", help="such as seller.address")
    change.add_argument("value", help="the new value; an empty one takes an optional option away")
    change.add_argument("--config", type=Path, default=FILE, help="the TOML file")
    reload = cli.verb(group, "reload", _reload, "Tell the box to read the file again, as `systemctl reload` does.")
    for each in (change, reload):
        each.add_argument("--by", required=True, metavar="NAME", help="who does it; kept in the journal")
    key = verbs.add_parser("key", help="The QR key.").add_subparsers(metavar="VERB", required=True)
    check = cli.verb(key, "check", _key, "Does the QR key fit an older proof? Paste the text of its left QR code.")
    check.add_argument("text", nargs="?", help="what a phone reads (default: standard input)")


def _check(options: argparse.Namespace) -> int:
    from einvoiced import config

    loaded = config.load(options.file)
    config.qr_key(options.file, loaded)
    line = f"{options.file}: good, for {loaded.seller.name} ({loaded.seller.identifier}), box {loaded.box.id}."
    return cli.show(options, {"file": str(options.file), "good": True}, lambda _: [line])


def _show(options: argparse.Namespace) -> int:
    from einvoiced import config
    from einvoiced.config import edit
    from einvoiced.errors import ConfigError

    loaded = config.load(options.file)
    values = edit.flat(loaded)
    try:
        config.qr_key(options.file, loaded)
        key = "set, not shown"
    except ConfigError as error:
        key = f"not readable here: {error.facts['detail']}"
    shown = {name: "" if value is None else value for name, value in values.items()}
    lines = [f"{name:<24} {value}" for name, value in shown.items()] + [f"{'QR key':<24} {key}"]
    return cli.show(options, {**values, "qr_key": key}, lambda _: lines)


def _set(options: argparse.Namespace) -> int:
    from einvoiced.config import edit

    value = edit.read_value(options.option, options.value)
    edit.set_option(options.config, options.option, value)
    print(f"{options.config}: {options.option} is changed. 設定檔已更新。", file=sys.stderr)
    try:
        return _reload(options)
    except BoxUnreachable as error:
        print(f"The box does not run ({error}); it reads the file at its next start.", file=sys.stderr)
        return cli.DONE


def _reload(options: argparse.Namespace) -> int:
    return cli.show(options, cli.call(options, "config.reload", person=options.by), _reloaded_lines)


def _reloaded_lines(answer: Any) -> list[str]:
    changed, restart = ", ".join(answer["changed"]), ", ".join(answer["restart"])
    lines = [f"in use now      {changed or 'nothing that was not before'}"]
    return lines + ([f"after a restart {restart} (systemctl restart einvoiced)"] if restart else [])


def _key(options: argparse.Namespace) -> int:
    text = options.text if options.text is not None else sys.stdin.readline()
    answer = cli.call(options, "key.check", text=text.strip())
    cli.show(options, answer, lambda a: [f"{a['invoice_number']}: {a['sentence']} {a['sentence_zh']}"])
    return cli.DONE if answer["matches"] else cli.REFUSED
