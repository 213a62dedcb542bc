"""The base of all errors, and the list of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from einvoiced.errors.words import in_chinese

Retry = Literal["never", "same_key", "after_cure"]


PAPER_ZH = {
    "queued": "等待列印",
    "sending": "列印中",
    "unconfirmed": "不確定",
    "failed": "無法產生",
    "to_replace": "須作廢重開",
    "printed": "已印出",
    "sent": "已送印",
    "till": "由收銀機列印",
    "handed_out": "已交收銀機列印",
    "unprinted": "未列印",
    "none": "無紙本",
}
"""Where an original is, in words for people."""


class EinvoicedError(Exception):
    """The base of all; `facts` fill the sentences and stay readable as attributes of the error."""

    code: ClassVar[int] = -32603
    name: ClassVar[str] = "internal_error"
    retry: ClassVar[Retry] = "same_key"
    en: ClassVar[str] = "The box met a fault of its own ({detail}); repeat with the same key, then call the technician."
    zh: ClassVar[str] = "系統內部錯誤（{detail}）；請以同一個 key 重送，仍有問題請聯絡維修人員。"

    def __init__(self, path: str | None = None, **facts: object) -> None:
        self.path = path
        self.facts = facts
        self.also: tuple[EinvoicedError, ...] = ()
        super().__init__(self.en.format(**facts))

    @property
    def message(self) -> str:
        """The English sentence with its facts."""
        return self.en.format(**self.facts)

    @property
    def message_zh(self) -> str:
        """The Chinese sentence with its facts in Chinese.

        `x_zh` stands for a fact `x` where the raiser gave both; where an original is, or must be (`a or b`), and what
        others said in English (`detail`) are put in Chinese words here.
        """
        facts = dict(self.facts)
        if "detail" in facts:
            facts["detail"] = in_chinese(str(facts["detail"]))
        facts |= {name.removesuffix("_zh"): value for name, value in self.facts.items() if name.endswith("_zh")}
        for name in facts.keys() & {"paper", "needed"}:
            facts[name] = "或".join(PAPER_ZH.get(each, each) for each in str(facts[name]).split(" or "))
        return self.zh.format(**facts)

    def within(self, prefix: str) -> EinvoicedError:
        """The same error with `prefix` put before its path (`lines[2]` + `quantity`)."""
        self.path = f"{prefix}.{self.path}" if self.path else prefix
        return self


def every() -> Iterator[type[EinvoicedError]]:
    """Every error class of the house, by code: for the protocol manual, `box.info` and the tests."""
    seen: list[type[EinvoicedError]] = [EinvoicedError]
    for cls in seen:
        seen.extend(cls.__subclasses__())
    return iter(sorted((c for c in seen if "code" in c.__dict__), key=lambda c: (c.code < 0, abs(c.code))))
