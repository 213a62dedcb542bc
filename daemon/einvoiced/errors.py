"""Every error that a person or a till can meet.

One class each: its wire `code` (stable for ever), its `name`, what a till should do about its key (`retry`), and one
sentence in English and in Traditional Chinese, each saying what is wrong and what to do. `{braces}` are facts that the
raiser gives by keyword; they travel on the wire in `data.facts`. A rule adds the `path` of the offending value inside
the request's `params`.

Codes: below -32000 are JSON-RPC's own; 1xxx the request's content; 2xxx the box's state; 3xxx track files;
4xxx paper; 5xxx storage; 6xxx configuration; 7xxx uploads; 8xxx questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

Retry = Literal["never", "same_key", "after_cure"]


PAPER_ZH = {
    "queued": "等待列印",
    "sending": "列印中",
    "unconfirmed": "不確定",
    "failed": "無法產生",
    "to_replace": "須作廢重開",
    "printed": "已印出",
    "sent": "已送印",
    "till": "由收銀機列印",
    "handed_out": "已交收銀機列印",
    "unprinted": "未列印",
    "none": "無紙本",
}
"""Where an original is, in words for people."""


class EinvoicedError(Exception):
    """The base of all; `facts` fill the sentences and stay readable as attributes of the error."""

    code: ClassVar[int] = -32603
    name: ClassVar[str] = "internal_error"
    retry: ClassVar[Retry] = "same_key"
    en: ClassVar[str] = "The box met a fault of its own ({detail}); repeat with the same key, then call the technician."
    zh: ClassVar[str] = "系統內部錯誤（{detail}）；請以同一個 key 重送，仍有問題請聯絡維修人員。"

    def __init__(self, path: str | None = None, **facts: object) -> None:
        self.path = path
        self.facts = facts
        self.also: tuple[EinvoicedError, ...] = ()
        super().__init__(self.en.format(**facts))

    @property
    def message(self) -> str:
        """The English sentence with its facts."""
        return self.en.format(**self.facts)

    @property
    def message_zh(self) -> str:
        """The Chinese sentence with its facts; where an original is, or must be (`a or b`), in Chinese words."""
        facts = dict(self.facts)
        for name in facts.keys() & {"paper", "needed"}:
            facts[name] = "或".join(PAPER_ZH.get(each, each) for each in str(facts[name]).split(" or "))
        return self.zh.format(**facts)

    def within(self, prefix: str) -> EinvoicedError:
        """The same error with `prefix` put before its path (`lines[2]` + `quantity`)."""
        self.path = f"{prefix}.{self.path}" if self.path else prefix
        return self


def every() -> Iterator[type[EinvoicedError]]:
    """Every error class of the house, by code: for the protocol manual, `box.info` and the tests."""
    seen: list[type[EinvoicedError]] = [EinvoicedError]
    for cls in seen:
        seen.extend(cls.__subclasses__())
    return iter(sorted((c for c in seen if "code" in c.__dict__), key=lambda c: (c.code < 0, abs(c.code))))


# -- JSON-RPC 2.0 section 5.1 ------------------------------------------------------------------------------------------


class ParseError(EinvoicedError, ValueError):
    code, name, retry = -32700, "parse_error", "never"
    en = "This line is not valid JSON ({detail}); send one JSON object a line, in UTF-8."
    zh = "這一行不是正確的 JSON（{detail}）；請每行送一個 UTF-8 的 JSON 物件。"


class InvalidRequest(EinvoicedError, ValueError):
    code, name, retry = -32600, "invalid_request", "never"
    en = "This is no JSON-RPC 2.0 request ({detail}); send jsonrpc, id, method and params, and no batch."
    zh = "不是 JSON-RPC 2.0 請求（{detail}）；請送 jsonrpc、id、method 與 params，不接受批次。"


class MethodNotFound(EinvoicedError, LookupError):
    code, name, retry = -32601, "method_not_found", "never"
    en = "There is no method {method} on this socket; box.info lists those there are."
    zh = "此連線沒有 {method} 這個方法；可用的方法請查 box.info。"


class InvalidParams(EinvoicedError, ValueError):
    code, name, retry = -32602, "invalid_params", "never"
    en = "The parameters do not fit the method ({detail}); box.info describes them."
    zh = "參數不符合方法的規定（{detail}）；參數說明請查 box.info。"


class RequestTooLong(EinvoicedError, ValueError):
    code, name, retry = 1000, "request_too_long", "never"
    en = "A line may hold at most {limit} bytes; the connection is closed."
    zh = "一行最多 {limit} 位元組；連線已中斷。"


class TooManyRequests(EinvoicedError):
    code, name, retry = 1001, "too_many_requests", "same_key"
    en = "At most {limit} requests may wait for an answer; wait for some, then repeat with the same key."
    zh = "最多 {limit} 個請求同時等待；請等先前的請求回覆後，再以同一個 key 重送。"


class TooManyClients(EinvoicedError):
    code, name, retry = 1002, "too_many_clients", "same_key"
    en = "At most {limit} connections may be open at once; close some that are not used."
    zh = "最多 {limit} 個連線；請關閉不用的連線。"


# -- what the till states ----------------------------------------------------------------------------------------------


class BadKey(EinvoicedError, ValueError):
    code, name, retry = 1100, "bad_key", "never"
    en = "A key must be a UUID or a ULID, not {value!r}; make a new one per sale and store it before sending."
    zh = "key 必須是 UUID 或 ULID，不可為「{value}」；每筆交易請產生新的 key，並在送出前先存檔。"


class KeyConflict(EinvoicedError, ValueError):
    code, name, retry = 1101, "key_conflict", "never"
    en = (
        "This key already stands for {invoice_number} and another request (differs in {differs}: it holds {stored}, "
        "you sent {sent}); a new request needs a new key."
    )
    zh = "此 key 已用於 {invoice_number}，但內容不同（{differs}：原為 {stored}，這次是 {sent}）；新的請求請用新的 key。"


class BadText(EinvoicedError, ValueError):
    code, name, retry = 1102, "bad_text", "never"
    en = "{what} must have 1 to {limit} characters and no control characters; it has {length}."
    zh = "{what}須為 1 至 {limit} 個字且不含控制字元，目前為 {length} 個字。"


class BadNumber(EinvoicedError, ValueError):
    code, name, retry = 1103, "bad_number", "never"
    en = "{value} is not a usable amount: at most 12 digits before and 7 after the decimal point."
    zh = "「{value}」不是可用的數字：整數最多 12 位、小數最多 7 位。"


class ZeroQuantity(EinvoicedError, ValueError):
    code, name, retry = 1104, "zero_quantity", "never"
    en = "A line's quantity may not be 0 (the platform refuses it as E0106); leave the line out."
    zh = "品項數量不可為 0（平台錯誤 E0106）；請刪除該品項。"


class LineAmountMismatch(EinvoicedError, ValueError):
    code, name, retry = 1105, "line_amount_mismatch", "never"
    en = "Quantity times unit price is {computed}, the till says {stated}; correct the line."
    zh = "數量乘單價為 {computed}，收銀機送來 {stated}；請更正品項金額。"


class TotalMismatch(EinvoicedError, ValueError):
    code, name, retry = 1106, "total_mismatch", "never"
    en = "The lines come to {computed}, the till says {stated}; correct the sale and send it again."
    zh = "品項合計為 {computed} 元，收銀機送來 {stated} 元；請更正後重送。"


class NegativeSubtotal(EinvoicedError, ValueError):
    code, name, retry = 1107, "negative_subtotal", "never"
    en = "The lines of tax type {tax_type} come to {computed}; a discount may not exceed what it reduces."
    zh = "課稅別 {tax_type} 的小計為 {computed}；折扣不可大於被折扣的金額。"


class NoInvoiceNeeded(EinvoicedError, ValueError):
    code, name, retry = 1108, "no_invoice_needed", "never"
    en = "The total is 0: no invoice is needed and no number was taken (the platform refuses it as E0105)."
    zh = "總計為 0 元，不需開立發票，未使用任何號碼（平台錯誤 E0105）。"


class TotalTooLarge(EinvoicedError, ValueError):
    code, name, retry = 1109, "total_too_large", "never"
    en = "The total {computed} is above {limit}, which one proof can show; split the sale."
    zh = "總計 {computed} 元超過一張證明聯可列印的 {limit} 元；請分開開立。"


class ZeroRateUnsupported(EinvoicedError, ValueError):
    code, name, retry = 1110, "zero_rate_unsupported", "never"
    en = "Zero-rated lines (tax type 2) need the clearance mark and a reason; this box does not issue them."
    zh = "零稅率（課稅別 2）須填通關方式與零稅率原因，本機不開立；請改用其他方式開立。"


class SpecialTaxUnsupported(EinvoicedError, ValueError):
    code, name, retry = 1111, "special_tax_unsupported", "never"
    en = "Special tax (tax type 4, category 08) is not issued by this box; use another way for this sale."
    zh = "特種稅額（課稅別 4、發票類別 08）本機不開立；請改用其他方式開立。"


class MixedTaxNotApproved(EinvoicedError, ValueError):
    code, name, retry = 1112, "mixed_tax_not_approved", "never"
    en = "Taxed and exempt lines on one invoice need the tax office's approval (mixed_tax in the configuration)."
    zh = "同一張發票有應稅與免稅品項，須先經國稅局核准（設定檔 mixed_tax）；請分開開立。"


class BadBuyerId(EinvoicedError, ValueError):
    code, name, retry = 1120, "bad_buyer_id", "never"
    en = "A buyer's identifier (統一編號) has 8 digits, not {value!r}; leave the buyer out for a consumer."
    zh = "買方統一編號須為 8 位數字，不可為「{value}」；一般消費者請不要填買方。"


class BuyerIdSuspect(EinvoicedError, ValueError):
    code, name, retry = 1121, "buyer_id_suspect", "never"
    en = "The buyer's identifier {value} fails its check digit; ask again, and send confirmed=true if it is right."
    zh = "買方統一編號 {value} 檢查碼不符；請與客人確認，確定無誤時以 confirmed=true 重送。"


class BadCarrier(EinvoicedError, ValueError):
    code, name, retry = 1122, "bad_carrier", "never"
    en = "{value!r} is no {kind}: {form}; scan it again."
    zh = "「{value}」不是正確的{kind_zh}（{form}）；請重新掃描。"


class CarrierNotConfigured(EinvoicedError, ValueError):
    code, name, retry = 1123, "carrier_not_configured", "never"
    en = "Carrier type {value} is not in sales.carriers of the configuration; it brings duties of its own."
    zh = "設定檔 sales.carriers 未啟用載具類別 {value}；啟用前請先確認相關義務。"


class BadNpoban(EinvoicedError, ValueError):
    code, name, retry = 1124, "bad_npoban", "never"
    en = "A donation code (愛心碼) has 3 to 7 digits, not {value!r}."
    zh = "愛心碼（捐贈碼）須為 3 至 7 位數字，不可為「{value}」。"


class BuyerCannotDonate(EinvoicedError, ValueError):
    code, name, retry = 1125, "buyer_cannot_donate", "never"
    en = "An invoice with a buyer's identifier cannot be donated; leave out one of the two."
    zh = "有買方統一編號的發票不可捐贈；請擇一。"


class BuyerCarrierRefused(EinvoicedError, ValueError):
    code, name, retry = 1126, "buyer_carrier_refused", "never"
    en = "With a buyer's identifier only the carriers 3J0002 and CQ0001 are allowed, not {value}."
    zh = "有買方統一編號時只能使用手機條碼（3J0002）或自然人憑證（CQ0001），不可用 {value}。"


class PrintMarkRefused(EinvoicedError, ValueError):
    code, name, retry = 1127, "print_mark_refused", "never"
    en = "This invoice's print_mark can only be {allowed}; leave print_mark out."
    zh = "此發票的列印註記只能是 {allowed}；請不要填 print_mark。"


class BadLineCount(EinvoicedError, ValueError):
    code, name, retry = 1128, "bad_line_count", "never"
    en = "A sale has 1 to {limit} lines; this one has {count}. Split it."
    zh = "一筆交易須有 1 至 {limit} 個品項，目前為 {count} 項；請分開開立。"


class BadMac(EinvoicedError, ValueError):
    code, name, retry = 1129, "bad_mac", "never"
    en = "The value of last_seen is not an answer of this box (its mac does not fit); leave it out."
    zh = "last_seen 不是本機的回覆（mac 不符）；請不要填。"


# -- the state of the box ----------------------------------------------------------------------------------------------


class BoxLocked(EinvoicedError):
    code, name, retry = 2000, "box_locked", "after_cure"
    en = "The box is locked: {reasons}. No number was taken; see box.status."
    zh = "本機已鎖定：{reasons_zh}。未使用任何號碼，詳見 box.status。"


class NoNumbersLeft(EinvoicedError):
    code, name, retry = 2001, "no_numbers_left", "after_cure"
    en = "No number is left for {period}; bring a stick with the platform's track file for this period."
    zh = "{period} 已無可用的發票號碼；請插入該期字軌檔的隨身碟。"


class ClockUntrusted(EinvoicedError):
    code, name, retry = 2002, "clock_untrusted", "after_cure"
    en = "The box's clock ({box_time}) is not confirmed by the network or the till; send till_time or connect NTP."
    zh = "本機時間（{box_time}）未經網路或收銀機確認；請送 till_time 或接上網路校時。"


class ClockWasAhead(EinvoicedError):
    code, name, retry = 2003, "clock_was_ahead", "after_cure"
    en = "The clock says {box_time}, but the journal was written until {last_time}; the technician must decide."
    zh = "時鐘為 {box_time}，但日誌已寫到 {last_time}；請聯絡維修人員處理。"


class InvoiceNotFound(EinvoicedError, LookupError):
    code, name, retry = 2010, "invoice_not_found", "never"
    en = "This journal holds no invoice {asked}; no number was taken for it here."
    zh = "查無發票 {asked}；本機未曾為它使用號碼。"


class NotConfigured(EinvoicedError):
    code, name, retry = 2011, "not_configured", "after_cure"
    en = "The box is not configured ({detail}); run einvoicectl config check."
    zh = "本機尚未完成設定（{detail}）；請執行 einvoicectl config check。"


class CeilingReached(EinvoicedError):
    code, name, retry = 2020, "ceiling_reached", "same_key"
    en = "The witness {witnesses} does not answer and the numbers it knows of are used up; mend it, then repeat."
    zh = "備份端 {witnesses} 沒有回應，已登記的號碼用完；請恢復備份連線後以同一個 key 重送。"


class TracksNotReleased(EinvoicedError):
    code, name, retry = 2021, "tracks_not_released", "after_cure"
    en = (
        "This box is new in a running period ({period}): a technician must say which numbers were used elsewhere "
        "(einvoicectl tracks release)."
    )
    zh = "本機在 {period} 期中啟用：請維修人員先登記其他設備已用到的號碼（einvoicectl tracks release）。"


class RangeUnknown(EinvoicedError, LookupError):
    code, name, retry = 2022, "range_unknown", "never"
    en = "There is no range {asked} in the state that this needs; see tracks.list."
    zh = "沒有符合條件的字軌 {asked}；請查 tracks.list。"


class BadLastUsed(EinvoicedError, ValueError):
    code, name, retry = 2023, "bad_last_used", "never"
    en = "{value!r} is neither none nor a number of the range {asked}."
    zh = "「{value}」不是 none，也不是 {asked} 範圍內的號碼。"


class NumberNotLost(EinvoicedError, ValueError):
    code, name, retry = 2024, "number_not_lost", "never"
    en = "{invoice_number} is not a number that this journal has lost ({detail}); it cannot be adopted."
    zh = "{invoice_number} 不是本機遺失的號碼（{detail}），無法補登。"


class ClockNotAhead(EinvoicedError):
    code, name, retry = 2025, "clock_not_ahead", "never"
    en = "The clock is not behind the journal; there is nothing to decide."
    zh = "時鐘沒有落後於日誌，不需要處理。"


class PeriodNotOver(EinvoicedError):
    code, name, retry = 2026, "period_not_over", "after_cure"
    en = "{period} is not over, or the clock is not confirmed; its entries can only be sealed afterwards."
    zh = "{period} 尚未結束，或時間未經校時；該期結束後才能封存。"


class JournalBehind(EinvoicedError):
    code, name, retry = 2030, "journal_behind", "after_cure"
    en = "{who} knows entries that this journal has lost ({detail}); nothing is issued until it is reconciled."
    zh = "{who} 有本機日誌遺失的紀錄（{detail}）；請維修人員執行 einvoicectl journal reconcile。"


class JournalForked(EinvoicedError):
    code, name, retry = 2031, "journal_forked", "after_cure"
    en = "{who} holds another history than this journal ({detail}): one of them is a copy; reconcile before issuing."
    zh = "{who} 的紀錄與本機日誌不同（{detail}），其中一份是複本；請執行 einvoicectl journal reconcile。"


class BoxChanged(EinvoicedError):
    code, name, retry = 2032, "box_changed", "after_cure"
    en = "This journal was written on another {what} ({was}; here {now}); a technician must reconcile it."
    zh = "此日誌原屬另一個{what_zh}（原為 {was}，現為 {now}）；請維修人員執行 einvoicectl journal reconcile。"


class SellerChanged(EinvoicedError):
    code, name, retry = 2033, "seller_changed", "after_cure"
    en = "The journal belongs to the seller {was}, the configuration says {now}; a box keeps its seller for life."
    zh = "日誌屬於統編 {was}，設定檔為 {now}；本機有資料後不可更換營業人。"


class BoxRetiredError(EinvoicedError):
    code, name, retry = 2034, "box_retired", "never"
    en = "This box was retired by {technician}; it issues nothing any more."
    zh = "本機已由 {technician} 停用，不再開立發票。"


class PeriodCloseTooEarly(EinvoicedError):
    code, name, retry = 2040, "period_close_too_early", "after_cure"
    en = (
        "{period} can be closed from {earliest} on, by a clock that the network confirms; until then nothing is unused."
    )
    zh = "{period} 須於 {earliest} 之後、時間經網路校時才能結束；在此之前不會產生空白字軌。"


class PeriodNotClosed(EinvoicedError):
    code, name, retry = 2041, "period_not_closed", "never"
    en = "{period} is not closed; close it first (einvoicectl period close)."
    zh = "{period} 尚未結束；請先執行 einvoicectl period close。"


class PeriodReported(EinvoicedError):
    code, name, retry = 2042, "period_reported", "never"
    en = "The unused numbers of {period} were reported; its closing can no longer be undone."
    zh = "{period} 的空白字軌已申報，不能再取消。"


class PeriodIsClosed(EinvoicedError):
    code, name, retry = 2043, "period_is_closed", "never"
    en = "{period} is closed and its left-over numbers are unused; undo that first (einvoicectl period reopen)."
    zh = "{period} 已結束，剩餘號碼已列為空白字軌；請先取消結束（einvoicectl period reopen）。"


class ShareInUse(EinvoicedError):
    code, name, retry = 2044, "share_in_use", "never"
    en = "Numbers of {period} were taken with the share {share}; it can only be changed for a period that is untouched."
    zh = "{period} 已用份額 {share} 開立過發票；只有完全未使用的期別才能更改份額。"


class BookletsNotFree(EinvoicedError, ValueError):
    code, name, retry = 2045, "booklets_not_free", "never"
    en = "{asked} cannot be reserved: {detail}; see tracks.list."
    zh = "{asked} 不能保留：{detail_zh}；請查 tracks.list。"


class TypingUnknown(EinvoicedError, LookupError):
    code, name, retry = 2046, "typing_unknown", "never"
    en = "No first typing {typing} waits for a second; let the first person type again."
    zh = "沒有編號 {typing} 的第一次輸入；請第一人重新輸入。"


class TypedTooOften(EinvoicedError):
    code, name, retry = 2047, "typed_too_often", "never"
    en = "Typing {typing} differed {tries} times and counts no more; both start again from the platform's page."
    zh = "編號 {typing} 的輸入已有 {tries} 次不一致而作廢；請兩人對照平台畫面從頭輸入。"


# -- the life of an invoice -------------------------------------------------------------------------------------------


class InvoiceIsCancelled(EinvoicedError):
    code, name, retry = 2060, "invoice_is_cancelled", "never"
    en = "{invoice_number} was cancelled (作廢); nothing more is done with it. Issue a new invoice where one is due."
    zh = "{invoice_number} 已作廢，無法再處理；需要時請重新開立。"


class AllowancesStand(EinvoicedError):
    code, name, retry = 2061, "allowances_stand", "after_cure"
    en = "{invoice_number} has allowances that stand ({allowances}); cancel those first, or leave the invoice as it is."
    zh = "{invoice_number} 已開立折讓單（{allowances}）；請先作廢折讓單，或保留原發票。"


class CancelTooLate(EinvoicedError):
    code, name, retry = 2062, "cancel_too_late", "never"
    en = (
        "{invoice_number} of {period} could be cancelled until {until}. Now issue an allowance, or send the number of "
        "the tax office's document (document)."
    )
    zh = "{period} 的 {invoice_number} 只能作廢到 {until}；請改開折讓單，或填國稅局核准文號（document）後重送。"


class CorrectAfterPaper(EinvoicedError):
    code, name, retry = 2063, "correct_after_paper", "never"
    en = (
        "The original of {invoice_number} is {paper}: it cannot be corrected any more. Cancel or replace the invoice, "
        "and take the paper back."
    )
    zh = "{invoice_number} 的證明聯狀態為「{paper}」，已不能更正；請收回證明聯後作廢或作廢重開。"


class NothingToCorrect(EinvoicedError):
    code, name, retry = 2064, "nothing_to_correct", "never"
    en = "{invoice_number} has this carrier, donation and print mark already; nothing was changed."
    zh = "{invoice_number} 的載具、捐贈與列印註記原本就是如此；沒有變更。"


class AllowanceTooMuch(EinvoicedError, ValueError):
    code, name, retry = 2065, "allowance_too_much", "never"
    en = "Of line {line} of {invoice_number} {left} can still be taken back, not {asked}; correct the amount."
    zh = "{invoice_number} 第 {line} 項最多還可折讓 {left} 元，不可為 {asked} 元；請更正金額。"


class AllowanceLineUnknown(EinvoicedError, LookupError):
    code, name, retry = 2066, "allowance_line_unknown", "never"
    en = "{invoice_number} has {count} lines and no line {line}; lines are counted from 1."
    zh = "{invoice_number} 共 {count} 項，沒有第 {line} 項；項次從 1 起算。"


class AllowanceNotFound(EinvoicedError, LookupError):
    code, name, retry = 2067, "allowance_not_found", "never"
    en = "This journal holds no allowance {asked}; look at allowance.list."
    zh = "查無折讓單 {asked}；請查 allowance.list。"


class AllowanceIsCancelled(EinvoicedError):
    code, name, retry = 2068, "allowance_is_cancelled", "never"
    en = "The allowance {allowance_number} was cancelled already; nothing more is done with it."
    zh = "折讓單 {allowance_number} 已作廢，無法再處理。"


class OriginalIsHere(EinvoicedError, ValueError):
    code, name, retry = 2069, "original_is_here", "never"
    en = "This journal holds {invoice_number}: name it by invoice_number and its lines, instead of typing it."
    zh = "本機有 {invoice_number} 的資料；請用 invoice_number 與項次開立折讓，不要另外輸入。"


class OriginalTakenBack(EinvoicedError, ValueError):
    code, name, retry = 2070, "original_taken_back", "never"
    en = "Of {invoice_number}, {total} in all, {left} can still be taken back, not {asked}; correct amount or total."
    zh = "{invoice_number} 總計 {total} 元，最多還可折讓 {left} 元，不可為 {asked} 元；請更正金額或總計。"


# -- track files (domain: the platform's CSV) --------------------------------------------------------------------------


class TrackFileError(EinvoicedError, ValueError):
    """A file that was refused; nothing of it was taken. `line` and `column` count from 1; 0 is the whole file."""

    retry = "never"

    def __init__(self, line: int = 0, column: int = 0, value: str = "", **facts: object) -> None:
        self.line, self.column, self.value = line, column, value
        super().__init__(None, line=line, column=column, value=value, **facts)


class FileTooLarge(TrackFileError):
    code, name = 3000, "file_too_large"
    en = "The file has {value} bytes; a track file has at most {limit}. Download it again from the platform."
    zh = "檔案有 {value} 位元組，字軌檔最多 {limit}；請重新從平台下載。"


class FileEmpty(TrackFileError):
    code, name = 3001, "file_empty"
    en = "The file has no row of numbers; download it again from the platform."
    zh = "檔案內沒有任何字軌資料；請重新從平台下載。"


class FileIsUtf16(TrackFileError):
    code, name = 3002, "file_is_utf16"
    en = "The file was saved again as Unicode (UTF-16) by another program; download it again and do not open it."
    zh = "檔案被其他程式另存為 Unicode（UTF-16）；請重新從平台下載，不要開啟後再存檔。"


class FileNotText(TrackFileError):
    code, name = 3003, "file_not_text"
    en = "The file is neither UTF-8 nor CP950 text; download it again from the platform."
    zh = "檔案不是 UTF-8 或 CP950（Big5）文字檔；請重新從平台下載。"


class NotATrackFile(TrackFileError):
    code, name = 3004, "not_a_track_file"
    en = "This is not a track file: row {line} has {value} columns where the platform's file has 7."
    zh = "這不是字軌檔：第 {line} 列有 {value} 欄，平台的字軌檔為 7 欄。"


class FileDamaged(TrackFileError):
    code, name = 3005, "file_damaged"
    en = "Row {line} cannot be read ({value}): the file is damaged; download it again from the platform."
    zh = "第 {line} 列無法讀取（{value}），檔案已損毀；請重新從平台下載。"


class BadSeller(TrackFileError):
    code, name = 3010, "bad_seller"
    en = "Row {line}: the seller's identifier {value!r} is not a valid 統一編號; download the file again."
    zh = "第 {line} 列：營業人統編「{value}」不正確；請重新從平台下載。"


class SellerUnknown(TrackFileError):
    code, name = 3011, "seller_unknown"
    en = "Row {line}: the numbers belong to {value}, this box to {own}; another shop's track may not be used."
    zh = "第 {line} 列：此字軌屬於統編 {value}，本機為 {own}；不可使用他人的字軌。"


class BadCategory(TrackFileError):
    code, name = 3012, "bad_category"
    en = "Row {line}: category {value!r} (column 2) is unknown; 07 is expected. Download the file again."
    zh = "第 {line} 列第 2 欄：發票類別代號「{value}」不明，應為 07；請重新從平台下載。"


class CategorySpecial(TrackFileError):
    code, name = 3013, "category_special"
    en = "Row {line}: category 08 (special tax) is not issued by this box; download the file of 一般稅額."
    zh = "第 {line} 列：本機不開立特種稅額（08）；請下載一般稅額的字軌檔。"


class BadPeriod(TrackFileError):
    code, name = 3014, "bad_period"
    en = "Row {line}: {value!r} (column 4) is not a period such as 115/11 ~ 115/12; download the file again."
    zh = "第 {line} 列第 4 欄：「{value}」不是正確的發票期別（例如 115/11 ~ 115/12）；請重新從平台下載。"


class PeriodPast(TrackFileError):
    code, name = 3015, "period_past"
    en = "Row {line}: the period {value} ended on {ended}; its numbers may not be used. Download this period's file."
    zh = "第 {line} 列：{value} 已於 {ended} 結束，號碼不可再使用；請下載本期的字軌檔。"


class PeriodTooFar(TrackFileError):
    code, name = 3016, "period_too_far"
    en = "Row {line}: the period {value} lies too far ahead of {today}; check the box's clock and the file."
    zh = "第 {line} 列：{value} 距離今天（{today}）太遠；請檢查本機時間與檔案。"


class BadTrack(TrackFileError):
    code, name = 3017, "bad_track"
    en = "Row {line}: the track {value!r} (column 5) is not two capital letters; download the file again."
    zh = "第 {line} 列第 5 欄：字軌「{value}」不是兩個大寫英文字母；請重新從平台下載。"


class NumberShortened(TrackFileError):
    code, name = 3018, "number_shortened"
    en = (
        "Row {line}, column {column}: {value!r} has fewer than 8 digits. Excel has dropped the leading zeros: "
        "download the file again and do not open it in Excel."
    )
    zh = "第 {line} 列第 {column} 欄：「{value}」不足 8 位數，Excel 已刪除開頭的 0；請重新下載，不要用 Excel 開啟。"


class ExcelReformatted(TrackFileError):
    code, name = 3019, "excel_reformatted"
    en = "Row {line}, column {column}: Excel has rewritten {value!r}; download the file again, not through Excel."
    zh = "第 {line} 列第 {column} 欄：「{value}」已被 Excel 改寫；請重新下載，不要用 Excel 開啟。"


class BadRangeNumber(TrackFileError):
    code, name = 3020, "bad_range_number"
    en = "Row {line}, column {column}: {value!r} is not a number of 8 digits; download the file again."
    zh = "第 {line} 列第 {column} 欄：「{value}」不是 8 位數的發票號碼；請重新從平台下載。"


class NotABookletBegin(TrackFileError):
    code, name = 3021, "not_a_booklet_begin"
    en = "Row {line}: {value} is no booklet's first number, which ends in 00 or 50; download the file again."
    zh = "第 {line} 列：{value} 不是一本的起號（末兩碼須為 00 或 50）；請重新從平台下載。"


class NotABookletEnd(TrackFileError):
    code, name = 3022, "not_a_booklet_end"
    en = "Row {line}: {value} is no booklet's last number, which ends in 49 or 99; download the file again."
    zh = "第 {line} 列：{value} 不是一本的迄號（末兩碼須為 49 或 99）；請重新從平台下載。"


class RangeReversed(TrackFileError):
    code, name = 3023, "range_reversed"
    en = "Row {line}: the last number {value} is below the first {begin}; download the file again."
    zh = "第 {line} 列：迄號 {value} 小於起號 {begin}；請重新從平台下載。"


class RangeRepeated(TrackFileError):
    code, name = 3024, "range_repeated"
    en = "Row {line}: {value} overlaps row {other} of the same file; download the file again."
    zh = "第 {line} 列：{value} 與同檔第 {other} 列重疊；請重新從平台下載。"


class RangeOverlaps(TrackFileError):
    code, name = 3025, "range_overlaps"
    en = "Row {line}: {value} overlaps {known}, which this box already holds, only in part; ask the head office."
    zh = "第 {line} 列：{value} 與本機已有的 {known} 部分重疊；請向總公司或會計確認。"


class XmlNotE0501(NotATrackFile):
    """A stranger's XML or HTML: passed over in silence on a stick, like any file that is no track file."""

    code, name = 3030, "xml_not_e0501"
    en = "This XML file holds no number allotment (E0501); download the track file from the platform."
    zh = "這個 XML 檔不是字軌配號檔（E0501）；請從平台下載字軌檔。"


