"""The texts of the codes on the proof: published vectors, fixed offsets, and how items are shared out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.rules.barcodes import QR_CAPACITY, aes_sealer, code39_text, qr_head, qr_item, qr_texts
from einvoiced.rules.sale import Item

PUBLISHED_HEAD = "AB112233441020523999900000144000001540000000001234567ydXZt4LAN1UHN/j1juVcRA=="
BATTERY, MASK, MILK = (
    Item(name, quantity, price, "0", "1")
    for name, quantity, price in (("乾電池", "1", "105"), ("口罩", "1", "210"), ("牛奶", "1", "25"))
)


@pytest.mark.parametrize(
    ("key", "text", "sealed"),
    [
        ("FE05F029154F6AA67A78B338ED2F6601", "XF000012349876", "CamotDNRUN8bVyY5S1BhFQ=="),
        ("F1A618ED8685B1A3B81E6CB6884617F4", "PL498214165871", "E95eNqkzodO49TnX0I8vcg=="),
        ("f1a618ed8685b1a3b81e6cb6884617f4", "PL498214165871", "E95eNqkzodO49TnX0I8vcg=="),
    ],
)
def test_the_aes_vectors(key: str, text: str, sealed: str) -> None:
    """AES-128-CBC with the specification's IV, again and again with one sealer."""
    seal = aes_sealer(key)
    assert seal(text) == sealed
    assert seal(text) == sealed


@pytest.mark.parametrize("key", ["", "FE05", "G" * 32, "FE05F029154F6AA67A78B338ED2F660100"])
def test_a_key_has_32_hex_digits(key: str) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError):
        aes_sealer(key)


@pytest.mark.parametrize(
    ("period", "number", "code", "text"),
    [
        ("10404", "UZ17690872", "0122", "10404UZ176908720122"),
        ("11108", "XF33858713", "1807", "11108XF338587131807"),
    ],
)
def test_the_code39_examples(period: str, number: str, code: str, text: str) -> None:
    """Period, number and random code: 19 characters."""
    assert code39_text(period, number, code) == text
    assert len(text) == 19


def test_the_published_head() -> None:
    """The published left code's fixed part: 77 characters, each field at its offset."""
    head = qr_head("AB11223344", "1020523", "9999", 324, 340, "00000000", "01234567", "ydXZt4LAN1UHN/j1juVcRA==")
    assert head == PUBLISHED_HEAD
    assert len(head) == 77
    fields = [
        head[begin:end]
        for begin, end in ((0, 10), (10, 17), (17, 21), (21, 29), (29, 37), (37, 45), (45, 53), (53, 77))
    ]
    assert fields[:3] == ["AB11223344", "1020523", "9999"]
    assert [int(field, 16) for field in fields[3:5]] == [324, 340]
    assert fields[5:] == ["00000000", "01234567", "ydXZt4LAN1UHN/j1juVcRA=="]


def test_hex_amounts_are_lower_case_and_padded() -> None:
    """The largest amount that a proof shows still has eight digits."""
    head = qr_head("AB11223344", "1020523", "9999", 999_999_999, 171, "00000000", "01234567", "x" * 24)
    assert head[21:37] == "3b9ac9ff" + "000000ab"


def test_the_published_items() -> None:
    """The left code takes what fits, the right the rest; both counts say 3; nothing of an item is lost."""
    left, right = qr_texts(PUBLISHED_HEAD, [BATTERY, MASK, MILK])
    assert left.startswith(PUBLISHED_HEAD + ":**********:3:3:1:乾電池:1:105")
    assert right.startswith("**")
    assert shown(left, right) == ["乾電池:1:105", "口罩:1:210", "牛奶:1:25"]


def shown(left: str, right: str) -> list[str]:
    """The items in both codes, as a reader joins them."""
    fields = [*left[77:].split(":")[5:], *right[2:].split(":")]
    fields = [field for field in fields if field]
    return [":".join(fields[at : at + 3]) for at in range(0, len(fields), 3)]


def test_a_colon_in_a_name_becomes_full_width() -> None:
    """So that a reader counts the fields rightly."""
    assert qr_item(Item("A:B", "1.5", "-2", "-3", "1")) == "A：B:1.5:-2"


