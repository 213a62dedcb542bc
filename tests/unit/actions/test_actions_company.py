"""The company's data in the journal: kept at each start, each change an entry, another seller refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from einvoiced.actions.box_life import start_box
from einvoiced.actions.change_company import change_company, known_company
from einvoiced.actions.start_checks import Identity
from einvoiced.errors import SellerChanged
from einvoiced.journal import entries
from einvoiced.rules.invoice import Seller
from tests.boxes import RANGE, Desk
from tools.virtualbox import SELLER

IDENTITY = Identity("board", "disk")


def changes(desk: Desk) -> list[Any]:
    """The data of every `company_changed`."""
    found = (entries.read_data(each) for each in desk.entries() if each.type == "company_changed")
    return list(found)


def rename(desk: Desk, **changes: Any) -> None:
    """Another configuration was read."""
    desk.box.shop = dataclasses.replace(desk.shop, seller=msgspec.structs.replace(desk.shop.seller, **changes))


def test_a_first_start_keeps_the_data_and_a_changed_file_is_noticed_at_the_next(desk: Desk) -> None:
    """Nobody says who, because nobody was asked."""
    desk.call(start_box(desk.box, IDENTITY, {}))
    desk.call(start_box(desk.box, IDENTITY, {}))
    assert changes(desk) == []
    rename(desk, address="臺北市", name="新名")
    desk.call(start_box(desk.box, IDENTITY, {}))
    (change,) = changes(desk)
    assert (change.changed, change.person, change.peer) == (["name", "address"], "", None)
    assert change.company.address == "臺北市"


def test_a_change_says_who_and_is_told_once(desk: Desk) -> None:
    """A repeat finds nothing new."""
    desk.call(start_box(desk.box, IDENTITY, {}))
    rename(desk, telephone="02-1")
    peer = entries.Peer("admin", 0, 0, 1)
    assert desk.box.shop is not None
    assert desk.call(change_company(desk.box.shop, "王店長", peer)) == ["telephone"]
    assert desk.call(change_company(desk.box.shop, "王店長", peer)) == []
    (change,) = changes(desk)
    assert (change.person, change.peer) == ("王店長", peer)
    assert desk.call(known_company) == change.company


def test_another_seller_is_refused_once_there_are_numbers(desk: Desk) -> None:
    """An empty journal may still change hands."""
    desk.call(start_box(desk.box, IDENTITY, {}))
    other = dataclasses.replace(desk.shop, seller=Seller("12345675", "別店"))
    assert desk.call(change_company(other, "王店長", None)) == ["identifier", "name"]
    assert desk.call(change_company(desk.shop, "王店長", None)) == ["identifier", "name"]
    desk.take(RANGE)
    with pytest.raises(SellerChanged, match=SELLER):
        desk.call(change_company(other, "王店長", None))
