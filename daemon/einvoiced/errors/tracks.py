"""3xxx: track files of the platform, CSV and E0501, and numbers typed by hand."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


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


# -- E0501 -------------------------------------------------------------------------------------------------------------


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
