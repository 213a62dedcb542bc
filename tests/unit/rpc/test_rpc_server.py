"""The sockets under rude, slow, silent and too many clients: a real server on a real socket, with tiny methods."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import socket
import stat
import threading
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einvoiced import errors
from einvoiced.journal.entries import Peer
from einvoiced.rpc import protocol
from einvoiced.rpc.server import Limits, Server, bind
from tests.boxes import Latency, Wire, until

LIMITS = Limits(line=64 * 1024, clients=8, in_flight=4, unread=64 * 1024)
NOBODY = "no-such-group"


class Running:
    """A server in a thread of its own. `hold` waits until `release`; `done` counts requests carried out."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.done = path, 0
        self.loop = asyncio.new_event_loop()
        self.server = Server("till", self.dispatch, limits)
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.run(self._start())

    async def _start(self) -> None:
        self.gate = asyncio.Event()
        await self.server.start(bind(self.path, NOBODY))

    def run(self, work: Awaitable[Any]) -> Any:
        """Run something in the server's loop."""

        async def whole() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(whole(), self.loop).result(10)

    def release(self) -> None:
        """Let every `hold` go on."""
        self.loop.call_soon_threadsafe(self.gate.set)

    @property
    def clients(self) -> int:
        """How many clients the server counts."""
        return len(self.server.connections)

    def stop(self) -> None:
        """Stop the server and its loop."""
        self.run(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def dispatch(self, request: protocol.Request, peer: Peer) -> Any:
        """The methods."""
        method: Callable[[protocol.Request, Peer], Any] = getattr(self, f"_{request.method}")
        return method(request, peer)

    def _echo(self, request: protocol.Request, _peer: Peer) -> msgspec.Raw:
        return request.params

    def _peer(self, _request: protocol.Request, peer: Peer) -> Peer:
        return peer

    def _large(self, _request: protocol.Request, _peer: Peer) -> str:
        return "x" * 30_000

    def _refuse(self, _request: protocol.Request, _peer: Peer) -> None:
        raise errors.BadKey("key", value="x")

    def _fail(self, _request: protocol.Request, _peer: Peer) -> None:
        raise RuntimeError("the password is 1234")

    async def _hold(self, _request: protocol.Request, _peer: Peer) -> str:
        await self.gate.wait()
        self.done += 1
        return "held"

    async def _late(self, request: protocol.Request, _peer: Peer) -> msgspec.Raw:
        for _ in range(random.randrange(20)):
            await asyncio.sleep(0)
        return request.params

    async def _late_refusal(self, _request: protocol.Request, _peer: Peer) -> None:
        await asyncio.sleep(0)
        raise errors.BadKey("key", value="x")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a server."""
    running: list[Running] = []

    def start(limits: Limits = LIMITS) -> Running:
        running.append(Running(tmp_path / f"{len(running)}.sock", limits))
        return running[-1]

    yield start
    for each in running:
        each.release()
        each.stop()


def names(answers: list[Any]) -> list[str]:
    """The error's name, or `ok`, of each answer."""
    return [a["error"]["data"]["name"] if "error" in a else "ok" for a in answers]


# -- answers -----------------------------------------------------------------------------------------------------------


def test_pipelined_requests_get_their_own_answers(served: Callable[..., Running]) -> None:
    """Sent in one piece, done in any order: each answer carries the id of its request."""
    with Wire(served(Limits()).path) as wire:
        ids = [*range(10), *"abcdefghij"]
        requests = [{"jsonrpc": "2.0", "id": i, "method": random.choice(["late", "echo"]), "params": [i]} for i in ids]
        wire.send(b"".join(json.dumps(r).encode() + b"\n" for r in requests))
        answers = [wire.answer() for _ in ids]
    assert all(a["result"] == [a["id"]] for a in answers)
    assert sorted(str(a["id"]) for a in answers) == sorted(map(str, ids))


@given(cuts=st.lists(st.integers(0, 400), max_size=12), line_end=st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \n"]))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_where_a_packet_ends_means_nothing(tmp_path_factory: Any, cuts: list[int], line_end: bytes) -> None:
    """Any cut of the stream, blank lines and CRLF give the same answers."""
    running = Running(tmp_path_factory.mktemp("s") / "s", LIMITS)
    try:
        text = "".join(
            f'{{"jsonrpc":"2.0","id":{i},"method":"echo","params":["牛奶{i}"]}}{line_end.decode()}' for i in range(6)
        )
        data = text.encode()
        with Wire(running.path) as wire:
            edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
            for begin, end in pairwise(edges):
                wire.send(data[begin:end])
            assert [wire.answer()["result"] for _ in range(6)] == [[f"牛奶{i}"] for i in range(6)]
    finally:
        running.stop()


def test_refusals_and_faults_leave_the_connection_open(served: Callable[..., Running]) -> None:
    """After each kind of error the same connection goes on, and an error carries the id wherever it can be read."""
    with Wire(served().path) as wire:
        wire.send(b"no json\n")
        wire.send(b'{"jsonrpc":"1.0","id":5,"method":"echo"}\n')
        for number, method in enumerate(["refuse", "late_refusal", "fail", "echo"]):
            wire.request(number, method, {})
        answers = sorted((wire.answer() for _ in range(6)), key=lambda a: str(a["id"]))
    assert [(a["id"], name) for a, name in zip(answers, names(answers), strict=True)] == [
        (0, "bad_key"),
        (1, "bad_key"),
        (2, "internal_error"),
        (3, "ok"),
        (5, "invalid_request"),
        (None, "parse_error"),
    ]
    assert "1234" not in json.dumps(answers)


def test_a_client_that_has_said_its_last_still_gets_its_answers(served: Callable[..., Running]) -> None:
    """Half closing (`printf … | nc -NU`) is no hanging up."""
    running = served()
    with Wire(running.path) as wire:
        wire.request(1, "hold")
        wire.request(2, "echo", [2])
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answer()["id"] == 2
        running.release()
        assert wire.answer() == {"jsonrpc": "2.0", "id": 1, "result": "held"}
        assert wire.hung_up()


def test_the_kernel_says_who_asks(served: Callable[..., Running]) -> None:
    """uid, gid and pid of the client, and the name of the socket, whatever the client says."""
    with Wire(served().path) as wire:
        told = wire.ask("peer")["result"]
    want = Peer("till", os.getuid(), os.getgid(), os.getpid())
    assert msgspec.convert(told, Peer) == want


# -- limits ------------------------------------------------------------------------------------------------------------


def line_of(size: int) -> bytes:
    """A request of so many bytes before its newline."""
    empty = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[""]}'
    return empty.replace(b'""', b'"' + b"x" * (size - len(empty)) + b'"')


def test_the_longest_line_is_taken(served: Callable[..., Running]) -> None:
    """A line of exactly the limit is a request like any other."""
    with Wire(served(Limits(line=1000)).path) as wire:
        wire.send(line_of(1000) + b"\n")
        assert "result" in wire.answer()


@pytest.mark.parametrize("data", [line_of(1001) + b"\n", line_of(1001), b"\x00" * 1001], ids=["line", "no-end", "nul"])
def test_a_line_too_long_ends_the_connection(served: Callable[..., Running], data: bytes) -> None:
    """Told so with the limit, as soon as it is too long, with or without its end; then the connection is closed."""
    with Wire(served(Limits(line=1000)).path) as wire:
        wire.send(data)
        answer = wire.answer()
        assert (answer["id"], names([answer])) == (None, ["request_too_long"])
        assert answer["error"]["data"]["facts"] == {"limit": 1000}
        assert wire.hung_up()


def test_answers_that_are_due_leave_before_a_long_line_ends_it(served: Callable[..., Running]) -> None:
    """A request that is being worked on is answered even when the client sends rubbish after it."""
    running = served(Limits(line=1000))
    with Wire(running.path) as wire:
        wire.request(1, "hold")
        wire.send(b"x" * 2000)
        assert names([wire.answer()]) == ["request_too_long"]
        running.release()
        assert wire.answer()["result"] == "held"
        assert wire.hung_up()


def test_too_many_requests_in_flight_are_refused_one_by_one(served: Callable[..., Running]) -> None:
    """Beyond the limit each is refused at once with its id; those before are answered, and then there is room again."""
    running = served()
    with Wire(running.path) as wire:
        for number in range(10):
            wire.request(number, "hold")
        refused = [wire.answer() for _ in range(6)]
        assert [a["id"] for a in refused] == [4, 5, 6, 7, 8, 9]
        assert set(names(refused)) == {"too_many_requests"}
        assert {a["error"]["data"]["retry"] for a in refused} == {"same_key"}
        running.release()
        assert sorted(wire.answer()["id"] for _ in range(4)) == [0, 1, 2, 3]
        assert wire.ask("hold")["result"] == "held"
    assert running.done == 5


def test_too_many_clients_are_refused_until_one_leaves(served: Callable[..., Running]) -> None:
    """The one too many is told why and closed; when another has left there is a place."""
    running = served()
    wires = [Wire(running.path) for _ in range(LIMITS.clients)]
    assert all(wire.ask("echo", [1])["result"] == [1] for wire in wires)
    with Wire(running.path) as late:
        assert names([late.answer()]) == ["too_many_clients"]
        assert late.hung_up()
    wires.pop().close()
    until(lambda: running.clients == LIMITS.clients - 1)
    with Wire(running.path) as wire:
        assert wire.ask("echo", [1])["result"] == [1]
    for wire in wires:
        wire.close()
    until(lambda: running.clients == 0)


# -- clients that misbehave --------------------------------------------------------------------------------------------


def unhurt(latency: Latency) -> None:
    """Others were served, and at once."""
    assert len(latency.seconds) > 20
    assert latency.median < 0.05
    assert latency.worst < 1.0


def test_a_client_that_never_reads_is_dropped_and_hurts_nobody(served: Callable[..., Running]) -> None:
    """Its answers may pile up to the limit, then it is dropped; the others are answered all the time."""
    running = served()
    with Wire(running.path) as other, Latency(lambda: other.ask("echo", [1])) as latency:
        rude = Wire(running.path, timeout=0.5)
        try:
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                for number in range(2000):
                    rude.request(number, "large")
        finally:
            rude.close()
        until(lambda: running.clients == 1)
        until(lambda: len(latency.seconds) > 20)
    unhurt(latency)


@pytest.mark.parametrize("rubbish", [b"x\n", b"\n", b'{"jsonrpc":"2.0","id":1,"method":"refuse"}\n'], ids=repr)
def test_a_flood_hurts_nobody(served: Callable[..., Running], rubbish: bytes) -> None:
    """A megabyte of rubbish from one client, which reads its answers, does not keep the others waiting."""
    running = served(Limits())
    with Wire(running.path) as other, Latency(lambda: other.ask("echo", [1])) as latency:
        flood = Wire(running.path, timeout=0.5)
        reader = threading.Thread(target=flood.hung_up)
        reader.start()
        try:
            flood.send(rubbish * (1_000_000 // len(rubbish)))
        except OSError:
            pass  # dropped, which is just as well
        reader.join()
        flood.close()
        until(lambda: len(latency.seconds) > 20)
    unhurt(latency)


def test_half_a_line_and_silence_hurts_nobody(served: Callable[..., Running]) -> None:
    """A client may stop in the middle of a line; others are served, and the line may be finished later."""
    running = served()
    with Wire(running.path) as silent, Wire(running.path) as other:
        silent.send(b'{"jsonrpc":"2.0","id":1,')
        with Latency(lambda: other.ask("echo", [1])) as latency:
            until(lambda: len(latency.seconds) > 50)
        unhurt(latency)
        silent.send(b'"method":"echo","params":[9]}\n')
        assert silent.answer()["result"] == [9]


def test_a_line_may_come_byte_by_byte(served: Callable[..., Running]) -> None:
    """However slowly."""
    with Wire(served().path) as wire:
        for byte in b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}\n':
            wire.send(bytes((byte,)))
        assert wire.answer()["result"] == [1]


def test_a_client_may_leave_with_a_request_in_flight(
    served: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    """What was begun is carried out, its answer goes nowhere, nothing is logged as a fault, others go on."""
    running = served()
    with caplog.at_level(logging.WARNING):
        with Wire(running.path) as wire:
            wire.request(1, "hold")
            wire.request(2, "echo", [2])
            assert wire.answer()["id"] == 2
        running.release()
        until(lambda: running.done == 1 and not running.clients)
        with Wire(running.path) as wire:
            assert wire.ask("echo", [1])["result"] == [1]
    assert caplog.records == []


def test_connections_that_come_and_go_leave_nothing(served: Callable[..., Running]) -> None:
    """Clients that connect and vanish, also in the middle of a line, free their places."""
    running = served()
    for number in range(100):
        wire = Wire(running.path)
        if number % 2:
            wire.send(b'{"half')
        wire.close()

    def served_again() -> bool:
        with Wire(running.path) as wire:
            return wire.ask("echo", [1]).get("result") == [1]

    until(served_again)
    until(lambda: running.clients == 0)


# -- beginning and end -------------------------------------------------------------------------------------------------


def test_stopping_lets_due_answers_leave(served: Callable[..., Running]) -> None:
    """No new client is taken, what is in flight is answered, then the connection ends."""
    running = served()
    with Wire(running.path) as wire:
        wire.request(1, "hold")
        assert wire.ask("echo", [1])
        stopping = asyncio.run_coroutine_threadsafe(running.server.stop(), running.loop)
        until(lambda: _refused(running.path))
        assert not stopping.done()
        running.release()
        assert wire.answer()["result"] == "held"
        assert wire.hung_up()
        stopping.result(10)


def _refused(path: Path) -> bool:
    try:
        Wire(path).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    """Mode 0660, whatever the umask; the umask is left as it was."""
    before = os.umask(0)
    try:
        sock = bind(tmp_path / "deep" / "s", NOBODY)
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    with sock:
        found = (tmp_path / "deep" / "s").stat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o660


@pytest.mark.parametrize("left", ["socket", "file", "link"])
def test_what_a_dead_process_left_is_replaced(tmp_path: Path, left: str) -> None:
    """A socket nobody listens on, or a file or dangling link of that name, is no obstacle."""
    path = tmp_path / "s"
    if left == "socket":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    elif left == "file":
        path.write_text("x")
    else:
        path.symlink_to(tmp_path / "nowhere")
    with bind(path, NOBODY) as sock:
        sock.listen()
        Wire(path).close()


def test_a_socket_in_use_is_not_stolen(served: Callable[..., Running]) -> None:
    """A second box on the same place fails, and the first one keeps its tills."""
    running = served()
    with pytest.raises(OSError, match="another process listens"):
        bind(running.path, NOBODY)
    with Wire(running.path) as wire:
        assert wire.ask("echo", [1])["result"] == [1]
