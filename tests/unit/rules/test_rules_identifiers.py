"""統一編號, carriers, donation codes and keys: the published vectors and the forms."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einvoiced.errors import BadBuyerId, BadCarrier, BadKey, BadNpoban, BuyerIdSuspect
from einvoiced.rules.identifiers import (
    carrier_type_known,
    check_buyer_id,
    check_carrier,
    check_npoban,
    key_bytes,
    tax_id_valid,
)

VALID = "04595257 10458575 10458574 12345675 12345676 24634102 04595252 10458570 12345670 62140097 00501508 00000074"
INVALID = "12345678 12345672 04595253 28080624 00501502"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.mark.parametrize("text", VALID.split())
def test_valid_tax_ids(text: str) -> None:
    """Every published valid 統編 passes, also as a buyer's that nobody has confirmed."""
    assert tax_id_valid(text)
    check_buyer_id(text, confirmed=False)


@pytest.mark.parametrize("text", INVALID.split())
def test_invalid_tax_ids(text: str) -> None:
    """Every published invalid one fails; as a buyer's it is suspect until confirmed."""
    assert not tax_id_valid(text)
    with pytest.raises(BuyerIdSuspect) as caught:
        check_buyer_id(text, confirmed=False)
    assert (caught.value.path, caught.value.facts["value"]) == ("identifier", text)
    check_buyer_id(text, confirmed=True)


@pytest.mark.parametrize(
    "text", ["", "1234567", "123456789", "1234567a", "２４６３４１０２", " 24634102", "24634102\n", "00000000"]
)
def test_what_has_no_eight_digits_is_no_buyer(text: str) -> None:
    """A wrong form, and the zeros that stand for a consumer, cannot be confirmed away."""
    for confirmed in (False, True):
        with pytest.raises(BadBuyerId):
            check_buyer_id(text, confirmed=confirmed)


@given(st.text(alphabet="0123456789", min_size=8, max_size=8), st.integers(1, 9))
def test_a_changed_first_digit_is_noticed(text: str, step: int) -> None:
    """The check digit notices most changes: the sum moves by the step, so all but steps of five (without a 7)."""
    if text[6] == "7" or step == 5:
        return
    other = str((int(text[0]) + step) % 10) + text[1:]
    if (int(other[0]) - int(text[0])) % 5:
        assert not (tax_id_valid(text) and tax_id_valid(other))


@pytest.mark.parametrize("carrier_id", ["/ABC1234", "/+-.0000", "/ZZZZZZZ"])
def test_mobile_barcodes(carrier_id: str) -> None:
    """A slash and seven of 0-9 A-Z . + -."""
    check_carrier("3J0002", carrier_id)


@pytest.mark.parametrize(
    ("carrier_type", "carrier_id"),
    [
        ("3J0002", "/abc1234"),
        ("3J0002", "ABC12345"),
        ("3J0002", "/ABC123"),
        ("3J0002", "/ABC12345"),
        ("3J0002", "/ABC 123"),
        ("3J0002", "/ABC123\n"),
        ("3J0002", "／ABC1234"),
        ("3J0002", "/ABC123４"),
        ("CQ0001", "AB1234567890123"),
        ("CQ0001", "ab12345678901234"),
        ("CQ0001", "A112345678901234"),
        ("CQ0001", "AB123456789012345"),
        ("1K0001", ""),
        ("1K0001", "12 34"),
        ("1K0001", "12\u300034"),
        ("1K0001", "x" * 401),
    ],
)
def test_bad_carriers(carrier_type: str, carrier_id: str) -> None:
    """Small letters, wrong lengths and blanks, full-width ones too, are refused with the form that is expected."""
    with pytest.raises(BadCarrier) as caught:
        check_carrier(carrier_type, carrier_id)
    assert caught.value.path == "id"


def test_other_good_carriers() -> None:
    """A citizen certificate, and 400 characters of a member's carrier."""
    check_carrier("CQ0001", "AB12345678901234")
    check_carrier("EJ0011", "x" * 400)


@pytest.mark.parametrize("text", ["3J0002", "CQ0001", "1K0001", "1H0001", "5G0001", "EJ0011"])
def test_known_carrier_types(text: str) -> None:
    """The national ones, the two cards, e-mail, and members' two letters with four digits."""
    assert carrier_type_known(text)


@pytest.mark.parametrize("text", ["", "3J0003", "2K0001", "ej0011", "EJ001", "EJ00111", "ＥＪ0011", "EJ0011\n"])
def test_unknown_carrier_types(text: str) -> None:
    """Anything else is no carrier type."""
    assert not carrier_type_known(text)


@pytest.mark.parametrize("text", ["919", "0000", "1234567"])
def test_donation_codes(text: str) -> None:
    """Three to seven digits."""
    check_npoban(text)


@pytest.mark.parametrize("text", ["", "12", "12345678", "12a", "９１９", " 919", "919\n"])
def test_bad_donation_codes(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(BadNpoban):
        check_npoban(text)


@given(st.uuids(version=None).filter(lambda each: each.variant == uuid.RFC_4122 and 1 <= (each.version or 0) <= 8))
def test_uuids_are_keys_in_any_case(value: uuid.UUID) -> None:
    """A UUID of any version gives its 16 bytes, whatever its case."""
    assert key_bytes(str(value)) == key_bytes(str(value).upper()) == value.bytes


@given(st.integers(1, (1 << 48) - 1), st.binary(min_size=10, max_size=10))
def test_ulids_are_keys_in_any_case(stamp: int, rest: bytes) -> None:
    """A ULID gives its 16 bytes, whatever its case."""
    raw = stamp.to_bytes(6, "big") + rest
    value = int.from_bytes(raw, "big")
    text = "".join(CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
    assert key_bytes(text) == key_bytes(text.lower()) == raw


@given(st.integers(0, 10**12), st.integers(1, 40))
def test_counters_are_no_keys(value: int, width: int) -> None:
    """What a till counts itself is refused, however many zeros it puts in front."""
    with pytest.raises(BadKey):
        key_bytes(f"{value:0{width}d}"[-36:])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-000000000017",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "{123e4567-e89b-42d3-a456-426614174000}",
        "urn:uuid:123e4567-e89b-42d3-a456-426614174000",
        "123e4567e89b42d3a456426614174000",
        "123e4567-e89b-02d3-a456-426614174000",
        "123e4567-e89b-92d3-a456-426614174000",
        "123e4567-e89b-42d3-c456-426614174000",
        "123e4567-e89b-42d3-a456-42661417400g",
        "１23e4567-e89b-42d3-a456-426614174000",
        "01ARZ3NDEKTSV4RRFFQ69G5FA",
        "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
        "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
        "01ARZ3NDEKT\u017fV4RRFFQ69G5FAV",
        "01ARZ3NDEKTSV4RRFFQ69G5FA\n",
    ],
)
def test_what_is_no_key(text: str) -> None:
    """The nil and the max UUID, other spellings, letters that ULIDs leave out, look-alikes whose capital is ASCII."""
    with pytest.raises(BadKey) as caught:
        key_bytes(text)
    assert caught.value.path == "key"


def test_a_long_key_is_not_echoed() -> None:
    """A refused key comes back with at most 64 characters."""
    with pytest.raises(BadKey) as caught:
        key_bytes("x" * 10_000)
    assert caught.value.facts["value"] == "x" * 64
