"""The status on a slip: after a start (`box.boot_slip`) and on request. In Chinese, for shop and technician."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from einvoiced.actions.status import Status

if TYPE_CHECKING:
    from einvoiced.proof.document import Document

MOST = 4
"""Locks and warnings that are printed; all stand in `einvoicectl status`."""

PRINTERS = {"ready": "正常", "starting": "啟動中", "none": "未設定", "lent": "測試中"}
_Line = str | tuple[str, str]


class Machine(Struct, frozen=True):
    """What the status does not know: the machine under the box. `printer` is the way to it."""

    version: str
    host: str
    addresses: list[str]
    printer: str


def status_slip(status: Status, machine: Machine, shop_name: str, *, booted: bool) -> Document:
    """Box, address, version, clock and who vouches for it, stock, printer, last number, and what is wrong."""
    from einvoiced.proof.content import slip

    counts = status.counts
    lines: list[_Line] = [
        ("機號", status.box or "未設定"),
        ("主機", machine.host),
        *_addresses(machine.addresses),
        ("版本", machine.version),
        "",
        ("時間", status.time[:19].replace("T", " ")),
        ("時鐘", "可信" if status.clock_trusted else "未經校時"),
        ("期別", status.period),
        ("開立", "可以" if status.can_issue else "不可"),
    ]
    if counts is not None:
        lines += [
            ("本期剩餘", f"{counts.numbers_left_this_period} 號"),
            ("下期已有", f"{counts.numbers_left_next_period} 號"),
            ("最後號碼", counts.last_number or "尚未開立"),
            ("待印／不確定", f"{counts.proofs_waiting}／{counts.proofs_unconfirmed} 張"),
        ]
    lines += [("印表機", PRINTERS.get(status.printer, "異常")), machine.printer, ""]
    wrong = [reason.zh for reason in (*status.locks, *status.warnings)]
    lines += [f"・{sentence}" for sentence in wrong[:MOST]] or [status.sentence_zh]
    if len(wrong) > MOST:
        lines.append(f"（另有 {len(wrong) - MOST} 項，請執行 einvoicectl status）")
    return slip("開機資訊" if booted else "目前狀態", lines, shop_name=shop_name)


def _addresses(found: list[str]) -> list[_Line]:
    if not found:
        return [("位址", "沒有網路")]
    return [("位址" if number == 0 else "", address) for number, address in enumerate(found[:3])]