items = st.lists(
    st.builds(
        Item,
        st.text(st.sampled_from("乾電池口罩牛奶ABC 12:：é"), min_size=1, max_size=60),
        st.integers(1, 999).map(str),
        st.integers(-9999, 9999).map(str),
        st.just("0"),
        st.just("1"),
    ),
    min_size=1,
    max_size=40,
)


@given(items)
def test_the_codes_fit_and_say_what_they_hold(lines: list[Item]) -> None:
    """Both texts fit version 10-L; the counts are true; the items are the first ones, in order, each whole."""
    left, right = qr_texts(PUBLISHED_HEAD, lines)
    assert len(left.encode()) <= QR_CAPACITY[10]
    assert len(right.encode()) <= QR_CAPACITY[10]
    assert left.startswith(PUBLISHED_HEAD + ":**********:")
    assert right.startswith("**")
    in_codes, on_invoice, encoding = left[77:].split(":")[2:5]
    held = shown(left, right)
    assert (int(in_codes), int(on_invoice), encoding) == (len(held), len(lines), "1")
    assert held == [qr_item(line) for line in lines[: len(held)]]
    assert left.endswith(":") == (right != "**")


@given(items)
def test_the_smallest_version_that_holds_all_is_aimed_at(lines: list[Item]) -> None:
    """No way of cutting the items in two would have fitted a smaller version than the one that is needed."""
    left, right = qr_texts(PUBLISHED_HEAD, lines)
    needed = max(len(left.encode()), len(right.encode()))
    if len(shown(left, right)) < len(lines):
        needed = QR_CAPACITY[10] + 1
    sizes = [len(qr_item(line).encode()) + 1 for line in lines]
    fixed = len(f"{PUBLISHED_HEAD}:**********:{len(lines)}:{len(lines)}:1")
    for cut in range(len(lines) + 1):
        right_size = 2 + sum(sizes[cut:]) - 1 if cut < len(lines) else 2
        left_size = fixed + sum(sizes[:cut]) + (cut < len(lines))
        for capacity in QR_CAPACITY.values():
            if max(left_size, right_size) <= capacity:
                assert needed <= capacity
                break


def test_an_item_too_long_for_any_code_is_left_out() -> None:
    """The count then says 0 of 1, and the fixed part is complete."""
    left, right = qr_texts(PUBLISHED_HEAD, [Item("龜" * 500, "1", "1", "1", "1")])
    assert (left, right) == (PUBLISHED_HEAD + ":**********:0:1:1", "**")


@pytest.mark.parametrize(("spare", "held"), [(0, 2), (-1, 1)])
def test_the_right_code_is_filled_to_its_last_byte(spare: int, held: int) -> None:
    """Two items of which each fills its code: with one byte more the second is left out."""
    first = Item("A" * (QR_CAPACITY[10] - len(f"{PUBLISHED_HEAD}:**********:2:2:1::1:1:")), "1", "1", "1", "1")
    second = Item("B" * (QR_CAPACITY[10] - len("**:1:1") - spare), "1", "1", "1", "1")
    left, right = qr_texts(PUBLISHED_HEAD, [first, second])
    assert len(shown(left, right)) == held
    assert len(left) == QR_CAPACITY[10] - (held == 1)
    assert len(right) == (QR_CAPACITY[10] if held == 2 else 2)


def test_the_left_code_keeps_room_for_its_last_colon() -> None:
    """An item that fits only without the colon behind it goes to the right code."""
    first = Item("A" * (QR_CAPACITY[10] - len(f"{PUBLISHED_HEAD}:**********:2:2:1::1:1")), "1", "1", "1", "1")
    left, right = qr_texts(PUBLISHED_HEAD, [first, Item("B" * 200, "1", "1", "1", "1")])
    assert left == PUBLISHED_HEAD + ":**********:1:2:1:"
    assert right == "**" + qr_item(first)


def test_the_usual_receipt_needs_version_six() -> None:
    """Two short items fit the smallest version."""
    left, right = qr_texts(PUBLISHED_HEAD, [BATTERY, MASK])
    assert len(left.encode()) <= 134
    assert len(right.encode()) <= 134
