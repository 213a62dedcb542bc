"""Chinese for what others say in English: the kernel, SQLite, the reader of the configuration.

Such words are facts of an error (`detail`) and stand inside the sentence that a shop reads. What is not in the table
stays as it is: a strange word helps more than none.
"""

from __future__ import annotations

import re

_WORDS = (
    ("No space left on device|database or disk is full", "磁碟已滿"),
    ("Input/output error|disk I/O error", "磁碟讀寫錯誤"),
    ("Read-only file system|attempt to write a readonly database", "磁碟為唯讀"),
    ("Permission denied", "沒有權限"),
    ("No such file or directory", "檔案不存在"),
    ("Is a directory", "是資料夾"),
    ("database disk image is malformed|file is not a database", "資料庫檔案損毀"),
    ("unable to open database file", "無法開啟資料庫檔案"),
    ("database is locked", "資料庫被其他程式鎖定"),
    ("no seller", "未設定賣方"),
    ("no QR key", "未設定 QR 碼金鑰"),
    ("Object contains unknown field `([^`]*)`", r"沒有「\1」這個選項"),
    ("Object missing required field `([^`]*)`", r"缺少「\1」"),
    ("Expected `([^`]*)`, got `([^`]*)`", r"型別應為 \1，不是 \2"),
    ("Expected `([^`]*)` (>=|<=|>|<) ([0-9.]+)", r"數值須 \2 \3"),
    ("Expected `str` of length (>=|<=) ([0-9]+)", r"字數須 \1 \2"),
    ("Invalid enum value (.+)", r"不接受 \1"),
)


def in_chinese(text: str) -> str:
    """The text with every phrase of the table in Chinese."""
    for english, chinese in _WORDS:
        text = re.sub(english, chinese, text)
    return text
