"""The client that tills import: it never mixes up answers, and keeps the key through everything."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import BoxError, BoxUnreachable, Client, new_key

Reply = Callable[[dict[str, Any]], bytes | None]


def result(request: dict[str, Any], value: object = "done") -> bytes:
    """A good answer."""
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": value}).encode() + b"\n"


def refusal(request: dict[str, Any], retry: str) -> bytes:
    """A refusal."""
    data = {"name": "storage_failed", "zh": "失敗", "retry": retry, "path": "a.b", "facts": {}}
    error = {"code": 5000, "message": "failed", "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode() + b"\n"


class Script:
    """A box that answers each request as the next line of a script says; None hangs up without an answer."""

    def __init__(self, path: Path, replies: list[Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._replies = replies
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._replies:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    self.requests.append(json.loads(line))
                    reply = self._replies.pop(0)(self.requests[-1])
                    with contextlib.suppress(OSError):
                        connection.sendall(reply or b"")
                    if reply is None or not self._replies:
                        break

    def end(self) -> None:
        """Wait for the end of the script."""
        self._thread.join(5)
        self._listener.close()


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[..., tuple[Client, Script]]]:
    """A client and the script of the box that it talks to."""
    made: list[tuple[Client, Script]] = []

    def make(*replies: Reply) -> tuple[Client, Script]:
        script = Script(tmp_path / "s", list(replies))
        made.append((Client(str(tmp_path / "s"), timeout=1.0), script))
        return made[-1]

    yield make
    for client, script in made:
        client.close()
        script.end()


def test_the_key_is_kept_through_everything(scripted: Callable[..., tuple[Client, Script]]) -> None:
    """Hung up on, refused with same_key, half an answer: the same request, byte for byte but for its id."""
    client, script = scripted(
        lambda _: None,
        lambda r: refusal(r, "same_key"),
        lambda r: None,
        lambda r: result(r, {"invoice": 1}),
    )
    key = new_key()
    assert client.issue(key, lines=[{"unit_price": Decimal("0.10")}], total_amount=Decimal("25.00")) == {"invoice": 1}
    assert len(script.requests) == 4
    params = [request["params"] for request in script.requests]
    assert params == [params[0]] * 4
    assert (params[0]["key"], params[0]["lines"][0]["unit_price"], params[0]["total_amount"]) == (key, "0.10", "25.00")


@pytest.mark.parametrize("retry", ["never", "after_cure"])
def test_a_refusal_that_time_does_not_cure_is_raised_at_once(
    scripted: Callable[..., tuple[Client, Script]], retry: str
) -> None:
    """With all that the box said."""
    client, script = scripted(lambda r: refusal(r, retry), lambda r: result(r))
    with pytest.raises(BoxError) as caught:
        client.issue(new_key(), lines=[], total_amount=1)
    error = caught.value
    assert (error.code, error.name, error.path, error.retry, error.zh) == (5000, "storage_failed", "a.b", retry, "失敗")
    assert str(error) == "failed"
    assert client.call("box.status") == "done"
    assert len(script.requests) == 2


def test_an_answer_to_another_request_is_not_taken(scripted: Callable[..., tuple[Client, Script]]) -> None:
    """Whatever went wrong on the line: nobody gets the invoice of another sale."""
    client, _ = scripted(lambda r: result({"id": 99}, "other"), lambda r: result(r, "own"))
    with pytest.raises(BoxUnreachable):
        client.call("box.status")
    assert client.call("box.status") == "own"


def test_an_interrupted_wait_leaves_nothing_behind(
    scripted: Callable[..., tuple[Client, Script]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while waiting: the late answer is not taken for the next request's."""
    client, _ = scripted(lambda r: result(r, "late"), lambda r: result(r, "next"))

    def interrupted(line: bytes) -> bytes:
        client._connected().sendall(line)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(client, "_exchange", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.call("first")
    assert client.call("second") == "next"


def test_a_box_that_says_nothing_is_unreachable_in_time(scripted: Callable[..., tuple[Client, Script]]) -> None:
    """Nobody knows whether it was done: BoxUnreachable after the timeout, which is a ConnectionError."""
    client, _ = scripted(lambda _: b"", lambda r: result(r))
    with pytest.raises(ConnectionError):
        client.call("box.status")
    assert client.call("box.status") == "done"


def test_a_box_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    """Once patience is over, and not before a try was made."""
    with Client(str(tmp_path / "nobody")) as client, pytest.raises(BoxUnreachable, match="nobody"):
        client.issue(new_key(), patience=0.2, lines=[], total_amount=1)


def test_answers_keep_their_decimals(scripted: Callable[..., tuple[Client, Script]]) -> None:
    """Numbers with a point arrive as Decimal, never as float."""
    client, _ = scripted(lambda r: b'{"jsonrpc":"2.0","id":%d,"result":{"a":0.1,"b":25}}\n' % r["id"])
    assert client.call("x") == {"a": Decimal("0.1"), "b": 25}
