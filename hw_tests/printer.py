"""The printer: is it there, what does it say of itself, how fast is it, is the paper good, does it notice its troubles?

A running box is asked to lend it (`printer.lend`); originals that come meanwhile wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from einvoiced import parts
from einvoiced.config import Config, PrinterSection
from einvoiced.hardware.printer import PrinterUnavailable, Transport, WriteInterrupted
from einvoiced.hardware.printer.baud import SLOW, find_baudrate
from einvoiced.hardware.printer.confirm import SENSOR_COMMAND, wait_for_sensor
from einvoiced.hardware.printer.find import usb_kind
from einvoiced.hardware.printer.status import Answer, PrinterStatus, query
from einvoiced.rules.invoice import Seller
from hw_tests import pictures
from hw_tests.bench import Bench, Figure, Outcome, Skip
from hw_tests.loan import Loan, borrowed

EXERCISE_SECONDS = 120.0
CONFIRM_SECONDS = 15.0
STATUS_SECONDS = 2.0
PATIENCE = 5.0
"""Seconds that a printer may pause before it counts as stalled."""

BYTES_PER_SECOND = 600
"""The slowest line that is waited for (9,600 baud, with room)."""

QUESTION = (
    "Look at the paper: ruler whole on both edges and its 40 mm right, bar evenly black, slanted line without "
    "gaps, Chinese legible, both QR codes scan?",
    "請看紙張：尺標左右完整且 40 mm 正確、黑條均勻、斜線沒有缺口、中文清楚、兩個 QR code 都能掃描？",
)
SILENT = "it does not answer all status questions (DLE EOT): cable without a return wire, or wrong baud rate?"
RAISE = "set the printer's own switches to 115,200 baud, then printer.baudrate"
OBSTACLES = {
    "paper": "out of paper",
    "cover_closed": "cover open",
    "cutter_free": "its cutter is stuck",
    "cool": "its head is too hot: wait",
    "error_free": "an error: switch it off and on",
    "online": "offline",
}


def run(bench: Bench) -> Outcome:
    """Find the printer, read its status, print two strips, exercise paper and cover, ask what is on the paper."""
    config = bench.need_config()
    if config.printer.transport == "none":
        raise Skip(f"no printer is configured{_found()}")
    with borrowed(bench) as loan:
        transport = parts.printer(config.printer, parts.profile(config.printer, bench.config_file))
        if transport is None:
            raise Skip("no printer is configured")
        figures: dict[str, Figure] = {"printer": transport.name}
        trouble = _test(bench, config, transport, loan, figures)
    return Outcome("fail", trouble, figures) if trouble else _paper(bench, figures)


def _test(bench: Bench, config: Config, transport: Transport, loan: Loan, figures: dict[str, Figure]) -> str | None:
    """What is wrong with it; None when all that it can say of itself is well."""
    bench.say(pictures.PRINTER)
    try:
        transport.open()
        trouble = _status(transport, figures, "before")
        if trouble is None:
            loan.clean = False
            _print(config, bench.config_file, transport, figures)
            loan.clean = True
            trouble = _status(transport, figures, "after")
        if trouble is None:
            trouble = _exercises(bench, transport, loan, figures)
    except PrinterUnavailable as error:
        trouble = f"not there, or somebody else's: {error}{_found()}"
    except WriteInterrupted as error:
        trouble = f"it stopped taking data: {error}"
    finally:
        transport.close()
    if trouble == SILENT and config.printer.transport == "serial":
        trouble += _other_speed(config.printer, figures)
    if trouble is None and config.printer.transport == "serial" and config.printer.baudrate <= SLOW:
        figures["advice"] = f"a proof takes {13_000 * 10 // config.printer.baudrate} s at this speed: {RAISE}"
    return trouble


def _found() -> str:
    """Printers that could be meant, for a sentence."""
    nodes = [*Path("/dev/usb").glob("lp*"), *Path("/dev/serial/by-id").glob("*")]
    named = [f"{node} {usb_kind(str(node))}".strip() for node in sorted(nodes)]
    return f"; there are: {', '.join(named)}" if named else "; no USB or USB serial printer is there either"


# -- exercises


def _exercises(bench: Bench, transport: Transport, loan: Loan, figures: dict[str, Figure]) -> str | None:
    """The person takes the paper out and opens the cover; the printer must say so, and be well again."""
    if not bench.attended:
        return None
    for name, picture, words, sensor in (
        ("paper_out", pictures.PAPER_OUT, ("Take the paper out, close the cover.", "請取出紙捲後關上蓋子。"), "paper"),
        (
            "cover",
            pictures.COVER,
            ("Put the paper in; leave the cover open.", "請裝回紙捲，蓋子先打開。"),
            "cover_closed",
        ),
    ):
        loan.extend()
        bench.say(picture)
        noticed = bench.until(*words, _says(transport, sensor, Answer.NO), EXERCISE_SECONDS)
        figures[f"notices_{name}"] = bool(noticed)
    loan.extend()
    words = ("Paper in, cover closed: wait for the printer to be ready.", "裝好紙捲並關上蓋子，等待印表機就緒。")
    if not bench.until(*words, lambda: query(transport, STATUS_SECONDS).ready is Answer.YES, EXERCISE_SECONDS):
        return "it is not ready again with paper in and the cover closed"
    missed = [name for name in ("paper_out", "cover") if not figures[f"notices_{name}"]]
    if missed and bench.ask(f"It did not notice: {', '.join(missed)}. Did you do it?", "印表機沒有回報，您有照做嗎？"):
        return f"it does not notice: {', '.join(missed)}; a sensor is dirty or broken"
    return None


def _says(transport: Transport, sensor: str, wanted: Answer) -> Callable[[], bool]:
    return lambda: getattr(query(transport, STATUS_SECONDS), sensor) is wanted


def _other_speed(section: PrinterSection, figures: dict[str, Figure]) -> str:
    """What a silent serial printer answers to at other speeds; "" when it stays silent."""
    try:
        found = find_baudrate(section.device, section.flow_control)
    except PrinterUnavailable:
        return ""
    if found is None:
        return ""
    figures["answers_at_baudrate"] = found
    advice = f"; that is slow: {RAISE}" if found <= SLOW else ""
    return f" It answers at {found} baud: set printer.baudrate = {found}{advice}."


def _status(transport: Transport, figures: dict[str, Figure], when: str) -> str | None:
    """Ask the printer, note its answers (yes, no, unknown); what stands in the way, None when nothing does."""
    status = query(transport, STATUS_SECONDS)
    for name in ("online", "paper", "paper_near_end", "cover_closed", "error_free", "cutter_free", "cool"):
        figures[f"{when}_{name}"] = getattr(status, name).value
    return _obstacle(status)


def _obstacle(status: PrinterStatus) -> str | None:
    for name, sentence in OBSTACLES.items():
        if getattr(status, name) is Answer.NO:
            return f"the printer says: {sentence}"
    return SILENT if status.ready is Answer.UNKNOWN else None


def _print(config: Config, config_file: Path, transport: Transport, figures: dict[str, Figure]) -> None:
    """Both strips, and how fast they came out; a printer that answers in order tells when they were on paper."""
    strips, height = _strips(config, config_file)
    figures["bytes"] = sum(map(len, strips))
    begin = time.monotonic()
    for strip in strips:
        transport.write(strip, PATIENCE + len(strip) / BYTES_PER_SECOND)
    figures["seconds"] = round(time.monotonic() - begin, 2)
    transport.write(SENSOR_COMMAND, PATIENCE)
    out = wait_for_sensor(transport, CONFIRM_SECONDS).confirmed is Answer.YES
    seconds = time.monotonic() - begin
    figures["confirmed"] = out
    if out:
        figures["seconds_on_paper"] = round(seconds, 2)
        figures["mm_per_second"] = round(height / seconds, 1)


def _strips(config: Config, config_file: Path) -> tuple[list[bytes], float]:
    """The test strip and the proof, and how many millimetres they are together."""
    from einvoiced.proof.commands import encode
    from einvoiced.proof.content import proof
    from einvoiced.proof.render import picture
    from hw_tests.pattern import ruler_and_density, sample_invoice

    profile = parts.profile(config.printer, config_file)
    seller = Seller(config.seller.identifier, config.seller.name)
    moment = parts.clock(config.clock).now()
    sample = proof(sample_invoice(seller, moment), shop_name=seller.name, test=True)
    both = [ruler_and_density(profile), picture(sample, profile)]
    return [encode(each, profile) for each in both], sum(profile.to_mm(each.height) for each in both)


def _paper(bench: Bench, figures: dict[str, Figure]) -> Outcome:
    seen = bench.ask(*QUESTION)
    if seen is False:
        return Outcome("fail", "the print is not good: clean the head, check paper and power supply", figures)
    rest = "and somebody has looked" if seen else "but nobody has looked at the paper"
    speed = f", {figures['mm_per_second']} mm/s" if "mm_per_second" in figures else ", without an answer that it is out"
    return Outcome("pass", f"{figures['bytes']} bytes in {figures['seconds']} s{speed}, {rest}", figures)
