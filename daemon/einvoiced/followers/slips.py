"""What the box says on slips of its own: the verdict on a stick. Traditional Chinese, for the clerk."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from einvoiced.actions.import_tracks import Imported, RangeShown
from einvoiced.errors import EinvoicedError, TrackFileError

if TYPE_CHECKING:
    from einvoiced.proof.document import Document


def verdict_slip(file_name: str, verdict: Imported | TrackFileError, shop_name: str, moment: datetime) -> Document:
    """What was taken of a track file, or why it was refused."""
    if isinstance(verdict, TrackFileError):
        return refused_slip(file_name, verdict, shop_name, moment)
    return taken_slip(verdict, shop_name, moment)


def taken_slip(verdict: Imported, shop_name: str, moment: datetime) -> Document:
    """Period, track, first and last number, booklets, and the stock."""
    from einvoiced.proof.content import slip

    lines: list[str | tuple[str, str]] = [f"檔案 {verdict.file_name}", f"{moment:%Y-%m-%d %H:%M:%S}", ""]
    for r in verdict.taken:
        lines += [*_range_lines(r), ""]
    if not verdict.taken:
        lines += ["檔案內的號碼本機都已經有了。", ""]
    elif verdict.already_known:
        lines += [f"另有 {len(verdict.already_known)} 段號碼本機原本就有。", ""]
    if verdict.to_release:
        lines += ["本機在期中啟用：請維修人員登記其他設備已用到的號碼後，才會開始使用。", ""]
    lines.append(("目前可用號碼", f"{verdict.stock} 號"))
    return slip("字軌匯入完成" if verdict.taken else "沒有新的字軌", lines, shop_name=shop_name)


def _range_lines(r: RangeShown) -> list[str | tuple[str, str]]:
    return [
        (r.period, f"字軌 {r.track}"),
        ("起號", r.begin),
        ("迄號", r.end),
        (f"{r.booklets} 本", f"{r.numbers} 號"),
    ]


def refused_slip(file_name: str, error: TrackFileError, shop_name: str, moment: datetime) -> Document:
    """Why nothing was taken, and what to do."""
    from einvoiced.proof.content import slip

    problems: tuple[EinvoicedError, ...] = (error, *error.also)
    lines = [f"檔案 {file_name}", f"{moment:%Y-%m-%d %H:%M:%S}", "", "沒有匯入任何號碼。", ""]
    lines += [problem.message_zh for problem in problems[:3]]
    if len(problems) > 3:
        lines.append(f"還有其他 {len(problems) - 3} 個問題。")
    lines += ["", f"代碼 {error.code} {error.name}"]
    return slip("字軌檔未匯入", lines, shop_name=shop_name)


def empty_stick_slip(shop_name: str, moment: datetime) -> Document:
    """A stick without any track file."""
    from einvoiced.proof.content import slip

    lines = [
        f"{moment:%Y-%m-%d %H:%M:%S}",
        "",
        "隨身碟內沒有字軌檔。請從電子發票整合服務平台下載字軌檔（CSV）後再插入。",
    ]
    return slip("沒有字軌檔", lines, shop_name=shop_name)
