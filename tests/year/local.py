"""A box without sockets: the real methods with their real parameters, called in this process, many in one group."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from einvoiced.actions.import_tracks import Importer
from einvoiced.client import BoxError, BoxUnreachable
from einvoiced.errors import EinvoicedError
from einvoiced.journal.entries import Peer
from einvoiced.rpc.methods import Methods
from einvoiced.rpc.protocol import Request
from tests.boxes import Desk

ADMIN = Peer("admin", 1000, 1000, 4711)
Call = tuple[str, dict[str, Any]]


class LocalBox:
    """What a follower takes for its client. `die_before` and `die_after` name a method at which the connection breaks
    once, before the box has heard of it or after it has done it.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.box.secret, desk.box.journal_id = desk.journal.secret, desk.journal.id
        nothing: Any = None
        self._methods = Methods(desk.box, lambda: desk.journal, Importer(desk.box, lambda: desk.journal), nothing)
        self._loop = asyncio.new_event_loop()
        self.die_before = self.die_after = ""

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()

    def call(self, method: str, **params: Any) -> Any:
        """One request; BoxError as over a socket."""
        if method == self.die_before:
            self.die_before = ""
            raise BoxUnreachable(method)
        (answer,) = self.calls([(method, params)])
        if isinstance(answer, BoxError):
            raise answer
        if method == self.die_after:
            self.die_after = ""
            raise BoxUnreachable(method)
        return answer

    def calls(self, requests: Sequence[Call]) -> list[Any]:
        """Requests of many clients at one moment: one group of the journal. A refusal is a BoxError in its place."""
        return self._loop.run_until_complete(self._gather(requests))

    async def _gather(self, requests: Sequence[Call]) -> list[Any]:
        return list(await asyncio.gather(*(self._one(method, params) for method, params in requests)))

    async def _one(self, method: str, params: dict[str, Any]) -> Any:
        wire = msgspec.Raw(json.dumps(params, default=str).encode())
        try:
            found = self._methods.dispatch(Request("2.0", method, 1, wire), ADMIN)
            result = await found if asyncio.iscoroutine(found) or hasattr(found, "__await__") else found
        except EinvoicedError as error:
            data = {"name": error.name, "path": error.path, "retry": error.retry, "zh": error.message_zh}
            return BoxError({"code": error.code, "message": error.message, "data": data})
        return json.loads(msgspec.json.encode(result), parse_float=Decimal)
