"""The wire: what is a request, what is not and is told so, and that nothing is lost or invented on the way."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct

from einvoiced import errors
from einvoiced.rpc import protocol

DEEP = b"[" * 100_000 + b"]" * 100_000


def request(**changes: bytes | None) -> bytes:
    """A good request's line, with members replaced by other JSON texts, or left out."""
    members: dict[str, bytes | None] = {"jsonrpc": b'"2.0"', "id": b"7", "method": b'"box.status"', "params": b"{}"}
    members |= changes
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), text) for name, text in members.items() if text) + b"}"


class Sums(Struct, forbid_unknown_fields=True):
    """Parameters as methods have them."""

    amount: Decimal
    lines: list[dict[str, int]] = []


SUMS = msgspec.json.Decoder(Sums)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"\x00",
        b"{",
        b"}{",
        b'{"jsonrpc":"2.0"',
        b"{'jsonrpc':'2.0'}",
        request() + b"x",
        request() + request(),
        b"\xef\xbb\xbf" + request(),
        request().decode().encode("utf-16"),
        request(id=b"NaN"),
        request(params=b"NaN"),
        request(params=b'{"a":Infinity}'),
        request(params=b'{"a":-Infinity}'),
        request(params=b'{"a":01}'),
        request(params=b'{"a":+1}'),
        request(params=b'{"a":.5}'),
        request(params=b'{"a":0x10}'),
        request(params=b"{,}"),
        request(params=b'{"a":1,}'),
        request(params=b"{/**/}"),
        request(params=DEEP),
        request(params=b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        request(method=b'"\xff"'),
        request(method=b'"\xed\xa0\x80"'),
        request(method=b'"\xc0\x80"'),
        request(method=b'"\\ud800"'),
        request(method=b'"a\x01b"'),
        request(method=b'"\\x41"'),
    ],
    ids=lambda line: repr(line[:40]),
)
def test_what_is_not_json_is_a_parse_error(line: bytes) -> None:
    """Bad syntax, bad UTF-8, lone surrogates, numbers that JSON has not, and nesting without end: -32700."""
    with pytest.raises(errors.ParseError) as caught:
        protocol.read_request(line)
    assert caught.value.code == -32700


@pytest.mark.parametrize(
    "line",
    [
        b"1",
        b"null",
        b'"a"',
        b"[]",
        b"[" + request() + b"]",
        b"[" + request() + b"," + request() + b"]",
        b"{}",
        DEEP,
        request(jsonrpc=None),
        request(jsonrpc=b'"1.0"'),
        request(jsonrpc=b'"2"'),
        request(jsonrpc=b'" 2.0"'),
        request(jsonrpc=b"2.0"),
        request(jsonrpc=b"null"),
        request(method=None),
        request(method=b"null"),
        request(method=b"1"),
        request(method=b'["box.status"]'),
        request(id=None),
        request(id=b"null"),
        request(id=b"true"),
        request(id=b"1.0"),
        request(id=b"1.5"),
        request(id=b"1e2"),
        request(id=b"1e999"),
        request(id=b"9" * 5000),
        request(id=b"[1]"),
        request(id=b"{}"),
        request(result=b"{}"),
        request(Method=b'"box.status"'),
    ],
    ids=lambda line: repr(line[:60]),
)
def test_what_is_no_request_is_an_invalid_request(line: bytes) -> None:
    """Batches, notifications, other versions, ids that are no text or whole number, strange members: -32600."""
    with pytest.raises(errors.InvalidRequest) as caught:
        protocol.read_request(line)
    assert caught.value.code == -32600