class XmlDamaged(TrackFileError):
    code, name = 3031, "xml_damaged"
    en = "Row {line}: the XML cannot be read ({value}): the file is damaged; download it again from the platform."
    zh = "第 {line} 列：XML 無法讀取（{value}），檔案已損毀；請重新從平台下載。"


class XmlForbidden(TrackFileError):
    code, name = 3032, "xml_forbidden"
    en = "Row {line}: {value} does not belong in a track file; somebody has tampered with it. Download it again."
    zh = "第 {line} 列：字軌檔不應有 {value}，檔案可能遭竄改；請重新從平台下載。"


class XmlNamespace(TrackFileError):
    code, name = 3033, "xml_namespace"
    en = "Row {line}: {element} has the namespace {value!r}, which is not E0501 4.0 or 4.1; download the file again."
    zh = "第 {line} 列：{element} 的命名空間「{value}」不是 E0501 4.0 或 4.1；請重新從平台下載。"


class XmlStructure(TrackFileError):
    code, name = 3034, "xml_structure"
    en = "Row {line}: {element} is not where E0501 has it, missing or doubled; download the file again."
    zh = "第 {line} 列：{element} 缺少、重複或位置不符合 E0501；請重新從平台下載。"


class XmlBadValue(TrackFileError):
    code, name = 3035, "xml_bad_value"
    en = "Row {line}: {element} may not be {value!r}; download the file again and do not edit it."
    zh = "第 {line} 列：{element} 的內容「{value}」不正確；請重新從平台下載，不要修改檔案。"


