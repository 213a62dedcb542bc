"""Conversations written down as text (requests/README.md), played to the real daemon over its sockets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from einvoiced.client import new_key
from tests.boxes import Wire
from tools.virtualbox import VirtualBox

REQUESTS = Path(__file__).parent / "requests"
FILES = sorted(REQUESTS.glob("*.txt"))
REPEATED = re.compile(r"\$(.)\*([0-9]+)")
KEY = re.compile(r"\$KEY[1-9]")
TAKES_NUMBERS = re.compile(r"^> .*\"(invoice\.issue|tracks\.import)\".*\n< ok", re.MULTILINE)

pytestmark = pytest.mark.sessions


class Conversation:
    """One file being played; `where` says which line is wrong."""

    def __init__(self, box: VirtualBox, path: Path) -> None:
        self._box = box
        self._keys: dict[str, str] = {}
        self._sent: list[bytes] = []
        self._wire = Wire(box.socket("till"))
        self.lines = list(enumerate(path.read_text("utf-8").splitlines(), start=1))
        self.where = path.name

    def play(self) -> None:
        """Every line in turn."""
        name = self.where
        for number, line in self.lines:
            self.where = f"{name}:{number}: {line[:100]}"
            word, _, rest = line.partition(" ")
            if line and not line.startswith("#"):
                {">": self._send, "hex": self._hex, "<": self._expect, "on": self._on}.get(word, self._other)(rest)
        assert not self._sent, f"{self.where}: a request without its answer"
        self._wire.close()

    def _on(self, socket: str) -> None:
        self._wire.close()
        self._wire = Wire(self._box.socket(socket))

    def _send(self, text: str) -> None:
        text = KEY.sub(lambda found: self._keys.setdefault(found[0], new_key()), text)
        text = REPEATED.sub(lambda found: found[1] * int(found[2]), text)
        self._sent.append(text.encode())
        try:
            self._wire.send(text.encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # a box that has read enough: what it says is still there

    def _hex(self, digits: str) -> None:
        self._sent.append(bytes.fromhex(digits))
        self._wire.send(self._sent[-1])

    def _other(self, _rest: str) -> None:
        line = self.where.split(": ", 1)[1]
        if line == "silence":
            self._sent.pop()
            return
        assert line == "hung up", f"{self.where}: not understood"
        assert self._wire.hung_up(), self.where

    def _expect(self, wanted: str) -> None:
        try:
            answer = self._wire.answer()
        except (TimeoutError, EOFError) as error:
            pytest.fail(f"{self.where}: no answer ({error!r})")
        sent = self._sent.pop(0)
        words = wanted.split()
        got = _told(answer)
        if words[0] == "ok":
            assert "result" in answer, f"{self.where}: got {got}"
            for member in words[1:]:
                path, _, value = member.partition("=")
                assert _member(answer["result"], path) == value, self.where
        else:
            assert got[: len(words)] == words, f"{self.where}: got {got}"
        assert answer["id"] == _identifier(sent, answer), self.where


def _told(answer: Any) -> list[str]:
    """Code, name and path of an error as the files write them."""
    if "error" not in answer:
        return ["ok"]
    error = answer["error"]
    return [str(error["code"]), error["data"]["name"], error["data"]["path"] or ""]


def _member(result: Any, path: str) -> str:
    for name in path.split("."):
        result = result[name]
    return str(result)


def _identifier(sent: bytes, answer: Any) -> Any:
    """The id that the answer must carry: the request's; null only where the line could not be read, or has none."""
    try:
        request = json.loads(sent)
    except (ValueError, RecursionError):
        return answer["id"]
    identifier = request.get("id") if isinstance(request, dict) else None
    if type(identifier) not in (int, str) or (answer["id"] is None and _told(answer)[0] in ("-32700", "1000")):
        return None
    return identifier


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_conversation_goes_as_written(shared_box: VirtualBox, path: Path) -> None:
    """Every answer is the expected one; where nothing was issued, nothing has changed; the box is well afterwards."""
    before = shared_box.status()["counts"]
    ranges = shared_box.call("tracks.list")
    Conversation(shared_box, path).play()
    status = shared_box.status()
    assert status["can_issue"]
    if not TAKES_NUMBERS.search(path.read_text("utf-8")):
        assert shared_box.call("tracks.list") == ranges
        assert status["counts"]["numbers_left_this_period"] == before["numbers_left_this_period"]


def test_the_files_cover_what_a_till_can_do_wrong() -> None:
    """Every refusal of a request's content (1xxx) and every error of JSON-RPC occurs in a file.

    Left out: what only many clients or many requests bring about (test_rpc_server), sales that are in unit tests, and
    the box's own fault.
    """
    from einvoiced.errors import every

    expected = [line.split() for path in FILES for line in path.read_text("utf-8").splitlines() if line[:1] == "<"]
    written = {words[2] for words in expected if len(words) > 2}
    elsewhere = {"internal_error", "too_many_requests", "too_many_clients", "bad_mac"}
    asked = {e.name for e in every() if e.code < -32000 or 1000 <= e.code < 2000}
    assert asked - written - elsewhere == set()
