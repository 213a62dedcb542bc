"""A disk with a volatile write cache, served over NBD: what the guest has not flushed is lost when its plug is pulled.

Writes stay in memory until the guest sends FLUSH, or FUA with a write; a cut decides, sector by sector, what of the
rest the platter kept. (NBD protocol, fixed newstyle negotiation: github.com/NetworkBlockDevice/nbd, doc/proto.md.)
"""

from __future__ import annotations

import os
import random
import socket
import socketserver
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Literal

SECTOR = 512
Survivors = Literal["none", "prefix", "subset"]
"""What a cut leaves of the writes since the last flush: nothing; the first few, the last of them torn; any sectors."""

_MAGIC, _OPTION, _REPLY, _ANSWER = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9, 0x67446698
_EXPORT_NAME, _ABORT, _INFO, _GO = 1, 2, 6, 7
_ACK, _INFO_REPLY, _UNSUPPORTED = 1, 3, 0x80000001
_READ, _WRITE, _DISCONNECT, _FLUSH, _TRIM, _ZEROES = 0, 1, 2, 3, 4, 6
_FLAGS = 1 | 4 | 8 | 32 | 64
"""The export has flags, and takes FLUSH, FUA, TRIM and WRITE_ZEROES."""
_FUA, _EIO, _EINVAL = 1, 5, 22


