"""The printer: is it there, what does it say of itself, does it take a whole strip, is the paper good?"""

from __future__ import annotations

import time

from einvoiced import parts
from einvoiced.config import Config, PrinterSection
from einvoiced.hardware.printer import PrinterUnavailable, Transport, WriteInterrupted
from einvoiced.hardware.printer.baud import SLOW, find_baudrate
from einvoiced.hardware.printer.status import Answer, PrinterStatus, query
from einvoiced.rules.invoice import Seller
from hw_tests.bench import Bench, Figure, Outcome, Skip

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
    """Find the printer, read its status, print two strips, read the status again, ask what is on the paper."""
    config = bench.need_config()
    if config.printer.transport == "none":
        raise Skip("no printer is configured")
    bench.need_idle_daemon("the printer")
    transport = parts.printer(config.printer)
    if transport is None:
        raise Skip("no printer is configured")
    figures: dict[str, Figure] = {"printer": transport.name}
    try:
        transport.open()
        trouble = _status(transport, figures, "before")
        if trouble is None:
            _print(config, transport, figures)
            trouble = _status(transport, figures, "after")
    except PrinterUnavailable as error:
        trouble = f"not there, or somebody else's: {error}"
    except WriteInterrupted as error:
        trouble = f"it stopped taking data: {error}"
    finally:
        transport.close()
    if trouble == SILENT and config.printer.transport == "serial":
        trouble += _other_speed(config.printer, figures)
    if trouble is None and config.printer.transport == "serial" and config.printer.baudrate <= SLOW:
        figures["advice"] = f"a proof takes {13_000 * 10 // config.printer.baudrate} s at this speed: {RAISE}"
    return Outcome("fail", trouble, figures) if trouble else _paper(bench, figures)


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


def _print(config: Config, transport: Transport, figures: dict[str, Figure]) -> None:
    strips = _strips(config)
    figures["bytes"] = sum(map(len, strips))
    begin = time.monotonic()
    for strip in strips:
        transport.write(strip, PATIENCE + len(strip) / BYTES_PER_SECOND)
    figures["seconds"] = round(time.monotonic() - begin, 2)


def _strips(config: Config) -> list[bytes]:
    from einvoiced.proof.commands import encode
    from einvoiced.proof.content import proof
    from einvoiced.proof.render import render
    from hw_tests.pattern import ruler_and_density, sample_invoice

    profile = parts.profile(config.printer)
    seller = Seller(config.seller.identifier, config.seller.name)
    moment = parts.clock(config.clock).now()
    sample = proof(sample_invoice(seller, moment), shop_name=seller.name, test=True)
    return [encode(ruler_and_density(profile), profile), render(sample, profile)]


def _paper(bench: Bench, figures: dict[str, Figure]) -> Outcome:
    seen = bench.ask(*QUESTION)
    if seen is False:
        return Outcome("fail", "the print is not good: clean the head, check paper and power supply", figures)
    rest = "and somebody has looked" if seen else "but nobody has looked at the paper"
    return Outcome("pass", f"{figures['bytes']} bytes in {figures['seconds']} s, {rest}", figures)
