"""The wire: a line in, a line out (JSON-RPC 2.0). No sockets here."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from einvoiced import errors
from einvoiced.errors import EinvoicedError


class Request(Struct, forbid_unknown_fields=True, frozen=True):
    """A request object. A request without an id (a notification) would get no answer, so it is refused here."""

    jsonrpc: str
    method: str
    id: int | str | UnsetType = UNSET
    params: Raw = Raw(b"{}")


class _Identified(Struct, frozen=True):
    id: int | str | None = None


_decode = msgspec.json.Decoder(Request).decode
_decode_id = msgspec.json.Decoder(_Identified).decode
_encode = msgspec.json.Encoder().encode


def read_request(line: bytes) -> Request:
    """The request of a line; ParseError or InvalidRequest."""
    try:
        request = _decode(line)
    except msgspec.ValidationError as error:
        raise errors.InvalidRequest(detail=str(error)) from None
    except RecursionError:
        raise errors.ParseError(detail="nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.ParseError(detail=str(error)) from None
    if request.jsonrpc != "2.0":
        raise errors.InvalidRequest(detail=f"jsonrpc is {request.jsonrpc[:20]!r}, not '2.0'")
    if isinstance(request.id, UnsetType):
        raise errors.InvalidRequest(detail="id is missing: nothing is done that cannot be answered")
    return request


def read_id(line: bytes) -> int | str | None:
    """The id of a line that is no good request, where one can be made out: its error then finds its way back."""
    try:
        return _decode_id(line).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_params(params: Raw, decoder: msgspec.json.Decoder[Any]) -> Any:
    """The typed parameters; InvalidParams with the path of the offending value."""
    try:
        return decoder.decode(params)
    except msgspec.ValidationError as error:
        detail, _, where = str(error).partition(" - at ")
        raise errors.InvalidParams(where.strip("`$.") or None, detail=detail) from None
    except RecursionError:
        raise errors.InvalidParams(detail="nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.ParseError(detail=str(error)) from None


def write_result(identifier: int | str, result: Any) -> bytes:
    """The answer line; a Raw result keeps its very bytes."""
    body = result if isinstance(result, Raw) else _encode(result)
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (_encode(identifier), body)


def write_error(identifier: int | str | None, error: BaseException) -> bytes:
    """The error line; a fault that is not one of ours becomes internal_error, without its secrets.

    What lies beyond SQLite's integers or the calendar is the request's fault: repeated, it would fail for ever.
    """
    if isinstance(error, OverflowError):
        error = errors.InvalidParams(detail="a number or a time is out of range")
    known = error if isinstance(error, EinvoicedError) else EinvoicedError(detail=type(error).__name__)
    answer = {"jsonrpc": "2.0", "id": identifier, "error": error_object(known)}
    return bytes(_encode(answer)) + b"\n"


def error_object(error: EinvoicedError) -> dict[str, object]:
    """JSON-RPC's error object: `code`, `message`, and `data` with name, path, Chinese sentence, retry, facts."""
    data: dict[str, object] = {
        "name": error.name,
        "zh": error.message_zh,
        "retry": error.retry,
        "path": error.path,
        "facts": {name: _plain(value) for name, value in error.facts.items()},
    }
    if error.also:
        data["also"] = [error_object(other) for other in error.also]
    return {"code": error.code, "message": error.message, "data": data}


def _plain(value: object) -> object:
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)
