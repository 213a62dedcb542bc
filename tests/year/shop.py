"""The shop: its till, its clerks, its printer, its accountant, and the faults that happen to them."""

from __future__ import annotations

import itertools
import random
import shutil
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from einvoiced.actions.close_period import close_what_is_over
from einvoiced.actions.report_unused import queue_what_is_due
from einvoiced.client import BoxError, BoxUnreachable
from einvoiced.followers.answer_memory import Memory
from einvoiced.followers.drop import Drop, Layout
from einvoiced.followers.platform_answers import AnswerReader
from einvoiced.journal import entries
from einvoiced.rules.numbers import BOOKLET
from einvoiced.rules.period import TAIPEI, Period
from tests.boxes import SELLER, Desk
from tests.platform.books import Books
from tests.platform.desk import Desk as Platform
from tests.platform.desk import Verdict
from tests.year.local import LocalBox

BUYERS = ("04595257", "10458575", "12345675", "62140097")
GOODS = (("牛奶", "45"), ("麵包", "38"), ("咖啡", "65"), ("便當", "95"), ("文具 <筆>", "33.5"), ("電池 & 燈", "120"))
REASONS = ("退貨", "金額有誤", "買方要求統編", "重複結帳")


class FlakyDrop(Drop):
    """A way out whose folder fails, or whose process dies, in the middle of putting files in place."""

    chance: Callable[[], bool]

    def _place(self, batch: Path, names: list[str]) -> None:
        if names and self.chance():
            for name in names[: len(names) // 2]:
                (batch / name).rename(self._layout.source(name[:5]) / name)
            raise OSError(5, "the folder is gone")
        super()._place(batch, names)


class Shop:
    """One seller with one box, `per_day` sales a day. `counts` tells what happened, `faults` which numbers a fault
    explains.
    """

    def __init__(self, desk: Desk, spool: Path, *, seed: int, per_day: int) -> None:
        self.desk, self.spool, self.per_day = desk, spool, per_day
        self.rng = random.Random(seed)
        self.box = LocalBox(desk)
        self.box_prints()
        self.books = Books(SELLER)
        self.platform = Platform(spool, self.books, desk.clock.now)
        self.platform.make_folders()
        self.counts: Counter[str] = Counter()
        self.faults: list[entries.Run] = []
        self.today: list[dict[str, Any]] = []
        self.recent: list[dict[str, Any]] = []
        self.allowances: list[str] = []
        self.late: list[Verdict] = []
        self.yesterday: date | None = None
        self._keys = itertools.count(1)
        self._reader: AnswerReader | None = None
        self.refuse_chance = 0.004

    def box_prints(self) -> None:
        """The box has a printer."""
        self.desk.box.prints = True

    def key(self) -> str:
        """A new key, the same in every run."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        """Move the clock."""
        self.desk.clock.set(datetime(day.year, day.month, day.day, hour, minute, tzinfo=TAIPEI))

    # -- numbers

    def take_numbers(self, period: Period, track: str, booklets: int) -> None:
        """The platform allots, the file is imported."""
        begin = 10_000_000
        end = begin + booklets * BOOKLET - 1
        self.books.allot(period.year_month, track, begin, end)
        self.desk.take((track, begin, end), period=period, name=f"{period.year_month}-{track}.csv")

    def reserve(self, period: Period, track: str, booklet: int) -> None:
        """One booklet for another system."""
        begin = 10_000_000 + booklet * BOOKLET
        place = {"year_month": period.year_month, "track": track, "begin": f"{begin:08d}"}
        self.box.call("tracks.reserve", **place, end=f"{begin + BOOKLET - 1:08d}", reason="餐車", person="店長")
        self.counts["set_aside"] += BOOKLET

    # -- a day

    def day(self, day: date) -> None:
        """Sales in the morning and the afternoon, with everything that clerks do; the follower looks twice."""
        self.today = []
        for hour in (10, 14):
            self.at(day, hour)
            self.sell(self.per_day // 2)
            self.at(day, hour, 40)
            self.print_proofs()
            self.at(day, hour + 1)
            self.clerks()
            self.at(day, hour + 2)
            self.carry()
        self.at(day, 23, 30)
        self.carry()
        self.accountant(day)
        self.recent = (self.recent + self.today)[-600:]

    def night(self, day: date) -> None:
        """What the box does by itself: close what is over, queue unused numbers; and late answers come in."""
        self.at(day, 3)
        self.desk.call(close_what_is_over(self.desk.box))
        self.desk.call(queue_what_is_due(self.desk.box))
        self.platform.answer(self.late, form="odd")
        self.late = []
        if self.yesterday is not None:
            self.platform.summary(self.yesterday, self.rng.choice(("plain", "odd")))
        self.yesterday = day
        self.carry()

    def sell(self, count: int) -> None:
        """Sales of several tills at a time."""
        for begin in range(0, count, 25):
            calls = [("invoice.issue", self.sale()) for _ in range(min(25, count - begin))]
            for (_, sale), answer in zip(calls, self.box.calls(calls), strict=True):
                if isinstance(answer, BoxError):
                    raise answer
                self.sold(sale["key"], answer)

    def sold(self, key: str, answer: Any) -> None:
        """Keep what a till keeps."""
        self.today.append({"entry": answer["sequence"], "answer": answer, "key": key, **answer["invoice"]})
        self.counts["issued"] += 1

    def sale(self) -> dict[str, Any]:
        """What a till sends."""
        lines = []
        for _ in range(self.rng.randint(1, 4)):
            name, price = self.rng.choice(GOODS)
            lines.append({"description": name, "quantity": self.rng.randint(1, 3), "unit_price": price})
        total = self._total(lines)
        sale: dict[str, Any] = {"key": self.key(), "prices": "gross", "lines": lines, "total_amount": total}
        kind = self.rng.random()
        if kind < 0.15:
            sale["buyer"] = {"identifier": self.rng.choice(BUYERS)}
        elif kind < 0.60:
            sale["carrier"] = {"type": "3J0002", "id": f"/{self.rng.choice('ABCDE')}{self.rng.randint(0, 999999):06d}"}
        elif kind < 0.66:
            sale["npoban"] = "919"
        return sale

    @staticmethod
    def _total(lines: list[dict[str, Any]]) -> int:
        from decimal import ROUND_HALF_UP, Decimal

        total = sum((Decimal(line["quantity"]) * Decimal(line["unit_price"]) for line in lines), Decimal(0))
        return int(total.quantize(Decimal(1), ROUND_HALF_UP))

    def print_proofs(self) -> None:
        """The printer: most come out, some are unconfirmed, some wait for the morning, of a few nobody hears."""
        waiting = self.desk.call(lambda tx: tx.all("SELECT sequence FROM invoices WHERE paper = 'queued'"))
        told: list[entries.EntryData] = []
        for (sequence,) in waiting:
            chance = self.rng.random()
            if chance < 0.97:
                told.append(entries.ProofPrinted(sequence, "status"))
            elif chance < 0.99:
                told.append(entries.ProofUnconfirmed(sequence, "缺紙"))
        self.desk.call(lambda tx: [tx.append(each) for each in told])

    # -- clerks

    def clerks(self) -> None:
        """Cancel, replace, correct, allow; what the box refuses is counted and left."""
        standing = [each for each in self.today if not each.get("done")]
        if not standing:
            return
        for method, share, make in (
            ("invoice.cancel", 0.02, self._cancel),
            ("invoice.replace", 0.01, self._replace),
            ("invoice.correct", 0.02, self._correct),
        ):
            for each in self.rng.sample(standing, max(1, int(len(standing) * share))):
                if not each.get("done"):
                    self._work(method, each, make(each))
        for each in self.rng.sample(self.recent, min(len(self.recent), 2)):
            if not each.get("done"):
                self._work("allowance.issue", each, self._allow(each))
        if self.allowances and self.rng.random() < 0.2:
            number = self.allowances.pop(self.rng.randrange(len(self.allowances)))
            self._work("allowance.cancel", {}, self._cancel_allowance(number))

    def _work(self, method: str, each: dict[str, Any], params: dict[str, Any]) -> None:
        key = self.key()
        try:
            answer = self.box.call(method, key=key, **params)
        except BoxError as error:
            self.counts[f"{method} refused: {error.name}"] += 1
            return
        self.counts[method] += 1
        if method in ("invoice.cancel", "invoice.replace"):
            each["done"] = True
        if method == "invoice.replace":
            self.sold(key, answer)
        if method == "allowance.issue":
            each["allowed"] = True
            self.allowances.append(answer["allowance"]["allowance_number"])

    def _cancel(self, each: dict[str, Any]) -> dict[str, Any]:
        return {
            "invoice_number": each["invoice_number"],
            "year_month": each["year_month"],
            "reason": self.rng.choice(REASONS),
            "by": "王店員",
            "consent": "買方同意，已收回證明聯",
        }

    def _replace(self, each: dict[str, Any]) -> dict[str, Any]:
        return {**self._cancel(each), "buyer": {"identifier": self.rng.choice(BUYERS)}, "print": "box"}

    def _correct(self, each: dict[str, Any]) -> dict[str, Any]:
        named = {"invoice_number": each["invoice_number"], "year_month": each["year_month"]}
        carrier = {"type": "3J0002", "id": f"/ZZ{self.rng.randint(0, 99999):05d}"}
        return {**named, "reason": "載具有誤", "by": "王店員", "carrier": carrier}

    def _allow(self, each: dict[str, Any]) -> dict[str, Any]:
        named = {"invoice_number": each["invoice_number"], "year_month": each["year_month"]}
        return {**named, "lines": [{"line": 1, "amount": self.rng.randint(1, 45)}], "by": "王店員"}

    def _cancel_allowance(self, number: str) -> dict[str, Any]:
        return {"allowance_number": number, "reason": "開錯", "by": "王店員"}

    # -- the follower, and what happens to it

    def carry(self) -> None:
        """The follower looks until nothing fails any more; the platform takes and answers in between."""
        for _ in range(20):
            self._hurt()
            try:
                drop = FlakyDrop(self.box, Layout(self.spool, "B2SSTORAGE", "B2PMESSAGE"), "folder")  # type: ignore[arg-type]
                drop.chance = lambda: self.rng.random() < 0.03
                drop.recover()
                drop.send()
                self.reader().read_new()
            except (BoxUnreachable, OSError):
                self.counts["follower_deaths"] += 1
                self._reader = None
                continue
            taken = self.take()
            if not taken:
                return
        raise AssertionError("the follower never came to an end")

    def reader(self) -> AnswerReader:
        """Reads what the platform says; it remembers over its deaths."""
        if self._reader is None:
            folders = [self.spool / "Unpack" / "BAK" / name for name in ("ProcessResult", "SummaryResult")]
            self._reader = AnswerReader(self.box, folders, Memory(self.spool.parent / "read.db"))  # type: ignore[arg-type]
        return self._reader

    def _hurt(self) -> None:
        """Now and then the follower or the box dies at the worst moment."""
        chance = self.rng.random()
        if chance < 0.01:
            self.box.die_before = "upload.sent"
        elif chance < 0.02:
            self.box.die_after = "upload.sent"
        elif chance < 0.03:
            self.box.die_after = "upload.answered"
        elif chance < 0.035:
            self.desk.reopen()
            self.counts["box_restarts"] += 1

    def take(self) -> int:
        """The platform takes what lies there: most is answered at once, some late, some only in the summary."""
        if self.rng.random() < 0.01:
            self.platform.mistake()
            self.counts["platform_mistakes"] += 1
        self.platform.refuse = lambda: self.rng.random() < self.refuse_chance
        taken = self.platform.take()
        at_once: list[Verdict] = []
        for verdict in taken:
            chance = self.rng.random()
            if chance < 0.85:
                at_once.append(verdict)
            elif chance < 0.95:
                self.late.append(verdict)
        if at_once:
            self.platform.answer(at_once, self.rng.choice(("plain", "odd")))
        return len(at_once)

    # -- the accountant

    def accountant(self, day: date) -> None:
        """Looks at the list once a day and does what it says."""
        for state in ("refused", "unknown"):
            cursor = None
            while True:
                page = self.box.call("upload.list", state=state, after=cursor)
                for each in page["uploads"]:
                    self._decide(each, day)
                cursor = page["cursor"]
                if cursor is None:
                    break
        cursor = None
        while True:
            page = self.box.call("upload.list", state="overdue", after=cursor)
            for each in page["uploads"]:
                self.counts["overdue"] += 1
                if each["state"] == "sent":
                    self._decide(each, day)
            cursor = page["cursor"]
            if cursor is None:
                return

    def _decide(self, each: dict[str, Any], day: date) -> None:
        """Compare with the platform: what it has is settled, what it has not is sent again."""
        upload = {name: each[name] for name in ("entry", "message", "part")}
        has = self.platform.has(each["message"], each["reference"], self._carrier_now(each))
        if not has and each["message"] == "E0402" and each.get("code") == "E0609":
            self.report_by_hand(each)
            has = True
        method = "upload.settle" if has else "upload.again"
        self.counts[method] += 1
        self.box.call(method, uploads=[upload], reason="已與平台核對", by="會計")

    def _carrier_now(self, each: dict[str, Any]) -> str:
        """The carrier that the invoice of a message has now."""
        if not each["message"].startswith("F"):
            return ""
        shown = self.box.call("invoice.get", invoice_number=each["reference"])
        return str(shown.get("correction", shown["result"])["invoice"].get("carrier_id") or "")

    def report_by_hand(self, each: dict[str, Any]) -> None:
        """Too late for a file: the accountant reports at the tax office."""
        data: Any = entries.read_data(
            entries.read(
                self.desk.call(lambda tx: tx.one("SELECT body FROM entries WHERE sequence = ?", each["entry"]))[0]
            )
        )
        runs = [(run.first, run.last) for run in data.unused if run.track == each["part"]]
        self.books.unused[data.year_month, each["part"]] = runs
        self.counts["reported_by_hand"] += 1

    # -- a disk that dies

    def restore(self) -> None:
        """The disk dies with the last sales on it; the box goes on from yesterday's backup.

        The tills still hold their answers: a technician takes them back. What may have been used besides is in doubt.
        """
        backup = self.desk.directory.with_name("backup")
        self.desk.journal.close()
        shutil.copytree(self.desk.directory, backup)
        self.desk.open()
        known = {each["entry"] for each in self.today}
        self.sell(40)
        self.print_proofs()
        self.carry()
        lost = [each for each in self.today if each["entry"] not in known]
        self.desk.journal.close()
        shutil.rmtree(self.desk.directory)
        backup.rename(self.desk.directory)
        self.desk.open()
        self.box.desk.box.secret, self.box.desk.box.journal_id = self.desk.journal.secret, self.desk.journal.id
        self.counts["issued"] -= len(lost)
        self.today = [each for each in self.today if each["entry"] in known]
        self.desk.call(self._open_epoch)
        for each in lost:
            self.box.call("invoice.adopt", key=each["key"], result=each["answer"], technician="陳技師")
            self.counts["issued"] += 1
        self.counts["restores"] += 1

    def _open_epoch(self, tx: Any) -> None:
        track, next_ = tx.one("SELECT track, next FROM ranges WHERE state = 'current'")
        period = Period.of(tx.now()).year_month
        run = entries.Run(SELLER, period, track, next_, (next_ + 39) // BOOKLET * BOOKLET + BOOKLET - 1)
        self.faults.append(run)
        tx.append(entries.JournalRestored("backup", "陳技師", tx.head.sequence))
        tx.open_epoch(entries.EpochOpened("測試", "陳技師", tx.head.sequence, [run]))
