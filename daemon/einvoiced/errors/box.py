"""2xxx: the state of the box, and the life of an invoice."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


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


# -- the life of an invoice --------------------------------------------------------------------------------------------


class InvoiceIsCancelled(EinvoicedError):
    code, name, retry = 2060, "invoice_is_cancelled", "never"
    en = "{invoice_number} was cancelled (作廢); nothing more is done with it. Issue a new invoice where one is due."
    zh = "{invoice_number} 已作廢，無法再處理；需要時請重新開立。"


class InvoiceNotCancelled(EinvoicedError):
    code, name, retry = 2071, "invoice_not_cancelled", "never"
    en = "{invoice_number} was not cancelled; give the tax office's number (document) when you cancel it."
    zh = "{invoice_number} 尚未作廢；請在作廢時一併填寫國稅局核准文號（document）。"


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


class AllowanceOnlyTax(EinvoicedError, ValueError):
    code, name, retry = 2072, "allowance_only_tax", "after_cure"
    en = (
        "Of {invoice_number} only {left} of tax is left, and an allowance needs a net amount. Cancel the last "
        "allowance and issue it anew with these {asked}."
    )
    zh = "{invoice_number} 只剩稅額 {left} 元，折讓單須有銷售額；請作廢最後一張折讓單，連同這 {asked} 元重新開立。"


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
