"""The Turnkey follower: the real daemon, the real process, a platform that takes files and answers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from upload_helpers import Shop, killed_at, one_shop, renewed

from einvoiced.client import BoxUnreachable, Client, new_key
from einvoiced.errors import BadMessage
from einvoiced.followers import drop
from einvoiced.followers.turnkey import Turnkey
from tests.boxes import RANGE, until
from tools.virtualbox import this_period


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """One box for all tests of this file."""
    yield from one_shop(request, "turnkey")


@pytest.fixture
def shop(running: Shop) -> Iterator[Shop]:
    """That box with nothing to upload, and a platform that knows nothing."""
    made = renewed(running)
    yield made
    made.end()


def test_from_sale_to_accepted(shop: Shop) -> None:
    """An invoice becomes one file in SRC, the platform takes it, its answer clears the outbox."""
    shop.follow()
    number = shop.issue()
    until(shop.platform.files, what="a file in SRC")
    (path,) = shop.platform.files()
    assert path.parent.relative_to(shop.platform.spool) == Path("UpCast/B2SSTORAGE/F0401/SRC")
    (listed,) = shop.uploads()
    assert (listed["reference"], listed["state"], listed["overdue"]) == (number, "sent", False)
    (verdict,) = shop.platform.take()
    assert (verdict.reference, verdict.code) == (number, "0")
    shop.platform.answer()
    until(lambda: not shop.uploads(), what="the answer to be read")


def test_only_one_is_at_work(shop: Shop) -> None:
    """A second one would throw away what the first has aside: it ends and says why."""
    shop.follow()
    until(lambda: (shop.box.folder / "turnkey" / "lock").exists(), what="the first one")
    shop.issue()
    until(shop.platform.files, what="a file")
    said = len(shop.box.log())
    assert shop.once() == 1
    assert "another einvoiced-turnkey" in shop.box.log()[said:]
    shop.end(signal.SIGKILL)
    assert shop.once() == 0


def test_a_refused_one_says_what_to_do_and_can_be_sent_again(shop: Shop) -> None:
    """Code, plain sentences in both languages; `upload.again` makes one more file."""
    number = shop.issue()
    shop.books.ranges.clear()
    assert shop.once() == 0
    shop.platform.take()
    shop.platform.answer(form="odd")
    assert shop.once() == 0
    (listed,) = shop.uploads(state="refused")
    assert (listed["code"], listed["cure"]) == ("E0102", "office")
    assert "配給" in listed["sentence_zh"] and listed["to_do"].endswith(".")
    shop.books.allot(this_period().year_month, *RANGE)
    upload = {name: listed[name] for name in ("entry", "message", "part")}
    shop.box.call("upload.again", uploads=[upload], reason="字軌已核對", by="店長")
    assert shop.once() == 0
    assert [verdict.code for verdict in shop.platform.take()] == ["0"]
    shop.platform.answer()
    assert shop.once() == 0
    assert not shop.uploads()
    assert [v.reference for v in shop.platform.verdicts] == [number, number]


def test_a_cancellation_of_a_filed_period_goes_with_the_tax_offices_number(shop: Shop) -> None:
    """The box lets it through in time, the platform refuses it (E0213); with the number it is accepted."""
    number = shop.issue()
    shop.books.filed.add(this_period().year_month)
    why = {"reason": "退貨", "by": "店長", "consent": "買方同意"}
    shop.box.call("invoice.cancel", key=new_key(), invoice_number=number, **why)
    assert [round_trip(shop) for _ in range(2)] == [[("F0401", "0")], [("F0501", "E0213")]]
    (listed,) = shop.uploads(state="refused")
    assert "invoice document" in listed["to_do"]
    said = {"key": new_key(), "invoice_number": number, "document": "財北國稅字第1150012345號", "by": "店長"}
    first = shop.box.call("invoice.document", **said)
    assert round_trip(shop) == [("F0501", "0")]
    assert not shop.uploads()
    assert shop.box.call("invoice.document", **said) == first
    assert round_trip(shop) == []


def round_trip(shop: Shop) -> list[tuple[str, str]]:
    """What leaves is judged and the answer read: message and code of each."""
    assert shop.once() == 0
    verdicts = shop.platform.take()
    if verdicts:
        shop.platform.answer()
    assert shop.once() == 0
    return [(verdict.message, verdict.code) for verdict in verdicts]


def look(shop: Shop) -> None:
    """One look of the follower in this process."""
    follower = Turnkey(shop.box.folder / "einvoiced.toml", shop.box.run, shop.box.folder / "turnkey", 0.1)
    with shop.box.client("admin") as client:
        follower.work(client)


def test_killed_at_any_step_nothing_is_lost_or_leaves_twice(shop: Shop) -> None:
    """Turnkey takes files away at once; after every death one whole look brings the rest, and nothing again."""
    step, issued = 1, []
    while True:
        issued += [shop.issue(), shop.issue(npoban="919", carrier=None)]
        died = killed_at(step, lambda: look(shop))
        shop.platform.take()
        look(shop)
        shop.platform.take()
        if not died:
            break
        step += 1
    assert step > 15
    assert sorted(verdict.reference for verdict in shop.platform.verdicts) == sorted(issued)
    assert {verdict.code for verdict in shop.platform.verdicts} == {"0"}
    assert not list(shop.platform.spool.glob("einvoiced-aside-*/*"))
    shop.platform.answer()
    look(shop)
    assert not shop.uploads()


def test_the_box_may_die_too(shop: Shop) -> None:
    """Killed while files wait aside for its word: the next look finds out which of them it had said."""
    shop.issue()
    real = Client.call
    for before in (True, False):
        shop.issue()

        def call(self: Client, method: str, before: bool = before, **params: Any) -> Any:
            if method != "upload.sent":
                return real(self, method, **params)
            if before:
                shop.box.kill()
            answer = real(self, method, **params)
            shop.box.kill()
            raise BoxUnreachable(str(answer))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Client, "call", call)
            with pytest.raises(BoxUnreachable):
                look(shop)
        assert list(shop.platform.spool.glob("einvoiced-aside-*/*/*.xml"))
        shop.box.start()
        look(shop)
    verdicts = shop.platform.take()
    assert len({verdict.reference for verdict in verdicts}) == len(verdicts) == 3


def test_a_folder_that_goes_away_is_waited_for_and_never_filled(shop: Shop) -> None:
    """An empty mount point gets nothing; when the folder is back everything goes on by itself."""
    away = shop.platform.spool.with_name("away")
    shop.platform.spool.rename(away)
    shop.platform.spool.mkdir()
    said = len(shop.box.log())
    shop.follow()
    number = shop.issue()
    until(lambda: "waiting" in shop.box.log()[said:], what="the follower to say that it waits")
    assert not list(shop.platform.spool.iterdir())
    shop.platform.spool.rmdir()
    away.rename(shop.platform.spool)
    until(shop.platform.files, what="the file")
    assert [verdict.reference for verdict in shop.platform.take()] == [number]
    assert shop.process is not None and shop.process.poll() is None


def test_a_full_folder_is_waited_for(shop: Shop) -> None:
    """What cannot be written has not left; nothing of it is in place."""
    shop.issue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", _full)
        with pytest.raises(OSError, match="No space"):
            look(shop)
    assert not shop.platform.files()
    assert [each["state"] for each in shop.uploads()] == ["waiting"]
    look(shop)
    assert len(shop.platform.files()) == 1


def _full(*_: Any) -> int:
    raise OSError(28, "No space left on device")


def test_a_strangers_folder_aside_is_left_alone(shop: Shop) -> None:
    """Another box's, on the same spool; and a link in ours leads nowhere."""
    other = shop.platform.spool / "einvoiced-aside-B2-12345678" / ("0" * 16)
    other.mkdir(parents=True)
    (other / "F0401-AB00000001-B2-1-1-0000000000000000.xml").write_text("x")
    shop.issue()
    look(shop)
    assert len(list(other.iterdir())) == 1
    assert len(shop.platform.files()) == 1


