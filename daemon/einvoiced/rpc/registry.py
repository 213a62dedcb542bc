"""What a method is, and the table of all: who may call it, its parameters, its code. Methods know no transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from einvoiced import errors
from einvoiced.journal.entries import Peer
from einvoiced.rpc import protocol

TILL, ADMIN = "till", "admin"
BOTH, ADMIN_ONLY = (TILL, ADMIN), (ADMIN,)

Run = Callable[[Any, Peer], Any]
"""A method's code: parameters and who asks, to its result or an awaitable of it."""


class NoParams(Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method: who may call it, its parameters, its code and one sentence."""

    name: str
    sockets: tuple[str, ...]
    params: type[Struct]
    run: Run
    doc: str
    decoder: msgspec.json.Decoder[Any]


class Registry:
    """All methods of a box by name. Filled before the first request, only read afterwards."""

    def __init__(self) -> None:
        self.all: dict[str, Method] = {}

    def add(self, name: str, sockets: tuple[str, ...], params: type[Struct], run: Run, doc: str) -> None:
        """Enter a method."""
        self.all[name] = Method(name, sockets, params, run, doc, msgspec.json.Decoder(params))

    def dispatch(self, request: protocol.Request, peer: Peer) -> Any:
        """The result of a request, or an awaitable of it; MethodNotFound, InvalidParams or the method's refusals."""
        method = self.all.get(request.method)
        if method is None or peer.socket not in method.sockets:
            raise errors.MethodNotFound(method=request.method[:60])
        return method.run(protocol.read_params(request.params, method.decoder), peer)

    def described(self, socket: str) -> dict[str, object]:
        """What `box.info` says of the methods of one socket."""
        return {
            m.name: {"doc": m.doc, "params": msgspec.json.schema(m.params)}
            for m in self.all.values()
            if socket in m.sockets
        }