class XmlCountWrong(TrackFileError):
    code, name = 3036, "xml_count_wrong"
    en = "Row {line}: {element} says {value}, the file holds {found}; it is not whole. Download it again."
    zh = "第 {line} 列：{element} 為 {value}，檔案內為 {found}，檔案不完整；請重新從平台下載。"


# -- numbers typed by hand (TrackFileError too: the same entry keeps why they were refused) ----------------------------


class TypedBadly(TrackFileError):
    code, name = 3040, "typed_badly"
    en = "{field}: {value!r} must be {form}; look at the platform's page and type it again."
    zh = "{field_zh}「{value}」不正確，須為 {form_zh}；請對照平台畫面重新輸入。"


class TypedDiffers(TrackFileError):
    code, name = 3041, "typed_differs"
    en = "The two persons typed different values in: {fields}; both look at the platform's page and type again."
    zh = "兩人輸入的 {fields_zh} 不一致；請兩人各自對照平台畫面重新輸入。"


class TypedBySamePerson(TrackFileError):
    code, name = 3042, "typed_by_same_person"
    en = "The second typing must come from another person than the first; ask a colleague."
    zh = "第二次輸入必須由另一人進行；請找同事輸入。"


# -- paper -------------------------------------------------------------------------------------------------------------


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


class PrinterLent(EinvoicedError):
    code, name, retry = 4020, "printer_lent", "after_cure"
    en = "The printer cannot be lent now ({detail}); try again in a minute."
    zh = "印表機目前無法借用（{detail_zh}），請稍後再試。"


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