def test_a_file_torn_aside_is_kept_and_said_not_sent(shop: Shop) -> None:
    """A network folder that lost the bytes it had synced: the file does not leave, a person sends it again."""
    shop.issue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rename", _broken)
        with pytest.raises(OSError, match="gone"):
            look(shop)
    (aside,) = shop.platform.spool.glob("einvoiced-aside-*/*/*.xml")
    aside.write_bytes(aside.read_bytes()[:100])
    look(shop)
    assert not shop.platform.files()
    assert len(list(shop.platform.spool.glob("einvoiced-aside-*/*/*.torn"))) == 1
    assert [each["state"] for each in shop.uploads()] == ["sent"]


def _broken(*_: Any) -> None:
    raise OSError(5, "gone")


def test_answers_in_every_form_are_read_once_whatever_their_names(shop: Shop) -> None:
    """A summary's word the day after, a copy under another name, a half-written file that is completed later."""
    shop.issue()
    shop.issue()
    look(shop)
    first, second = shop.platform.take()
    path = shop.platform.answer([first])
    assert path is not None
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    look(shop)
    assert len(shop.uploads()) == 2
    path.with_name("renamed.dat").write_bytes(whole)
    look(shop)
    assert [each["reference"] for each in shop.uploads()] == [second.reference]
    entries = shop.box.status()["counts"]["entries"]
    path.write_bytes(whole)
    look(shop)
    shop.platform.summary(second.day, "odd")
    look(shop)
    assert shop.box.status()["counts"]["entries"] == entries, "a summary of today's decides nothing"
    assert [each["state"] for each in shop.uploads()] == ["sent"]


def test_a_message_that_is_not_fit_stays_and_holds_up_no_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, it waits where people see it, and leaves when a better program comes."""
    bad, good = shop.issue(), shop.issue()
    follower = Turnkey(shop.box.folder / "einvoiced.toml", shop.box.run, shop.box.folder / "turnkey", 0.1)
    said: list[str] = []
    monkeypatch.setattr(drop.logger, "error", lambda *arguments: said.append(str(arguments[1])))
    compose = drop.to_xml

    def refuse(message: Any) -> bytes:
        if message.invoice.invoice_number == bad:
            raise BadMessage(kind="F0401", detail="測試")
        return compose(message)

    monkeypatch.setattr(drop, "to_xml", refuse)
    with shop.box.client("admin") as client:
        follower.work(client)
        follower.work(client)
        assert said == [bad]
        assert [verdict.reference for verdict in shop.platform.take()] == [good]
        assert {each["reference"]: each["state"] for each in shop.uploads()} == {bad: "waiting", good: "sent"}
        monkeypatch.undo()
        follower.work(client)
    assert [verdict.reference for verdict in shop.platform.take()] == [bad]
