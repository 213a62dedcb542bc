"""What the platform's codes mean, in plain sentences, and what to do (domain: error codes worth a plain sentence).

`mend`: the invoice must be put right before it is sent again; `again`: it can be sent again as it is; `settle`: the
platform already has what it should, and a person says so; `office`: something outside the box must be done first.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Cure = Literal["mend", "again", "settle", "office"]


class Meaning(Struct, frozen=True):
    """A code in words: what is wrong and what to do, in English and Chinese."""

    code: str
    cure: Cure
    en: str
    zh: str
    do_en: str
    do_zh: str


_OFFICE_TRACKS = (
    "Compare the track on the platform (配號) with `einvoicectl tracks list`; then send it again.",
    "請到平台核對字軌配號與本機「einvoicectl tracks list」是否相符，更正後重新上傳。",
)
_UNUSED = (
    "Compare the unused numbers with `einvoicectl unused list` and the platform; then send it again, or settle it.",
    "請核對本機該期空白字軌（einvoicectl unused list）與平台資料，更正後重新上傳，或登記為已處理。",
)
_REISSUE = (
    "It cannot be mended under this number: cancel it and issue a new one (`invoice.replace`), then settle both here.",
    "此號碼無法更正，請作廢後重新開立，再將此筆及其作廢登記為已處理。",
)
_XML = (
    "Call the technician: the file and the platform's schema disagree. Keep the file; send it again after an update.",
    "請聯絡維修人員：檔案與平台格式不符，請保留檔案，更新後重新上傳。",
)
_COMPARE = (
    "Look at the invoice on the platform: if it is right there, settle it here; if not, correct it.",
    "請到平台查看此筆資料，若內容正確請在本機登記為已處理；若不正確請更正。",
)

_TABLE: tuple[tuple[str, Cure, str, str, tuple[str, str]], ...] = (
    (
        "E0101",
        "office",
        "The seller is not entitled to e-invoices.",
        "賣方營業人沒有使用電子發票的資格。",
        (
            "Ask the tax office whether the shop is registered for e-invoices; then send it again.",
            "請向國稅局確認營業人電子發票資格，完成後重新上傳。",
        ),
    ),
    (
        "E0102",
        "office",
        "The number was not allotted to this seller.",
        "發票號碼不在平台配給的字軌範圍內。",
        _OFFICE_TRACKS,
    ),
    ("E0103", "mend", "The sums do not agree.", "發票金額加總不符。", _REISSUE),
    ("E0105", "mend", "The total is 0.", "發票總計為 0。", _REISSUE),
    ("E0106", "mend", "A line has the quantity 0.", "明細數量為 0。", _REISSUE),
    (
        "E0107",
        "office",
        "The track is of another period than the invoice's date.",
        "字軌期別與發票日期不符。",
        _OFFICE_TRACKS,
    ),
    (
        "E0112",
        "mend",
        "A zero-rated invoice lacks its customs clearance mark.",
        "零稅率發票缺少通關方式註記。",
        _REISSUE,
    ),
    (
        "E0113",
        "office",
        "The track is assigned to another business or branch.",
        "此字軌已配給其他營業人或分支機構。",
        _OFFICE_TRACKS,
    ),
    ("E0201", "settle", "It was sent before.", "此筆資料重複上傳，平台已有資料。", _COMPARE),
    (
        "E0207",
        "office",
        "The invoice is too old to be sent.",
        "發票日期太舊，已超過可上傳期限。",
        (
            "Ask the tax office (late upload, 逾期); settle it here when it has been dealt with.",
            "請洽國稅局辦理逾期上傳，處理後在本機登記為已處理。",
        ),
    ),
    (
        "E0208",
        "office",
        "The period is not the current one.",
        "發票期別不是目前可上傳的期別。",
        (
            "Compare the box's clock and the invoice's date; ask the tax office if the date is right.",
            "請核對主機時間與發票日期；日期無誤時請洽國稅局。",
        ),
    ),
    (
        "E0209",
        "mend",
        "Date and number are not in the same order as the invoices around it.",
        "發票日期與號碼順序不符。",
        (
            "Compare the numbers around it; if the dates are right ask the platform, then send it again.",
            "請核對前後號碼的日期；日期無誤時請洽平台客服後重新上傳。",
        ),
    ),
    (
        "E0213",
        "office",
        "It can no longer be cancelled.",
        "此發票已不得作廢。",
        (
            "Ask the tax office for a document number and add it to the cancellation (`einvoicectl invoice document`): "
            "it is then sent again by itself. Or issue an allowance (折讓) on the platform's own pages, and settle it "
            "here.",
            "請向國稅局申請專案作廢核准文號，登記在此作廢（einvoicectl invoice document），登記後會自動重新上傳；"
            "或在平台改開折讓單，再將此筆登記為已處理。",
        ),
    ),
    ("E0220", "mend", "The line numbers are not in order.", "明細序號不連續或重複。", _XML),
    (
        "E0221",
        "mend",
        "The allowances are more than what is left of the invoice.",
        "折讓金額超過發票剩餘金額。",
        (
            "Cancel the allowance, settle both messages here, and issue it again with what is left.",
            "請作廢此折讓單，將此筆及其作廢登記為已處理，再依剩餘金額重新開立。",
        ),
    ),
    ("E0224", "mend", "Special tax needs its own rate.", "特種稅額發票稅率錯誤。", _REISSUE),
    ("E0228", "mend", "A zero-rated invoice lacks its reason.", "零稅率發票缺少零稅率原因。", _REISSUE),
    ("E0304", "again", "The XML is not well-formed.", "XML 檔案格式錯誤。", _XML),
    ("E0305", "again", "The XML does not follow the schema.", "XML 檔案不符合訊息規格。", _XML),
    ("E0306", "again", "The XML is of an unknown message or version.", "XML 訊息種類或版本錯誤。", _XML),
    ("E0402", "settle", "It is cancelled already.", "此筆資料先前已作廢。", _COMPARE),
    ("E0601", "office", "The range was not allotted.", "空白字軌區間不在配號範圍內。", _OFFICE_TRACKS),
    ("E0603", "mend", "The range holds numbers that were issued.", "空白字軌區間含有已開立的號碼。", _UNUSED),
    ("E0604", "mend", "The range's first number is after its last.", "空白字軌起號大於迄號。", _UNUSED),
    ("E0609", "office", "The period of the range cannot be reported now.", "此期別目前不得上傳空白字軌。", _UNUSED),
    (
        "E0612",
        "settle",
        "The range overlaps one that was reported before.",
        "空白字軌區間與先前上傳的區間重疊。",
        _UNUSED,
    ),
    ("E0613", "mend", "The ranges overlap each other.", "空白字軌區間互相重疊。", _UNUSED),
    (
        "E1001",
        "office",
        "The receiver is not known to the platform.",
        "平台查無接收方。",
        (
            "Compare the buyer's 統一編號; if it is right ask the platform's service desk, then send it again.",
            "請核對買方統一編號；無誤時請洽平台客服後重新上傳。",
        ),
    ),
    (
        "E1002",
        "again",
        "It was sent too early.",
        "上傳時間過早。",
        ("Compare the box's clock; then send it again.", "請核對主機時間後重新上傳。"),
    ),
    (
        "E1003",
        "settle",
        "The number was issued twice.",
        "此發票號碼重複開立。",
        (
            "Look at once whether another box or system used the number; call the technician.",
            "請立即查明是否有其他設備使用同一號碼，並聯絡維修人員。",
        ),
    ),
    (
        "E1004",
        "office",
        "It was sent too late.",
        "已超過上傳期限。",
        (
            "Ask the tax office (late upload, 逾期); settle it here when it has been dealt with.",
            "請洽國稅局辦理逾期上傳，處理後在本機登記為已處理。",
        ),
    ),
    (
        "E1005",
        "mend",
        "The carrier holds a blank.",
        "載具號碼含有空白。",
        (
            "Correct the carrier (`invoice.correct`); it is then sent again by itself.",
            "請更正載具號碼，更正後會自動重新上傳。",
        ),
    ),
)

MEANINGS = {code: Meaning(code, cure, en, zh, *do) for code, cure, en, zh, do in _TABLE}

SENT_BEFORE = "E0201"
"""The platform has a copy already: correcting it means to erase that one first."""

SUMMARY_FAILED = "summary"
"""The code of what a SummaryResult calls failed without saying why."""

_UNKNOWN = Meaning(
    "",
    "office",
    "The platform refused it for a reason that is not in the box's table.",
    "平台退回此筆資料，原因不在本機代碼表中。",
    "Look the code up on the platform, put it right, then send it again or settle it.",
    "請依平台說明處理，更正後重新上傳，或登記為已處理。",
)
_SUMMARY = Meaning(
    SUMMARY_FAILED,
    "office",
    "The platform's daily summary calls it failed and does not say why.",
    "平台每日存證統計列為失敗，未說明原因。",
    "Look the invoice up on the platform, put it right, then send it again or settle it.",
    "請到平台查詢此筆資料，更正後重新上傳，或登記為已處理。",
)


def meaning(code: str) -> Meaning:
    """What a code means; one that nobody knows has a sentence too."""
    return _SUMMARY if code == SUMMARY_FAILED else MEANINGS.get(code, _UNKNOWN)