@pytest.mark.parametrize(
    "text",
    [
        *(b"0", b"-1", b"7", b"9007199254740993", b"18446744073709551616", b"-9223372036854775809"),
        *(
            b'""',
            b'"7"',
            '"收銀機 1"'.encode(),
            b'"\\u0000"',
            b'"\\n"',
            b'"\\ud83d\\ude00"',
            b'"' + b"x" * 10_000 + b'"',
        ),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_ids_come_back_as_they_were(text: bytes) -> None:
    """Whole numbers of any size and any text, in results and in errors, always in one line."""
    got = protocol.read_request(request(id=text))
    assert isinstance(got.id, (int, str))
    for line in (protocol.write_result(got.id, None), protocol.write_error(got.id, errors.BadKey(value=""))):
        answer = json.loads(line)
        assert answer["id"] == json.loads(text)
        assert type(answer["id"]) is type(json.loads(text))
        assert answer["jsonrpc"] == "2.0"
        assert line.count(b"\n") == 1
        assert line.endswith(b"\n")


def test_an_error_finds_its_way_back() -> None:
    """The id of a bad request is kept where one can be made out; where not, it is null."""
    assert protocol.read_id(request(jsonrpc=b'"1.0"')) == 7
    assert protocol.read_id(request(id=b'"a"', method=b"1")) == "a"
    for line in (request(id=b"1.5"), request(id=None), b"[" + request() + b"]", b'{"id":7', DEEP, b'{"id":7,"x":"\xff'):
        assert protocol.read_id(line) is None


def test_params_may_be_left_out() -> None:
    """A request without params is one with none."""
    assert protocol.read_request(request(params=None)).params == Raw(b"{}")


def test_of_a_member_given_twice_the_last_counts() -> None:
    """JSON leaves it open; here it is the last, for the id, the method and inside params alike."""
    got = protocol.read_request(request()[:-1] + b',"id":8,"method":"box.info"}')
    assert (got.id, got.method) == (8, "box.info")
    assert protocol.read_params(Raw(b'{"amount":1,"amount":2}'), SUMS).amount == 2


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("0.1", "0.1"),
        ("0.10", "0.10"),
        ('"0.1"', "0.1"),
        ("25", "25"),
        ("1e2", "1E+2"),
        ("-0.0000001", "-1E-7"),
        ("123456789012.1234567", "123456789012.1234567"),
        ("0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"),
        ("9007199254740993.0000001", "9007199254740993.0000001"),
        ("1e999", "1E+999"),
    ],
)
def test_decimals_are_exact(text: str, exact: str) -> None:
    """A number keeps every digit that was written, as a JSON number or as text; no float ever touches it."""
    value = protocol.read_params(Raw(b'{"amount":%b}' % text.encode()), SUMS).amount
    assert (value, type(value)) == (Decimal(exact), Decimal)
    assert value.as_tuple() == Decimal(exact).as_tuple()