class VolatileDisk:
    """The file of a disk, and its cache. `ignores_flush`: it says yes to a flush and does nothing, as cheap cards do.

    `failing` answers every request with an I/O error; `stuck` answers none until it is cleared.
    """

    def __init__(self, path: Path, sock: Path, *, flush_seconds: float = 0.0) -> None:
        """`flush_seconds`: how long a flush takes; a cut meanwhile finds all of it at stake, as on a slow card."""
        self.path, self.sock, self.flush_seconds = path, sock, flush_seconds
        self.ignores_flush = False
        self.failing = False
        self.stuck = threading.Event()
        self.flushes = 0
        self._file = os.open(path, os.O_RDWR)
        self._size = os.fstat(self._file).st_size
        self._lock = threading.Lock()
        self._lives = 0
        self._cache: dict[int, bytes] = {}
        self._writes: list[tuple[int, bytes]] = []
        sock.unlink(missing_ok=True)
        self._server = _Server(str(sock), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def at_stake(self) -> int:
        """Sectors that a cut now would put at stake."""
        return len(self._cache)

    def power_cut(self, survivors: Survivors, seed: int) -> tuple[int, int]:
        """Forget what was not flushed, but for what survives; returns how many sectors were at stake, and survived."""
        with self._lock:
            kept = _survivors(self._writes, survivors, random.Random(seed))
            for sector, data in kept.items():
                os.pwrite(self._file, data, sector * SECTOR)
            at_stake = self.at_stake
            self._cache.clear()
            self._writes.clear()
            self._lives += 1
        return at_stake, len(kept)

    def close(self) -> None:
        """Serve no more; the file keeps what was flushed."""
        self.stuck.clear()
        self._server.shutdown()
        self._server.server_close()
        os.close(self._file)
        self.sock.unlink(missing_ok=True)

    # -- what a request does

    def obey(self, life: int, kind: int, flags: int, offset: int, length: int, data: bytes) -> tuple[int, bytes]:
        """One request: an error's number or 0, and what was read. EOFError for one of a machine that is gone: what
        still lay in its wire may not reach the disk in the next one's time.
        """
        while self.stuck.is_set():
            time.sleep(0.05)
        if kind == _FLUSH:
            time.sleep(self.flush_seconds)
        with self._lock:
            if life != self._lives:
                raise EOFError
            if self.failing:
                return _EIO, b""
            if kind == _READ:
                return 0, self._read(offset, length)
            if kind in (_WRITE, _ZEROES):
                self._write(offset, data if kind == _WRITE else bytes(length))
            if kind == _FLUSH or flags & _FUA:  # stronger than FUA asks for: the whole cache
                self._flush()
            return (0 if kind in (_WRITE, _ZEROES, _FLUSH, _TRIM) else _EINVAL), b""

    def _read(self, offset: int, length: int) -> bytes:
        found = bytearray(os.pread(self._file, length, offset).ljust(length, b"\0"))
        for sector in range(offset // SECTOR, -(-(offset + length) // SECTOR) if self._cache else 0):
            data = self._cache.get(sector)
            if data is not None:
                begin = sector * SECTOR - offset
                found[begin : begin + SECTOR] = data
        return bytes(found)

    def _write(self, offset: int, data: bytes) -> None:
        for begin in range(0, len(data), SECTOR):
            self._cache[(offset + begin) // SECTOR] = data[begin : begin + SECTOR]
        self._writes.append((offset, data))

    def _flush(self) -> None:
        self.flushes += 1
        if self.ignores_flush:
            return
        for sector, data in self._cache.items():
            os.pwrite(self._file, data, sector * SECTOR)
        self._cache.clear()
        self._writes.clear()

    # -- the wire

    def serve(self, connection: socket.socket) -> None:
        """One client, until it leaves."""
        life = self._lives
        if not self._negotiate(connection):
            return
        while True:
            _, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", _receive(connection, 28))
            data = _receive(connection, length) if kind == _WRITE else b""
            if kind == _DISCONNECT:
                return
            error, found = self.obey(life, kind, flags, offset, length, data)
            connection.sendall(struct.pack(">IIQ", _ANSWER, error, handle) + found)

    def _negotiate(self, connection: socket.socket) -> bool:
        connection.sendall(struct.pack(">QQH", _MAGIC, _OPTION, 1 | 2))
        no_zeroes = struct.unpack(">I", _receive(connection, 4))[0] & 2
        while True:
            _, option, length = struct.unpack(">QII", _receive(connection, 16))
            _receive(connection, length)
            if option == _EXPORT_NAME:
                padding = b"" if no_zeroes else bytes(124)
                connection.sendall(struct.pack(">QH", self._size, _FLAGS) + padding)
                return True
            if option in (_INFO, _GO):
                _reply(connection, option, _INFO_REPLY, struct.pack(">HQH", 0, self._size, _FLAGS))
                _reply(connection, option, _INFO_REPLY, struct.pack(">HIII", 3, SECTOR, 4096, 32 << 20))
            _reply(connection, option, _ACK if option in (_INFO, _GO, _ABORT) else _UNSUPPORTED)
            if option == _GO:
                return True
            if option == _ABORT:
                return False


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False


def _handler(disk: VolatileDisk) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                disk.serve(self.request)
            except (EOFError, OSError):
                return  # the machine's plug was pulled

    return Handler


def _receive(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(min(length - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return data


def _reply(connection: socket.socket, option: int, kind: int, data: bytes = b"") -> None:
    connection.sendall(struct.pack(">QIII", _REPLY, option, kind, len(data)) + data)


def _survivors(writes: list[tuple[int, bytes]], which: Survivors, chance: random.Random) -> dict[int, bytes]:
    """The sectors that the platter took, in the order in which they were written."""
    kept: dict[int, bytes] = {}
    whole = chance.randint(0, len(writes)) if which == "prefix" else len(writes) if which == "subset" else -1
    for number, (offset, data) in enumerate(writes[: whole + 1]):
        sectors = len(data) // SECTOR
        torn = which == "prefix" and number == whole
        for each in range(chance.randint(0, sectors) if torn else sectors):
            if which == "prefix" or chance.random() < 0.5:
                kept[offset // SECTOR + each] = data[each * SECTOR : (each + 1) * SECTOR]
    return kept


def ext4(path: Path, mib: int = 96) -> Path:
    """A new ext4 disk, everything of it written at once: nothing is left for the kernel to do later."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(mib << 20)
    options = ("-q", "-F", "-L", "posdata", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-J", "size=4")
    subprocess.run(["mkfs.ext4", *options, str(path)], check=True)
    return path
