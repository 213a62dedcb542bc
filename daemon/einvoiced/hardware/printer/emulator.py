"""A receipt printer made of bytes and paper pictures, with the faults of real ones as switches.

It takes the ESC/POS that a 58 mm printer takes and answers as one does. While the paper is out, the cover open or the
printer off line it prints nothing, but still receives up to `buffer_size` bytes, and prints those when it is well
again: so do real printers, and this is why "all bytes were taken" never means "it is on paper".
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from .escpos_stream import DLE, ESC, FS, GS, CommandStream
from .strip import CELL_HEIGHT, CELL_WIDTH, Strip

LINE_SPACING = 30
MAX_STRIP = 80_000
"""Dots (10 m): the end of the roll ends a strip that nobody cuts."""
MAX_UNKNOWN = 1000

_STATUS = 0x12
_REAL_TIME_STATUS = b"\x10\x04"
_IGNORED_BYTES = b"\x00\r\x0c\x18"
_ACCEPTED_ESC = b"!E-GMRt {=U"
_ACCEPTED_GS = b"!BPW"
_ACCEPTED_FS = b"&.!"
_GS_I_TEXT = {65: b"1.00 EMU", 66: b"einvoiced", 67: b"emulator", 68: b"0000", 69: b"TRADITIONAL CHINESE"}


class Emulator:
    """One printer. Any thread may feed it and turn its switches; `finished` is called with each strip that ends.

    `strips` holds the last `keep` finished strips, `unknown` every command it did not know (nothing is ever raised).
    Real-time commands are known between commands only; inside a raster they are dots.
    """

    _line: str
    _align: int
    _margin: int
    _position: int
    _line_spacing: int

    def __init__(
        self,
        width: int = 384,
        directory: Path | None = None,
        process_id: bool = False,
        *,
        keep: int = 50,
        buffer_size: int = 4096,
        finished: Callable[[Strip], None] | None = None,
    ) -> None:
        self.width = width
        self.directory = directory
        self.process_id = process_id
        self.buffer_size = buffer_size
        self.finished = finished

        self.paper_out = False
        self.paper_low = False
        self.cover_open = False
        self.offline = False
        self.broken = False
        self.stall_after: int | None = None
        self.silent = False

        self.strips: deque[Strip] = deque(maxlen=keep)
        self.strips_finished = 0
        self.unknown: list[bytes] = []
        self.drawer_pulses = 0
        self.bytes_taken = 0
        self.first_byte_at: float | None = None

        self._lock = threading.RLock()
        self._stream = CommandStream()
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._answers = bytearray()
        self._strip = Strip(width)
        self._file_number = _last_number(directory)
        self._reset()

    def feed(self, data: bytes) -> bytes:
        """Take what it would take of `data` and return what it has to say by now."""
        return self.accept(data)[1]

    def accept(self, data: bytes) -> tuple[int, bytes]:
        """Take some of `data`: how many bytes (fewer than all when stalled or full), and what it has to say by now."""
        with self._lock:
            now = time.monotonic()
            self._resume()
            taken = data[: self._room(data)]
            self.bytes_taken += len(taken)
            if self.stall_after is not None:
                self.stall_after -= len(taken)
            for item in self._stream.push(taken):
                self._receive(item, now)
            if len(self._stream) and self._stream.unfinished[0] != DLE:
                self._started(now)
            answers, self._answers = bytes(self._answers), bytearray()
            return len(taken), b"" if self.silent else answers

    def reset_timer(self) -> None:
        """Forget `first_byte_at`, the monotonic time of the first byte that was not part of a real-time command."""
        self.first_byte_at = None

    @property
    def halted(self) -> bool:
        """Whether it would print nothing now."""
        return self.paper_out or self.cover_open or self.offline or self.broken

    def cut(self) -> None:
        """End the strip as the cutter does; nothing happens when no paper has come out."""
        with self._lock:
            self._end_line(0)
            strip, self._strip = self._strip, Strip(self.width)
            if not strip.height:
                return
            self.strips.append(strip)
            self.strips_finished += 1
            if self.directory is not None:
                self._file_number += 1
                strip.save_png(self.directory / f"{self._file_number:04d}.png")
            if self.finished is not None:
                self.finished(strip)

    # -- receiving -----------------------------------------------------------------------------------------------

    def _room(self, data: bytes) -> int:
        """How many bytes of `data` it takes: real-time status requests pass even a full buffer."""
        limit = len(data) if self.stall_after is None else min(len(data), max(0, self.stall_after))
        if not self.halted:
            return limit
        free = max(0, self.buffer_size - self._held_bytes - len(self._stream))
        head = (self._stream.unfinished + data)[:2]
        if len(self._stream) < 3 and _REAL_TIME_STATUS.startswith(head) and head:
            free = max(free, 3 - len(self._stream))
        return min(limit, free)

    def _receive(self, item: bytes, now: float) -> None:
        if item[0] == DLE:
            self._real_time(item)
            return
        self._started(now)
        if self.halted or self._held:
            self._held.append(item)
            self._held_bytes += len(item)
        else:
            self._execute(item)

    def _started(self, now: float) -> None:
        if self.first_byte_at is None:
            self.first_byte_at = now

    def _resume(self) -> None:
        while self._held and not self.halted:
            item = self._held.popleft()
            self._held_bytes -= len(item)
            self._execute(item)

    # -- commands ------------------------------------------------------------------------------------------------

    def _execute(self, item: bytes) -> None:
        first = item[0]
        if first >= 0x20:
            self._characters(item)
        elif first == ESC:
            self._esc(item)
        elif first == GS:
            self._gs(item)
        elif first == 0x0A:
            self._end_line(self._line_spacing)
        elif first == 0x09:
            self._line += " " * (8 - len(self._line) % 8)
        elif (first == FS and item[1] not in _ACCEPTED_FS) or (first != FS and first not in _IGNORED_BYTES):
            self._not_known(item)
        if self._strip.height >= MAX_STRIP:
            self.cut()

    def _esc(self, item: bytes) -> None:
        name, parameters = chr(item[1]), item[2:]
        if name == "@":
            self._reset()
        elif name == "a" and parameters[0] in b"\x00\x01\x02012":
            self._align = parameters[0] & 3
        elif name == "J":
            self._end_line(parameters[0])
        elif name == "d":
            self._end_line(parameters[0] * self._line_spacing)
        elif name == "2":
            self._line_spacing = LINE_SPACING
        elif name == "3":
            self._line_spacing = parameters[0]
        elif name == "$":
            self._position = _word(parameters)
        elif name == "p" and parameters[0] in b"\x00\x0101":
            self.drawer_pulses += 1
        elif item[1] not in _ACCEPTED_ESC:
            self._not_known(item)

    def _gs(self, item: bytes) -> None:
        name, parameters = chr(item[1]), item[2:]
        if name == "v" and _is_raster(item):
            self._raster(item)
        elif name == "V" and item[2] in b"\x00\x0101ABabgh":
            self._end_line(item[3] if len(item) > 3 else 0)
            self.cut()
        elif name == "L":
            self._margin = _word(parameters)
        elif name == "r" and parameters[0] in b"\x01\x0212":
            self._answers.append(self._sensor_byte() if parameters[0] & 1 else 0)
        elif name == "I":
            self._identify(item)
        elif name == "(" and item[2:7] == b"H\x06\x00\x30\x30" and self.process_id:
            self._answers += b"\x37\x22" + item[7:11] + b"\x00"
        elif item[1] not in _ACCEPTED_GS and item != b"\x1da\x00":
            self._not_known(item)

    def _real_time(self, item: bytes) -> None:
        if item[:2] == _REAL_TIME_STATUS and item[2] in (1, 2, 3, 4):
            self._answers.append(self.status_byte(item[2]))
        elif item[:3] == b"\x10\x14\x01":
            self.drawer_pulses += 1
        else:
            self._not_known(item)

    def status_byte(self, question: int) -> int:
        """The answer to DLE EOT `question` (1 to 4)."""
        if question == 1:
            return _STATUS | (0x08 if self.halted else 0)
        if question == 2:
            cover, paper = (0x04 if self.cover_open else 0), (0x20 if self.paper_out else 0)
            return _STATUS | cover | paper | (0x40 if self.broken else 0)
        if question == 3:
            return _STATUS | (0x20 if self.broken else 0)
        return _STATUS | (0x60 if self.paper_out else 0) | (0x0C if self.paper_low or self.paper_out else 0)

    def _sensor_byte(self) -> int:
        return (0x0C if self.paper_out else 0) | (0x03 if self.paper_low or self.paper_out else 0)

    def _identify(self, item: bytes) -> None:
        which = item[2]
        if which in _GS_I_TEXT:
            self._answers += b"_" + _GS_I_TEXT[which] + b"\x00"
        elif which in b"\x01\x02\x03123":
            self._answers.append({1: 0x20, 2: 0x02, 3: 0x01}[which & 3])
        else:
            self._not_known(item)

    def _not_known(self, item: bytes) -> None:
        if len(self.unknown) < MAX_UNKNOWN:
            self.unknown.append(item)

    # -- the print head ------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        """ESC @: forget the line and all settings."""
        self._line = ""
        self._align = 0
        self._margin = 0
        self._position = 0
        self._line_spacing = LINE_SPACING

    def _characters(self, item: bytes) -> None:
        for character in item.decode("latin-1"):
            if self._margin + self._position + (len(self._line) + 1) * CELL_WIDTH > self.width and self._line:
                self._end_line(self._line_spacing)
            self._line += character

    def _end_line(self, feed: int) -> None:
        """Print the characters that wait, if any, and move the paper by `feed` dots, past the characters at least."""
        if self._line:
            self._strip.text(self._line, self._left(len(self._line) * CELL_WIDTH))
            feed = max(feed, CELL_HEIGHT)
        self._line = ""
        self._position = 0
        self._strip.feed(feed)

    def _raster(self, item: bytes) -> None:
        if self._line:
            self._end_line(0)
        scale_x, scale_y = 1 + (item[3] & 1), 1 + (item[3] >> 1 & 1)
        row_bytes = _word(item[4:6])
        self._strip.raster(item[8:], row_bytes, self._left(row_bytes * 8 * scale_x), scale_x, scale_y)
        self._position = 0

    def _left(self, width: int) -> int:
        """The column where something `width` dots wide begins."""
        free = max(0, self.width - self._margin - self._position - width)
        return self._margin + self._position + free * self._align // 2


def _is_raster(item: bytes) -> bool:
    """Whether this is a GS v 0 with all the data that it promised; a promise too big is cut off after the head."""
    whole = len(item) == 8 + _word(item[4:6]) * _word(item[6:8])
    return whole and item[2] == ord("0") and item[3] in b"\x00\x01\x02\x030123"


def _word(data: bytes) -> int:
    return data[0] + 256 * data[1]


def _last_number(directory: Path | None) -> int:
    """The number of the last strip that an earlier run left in the folder, which is made if it is not there."""
    if directory is None:
        return 0
    directory.mkdir(parents=True, exist_ok=True)
    return max(_numbers(directory), default=0)


def _numbers(directory: Path) -> Iterator[int]:
    return (int(path.stem) for path in directory.glob("*.png") if path.stem.isdecimal())
