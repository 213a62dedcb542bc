"""4xxx: the printer, what is printed, the drawer."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


class PrinterNotReady(EinvoicedError):
    code, name, retry = 4000, "printer_not_ready", "after_cure"
    en = "The printer cannot print ({detail}) No number was taken: mend it, then repeat with the same key."
    zh = "印表機無法列印（{detail_zh}）未使用任何號碼，排除後請以同一個 key 重送。"


class FontsMissing(EinvoicedError, FileNotFoundError):
    """No font that draws Chinese is installed: nothing can be printed."""

    code, name, retry = 4001, "fonts_missing", "after_cure"
    en = "No Chinese font is installed (looked for {paths}); install the Debian package {package}."
    zh = "系統沒有中文字型（找過 {paths}），無法列印；請安裝 Debian 套件 {package}。"


class OriginalOut(EinvoicedError):
    code, name, retry = 4002, "original_out", "never"
    en = "The original of {invoice_number} was begun already (it is {paper}); it is printed once, order a copy (補印)."
    zh = "{invoice_number} 的證明聯已開始列印（{paper}），正本只能列印一次；需要時請補印。"


class ProofStateWrong(EinvoicedError):
    code, name, retry = 4003, "proof_state_wrong", "never"
    en = "The original of {invoice_number} is {paper}; this needs one that is {needed}."
    zh = "{invoice_number} 的證明聯狀態為「{paper}」，此操作須為「{needed}」。"


class NoProofWanted(EinvoicedError):
    code, name, retry = 4004, "no_proof_wanted", "never"
    en = "{invoice_number} is in a carrier or was donated: no proof of it is printed, only its details."
    zh = "{invoice_number} 已存入載具或捐贈，依規定不印證明聯；只能列印交易明細。"


class NoPrinter(EinvoicedError):
    code, name, retry = 4005, "no_printer", "never"
    en = "This box has no printer (printer.transport in the configuration); the till prints."
    zh = "本機未設定印表機（設定檔 printer.transport）；請由收銀機列印。"


class DrawerNotOpened(EinvoicedError):
    code, name, retry = 4006, "drawer_not_opened", "after_cure"
    en = "The drawer was not opened ({detail}); it is not opened later. Try again, or use its key."
    zh = "錢櫃未開啟（{detail_zh}），之後也不會自動開啟；請再試一次或使用鑰匙。"


class SlipQueueFull(EinvoicedError):
    code, name, retry = 4007, "slip_queue_full", "after_cure"
    en = "{limit} slips wait for the printer already; wait until some are printed."
    zh = "已有 {limit} 張單據等待列印；請等先前的單據印完。"


class BadSlip(EinvoicedError, ValueError):
    code, name, retry = 4008, "bad_slip", "never"
    en = "The slip cannot be printed: {detail}."
    zh = "單據無法列印：{detail}。"


class RawForbidden(EinvoicedError):
    code, name, retry = 4009, "raw_forbidden", "never"
    en = "Raw printer bytes are not taken here ({detail}); send lines."
    zh = "不接受印表機原始指令（{detail}）；請改送文字行。"


class PrinterLent(EinvoicedError):
    code, name, retry = 4020, "printer_lent", "after_cure"
    en = "The printer cannot be lent now ({detail}); try again in a minute."
    zh = "印表機目前無法借用（{detail_zh}），請稍後再試。"
