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
LOOK_ZH = {
    "clock": "請檢查網路校時、硬體時鐘與其電池。",
    "power": "請檢查電源供應器、電源線與散熱；關電前請先正常關機。",
    "disk": "請檢查磁碟：可用空間、檔案系統、同步時間；會說謊或太慢的請更換。",
    "journal": "請檢查磁碟可用空間與本機服務，並保留錯誤訊息。",
    "printer": "請檢查印表機電源、連接線、紙捲、上蓋與設定檔的印表機型號。",
    "lamps": "請檢查燈號接線與設定檔的腳位。",
    "stick": "請換一支隨身碟（FAT32 或 exFAT）再試，並檢查 USB 插槽。",
    "socket": "請檢查本機服務是否執行，以及收銀機帳號所屬群組。",
}
"""Where to look when a test did not pass; what exactly it met stands in its reason."""

_ON_PAPER = {
    "clock": {"rtc_ahead_seconds": "硬體時鐘差（秒）"},
    "power": {"celsius_hot": "負載溫度（℃）", "unclean_stops": "未正常關機（次）"},
    "disk": {"p50_ms": "同步時間中位數（毫秒）", "p95_ms": "同步時間 95%（毫秒）", "kept": "斷電後保留（筆）"},
    "journal": {"invoices_per_second": "每秒開立（張）"},
    "printer": {"mm_per_second": "列印速度（毫米/秒）"},
    "stick": {"seen_after_seconds": "插入後偵測（秒）", "mib_per_second": "讀取速度（MiB/秒）"},
    "socket": {"p50_ms": "回覆時間中位數（毫秒）"},
}
"""The figures that a slip has room for, and what they are called there."""


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
    lines.append(f"{'':<18}{NAMES_ZH[result.name]}：{VERDICTS_ZH[result.verdict]}{_look(result)}")
    if result.figures:
        lines.append(f"{'':<18}" + "  ".join(f"{name}={value}" for name, value in result.figures.items()))
    return lines


def _look(result: Result) -> str:
    return f"。{LOOK_ZH[result.name]}" if result.verdict == "fail" else ""


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
            {"text": f"{words} {result.figures[name]}", "size": "detail"}
            for name, words in _ON_PAPER.get(result.name, {}).items()
            if result.figures.get(name) is not None
        ]
        if result.verdict == "fail":
            lines.append({"text": LOOK_ZH[result.name], "size": "detail"})
        if result.verdict != "pass":
            lines.append({"text": result.reason[:200], "size": "detail"})
    return [*lines, {"rule": True}, {"text": "測試人員：", "size": "small"}, {"gap_mm": 8}]
