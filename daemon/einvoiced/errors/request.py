"""JSON-RPC 2.0's own errors (section 5.1), and 1xxx: what a till sent or states."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


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
