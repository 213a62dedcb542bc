"""5xxx: the journal and its copies on their disks."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


class StorageFailed(EinvoicedError, OSError):
    code, name, retry = 5000, "storage_failed", "same_key"
    en = "The journal could not be written ({detail}); nothing of this request holds. Repeat with the same key."
    zh = "日誌寫入失敗（{detail}），此請求未生效；請以同一個 key 重送。"


class DiskNearlyFull(EinvoicedError, OSError):
    code, name, retry = 5001, "disk_nearly_full", "after_cure"
    en = "Only {free} MiB are free on the journal's disk, {needed} are needed; free some space. No number was taken."
    zh = "日誌磁碟只剩 {free} MiB，至少需要 {needed} MiB；請清出空間。未使用任何號碼。"


class DiskReadOnly(EinvoicedError, OSError):
    code, name, retry = 5010, "disk_read_only", "after_cure"
    en = "The journal's disk is read-only, as after errors; the technician must look at it. No number was taken."
    zh = "日誌磁碟已變成唯讀（可能故障），請聯絡維修人員檢查。未使用任何號碼。"


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


class BoxStopping(EinvoicedError):
    code, name, retry = 5005, "box_stopping", "same_key"
    en = "The box is stopping; nothing of this request holds. Repeat with the same key when it is back."
    zh = "本機正在停止，此請求未生效；重新啟動後請以同一個 key 重送。"


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


class BesideMissing(EinvoicedError, OSError):
    code, name, retry = 5009, "beside_missing", "after_cure"
    en = "The file beside the journal ({detail}) is gone: nobody knows whether this journal is an old copy; reconcile."
    zh = "日誌旁的檔案（{detail}）不見了，無法確認本日誌是否為最新；請由維修人員執行 einvoicectl journal reconcile。"
