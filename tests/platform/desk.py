"""Turnkey and the platform behind it, over a spool folder: takes files out of SRC, answers into Unpack/BAK.

It answers late, in ProcessResult or only in the next day's SummaryResult, in the forms that real files have.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from tests.platform.books import Books

STORAGE = ("F0401", "F0501", "F0701", "G0401", "G0501")
TRACKS = ("E0401", "E0402")
_ROUTING = (
    "<RoutingInfo><From><PartyId>0000000000</PartyId></From><FromVAC><RoutingId>P</RoutingId></FromVAC>"
    "<To><PartyId>{seller}</PartyId></To><ToVAC><RoutingId>S</RoutingId></ToVAC></RoutingInfo>"
)


@dataclass
class Verdict:
    """What was decided about one file."""

    message: str
    reference: str
    date: str
    code: str
    day: date


class Desk:
    """One seller's."""

    def __init__(self, spool: Path, books: Books, now: Callable[[], datetime]) -> None:
        self.spool, self.books, self._now = spool, books, now
        self.verdicts: list[Verdict] = []
        self.unanswered: list[Verdict] = []
        self._numbers = itertools.count(1)
        self.refuse: Callable[[], bool] = lambda: False
        """Whether a file is refused for no good reason: the platform has bad days."""

    def make_folders(self) -> None:
        """As Turnkey makes them."""
        for message in STORAGE:
            (self.spool / "UpCast" / "B2SSTORAGE" / message / "SRC").mkdir(parents=True, exist_ok=True)
        for message in TRACKS:
            (self.spool / "UpCast" / "B2PMESSAGE" / message / "SRC").mkdir(parents=True, exist_ok=True)

    def files(self) -> list[Path]:
        """What lies in the SRC folders, by message and name."""
        return sorted(self.spool.glob("UpCast/*/*/SRC/*"))

    def take(self) -> list[Verdict]:
        """Take every file that lies there, judge it, and keep the verdict until it is answered."""
        today = self._now().date()
        taken = []
        for path in self.files():
            judged = self.books.refuse(path.read_bytes()) if self.refuse() else None
            verdict = Verdict(*(judged or self.books.take(path.read_bytes(), today)), today)
            assert verdict.message == path.parent.parent.name, path
            path.unlink()
            taken.append(verdict)
        self.verdicts += taken
        self.unanswered += taken
        return taken

    def has(self, message: str, reference: str, carrier: str) -> bool:
        """What an accountant sees on the platform's pages: whether it has what a message tells."""
        return self.books.has(message, reference, carrier)

    def answer(self, verdicts: list[Verdict] | None = None, form: str = "plain") -> Path | None:
        """A ProcessResult a message type for these (default: all unanswered); `form`: plain or odd."""
        given = self.unanswered if verdicts is None else verdicts
        self.unanswered = [each for each in self.unanswered if not any(each is v for v in given)]
        path = None
        for message in sorted({each.message for each in given}):
            infos = "".join(_info(each, form) for each in given if each.message == message)
            path = self._put("ProcessResult", self.process_result(message, infos, form))
        return path

    def process_result(self, message: str, infos: str, form: str = "plain") -> str:
        """The text of a ProcessResult."""
        result, version = ("Result", "4.0") if form == "plain" else ("ResultType", "4.1")
        info = f"<Id>{next(self._numbers)}</Id><Size>1</Size><MessageType>{message}</MessageType>"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<ProcessResult xmlns="urn:GEINV:ProcessResult:{version}">'
            f"{_ROUTING.format(seller=self.books.seller)}<MessageInfo>{info}<Service>S</Service>"
            f"<Action>A</Action></MessageInfo><{result}>{infos}</{result}></ProcessResult>"
        )

    def mistake(self) -> None:
        """What no answer should be: half a file, a stranger's number, a refusal of a number that was never sent."""
        whole = self.process_result(
            "F0401", _info(Verdict("F0401", "ZZ99999999", "20260301", "0", date.today()), "plain")
        )
        self._put("ProcessResult", whole[: len(whole) // 2])
        self._put("ProcessResult", whole)
        self._put("ProcessResult", whole.replace("<Code>0<", "<Code>E0102<").replace("ZZ99999999", ""))

    def summary(self, day: date, form: str = "plain", *, only: list[Verdict] | None = None) -> Path | None:
        """The SummaryResult about a day's files (default: all of them); they count as answered."""
        given = [each for each in (self.verdicts if only is None else only) if each.day == day]
        self.unanswered = [each for each in self.unanswered if not any(each is v for v in given)]
        if not given:
            return None
        name = "Invocie" if form == "plain" else "Invoice"
        result = "Result" if form == "plain" else "ResultType"
        messages = ""
        for message in sorted({each.message for each in given}):
            own = [each for each in given if each.message == message]
            good, bad = ([v for v in own if (v.code == "0") is yes] for yes in (True, False))
            info = f"<Id>1</Id><Size>1</Size><MessageType>{message}</MessageType><Service>S</Service><Action>A</Action>"
            buckets = (
                f"<Total><Count>{len(own)}</Count></Total>{_bucket('Good', good, name)}{_bucket('Failed', bad, name)}"
            )
            messages += f"<Message><Info>{info}</Info><{result}>{buckets}</{result}></Message>"
        return self._put(
            "SummaryResult",
            f'<SummaryResult xmlns="urn:GEINV:SummaryResult:4.0">{_ROUTING.format(seller=self.books.seller)}'
            f"<DetailList>{messages}</DetailList></SummaryResult>",
        )

    def _put(self, kind: str, text: str) -> Path:
        now = self._now()
        folder = self.spool / "Unpack" / "BAK" / kind / f"{now:%Y%m%d}" / f"{now:%H}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{kind}-{next(self._numbers):06d}.xml"
        aside = path.with_suffix(".part")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
        return path


def _info(verdict: Verdict, form: str) -> str:
    if form == "odd" and verdict.message.startswith("F"):
        given = f"<Parameter0>InvoiceNumber</Parameter0><Parameter1>{verdict.reference}</Parameter1>"
    else:
        given = f"<Parameter0>{verdict.reference}</Parameter0><Parameter1>{verdict.date}</Parameter1>"
    code = "0000" if form == "odd" and verdict.code == "0" else verdict.code
    return f"<Info><Code>{code}</Code><Description>{verdict.code}</Description>{given}</Info>"


def _bucket(kind: str, verdicts: list[Verdict], name: str) -> str:
    listed = "".join(
        f"<{name}><ReferenceNumber>{v.reference}</ReferenceNumber><InvoiceDate>{v.date}</InvoiceDate></{name}>"
        for v in verdicts
    )
    return f"<{kind}><Count>{len(verdicts)}</Count><Invoices>{listed}</Invoices></{kind}>"