# -- storage -----------------------------------------------------------------------------------------------------------


class StorageFailed(EinvoicedError, OSError):
    code, name, retry = 5000, "storage_failed", "same_key"
    en = "The journal could not be written ({detail}); nothing of this request holds. Repeat with the same key."
    zh = "日誌寫入失敗（{detail}），此請求未生效；請以同一個 key 重送。"


class DiskNearlyFull(EinvoicedError, OSError):
    code, name, retry = 5001, "disk_nearly_full", "after_cure"
    en = "Only {free} MiB are free on the journal's disk, {needed} are needed; free some space. No number was taken."
    zh = "日誌磁碟只剩 {free} MiB，至少需要 {needed} MiB；請清出空間。未使用任何號碼。"


class JournalBroken(EinvoicedError, OSError):
    code, name, retry = 5002, "journal_broken", "after_cure"
    en = "The journal cannot be trusted ({detail}); nothing was changed. The technician must look at it."
    zh = "日誌無法信任（{detail}），未做任何更動；請聯絡維修人員。"


class JournalInUse(EinvoicedError, OSError):
    code, name, retry = 5003, "journal_in_use", "after_cure"
    en = "Another process holds the journal {path_}; only one einvoiced may run on it."
    zh = "日誌 {path_} 正由另一個程式使用；同時只能有一個 einvoiced。"


