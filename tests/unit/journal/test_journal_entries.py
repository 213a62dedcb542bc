"""Entries: their canonical bytes are for ever, and each holds the hash of the one before."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from msgspec import Raw

from einvoiced.journal import entries
from einvoiced.rules.period import TAIPEI

TIME = "2026-03-01T12:34:56.789012+08:00"
ISSUED = entries.InvoiceIssued(
    "9f0c1c2e-7c1f-4b7e-8d0e-2b6f0f6a1c11",
    42_519_550,
    "queued",
    entries.Peer("till", 1000, 1000, 4711),
    entries.Labels(order_no="A-1", cashier="小明"),
    Raw(b'{"epoch":1, "sequence":3,"x":1.50}'),
)
GOLDEN = (
    b'{"v":1,"epoch":1,"sequence":3,"time":"2026-03-01T12:34:56.789012+08:00","type":"invoice_issued",'
    b'"previous":"' + b"ab" * 32 + b'","data":{"key":"9f0c1c2e-7c1f-4b7e-8d0e-2b6f0f6a1c11","range_begin":42519550,'
    b'"paper":"queued","peer":{"socket":"till","uid":1000,"gid":1000,"pid":4711},'
    b'"labels":{"order_no":"A-1","cashier":"\xe5\xb0\x8f\xe6\x98\x8e"},'
    b'"result":{"epoch":1, "sequence":3,"x":1.50}}}'
)
"""Written down by hand from the docstrings. If this test fails, old journals and new ones are not the same language."""


def test_canonical_bytes_are_the_golden_ones() -> None:
    """Compact JSON in the order of the fields, UTF-8, absent defaults left out, a result's bytes as they are."""
    assert entries.seal(1, 3, TIME, "ab" * 32, ISSUED) == GOLDEN


def test_the_hash_is_sha256_of_the_stored_bytes() -> None:
    """As anybody can check with sha256sum."""
    assert entries.digest(GOLDEN) == "052c08872d2099f73526713c59a15a7d4a27970a1adb6e8237cea7735b290e02"


def test_the_smallest_entry() -> None:
    """An entry without data has an empty object."""
    sealed = entries.seal(1, 1, TIME, entries.NO_PREVIOUS, entries.BoxStopped())
    assert sealed == (
        b'{"v":1,"epoch":1,"sequence":1,"time":"2026-03-01T12:34:56.789012+08:00","type":"box_stopped",'
        b'"previous":"' + b"0" * 64 + b'","data":{}}'
    )


def test_what_was_sealed_can_be_read() -> None:
    """Envelope and typed data come back equal, and the result's very bytes."""
    envelope = entries.read(GOLDEN)
    assert (envelope.v, envelope.epoch, envelope.sequence, envelope.time) == (1, 1, 3, TIME)
    data = entries.read_data(envelope)
    assert data == ISSUED
    assert isinstance(data, entries.InvoiceIssued)
    assert bytes(data.result) == b'{"epoch":1, "sequence":3,"x":1.50}'


def test_every_type_has_a_name_of_its_own_and_survives_a_round() -> None:
    """The names are unique, lower case, and lead back to their class."""
    classes = entries.EntryData.__subclasses__()
    assert len({cls.TYPE for cls in classes}) == len(classes)
    for cls in classes:
        assert entries.TYPES[cls.TYPE] is cls
        assert cls.TYPE.lower() == cls.TYPE
        assert cls.__doc__


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"x", b"{}", b"null", GOLDEN[:-1], GOLDEN[1:], GOLDEN + b"x"),
        GOLDEN.replace(b'"v":1', b'"v":"1"'),
        GOLDEN.replace(b'"sequence":3,"time"', b'"time"'),
        GOLDEN.replace(b"\xe5\xb0", b"\xff\xff"),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_damage_is_a_decode_error(body: bytes) -> None:
    """Stored bytes that are no entry are told apart from those that are, in the envelope or in the data."""
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        entries.read_data(entries.read(body))


def test_a_type_of_a_later_version_is_a_key_error() -> None:
    """It is not guessed at."""
    with pytest.raises(KeyError):
        entries.read_data(entries.read(GOLDEN.replace(b"invoice_issued", b"invoice_danced")))


def test_a_later_version_may_add_fields() -> None:
    """A field that this version does not know hurts neither envelope nor data."""
    later = GOLDEN.replace(b'"v":1', b'"v":1,"mood":"good"').replace(b'"paper"', b'"colour":"red","paper"')
    assert entries.read_data(entries.read(later)) == ISSUED


def test_stamps_sort_as_times_do() -> None:
    """Taipei time with six decimals always: comparing the texts is comparing the times."""
    moments = [datetime(2026, 3, 1, tzinfo=TAIPEI) + timedelta(microseconds=m) for m in (0, 1, 999_999, 1_000_000)]
    stamps = [entries.stamp(m) for m in moments]
    assert stamps == sorted(stamps)
    assert {len(s) for s in stamps} == {32}
    assert stamps[0] == "2026-03-01T00:00:00.000000+08:00"
    assert [datetime.fromisoformat(s) for s in stamps] == moments
