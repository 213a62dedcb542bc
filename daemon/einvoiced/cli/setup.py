"""`setup`: asks what a box must know, looks for its printer, writes the file, starts the box and prints a test strip.

With `--replaces` or `--lost` it makes a journal anew instead (`repair`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from einvoiced import cli, config
from einvoiced.cli import repair
from einvoiced.cli.terminal import Terminal, Wrong

if TYPE_CHECKING:
    from einvoiced.cli.questions import Options
    from einvoiced.config import Config
    from einvoiced.config.file import ConfigFile


def add_verbs(verbs: Any) -> None:
    """Add `setup`."""
    from einvoiced.cli.questions import QUESTIONS

    text = "Configure this box and start it; or, with --replaces or --lost, make its journal anew."
    setup = cli.verb(verbs, "setup", _setup, text)
    for question in QUESTIONS:
        setup.add_argument(f"--{question.flag}", dest=question.option, metavar="TEXT", help=question.en)
    setup.add_argument("--printer", metavar="KIND[:DEVICE]", help="none, auto, usb:NODE, serial:NODE, network:ADDRESS")
    setup.add_argument("--baudrate", type=int, dest="printer.baudrate", metavar="N", help="of a serial printer")
    setup.add_argument("--profile", dest="printer.profile", metavar="NAME", help="the printer's kind")
    setup.add_argument("--roll", type=int, dest="printer.roll_mm", choices=(57, 80), help="millimetres of its roll")
    setup.add_argument("--lamps", metavar="KIND", help="none, gpio or gpio:GREEN,AMBER,RED")
    setup.add_argument(
        "--key-file", type=Path, metavar="FILE", help="has the QR key's 32 hex digits; -: standard input"
    )
    setup.add_argument("--answers", type=Path, metavar="FILE", help="a TOML file with options of the configuration")
    setup.add_argument("--yes", action="store_true", help="ask nothing; what is not given stays as it is")
    setup.add_argument("--no-start", action="store_true", help="write the files only")
    repair.add_setup_options(setup)


def _setup(options: argparse.Namespace) -> int:
    if options.replaces or options.lost:
        return repair.make_anew(options)
    from einvoiced.cli import installed
    from einvoiced.config.file import ConfigFile

    if not installed.need_root(options):
        return cli.REFUSED
    if not options.yes and not sys.stdin.isatty():
        print(
            "Nobody is there to ask: say --yes and give the answers as options. 請加 --yes 並以選項提供資料。",
            file=sys.stderr,
        )
        return cli.WRONG_USE
    file = ConfigFile(options.config)
    try:
        key = _answer(options, file)
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return cli.WRONG_USE
    except (EOFError, KeyboardInterrupt):
        print("\nNothing was changed. 已取消，未做任何更動。", file=sys.stderr)
        return cli.REFUSED
    if key is None and not installed.has_key(options, file.before.get("qr.key_file")):
        print("There is no QR key yet: the box will issue nothing. 尚未設定金鑰，無法開立發票。", file=sys.stderr)
    if options.dry_run:
        return cli.show(options, _plain(file.changes), lambda _: [*_change_lines(file), repair.NOTHING])
    return _carry_out(options, file, key)


# -- the answers -------------------------------------------------------------------------------------------------------


def _answer(options: argparse.Namespace, file: ConfigFile) -> str | None:
    """Collect and set all answers; the new key, None to keep the one there is. Wrong, EOFError."""
    from einvoiced.cli import installed, questions

    given = _given(options)
    kept = installed.has_key(options, file.before.get("qr.key_file"))
    key = _read_key(options.key_file) if options.key_file is not None else None
    if options.yes:
        _need_all(given, file.before, key is not None or kept)
        answers = given
    else:
        terminal, folder = Terminal(), options.config.parent
        answers = given | questions.ask_shop(terminal, given, file.before, folder)
        if "printer.transport" not in given:
            answers |= questions.ask_printer(terminal, folder) | _only(given, "printer.")
        if "lamps.kind" not in given:
            answers |= questions.ask_lamps(terminal, file.before)
        if key is None:
            key = questions.ask_key(terminal, kept=kept)
    _set_all(options, file, answers, key)
    if not options.yes:
        terminal.say("", *_change_lines(file))
        if not terminal.yes("寫入設定並啟動？", "Write this and start the box?"):
            raise EOFError
    return key


def _given(options: argparse.Namespace) -> Options:
    """What the answers' file and the command line say; Wrong names every answer that is not right."""
    from einvoiced.cli import questions

    given = _read_answers(options.answers) if options.answers is not None else {}
    given |= {name: value for name, value in vars(options).items() if "." in name and value is not None}
    if options.lamps is not None:
        given |= questions.parse_lamps(options.lamps)
    if options.printer == "auto":
        given = _find_printer(options.config.parent) | given
    elif options.printer is not None:
        given |= questions.parse_printer(options.printer)
    _check_given(given, options.config.parent)
    return given