class JournalBadPlace(EinvoicedError, OSError):
    code, name, retry = 5004, "journal_bad_place", "after_cure"
    en = "The journal cannot live on {fstype} ({path_}): it does not keep what it was told to keep. Use a local disk."
    zh = "日誌不可放在 {fstype}（{path_}），該檔案系統無法保證資料寫入；請改用本機磁碟。"


class JournalMissing(EinvoicedError, OSError):
    code, name, retry = 5006, "journal_missing", "after_cure"
    en = "The journal of this box ({detail}) is gone; bring it back from the mirror or a backup, nothing is made anew."
    zh = "本機的日誌（{detail}）不見了；請由備份還原，系統不會自行建立新的日誌。"


class MirrorRefused(EinvoicedError, OSError):
    code, name, retry = 5007, "mirror_refused", "after_cure"
    en = "{path_} cannot be the journal's mirror: {detail}."
    zh = "{path_} 不能作為日誌副本：{detail}。"


class RestoreRefused(EinvoicedError, OSError):
    code, name, retry = 5008, "restore_refused", "after_cure"
    en = "Nothing was restored or changed: {detail}."
    zh = "未還原，也未做任何更動：{detail}。"


class BoxStopping(EinvoicedError):
    code, name, retry = 5005, "box_stopping", "same_key"
    en = "The box is stopping; nothing of this request holds. Repeat with the same key when it is back."
    zh = "本機正在停止，此請求未生效；重新啟動後請以同一個 key 重送。"