@pytest.mark.parametrize(
    ("params", "path"),
    [
        (b"null", None),
        (b"[]", None),
        (b"[25]", None),
        (b'"x"', None),
        (b"{}", None),
        (b'{"amount":1,"tip":1}', None),
        (b'{"amount":true}', "amount"),
        (b'{"amount":null}', "amount"),
        (b'{"amount":"x"}', "amount"),
        (b'{"amount":""}', "amount"),
        (b'{"amount":[1]}', "amount"),
        (b'{"amount":1e99999999999999999999}', "amount"),
        (b'{"amount":"1e-99999999999999999999"}', "amount"),
        (b'{"amount":1,"lines":[{"a":1},{"b":"x"}]}', "lines[1][...]"),
        (b'{"amount":1,"lines":' + DEEP + b"}", "lines[0]"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_wrong_parameters_are_named(params: bytes, path: str | None) -> None:
    """-32602 with the path of the offending value inside params."""
    with pytest.raises(errors.InvalidParams) as caught:
        protocol.read_params(Raw(params), SUMS)
    assert (caught.value.code, caught.value.path) == (-32602, path)


def test_bad_utf8_inside_params_is_a_parse_error() -> None:
    """It is found when the parameters are read, and still is -32700."""
    line = protocol.read_request(request(params=b'{"amount":"\xff"}'))
    with pytest.raises(errors.ParseError):
        protocol.read_params(line.params, SUMS)


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_line_breaks_the_reader(line: bytes) -> None:
    """Whatever comes: a request, or one of the two errors."""
    try:
        got = protocol.read_request(line)
    except (errors.ParseError, errors.InvalidRequest) as error:
        assert json.loads(protocol.write_error(protocol.read_id(line), error))["error"]["code"] == error.code
    else:
        assert isinstance(got, protocol.Request)


def test_a_raw_result_keeps_its_very_bytes() -> None:
    """What is stored is answered: blanks, order and spelling of numbers included."""
    body = b'{ "b":1.50 ,"a" : "\\u725b" }'
    assert protocol.write_result("x", Raw(body)) == b'{"jsonrpc":"2.0","id":"x","result":' + body + b"}\n"


@pytest.mark.parametrize("cls", list(errors.every()), ids=lambda cls: cls.name)
def test_every_error_has_the_same_shape(cls: type[errors.EinvoicedError]) -> None:
    """code, message, and data with name, zh, retry, path, facts: always all of them, and nothing else."""
    facts: dict[str, object] = dict.fromkeys(_facts(cls), "FACT")
    place = {"line": 3, "column": 6, "value": "v"} if _is_track(cls) else {"path": "a.b"}
    error = cls(**(facts | place))
    line = protocol.write_error(7, error)
    answer = json.loads(line)
    assert set(answer) == {"jsonrpc", "id", "error"}
    told = answer["error"]
    assert set(told) == {"code", "message", "data"}
    assert set(told["data"]) == {"name", "zh", "retry", "path", "facts"}
    assert (told["code"], told["data"]["name"], told["data"]["retry"]) == (cls.code, cls.name, cls.retry)
    assert told["data"]["path"] == (None if _is_track(cls) else "a.b")
    assert told["message"] == error.message
    assert told["data"]["zh"] == error.message_zh


def _is_track(cls: type[errors.EinvoicedError]) -> bool:
    return issubclass(cls, errors.TrackFileError)


def _facts(cls: type[errors.EinvoicedError]) -> set[str]:
    from string import Formatter

    return {name for text in (cls.en, cls.zh) for _, name, _, _ in Formatter().parse(text) if name}


def test_facts_of_any_type_can_travel() -> None:
    """Numbers, texts and truth values as they are, everything else as text."""
    error = errors.JournalInUse(path_=Path("/a"), a=1, b=True, c=None, d=Decimal("1.50"), e=b"\xff", f=1.5)
    told = json.loads(protocol.write_error(1, error))["error"]["data"]["facts"]
    assert told == {"path_": "/a", "a": 1, "b": True, "c": None, "d": "1.50", "e": "b'\\xff'", "f": "1.5"}


def test_further_reasons_have_the_shape_of_the_first() -> None:
    """`also` is there only when there are some."""
    error = errors.FileEmpty(1, 0, "x")
    error.also = (errors.BadTrack(2, 5, "nq"),)
    data = json.loads(protocol.write_error(1, error))["error"]["data"]
    [other] = data["also"]
    assert set(other) == {"code", "message", "data"}
    assert other["data"]["facts"] == {"line": 2, "column": 5, "value": "nq"}
    assert "also" not in other["data"]


def test_what_is_out_of_range_is_the_requests_fault() -> None:
    """Beyond SQLite's integers, or beyond the calendar: never to be repeated."""
    told = json.loads(protocol.write_error(1, OverflowError("Python int too large")))["error"]
    assert (told["data"]["name"], told["data"]["retry"]) == ("invalid_params", "never")


def test_a_fault_of_the_box_keeps_its_secrets() -> None:
    """An exception that is not one of ours is internal_error with the name of its class, and the key is kept."""
    told = json.loads(protocol.write_error(1, RuntimeError("the password is 1234")))["error"]
    assert (told["code"], told["data"]["name"], told["data"]["retry"]) == (-32603, "internal_error", "same_key")
    assert "1234" not in json.dumps(told)
    assert told["data"]["facts"] == {"detail": "RuntimeError"}
