"""What is to be done with the paper of an invoice that was cancelled, in words for the clerk.

統一發票使用辦法 §24: the proof comes back, 作廢 is written on it, and it is kept.
"""

from __future__ import annotations

from einvoiced.journal import entries

_OUT = (
    "Take the printed proof back, write 作廢 across it and keep it.",
    "請收回證明聯，註明「作廢」後留存。",
)
_NOBODY_KNOWS = (
    "Nobody knows whether its proof came out: look for it, take back what there is, write 作廢 across it and keep it.",
    "不確定證明聯是否印出：請找出印出的紙張並收回，註明「作廢」後留存。",
)
_NEVER = (
    "Its proof was never printed and will not be: there is no paper to take back.",
    "證明聯尚未列印，也不會再列印；沒有紙本需要收回。",
)
_TODO: dict[entries.Paper, tuple[str, str]] = {
    "printed": _OUT,
    "sent": _OUT,
    "sending": _NOBODY_KNOWS,
    "handed_out": _NOBODY_KNOWS,
    "unconfirmed": _NOBODY_KNOWS,
    "queued": _NEVER,
    "unprinted": _NEVER,
    "failed": _NEVER,
    "till": (
        "The till prints its proof: it must not any more. If it has, take it back, write 作廢 across it and keep it.",
        "證明聯由收銀機列印：請勿再列印；若已印出，請收回並註明「作廢」後留存。",
    ),
    "to_replace": (
        "Nothing usable was printed: write 作廢 on what came out and keep it.",
        "證明聯印壞無法使用：請在印出的紙張註明「作廢」後留存。",
    ),
    "none": (
        "It has no proof on paper (carrier or donation): there is nothing to take back.",
        "此發票存於載具或已捐贈，沒有紙本證明聯，不需收回。",
    ),
}


def what_to_do(paper: entries.Paper, copies: int) -> tuple[str, str]:
    """The sentence, English and Chinese, for an original that was `paper` when its invoice was cancelled."""
    en, zh = _TODO[paper]
    if copies:
        en += f" So are its marked copies (補印), {copies} in all."
        zh += f"補印聯共 {copies} 張，也請一併收回。"
    return en, zh