# -- configuration -----------------------------------------------------------------------------------------------------


class ConfigError(EinvoicedError, ValueError):
    code, name, retry = 6000, "config_error", "after_cure"
    en = "Configuration {file}: {option}: {detail}."
    zh = "設定檔 {file}：{option}：{detail}。"


class ConfigNotSettable(EinvoicedError, ValueError):
    code, name, retry = 6001, "config_not_settable", "never"
    en = "{option} is not set this way: {reason}. Edit the file if you must, then einvoicectl config check."
    zh = "{option} 不能用此方式變更：{reason_zh}。如須變更請編輯設定檔，並以 einvoicectl config check 檢查。"


# -- 8xxx questions ----------------------------------------------------------------------------------------------------


class AnswersBuilding(EinvoicedError):
    code, name, retry = 8000, "answers_building", "same_key"
    en = "The tables that answer questions are being built anew ({percent} %); ask again in a moment."
    zh = "查詢資料建置中（{percent} %），請稍後再查。"


class QuestionFailed(EinvoicedError):
    code, name, retry = 8001, "question_failed", "same_key"
    en = "The question could not be answered ({detail}); ask again, then call the technician."
    zh = "查詢失敗（{detail}）；請再試一次，仍有問題請聯絡維修人員。"


class ReportTooLong(EinvoicedError, ValueError):
    code, name, retry = 8002, "report_too_long", "never"
    en = "The report would have more than {limit} rows; ask for a shorter time or fewer groups."
    zh = "報表超過 {limit} 列，請縮短期間或減少分組。"


