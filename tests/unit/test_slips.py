"""The box's own slips: what a clerk reads, and never so long that nobody does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from einvoiced.actions.import_tracks import import_tracks
from einvoiced.actions.plan_stock import plan_stock
from einvoiced.errors import BadTrack, TrackFileError
from einvoiced.followers import slips
from einvoiced.rules.period import TAIPEI, Period
from einvoiced.rules.share import Share
from tests.boxes import SELLER, Desk
from tools.virtualbox import track_file

NOW = datetime(2026, 2, 10, 12, tzinfo=TAIPEI)
BRANCH = "04595257"


def words(document: Any) -> str:
    """All that stands on a slip."""
    found = []

    def look(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            for each in value:
                look(each)
        elif hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                look(getattr(value, name))

    look(document.blocks)
    return " ".join(found)


def verdict(desk: Desk, rows: str) -> Any:
    """The slip of a file."""
    taken = desk.call(import_tracks(desk.box, "invnoapply.csv", rows.encode(), source="stick", peer=None))
    return slips.verdict_slip("invnoapply.csv", taken, "示範商店", NOW)


def test_what_was_taken_stands_on_the_slip(desk: Desk) -> None:
    """Period, track, first and last number, booklets, numbers, stock; rows of branches apart, with their 統編."""
    import dataclasses

    desk.box.shop = dataclasses.replace(desk.shop, branches=frozenset((BRANCH,)), share=Share(1, 2))
    period = Period.from_year_month("11502")
    rows = track_file(("NQ", 42_519_550, 42_522_049), period=period)
    rows += track_file(("TN", 0, 49), period=period, seller=BRANCH).partition("\r\n")[2]
    text = words(verdict(desk, rows))
    for part in ("字軌匯入完成", "115年01-02月", "字軌 NQ", "42519550", "42522049", "50 本", "2500 號"):
        assert part in text
    for part in ("1/2", "1250 號", "分支機構", BRANCH, "字軌 TN", "維修人員"):
        assert part in text
    assert desk.call(lambda tx: tx.all("SELECT DISTINCT seller FROM ranges")) == [(SELLER,)]


def test_ten_thousand_ranges_fit_on_a_slip(desk: Desk) -> None:
    """A dozen of them stand there, the others are counted, and the sum is that of all."""
    rows = track_file(*[("NQ", n * 100, n * 100 + 49) for n in range(1000)], period=Period.from_year_month("11502"))
    document = verdict(desk, rows)
    text = words(document)
    assert ("988 段" in text, "1000 本" in text, len(document.blocks) < 120) == (True, True, True)


def test_a_refusal_names_its_reasons_and_code() -> None:
    """Three sentences at most, and how many more there are."""
    error: TrackFileError = BadTrack(3, 5, "nq")
    error.also = tuple(BadTrack(line, 5, "nq") for line in range(4, 9))
    text = words(slips.verdict_slip("f.csv", error, "示範商店", NOW))
    assert all(part in text for part in ("沒有匯入任何號碼", "其他 3 個問題", f"代碼 {error.code} bad_track"))


def test_each_silence_of_a_stick_has_its_words() -> None:
    """No file, unreadable, too much."""
    told = {why: words(slips.nothing_slip(why, "", NOW)) for why in ("empty", "unreadable", "too_much")}
    assert "沒有字軌檔" in told["empty"] and "無法讀取" in told["unreadable"] and "太多" in told["too_much"]


def test_the_plan_says_what_to_type(desk: Desk) -> None:
    """期別, 類別, 本數 and the day, as the platform asks for them."""
    desk.take(("NQ", 0, 199))
    for _ in range(60):
        desk.issue(print="till")
    text = words(slips.plan_slip(desk.call(plan_stock(desk.box)), "示範商店", NOW))
    for part in ("期別", "115年03-04月", "類別", "一般稅額", "本數", "2026-02-10", "已開 60 號", "140 號"):
        assert part in text
