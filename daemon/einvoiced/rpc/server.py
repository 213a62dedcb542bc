"""JSON lines over a Unix socket, with limits on everything: a slow or silent client hurts nobody."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from einvoiced import errors
from einvoiced.journal.entries import Peer
from einvoiced.journal.job import Job
from einvoiced.rpc import protocol

log = logging.getLogger(__name__)

Dispatch = Callable[[protocol.Request, Peer], Any]
"""Runs a request: gives its result at once, or an awaitable of it; raises what it refuses."""


class Limits(Struct, frozen=True):
    """What one socket bears."""

    line: int = 256 * 1024
    clients: int = 128
    in_flight: int = 32
    unread: int = 1024 * 1024
    """Bytes of answers a client may leave unread before it is dropped."""


ADMIN_LIMITS = Limits(line=2 * 1024 * 1024, clients=32, unread=16 * 1024 * 1024)
"""A track file may hold 20,000 ranges, and the answer names them all."""


class Server:
    """One listening socket. Everything in the thread of the `loop` in which it was started."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, name: str, dispatch: Dispatch, limits: Limits, hurry: Callable[[], None] | None = None) -> None:
        """`hurry` is called after a lone client's requests were read: no other can join them."""
        self.name, self.dispatch, self.limits, self.hurry = name, dispatch, limits, hurry
        self.connections: set[Connection] = set()
        self.on_gone: Callable[[Peer], None] = lambda _peer: None
        """Told when a connection ends; the peer is the very object that its requests came with."""
        self._server: asyncio.AbstractServer | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve on a bound socket, in the running loop."""
        self.loop = asyncio.get_running_loop()
        self._server = await self.loop.create_unix_server(partial(Connection, self), sock=sock)

    async def stop(self) -> None:
        """Take no new clients, let answers that are due leave, close."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.finish()
        for _ in range(200):
            if not self.connections:
                break
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = bytearray()
        self._in_flight = 0
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._peer = _peer(self._server.name, transport.get_extra_info("socket"))
        limits = self._server.limits
        if len(self._server.connections) >= limits.clients:
            transport.write(protocol.write_error(None, errors.TooManyClients(limit=limits.clients)))
            transport.close()
            return
        transport.set_write_buffer_limits(high=limits.unread)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._server.on_gone(self._peer)

    def eof_received(self) -> bool:
        """A client that has said its last may still wait for answers."""
        self.finish()
        return True

    def pause_writing(self) -> None:
        log.warning("%s: a client (pid %d) does not read its answers; dropped", self._server.name, self._peer.pid)
        self.abort()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        scanned = len(buffer)
        buffer += data
        begin = 0
        while not self._closing and (end := buffer.find(b"\n", max(begin, scanned))) >= 0:
            line = bytes(buffer[begin:end])
            begin = end + 1
            if len(line) > self._server.limits.line:
                self._refuse_line()
            elif line.strip():
                self._request(line)
        del buffer[:begin]
        if len(buffer) > self._server.limits.line and not self._closing:
            self._refuse_line()
        if self._server.hurry is not None and len(self._server.connections) == 1:
            self._server.hurry()

    def finish(self) -> None:
        """Read no more; close once the answers that are due have left."""
        self._closing = True
        if not self._transport.is_closing():
            with contextlib.suppress(RuntimeError):
                self._transport.pause_reading()
        if not self._in_flight:
            self._transport.close()

    def abort(self) -> None:
        """Drop the client now."""
        self._closing = True
        self._transport.abort()

    def _refuse_line(self) -> None:
        self._send(protocol.write_error(None, errors.RequestTooLong(limit=self._server.limits.line)))
        self._buffer.clear()
        self.finish()

    def _request(self, line: bytes) -> None:
        identifier: int | str | None = None
        try:
            request = protocol.read_request(line)
            assert isinstance(request.id, (int, str))
            identifier = request.id
            if self._in_flight >= self._server.limits.in_flight:
                raise errors.TooManyRequests(limit=self._server.limits.in_flight)
            result = self._server.dispatch(request, self._peer)
        except Exception as error:
            self._answer_error(protocol.read_id(line) if identifier is None else identifier, error)
            return
        if isinstance(result, Job):
            self._in_flight += 1
            result.then(partial(self._committed, identifier))
        elif isinstance(result, Awaitable):
            self._in_flight += 1
            asyncio.ensure_future(result).add_done_callback(partial(self._done, identifier))
        else:
            self._send(protocol.write_result(identifier, result))

    def _done(self, identifier: int | str, future: asyncio.Future[Any]) -> None:
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        self._answer(identifier, None if error else future.result(), error)

    def _committed(self, identifier: int | str, job: Job[Any]) -> None:
        self._answer(identifier, job.result, job.error)

    def _answer(self, identifier: int | str, result: Any, error: BaseException | None) -> None:
        self._in_flight -= 1
        if error is None:
            self._send(protocol.write_result(identifier, result))
        else:
            self._answer_error(identifier, error)
        if self._closing and not self._in_flight:
            self._transport.close()

    def _answer_error(self, identifier: int | str | None, error: BaseException) -> None:
        if not isinstance(error, errors.EinvoicedError):
            log.error("a request failed inside the box", exc_info=error)
        self._send(protocol.write_error(identifier, error))

    def _send(self, line: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(line)


def _peer(name: str, sock: socket.socket) -> Peer:
    """Who is at the other end, as the kernel says (unix(7), SO_PEERCRED)."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, gid = struct.unpack("3i", raw)
    return Peer(name, uid, gid, pid)


def bind(path: Path, group: str) -> socket.socket:
    """A bound socket, 0660 and of `group` where that group exists (else of our own); a file left behind is replaced.

    OSError EADDRINUSE when somebody still listens there: a second box must not take the first one's tills.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if _listened_to(path):
        raise OSError(errno.EADDRINUSE, "another process listens there", str(path))
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o117)
    try:
        sock.bind(str(path))
    finally:
        os.umask(before)
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except (KeyError, PermissionError):
        log.info("%s: the group %s is not there or not ours to give; the socket keeps our own group", path, group)
    return sock


def _listened_to(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except OSError as error:
            return error.errno == errno.EAGAIN
    return True