class SnapshotGone(EinvoicedError, LookupError):
    code, name, retry = 8003, "snapshot_gone", "never"
    en = "There is no such snapshot any more; ask for a new one."
    zh = "此報表副本已不存在，請重新產生。"


# -- 7xxx uploads ------------------------------------------------------------------------------------------------------


class BadMessage(EinvoicedError, ValueError):
    """A message does not pass its own schema and does not leave."""

    code = 7001
    name = "bad_message"
    retry = "after_cure"
    en = "The message {kind} does not pass its schema ({detail}); it is not sent. Call the technician."
    zh = "訊息 {kind} 不符合格式（{detail}），未送出；請聯絡維修人員。"


class AnswerUnreadable(EinvoicedError, ValueError):
    """A file that should be an answer of the platform cannot be read as one."""

    code = 7002
    name = "answer_unreadable"
    retry = "after_cure"
    en = "The platform's answer cannot be read ({detail}); it is looked at again when it changes."
    zh = "平台回應檔無法讀取（{detail}），檔案變更後會再讀一次。"


class UploadNotFound(EinvoicedError, LookupError):
    """The outbox holds no such message: it was accepted, settled, or never there."""

    code = 7003
    name = "upload_not_found"
    retry = "never"
    en = "No message {asked} waits for the platform: it was accepted or settled, or never was. See upload list."
    zh = "待上傳清單中沒有 {asked}：平台已接受、已登記處理，或不存在；請查看上傳清單。"


