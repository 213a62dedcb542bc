"""What the tests found: on the screen, as JSON, on a slip."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

import einvoiced
from einvoiced.hardware.board import board_serial, disk_serial
from einvoiced.hardware.power import board_model
from hw_tests.bench import Bench, Figure

VERDICTS_ZH = {"pass": "通過", "fail": "未通過", "skipped": "略過"}
NAMES_ZH = {
    "clock": "時鐘",
    "power": "電源",
    "disk": "磁碟",
    "journal": "日誌",
    "printer": "印表機",
    "lamps": "燈號",
    "stick": "隨身碟",
    "socket": "連線",
}
_ON_PAPER = {
    "clock": ("rtc_ahead_seconds",),
    "power": ("celsius_hot", "unclean_stops"),
    "disk": ("p50_ms", "p95_ms", "kept"),
    "journal": ("invoices_per_second",),
    "printer": ("mm_per_second",),
    "stick": ("seen_after_seconds", "mib_per_second"),
    "socket": ("p50_ms",),
}
"""The figures that a slip has room for."""


class Result(Struct, frozen=True):
    """One test of one round."""

    name: str
    verdict: str
    reason: str
    figures: dict[str, Figure]
    seconds: float
    round: int = 1


class Report(Struct, frozen=True):
    """The whole run."""

    version: str
    box: str
    machine: str
    board: str
    disk: str
    begun: str
    ended: str
    verdict: str
    results: list[Result]


def make_report(bench: Bench, begun: datetime, ended: datetime, results: list[Result]) -> Report:
    """Put it together: failed when anything failed, skipped when nothing ran."""
    verdicts = {result.verdict for result in results}
    verdict = "fail" if "fail" in verdicts else "pass" if "pass" in verdicts else "skipped"
    place = bench.state
    while not place.exists():
        place = place.parent
    return Report(
        einvoiced.__version__,
        bench.config.box.id if bench.config_problem is None else "",
        " ".join(board_model()).strip(),
        board_serial(),
        disk_serial(place),
        begun.isoformat(timespec="seconds"),
        ended.isoformat(timespec="seconds"),
        verdict,
        results,
    )


def lines_of(result: Result) -> list[str]:
    """A result for the screen."""
    lines = [f"{result.verdict:<9}{result.name:<9}{result.reason}"]
    if result.figures:
        lines.append(f"{'':<18}" + "  ".join(f"{name}={value}" for name, value in result.figures.items()))
    return lines


def slip_lines(report: Report) -> list[dict[str, Any]]:
    """The report as lines of `slip.print`."""
    lines: list[dict[str, Any]] = [
        {"text": "硬體測試報告", "size": "title", "bold": True, "align": "center"},
        {"rule": True},
        {"text": "機號", "right": report.box or "未設定"},
        {"text": "版本", "right": report.version},
        {"text": "時間", "right": report.ended[:19].replace("T", " ")},
        {"text": "結果", "right": VERDICTS_ZH[report.verdict]},
        {"rule": True},
    ]
    for result in report.results:
        lines.append({"text": NAMES_ZH[result.name], "right": VERDICTS_ZH[result.verdict], "bold": True})
        lines += [
            {"text": f"{name} {result.figures[name]}", "size": "detail"}
            for name in _ON_PAPER.get(result.name, ())
            if result.figures.get(name) is not None
        ]
        if result.verdict != "pass":
            lines.append({"text": result.reason[:200], "size": "detail"})
    return [*lines, {"rule": True}, {"text": "測試人員：", "size": "small"}, {"gap_mm": 8}]
