"""What the tests found: on the screen, as JSON, on a slip."""

from __future__ import annotations

from collections import Counter
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

MOST_REASONS = 3
"""Different reasons of one test that a slip tells: a burn-in of many rounds still is one slip."""


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
    """Put it together."""
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
        _verdict(results),
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
    for name in dict.fromkeys(result.name for result in report.results):
        lines += _test_lines(name, [result for result in report.results if result.name == name])
    return [*lines, {"rule": True}, {"text": "測試人員：", "size": "small"}, {"gap_mm": 8}]


def _test_lines(name: str, rounds: list[Result]) -> list[dict[str, Any]]:
    """One test: the worst of its verdicts, in how many rounds it passed, its figures, and what else was said of it."""
    passed = sum(result.verdict == "pass" for result in rounds)
    count = f" {passed}/{len(rounds)}" if len(rounds) > 1 else ""
    right = VERDICTS_ZH[_verdict(rounds)] + count
    lines: list[dict[str, Any]] = [{"text": NAMES_ZH[name], "right": right, "bold": True}]
    for figure, words in _ON_PAPER.get(name, {}).items():
        seen = [result.figures[figure] for result in rounds if result.figures.get(figure) is not None]
        if seen:
            lines.append({"text": f"{words} {_range(seen)}", "size": "detail"})
    if _verdict(rounds) == "fail":
        lines.append({"text": LOOK_ZH[name], "size": "detail"})
    reasons = Counter(result.reason[:200] for result in rounds if result.verdict != "pass")
    lines += [
        {"text": reason if count == 1 else f"{count} × {reason}", "size": "detail"}
        for reason, count in reasons.most_common(MOST_REASONS)
    ]
    return lines


def _range(seen: list[Figure]) -> str:
    """A figure of several rounds: from the least to the most."""
    numbers = [value for value in seen if isinstance(value, int | float)]
    if len(numbers) < len(seen) or min(numbers) == max(numbers):
        return str(seen[-1])
    return f"{min(numbers)}–{max(numbers)}"


def _verdict(results: list[Result]) -> str:
    """Failed when anything failed, skipped when nothing ran."""
    verdicts = {result.verdict for result in results}
    return "fail" if "fail" in verdicts else "pass" if "pass" in verdicts else "skipped"