class UploadStateWrong(EinvoicedError):
    """A message cannot be sent again while it waits for its first sending."""

    code = 7004
    name = "upload_state_wrong"
    retry = "never"
    en = "The message {asked} is {state}: it leaves by itself."
    zh = "訊息 {asked} 目前為「{state_zh}」，會自動上傳，不需處理。"


class LeftoversDamaged(EinvoicedError, ValueError):
    """A file of unused numbers is not whole."""

    code = 7005
    name = "leftovers_damaged"
    retry = "never"
    en = "The file of unused numbers cannot be read ({detail}); export it again on the other box."
    zh = "空白字軌檔無法讀取（{detail}），請在另一台主機重新匯出。"


class LeftoversRefused(EinvoicedError, ValueError):
    """A file of unused numbers does not fit this box's tracks."""

    code = 7006
    name = "leftovers_refused"
    retry = "never"
    en = "The unused numbers of box {box} are not taken: {detail}. Compare both boxes' shares and track files."
    zh = "主機 {box} 的空白字軌未收：{detail_zh}。請核對兩台主機的份額與字軌檔。"


class LeftoversDiffer(EinvoicedError):
    """Another list of the same share was taken before."""

    code = 7007
    name = "leftovers_differ"
    retry = "never"
    en = "Other unused numbers of share {share} in {period} were taken before; find out which list is right."
    zh = "先前已收過份額 {share} 在 {period} 的另一份空白字軌，內容不同，請先查明哪一份正確。"


class NotLeadBox(EinvoicedError):
    """Only the lead box takes others' unused numbers."""

    code = 7008
    name = "not_lead_box"
    retry = "after_cure"
    en = "This box does not report for others; the lead box is {lead} (tracks.lead in the configuration)."
    zh = "本機不是彙總申報的主機；彙總主機為 {lead}（設定檔 tracks.lead）。"