def _check_given(given: Options, folder: Path) -> None:
    from einvoiced.config.file import objection

    alone = {"printer.transport", "printer.device"}  # each needs the other
    found = [
        f"{name}: {against}"
        for name, value in given.items()
        if name not in alone and (against := objection(name, value, folder)) is not None
    ]
    if found:
        raise Wrong("\n".join(found), "以下選項不正確：")


def _read_answers(path: Path) -> Options:
    import tomllib

    from einvoiced.config.file import flatten

    try:
        return flatten(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Wrong(f"{path}: {error}", "讀不到答案檔，或格式不是 TOML") from None


def _read_key(path: Path) -> str:
    from einvoiced.cli.questions import digits_of_key

    try:
        return digits_of_key(sys.stdin.readline() if str(path) == "-" else path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise Wrong(f"{path}: {error}", "讀不到金鑰檔") from None


def _find_printer(folder: Path) -> Options:
    """The only printer that answers; Wrong when there is none, or more than one."""
    from einvoiced.cli import questions
    from einvoiced.hardware.printer import probe

    found = [probe.look(place) for place in probe.places()]
    answering = [each for each in found if each.answers]
    if len(answering) != 1:
        heard = "; ".join(map(questions.describe, found)) or "no USB or serial port at all"
        raise Wrong(
            f"--printer auto wants exactly one printer that answers, {len(answering)} do: {heard}",
            f"自動尋找需剛好一台有回應的印表機，目前有 {len(answering)} 台",
        )
    return questions.of_found(answering[0], folder)


def _need_all(given: Options, before: Options, key: bool) -> None:
    from einvoiced.cli.questions import QUESTIONS

    missing = [
        f"--{q.flag}"
        for q in QUESTIONS
        if q.needed and not q.default and q.option not in given and q.option not in before
    ]
    missing += [] if key else ["--key-file"]
    if missing:
        raise Wrong(f"these are needed with --yes: {' '.join(missing)}", "缺少必要的選項：")


def _only(given: Options, prefix: str) -> Options:
    return {name: value for name, value in given.items() if name.startswith(prefix)}


def _set_all(options: argparse.Namespace, file: ConfigFile, answers: Options, key: str | None) -> None:
    from einvoiced.cli import installed

    always = {"box.id": "A1", "stick.kind": "udev"}
    answers = {name: value for name, value in always.items() if name not in file.before} | answers
    for name, value in answers.items():
        file.set(name, value)
    place = installed.key_place(options)
    if place == config.CREDENTIAL and (key is not None or place.exists()):
        file.set("qr.key_file", None)
    elif key is not None:
        file.set("qr.key_file", place.name)


# -- carrying it out ---------------------------------------------------------------------------------------------------


def _carry_out(options: argparse.Namespace, file: ConfigFile, key: str | None) -> int:
    from einvoiced.cli import installed

    settings = file.check()
    if key is not None:
        installed.write_key(options, key)
    file.write()
    _say(options, f"{options.config} is written. 設定已寫入。")
    if options.no_start or not installed.is_installed(options):
        return cli.show(options, {"written": True, "started": False, "test_strip": None}, lambda _: [repair.START])
    installed.restart(settings)
    status = installed.wait_for_status(options)
    _say(options, status["sentence_zh"], status["sentence"])
    strip = _test_strip(options, settings)
    answer = {"written": True, "started": True, "status": status, "test_strip": strip}
    failed = strip not in (None, "printed", "unconfirmed") or any(
        lock["name"] == "config_error" for lock in status["locks"]
    )
    cli.show(
        options,
        answer,
        lambda _: [] if failed else ["Done. Next: sudo hw-tests. 完成；接著請執行 hw-tests。"],
    )
    return cli.REFUSED if failed else cli.DONE


def _test_strip(options: argparse.Namespace, settings: Config) -> str | None:
    """Print it where there is a printer; how it stands, or why it could not be."""
    from einvoiced.cli import installed
    from einvoiced.client import BoxError

    if settings.printer.transport == "none":
        return None
    try:
        state = installed.print_test_strip(options, settings)
    except BoxError as error:
        _say(options, f"測試單沒有印出：{error.zh}", f"The test strip was not printed: {error}")
        return error.name
    told = {
        "printed": ("測試單已印出，請看紙張。", "The test strip is printed: look at it."),
        "unconfirmed": (
            "測試單已送出，印表機無法確認，請看紙張。",
            "Sent; this printer cannot confirm it: look.",
        ),
    }
    _say(options, *told.get(state, (f"測試單狀態：{state}", f"The test strip is {state}.")))
    return state


def _say(options: argparse.Namespace, *lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr if options.json else sys.stdout, flush=True)


def _change_lines(file: ConfigFile) -> list[str]:
    if not file.changes:
        return ["Nothing changes in the file. 設定檔沒有變更。"]
    lines = [f"{file.path}:"]
    for name, (before, now) in file.changes.items():
        lines.append(f"  {name:<20} {'' if before is None else f'{before} → '}{'-' if now is None else now}")
    return lines


def _plain(changes: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    return {name: {"before": before, "now": now} for name, (before, now) in changes.items()}
