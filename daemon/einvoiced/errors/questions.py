"""8xxx: what people ask of the invoices."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


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
