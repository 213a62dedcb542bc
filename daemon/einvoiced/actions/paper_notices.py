"""What a status says about paper: strips that a person must look at, and the printer's troubles, each with its cure."""

from __future__ import annotations

from msgspec import Struct

from einvoiced.actions.ask import Counts


class Reason(Struct, frozen=True):
    """Something that is wrong or worth knowing, with its stable name."""

    name: str
    en: str
    zh: str


class PaperState(Struct, frozen=True):
    """What the paper follower says of the printer: its state in a word, the trouble that stops it, and what is worth
    knowing besides.
    """

    state: str = "none"
    trouble: Reason | None = None
    notices: list[Reason] = []


TROUBLES = {
    "lent": (
        "The printer is lent to a technician's test; it comes back by itself.",
        "印表機由維修人員測試中，完成後會自動恢復。",
    ),
    "starting": ("The printer has not been asked yet; wait a moment.", "印表機啟動中，請稍候。"),
    "absent": ("The printer is not there; check its cable and power.", "找不到印表機，請檢查電源與連接線。"),
    "cover_open": ("The printer's cover is open; close it.", "印表機上蓋未關，請關上。"),
    "paper_out": ("The printer is out of paper; put in a 57 mm roll.", "印表機缺紙，請裝入 57 mm 紙捲。"),
    "cutter": ("The cutter is stuck; free it, then switch the printer off and on.", "印表機裁刀卡住，請排除後重開機。"),
    "hot": ("The print head is too hot; it goes on when it has cooled.", "印字頭過熱，冷卻後會自動繼續。"),
    "error": ("The printer reports an error; switch it off and on.", "印表機故障，請關機再開機。"),
    "offline": ("The printer is offline; press its feed or online key.", "印表機離線，請按進紙鍵或連線鍵。"),
    "silent": ("The printer does not answer; check its power.", "印表機沒有回應，請檢查電源。"),
    "wrong_roll": (
        "An 80 mm roll is configured, and a proof is 57 mm by law; load one and set printer.roll_mm = 57.",
        "設定為 80 mm 紙捲，證明聯依規定須為 57 mm；請換紙捲並設定 printer.roll_mm = 57。",
    ),
    "fault": (
        "A fault was met while printing; it is tried again by itself. Send a bundle (einvoicectl bundle) to support.",
        "列印程式發生異常，自動重試中；請聯絡維修人員（einvoicectl bundle）。",
    ),
    "no_font": ("No Chinese font is installed; install fonts-noto-cjk.", "系統沒有中文字型，請安裝 fonts-noto-cjk。"),
}

NOTICES = {
    "paper_low": ("The roll is near its end; have another one ready.", "紙捲快用完，請準備新的 57 mm 紙捲。"),
    "slow_line": (
        "The serial line runs at 9,600 baud or less, a proof takes 13 s; raise it at the printer and in baudrate.",
        "序列埠速度僅 9600 以下，每張約需 13 秒；請調高印表機與設定檔的 baudrate。",
    ),
}


def trouble(name: str) -> Reason:
    """The reason of a trouble by its name."""
    return Reason(f"printer_{name}", *TROUBLES[name])


def notice(name: str) -> Reason:
    """A notice by its name; nothing stops for it."""
    return Reason(f"printer_{name}", *NOTICES[name])


def paper_warnings(counts: Counts | None, paper: PaperState) -> list[Reason]:
    """Everything about paper that somebody should look at."""
    found = _strips(counts) if counts is not None else []
    if paper.trouble is not None and paper.state != "starting":
        found.append(paper.trouble)
    return found + paper.notices


def _strips(counts: Counts) -> list[Reason]:
    said = (
        (
            "proofs_unconfirmed",
            counts.proofs_unconfirmed,
            "{} proofs may not be on paper; look, then tell the box (proof.resolve).",
            "有 {} 張證明聯不確定是否印出，請查看後回報。",
        ),
        (
            "proofs_failed",
            counts.proofs_failed,
            "{} proofs could not be made; call the technician.",
            "有 {} 張證明聯無法產生，請聯絡維修人員。",
        ),
        (
            "proofs_to_replace",
            counts.proofs_to_replace,
            "{} invoices have no usable proof; cancel them and issue anew.",
            "有 {} 張發票沒有可用的證明聯，請作廢後重新開立。",
        ),
    )
    return [Reason(name, en.format(n), zh.format(n)) for name, n, en, zh in said if n]
