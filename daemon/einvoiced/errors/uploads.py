"""7xxx: messages to the platform, its answers, unused numbers of other boxes."""

from __future__ import annotations

from einvoiced.errors.base import EinvoicedError


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


class UploadUnderWay(EinvoicedError):
    """A message is on its way to the platform, whose answer decides what may be done with it."""

    code = 7009
    name = "upload_under_way"
    retry = "after_cure"
    en = "The message {asked} is {state} and has no answer yet. Wait for it; ask again when it is refused."
    zh = "訊息 {asked} 目前為「{state_zh}」；請等候平台回覆，若遭退回再重做一次。"


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
