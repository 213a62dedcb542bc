"""The self-check form as a page: plain text, HTML to print and sign, a slip."""

from __future__ import annotations

from html import escape
from typing import Any

from einvoiced.doctor.selfcheck import RESULTS_ZH, Form, Item

TITLE = "電子發票開立系統自行檢測表（本機佐證）"
NOTE = (
    "本表依本機日誌與設定自動產生，供營業人填寫自行檢測表時檢附；不代表主管機關核可。設備或受檢測軟體變更後須重新檢測。"
)
_STYLE = """
@page { size: A4; margin: 15mm } body { font-family: "Noto Sans CJK TC", sans-serif; font-size: 10.5pt }
table { border-collapse: collapse; width: 100% }
td, th { border: 1px solid #000; padding: 4px 6px; vertical-align: top }
th { text-align: left; background: #eee } td.n { text-align: center; width: 2em } td.r { width: 7em }
h1 { font-size: 15pt; text-align: center } ul { margin: 0; padding-left: 1.2em } .sign td { height: 3em }
tr { page-break-inside: avoid }
"""


def facts(form: Form) -> list[tuple[str, str]]:
    """The head of the form: whose box, which maker, model, version."""
    return [
        ("營業人名稱", form.seller_name),
        ("統一編號", form.seller),
        ("系統廠牌", form.maker),
        ("系統型號", form.model),
        ("版本", form.version),
        ("機號", form.box),
        ("主機", form.machine),
        ("主機序號", form.serial),
        ("印表機", form.printer),
        ("產生時間", form.made),
    ]


def text_lines(form: Form) -> list[str]:
    """For the screen and for plain paper."""
    lines = [TITLE, "", *(f"{name}：{value}" for name, value in facts(form)), ""]
    for item in form.items:
        lines.append(f"{item.number:>2}. [{RESULTS_ZH[item.result]}] {item.requirement_zh}")
        lines.append(f"    {item.requirement}")
        lines += [f"    ・{said}" for said in item.evidence_zh]
        lines += [f"    ☐ {said}" for said in item.left_zh]
        lines.append("")
    return [*lines, NOTE]


def html(form: Form) -> str:
    """One page to print, sign and file."""
    head = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts(form))
    body = "".join(_row(item) for item in form.items)
    columns = "<tr><th>項次</th><th>檢測項目</th><th>結果</th><th>本機佐證</th></tr>"
    sign = "<tr><th>檢測人員</th><td></td><th>負責人</th><td></td><th>日期</th><td></td></tr>"
    return (
        f'<!doctype html>\n<html lang="zh-Hant-TW"><head><meta charset="utf-8"><title>{TITLE}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{TITLE}</h1><table>{head}</table><br>"
        f'<table>{columns}{body}</table><p>{NOTE}</p><table class="sign">{sign}</table></body></html>\n'
    )


def _row(item: Item) -> str:
    said = "".join(f"<li>{escape(each)}</li>" for each in item.evidence_zh)
    left = "".join(f"<li>☐ {escape(each)}</li>" for each in item.left_zh)
    return (
        f'<tr><td class="n">{item.number}</td><td>{escape(item.requirement_zh)}</td>'
        f'<td class="r">{RESULTS_ZH[item.result]}</td><td><ul>{said}{left}</ul></td></tr>'
    )


def slip_lines(form: Form) -> list[dict[str, Any]]:
    """The results in short, as lines of `slip.print`."""
    lines: list[dict[str, Any]] = [
        {"text": "自行檢測結果", "size": "title", "bold": True, "align": "center"},
        {"rule": True},
    ]
    lines += [
        {"text": name, "right": value}
        for name, value in facts(form)
        if name in ("統一編號", "版本", "機號", "產生時間")
    ]
    lines.append({"rule": True})
    lines += [{"text": f"第 {item.number} 項", "right": RESULTS_ZH[item.result]} for item in form.items]
    return [*lines, {"rule": True}, {"text": "完整內容：einvoicectl selfcheck"}]
