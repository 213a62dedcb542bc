"""A stream of ESC/POS bytes, however it was cut in pieces, as whole commands and runs of text.

Only lengths are known here, not meanings; a command of an unknown name is two bytes long, and what follows it is taken
for the next command, as a printer does. (Epson, ESC/POS command reference.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

DLE, ESC, FS, GS = 0x10, 0x1B, 0x1C, 0x1D

_Rest = Callable[[bytes], int]

MAX_ITEM = 1 << 20
"""A longer one (a raster may declare 4 GB) is nonsense: its head becomes an unknown command of its own."""

_ESC_PARAMETERS = {
    **dict.fromkeys(b"@2<", 0),
    **dict.fromkeys(b" !%-3=?EGJKMRSTUVadert{", 1),
    **dict.fromkeys(b"$\\c", 2),
    **dict.fromkeys(b"p", 3),
    **dict.fromkeys(b"W", 8),
}
_GS_PARAMETERS = {
    **dict.fromkeys(b":", 0),
    **dict.fromkeys(b"!BEHTIabfhrwg", 1),
    **dict.fromkeys(b"LPW$\\", 2),
    **dict.fromkeys(b"^", 3),
}
_FS_PARAMETERS = {**dict.fromkeys(b"&.", 0), **dict.fromkeys(b"!-CW", 1), **dict.fromkeys(b"Sp", 2)}
_DLE_PARAMETERS = {0x04: 1, 0x05: 1, 0x14: 3}


class CommandStream:
    """Collects bytes and gives out whole items; holds at most one unfinished item."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = 1

    @property
    def unfinished(self) -> bytes:
        """The beginning of a command whose rest has not come, at most its first two bytes."""
        return bytes(self._buffer[:2])

    def __len__(self) -> int:
        """How many bytes wait for the rest of their command."""
        return len(self._buffer)

    def push(self, data: bytes) -> Iterator[bytes]:
        """Add bytes and give every item that is whole now. Take all of the iterator before the next push."""
        self._buffer += data
        if len(self._buffer) < self._wanted:
            return
        at = 0
        while at < len(self._buffer):
            length = item_length(self._buffer, at)
            if at + length > len(self._buffer):
                break
            yield bytes(self._buffer[at : at + length])
            at += length
        del self._buffer[:at]
        self._wanted = item_length(self._buffer, 0) if self._buffer else 1


def item_length(data: bytearray, at: int) -> int:
    """How long the item at `at` is; when that is more than there is, ask again as soon as there is so much."""
    first = data[at]
    if first >= 0x20:
        return _text_length(data, at)
    if first not in (DLE, ESC, FS, GS):
        return 1
    if len(data) < at + 2:
        return 2
    name = data[at + 1]
    if first == ESC:
        return _esc_length(data, at, name)
    if first == GS:
        return _gs_length(data, at, name)
    return 2 + (_FS_PARAMETERS if first == FS else _DLE_PARAMETERS).get(name, 0)


def _text_length(data: bytearray, at: int) -> int:
    end = at
    while end < len(data) and data[end] >= 0x20:
        end += 1
    return end - at


def _esc_length(data: bytearray, at: int, name: int) -> int:
    if name == ord("*"):
        return _counted(data, at, 5, lambda head: (head[3] + 256 * head[4]) * (3 if head[2] >= 32 else 1))
    if name == ord("D"):
        return _terminated(data, at, 2)
    return 2 + _ESC_PARAMETERS.get(name, 0)


def _gs_length(data: bytearray, at: int, name: int) -> int:
    if name == ord("v"):
        return _counted(data, at, 8, lambda head: (head[4] + 256 * head[5]) * (head[6] + 256 * head[7]))
    if name == ord("V"):
        return _counted(data, at, 3, lambda head: 1 if head[2] in b"ABabgh" else 0)
    if name == ord("("):
        return _counted(data, at, 5, lambda head: head[3] + 256 * head[4])
    if name == ord("8"):
        return _counted(data, at, 7, lambda head: int.from_bytes(head[3:7], "little"))
    if name == ord("*"):
        return _counted(data, at, 4, lambda head: head[2] * head[3] * 8)
    if name == ord("k"):
        return _barcode_length(data, at)
    return 2 + _GS_PARAMETERS.get(name, 0)


def _barcode_length(data: bytearray, at: int) -> int:
    if len(data) < at + 3:
        return 3
    if data[at + 2] <= 6:
        return _terminated(data, at, 3)
    return _counted(data, at, 4, lambda head: head[3])


def _counted(data: bytearray, at: int, head: int, rest: _Rest) -> int:
    """The length of an item whose first `head` bytes tell how many follow."""
    if len(data) < at + head:
        return head
    length = head + rest(bytes(data[at : at + head]))
    return length if length <= MAX_ITEM else head


def _terminated(data: bytearray, at: int, head: int) -> int:
    """The length of an item that ends with a NUL; 256 bytes without one are nonsense."""
    end = data.find(0, at + head, at + head + 256)
    if end >= 0:
        return end + 1 - at
    return min(len(data) + 1 - at, head + 257) if len(data) < at + head + 256 else head
