"""6xxx: the configuration."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


class ConfigError(EinvoicedError, ValueError):
    code, name, retry = 6000, "config_error", "after_cure"
    en = "Configuration {file}: {option}: {detail}."
    zh = "設定檔 {file}：{option}：{detail}。"


class ConfigNotSettable(EinvoicedError, ValueError):
    code, name, retry = 6001, "config_not_settable", "never"
    en = "{option} is not set this way: {reason}. Edit the file if you must, then einvoicectl config check."
    zh = "{option} 不能用此方式變更：{reason_zh}。如須變更請編輯設定檔，並以 einvoicectl config check 檢查。"
