"""A USB printer played over the usbredir protocol: the guest's usblp makes it /dev/usb/lp0, the emulator prints.

Printer class 7/1/2 with a bulk endpoint each way, and the three requests of that class (USB Printer Class 1.1, 4.2).
While the emulator takes no bytes a transfer is left unanswered, which is what a full printer does to the guest.
(gitlab.freedesktop.org/spice/usbredir, docs/usb-redirection-protocol.md.)
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from einvoiced.hardware.printer.emulator import Emulator

_HELLO, _CONNECT, _INTERFACES, _ENDPOINTS = 0, 1, 4, 5
_SET_CONFIGURATION, _GET_CONFIGURATION, _CONFIGURATION_STATUS = 6, 7, 8
_SET_ALTERNATE, _GET_ALTERNATE, _ALTERNATE_STATUS, _CANCEL = 9, 10, 11, 21
_CONTROL, _BULK = 100, 101
_CAPABILITIES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
"""Device version, packet sizes, 64-bit ids, 32-bit lengths of bulk transfers."""

_VENDOR, _PRODUCT, _VERSION = 0x04B8, 0x0202, 0x0100
_STRINGS = ("", "EPSON", "TM-T20", "BOX00001")
_OUT, _IN = 0x01, 0x82
_OK, _CANCELLED, _STALLED = 0, 1, 4
_SELECTED, _NO_ERROR, _PAPER_EMPTY = 0x10, 0x08, 0x20
_TICK = 0.01


@dataclass(frozen=True)
class _Transfer:
    """A bulk transfer that waits for its answer; one to the printer holds what is left of its bytes."""

    number: int
    endpoint: int
    stream: int
    length: int
    data: bytes = b""


class UsbPrinter:
    """A printer that QEMU plugs in by connecting to `path`. `bytes_taken` and strips are the emulator's."""

    def __init__(self, path: Path, emulator: Emulator) -> None:
        self.path, self.emulator = path, emulator
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._lock = threading.RLock()
        self._to_printer: list[_Transfer] = []
        self._to_guest: list[_Transfer] = []
        self._said = b""
        self._wide = self._long = False
        self._wire: socket.socket | None = None
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._print, daemon=True).start()

    def close(self) -> None:
        """Unplugged for good."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    # -- the printer's side

    def _print(self) -> None:
        """Give the emulator what came, as fast as it takes it; answer what it took, and say what it says."""
        while self._listener.fileno() >= 0:
            time.sleep(_TICK)
            with self._lock, suppress(OSError):
                self._serve_out()
                self._serve_in()

    def _serve_out(self) -> None:
        data = self._to_printer[0].data if self._to_printer else b""
        taken, said = self.emulator.accept(data)
        self._said += said
        if not self._to_printer:
            return
        first = self._to_printer[0]
        if taken < len(data):
            self._to_printer[0] = _Transfer(first.number, first.endpoint, first.stream, first.length, data[taken:])
            return
        self._answer_bulk(self._to_printer.pop(0), _OK, first.length)

    def _serve_in(self) -> None:
        while self._to_guest and self._said:
            first = self._to_guest.pop(0)
            data, self._said = self._said[: first.length], self._said[first.length :]
            self._answer_bulk(first, _OK, len(data), data)

    def _port_status(self) -> int:
        return _SELECTED | (_PAPER_EMPTY if self.emulator.paper_out else _NO_ERROR)

    # -- the wire

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._wire, _ = self._listener.accept()
                with self._wire, suppress(EOFError, OSError):
                    self._session()

    def _session(self) -> None:
        with self._lock:
            self._wide = self._long = False
            self._to_printer.clear()
            self._to_guest.clear()
            self._said = b""
        self._send(_HELLO, 0, b"einvoiced".ljust(64, b"\0") + struct.pack("<I", _CAPABILITIES))
        while True:
            kind, length = struct.unpack("<II", self._receive(8))
            number = int.from_bytes(self._receive(8 if self._wide else 4), "little")
            content = self._receive(length)
            with self._lock:
                self._obey(kind, number, content)

    def _receive(self, length: int) -> bytes:
        assert self._wire is not None
        data = b""
        while len(data) < length:
            part = self._wire.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _send(self, kind: int, number: int, content: bytes = b"") -> None:
        assert self._wire is not None
        head = struct.pack("<IIQ" if self._wide else "<III", kind, len(content), number)
        with self._lock:
            self._wire.sendall(head + content)

    def _obey(self, kind: int, number: int, content: bytes) -> None:
        if kind == _HELLO:
            self._introduce(struct.unpack_from("<I", content, 64)[0] if len(content) >= 68 else 0)
        elif kind in (_SET_CONFIGURATION, _GET_CONFIGURATION):
            self._send(_CONFIGURATION_STATUS, number, bytes([_OK, content[0] if content else 1]))
        elif kind in (_SET_ALTERNATE, _GET_ALTERNATE):
            self._send(_ALTERNATE_STATUS, number, bytes([_OK, content[0], content[1] if len(content) > 1 else 0]))
        elif kind == _CANCEL:
            self._cancel(number)
        elif kind == _CONTROL:
            self._control(number, content)
        elif kind == _BULK:
            self._bulk(number, content)

    def _introduce(self, theirs: int) -> None:
        """What is plugged in: one interface, a bulk endpoint each way, full speed."""
        self._wide, self._long = bool(theirs & 1 << 5), bool(theirs & 1 << 6)
        interface = b"".join(bytes([first]).ljust(32, b"\0") for first in (0, 7, 1, 2))
        self._send(_INTERFACES, 0, struct.pack("<I", 1) + interface)
        kinds, sizes = [255] * 32, [0] * 32
        for place, kind in ((0, 0), (16, 0), (1, 2), (18, 2)):  # (endpoint & 0x80) >> 3 | endpoint & 0x0f
            kinds[place], sizes[place] = kind, 64
        self._send(_ENDPOINTS, 0, bytes(kinds) + bytes(64) + struct.pack("<32H", *sizes))
        self._send(_CONNECT, 0, struct.pack("<BBBBHHH", 1, 0, 0, 0, _VENDOR, _PRODUCT, _VERSION))

    def _cancel(self, number: int) -> None:
        for waiting in (self._to_printer, self._to_guest):
            for transfer in [each for each in waiting if each.number == number]:
                waiting.remove(transfer)
                self._answer_bulk(transfer, _CANCELLED, transfer.length - len(transfer.data))

    def _bulk(self, number: int, content: bytes) -> None:
        endpoint, _, length, stream = struct.unpack_from("<BBHI", content)
        begin = 10 if self._long else 8
        if self._long:
            length |= struct.unpack_from("<H", content, 8)[0] << 16
        transfer = _Transfer(number, endpoint, stream, length, content[begin:])
        (self._to_guest if endpoint & 0x80 else self._to_printer).append(transfer)

    def _answer_bulk(self, transfer: _Transfer, status: int, length: int, data: bytes = b"") -> None:
        head = struct.pack("<BBHI", transfer.endpoint, status, length & 0xFFFF, transfer.stream)
        self._send(_BULK, transfer.number, head + (struct.pack("<H", length >> 16) if self._long else b"") + data)

    def _control(self, number: int, content: bytes) -> None:
        endpoint, request, kind, _, value, index, length = struct.unpack_from("<BBBBHHH", content)
        found = self._control_answer(kind, request, value)
        status, data = (_STALLED, b"") if found is None else (_OK, found[:length])
        told = len(data) if kind & 0x80 else length if status == _OK else 0
        self._send(
            _CONTROL, number, struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, told) + data
        )

    def _control_answer(self, kind: int, request: int, value: int) -> bytes | None:
        """The data of a request on endpoint 0; None for one that is not known."""
        if (kind, request) == (0x80, 6):
            return _descriptor(value >> 8, value & 255)
        if (kind, request) == (0xA1, 0):  # GET_DEVICE_ID
            told = f"MFG:{_STRINGS[1]};CMD:ESC/POS;MDL:{_STRINGS[2]};CLS:PRINTER;".encode()
            return struct.pack(">H", len(told) + 2) + told
        if (kind, request) == (0xA1, 1):  # GET_PORT_STATUS
            return bytes([self._port_status()])
        known = {(0x80, 0): b"\x01\0", (0x21, 2): b"", (0x23, 2): b"", (0x02, 1): b""}  # GET_STATUS, SOFT_RESET …
        return known.get((kind, request))


def _descriptor(kind: int, index: int) -> bytes | None:
    if kind == 1:
        return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, _VENDOR, _PRODUCT, _VERSION, 1, 2, 3, 1)
    if kind == 2:
        body = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 2, 7, 1, 2, 0)
        body += b"".join(struct.pack("<BBBBHB", 7, 5, endpoint, 2, 64, 0) for endpoint in (_OUT, _IN))
        return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0xC0, 1) + body
    if kind == 3 and index < len(_STRINGS):
        text = b"\x09\x04" if index == 0 else _STRINGS[index].encode("utf-16-le")
        return bytes([len(text) + 2, 3]) + text
    return None
