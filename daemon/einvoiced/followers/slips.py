"""What the box says on slips of its own: the verdict on a stick, what was written on it, the plan.

Traditional Chinese, for the clerk.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from einvoiced.actions.ask_report import Report
from einvoiced.actions.import_tracks import Imported, RangeShown
from einvoiced.actions.plan_stock import StockPlan
from einvoiced.actions.status import Status
from einvoiced.actions.stick_outcome import Outcome
from einvoiced.errors import EinvoicedError, TrackFileError

if TYPE_CHECKING:
    from einvoiced.proof.document import Document

MOST = 12
"""Ranges that a slip shows: a file may hold ten thousand, and a slip of 100 m helps nobody."""

_NOTHING = {
    "empty": ("沒有字軌檔", "隨身碟內沒有字軌檔。請從電子發票整合服務平台下載字軌檔（CSV）後再插入。"),
    "unreadable": ("無法讀取", "隨身碟無法讀取。請換一支隨身碟（FAT32 或 exFAT 格式），或重新插入。"),
    "too_much": ("沒有字軌檔", "隨身碟內檔案太多，只讀了一部分，沒有找到字軌檔。請換一支只放字軌檔的隨身碟。"),
}

_TAX_ZH = {"1": "應稅", "3": "免稅", "9": "混合稅"}
_Line = str | tuple[str, str]


def verdict_slip(file_name: str, verdict: Imported | TrackFileError, shop_name: str, moment: datetime) -> Document:
    """What was taken of a track file, or why it was refused."""
    if isinstance(verdict, TrackFileError):
        return refused_slip(file_name, verdict, shop_name, moment)
    return taken_slip(verdict, shop_name, moment)


def taken_slip(verdict: Imported, shop_name: str, moment: datetime) -> Document:
    """Period, track, first and last number, booklets, and the stock."""
    from einvoiced.proof.content import slip

    lines: list[_Line] = [f"檔案 {verdict.file_name}", f"{moment:%Y-%m-%d %H:%M:%S}", ""]
    lines += _ranges(verdict.taken)
    if verdict.ranges > MOST:
        lines += [*_more(verdict.ranges), (f"共 {verdict.booklets} 本", f"{verdict.numbers} 號"), ""]
    if verdict.share != "1/1" and verdict.taken:
        lines += [("本機份額", verdict.share), ("本機可用", f"{verdict.ours} 號"), ""]
    if not verdict.taken and verdict.already_known:
        lines += ["檔案內的號碼本機都已經有了。", ""]
    elif verdict.already_known:
        lines += ["檔案內其他號碼本機原本就有。", ""]
    if verdict.branches:
        lines += ["以下屬於分支機構，本機不匯入：", ""]
        for r in verdict.branches[:MOST]:
            lines += [f"{r.seller} {r.period}", (f"字軌 {r.track}", f"{r.begin}-{r.end}")]
        lines += [*_more(len(verdict.branches)), ""]
    if verdict.to_release:
        lines += ["本機在期中啟用：請維修人員登記其他設備已用到的號碼後，才會開始使用。", ""]
    lines.append(("目前可用號碼", f"{verdict.stock} 號"))
    return slip("字軌匯入完成" if verdict.taken else "沒有新的字軌", lines, shop_name=shop_name)


def _ranges(ranges: list[RangeShown]) -> list[_Line]:
    lines: list[_Line] = []
    for r in ranges[:MOST]:
        lines += [
            (r.period, f"字軌 {r.track}"),
            ("起號", r.begin),
            ("迄號", r.end),
            (f"{r.booklets} 本", f"{r.numbers} 號"),
            "",
        ]
    return lines


def _more(count: int) -> list[_Line]:
    return [f"（另有 {count - MOST} 段未列出）"] if count > MOST else []


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


def nothing_slip(why: str, shop_name: str, moment: datetime) -> Document:
    """A stick that gave no verdict: without any track file, unreadable, or with too much on it."""
    from einvoiced.proof.content import slip

    title, sentence = _NOTHING[why]
    return slip(title, [f"{moment:%Y-%m-%d %H:%M:%S}", "", sentence], shop_name=shop_name)


def exported_slip(done: Outcome, shop_name: str, moment: datetime) -> Document:
    """What was written onto a stick and what came home from it; and that it may be pulled out."""
    from einvoiced.proof.content import slip

    lines: list[_Line] = [f"{moment:%Y-%m-%d %H:%M:%S}", ""]
    for name, count in (
        ("寫入上傳檔", done.written),
        ("平台接受", done.accepted),
        ("平台退回", done.refused),
        ("寫入清單", done.lists),
        ("收到空白字軌", done.taken),
    ):
        if count or name == "寫入上傳檔":
            lines.append((name, f"{count} 件"))
    if done.written:
        lines += ["", "已交隨身碟，平台接受前不算完成。請將 UpCast 資料夾複製到 Turnkey 主機。"]
    if done.refused:
        lines += ["", "有退回的資料，請查看上傳清單（einvoicectl upload list）。"]
    for problem in done.problems:
        lines += ["", problem]
    return slip("隨身碟未完成" if done.problems else "可拔出隨身碟", lines, shop_name=shop_name)


def has_duties(status: Status) -> bool:
    """Whether a day begins with something to do."""
    return any(due.overdue or not due.by or due.name.startswith("unused") for due in status.due)


def daily_slip(status: Status, shop_name: str, moment: datetime) -> Document:
    """每日提醒: what is overdue, what is due by when, and how the stock is."""
    from einvoiced.proof.content import slip

    lines: list[_Line] = [f"{moment:%Y-%m-%d %H:%M}", "", status.sentence_zh, ""]
    for title, overdue in (("已逾期或須處理：", True), ("期限：", False)):
        duties = [due for due in status.due if (due.overdue or not due.by) is overdue]
        if duties:
            lines += [title, *(f"・{due.zh}" for due in duties), ""]
    if not status.due:
        lines += ["目前沒有待辦期限。", ""]
    if status.counts is not None:
        waiting = sum(due.count for due in status.due if due.name in ("uploads_due", "uploads_overdue"))
        late = sum(due.late for due in status.due if due.name == "uploads_overdue")
        lines += [("待上傳", f"{waiting} 筆"), ("逾期", f"{late} 筆")]
        lines += [("本期剩餘", f"{status.counts.numbers_left_this_period} 號")]
        lines += [("下期已取得", f"{status.counts.numbers_left_next_period} 號")]
    return slip("每日提醒", lines, shop_name=shop_name)


def day_slip(day: Report, tills: Report, shop_name: str, moment: datetime) -> Document:
    """日結: what was sold on a day, cancelled and allowed apart, by tax type and by till."""
    from einvoiced.proof.content import slip

    all_, taken = day.total, day.total.allowances
    lines: list[_Line] = [(f"日期 {day.date_from}", f"列印 {moment:%m-%d %H:%M}"), ""]
    lines += [("發票", f"{all_.valid.count} 張"), ("總計", _money(all_.valid.total_amount)), ""]
    for row in day.rows:
        if row.valid.count:
            kind = "三聯式" if row.group["buyer"] == "B2B" else "二聯式"
            lines.append((f"{_TAX_ZH.get(row.group['tax_type'] or '', '')} {kind}", f"{row.valid.count} 張"))
            lines.append(("", _money(row.valid.total_amount)))
    tax = all_.valid.tax_amount + all_.valid.tax_within
    lines += ["", ("免稅銷售額", _money(all_.valid.free_tax_sales_amount)), ("稅額（含內含稅）", _money(tax))]
    lines += ["", ("作廢", f"{all_.cancelled.count} 張"), ("", _money(all_.cancelled.total_amount))]
    lines += [("折讓", f"{taken.count} 張"), ("", _money(taken.net_amount + taken.tax_amount))]
    lines += ["", ("淨額", _money(all_.net_total))]
    named = [row for row in tills.rows if row.group["till"]][:MOST]
    if named:
        lines += ["", "各收銀機："]
        lines += [(f"{row.group['till']}（{row.valid.count} 張）", _money(row.net_total)) for row in named]
    return slip("日結", lines, shop_name=shop_name)


def _money(amount: int) -> str:
    return f"{amount:,} 元"


def plan_slip(plan: StockPlan, shop_name: str, moment: datetime) -> Document:
    """What the clerk types on the platform: 期別, 類別, 本數, and by when."""
    from einvoiced.proof.content import slip

    lines: list[_Line] = [
        f"{moment:%Y-%m-%d %H:%M}",
        "",
        (plan.period, f"已開 {plan.used} 號"),
        ("本期剩餘", f"{plan.left} 號"),
        ("下期已取得", f"{plan.left_next} 號"),
    ]
    lines.append(("預估用完", plan.runs_out or "本期足夠"))
    for wanted in plan.wanted:
        lines += [
            "",
            "請在平台「電子發票專用字軌號碼取號」輸入：",
            ("期別", wanted.period),
            ("類別", wanted.category_zh),
            ("本數", f"{wanted.booklets} 本"),
            ("期限", wanted.by),
        ]
    if not plan.wanted:
        lines += ["", "目前不需要取號。"]
    for notice in plan.notices:
        lines += ["", notice.zh]
    return slip("字軌取號計畫", lines, shop_name=shop_name)
