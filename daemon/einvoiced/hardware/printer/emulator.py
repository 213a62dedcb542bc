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
from .head import LINE_SPACING, Head, word
from .strip import DPI, Strip
from .switches import NEAR_END, Switches

MAX_STRIP = 80_000
"""Dots (10 m): the end of the roll ends a strip that nobody cuts."""
MAX_UNKNOWN = 1000

_REAL_TIME_STATUS = b"\x10\x04"
_IGNORED_BYTES = b"\x00\r\x0c\x18"
_ACCEPTED_ESC = b"!E-GMRt {=U"
_ACCEPTED_GS = b"!BPWfH"
_ACCEPTED_FS = b"&.!"
_GS_I_TEXT = {65: b"1.00 EMU", 66: b"einvoiced", 67: b"emulator", 68: b"0000", 69: b"TRADITIONAL CHINESE"}


class Emulator(Switches):
    """One printer. Any thread may feed it and turn its switches; `finished` is called with each strip that ends.

    `strips` holds the last `keep` finished strips, `unknown` every command it did not know (nothing is ever raised).
    Real-time commands are known between commands only; inside a raster they are dots, but for a status request that
    comes alone while it is halted.

    What goes wrong with it are its `Switches`; `powered` False loses what it had received and hears nothing.
    """

    def __init__(
        self,
        width: int = 384,
        directory: Path | None = None,
        process_id: bool = False,
        *,
        keep: int = 50,
        buffer_size: int = 4096,
        finished: Callable[[Strip], None] | None = None,
        dpi: float = DPI,
    ) -> None:
        self.width = width
        self.dpi = dpi
        self.directory = directory
        self.process_id = process_id
        self.buffer_size = buffer_size
        self.finished = finished

        super().__init__()
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
        self._answers: deque[tuple[float, bytes]] = deque()
        self._automatic: bytes | None = None
        self._powered = True
        self._head = Head(width, dpi)
        self._file_number = _last_number(directory)

    def feed(self, data: bytes) -> bytes:
        """Take what it would take of `data` and return what it has to say by now."""
        return self.accept(data)[1]

    def accept(self, data: bytes) -> tuple[int, bytes]:
        """Take some of `data`: how many bytes (fewer than all when stalled or full), and what it has to say by now."""
        with self._lock:
            now = time.monotonic()
            if not self._powered:
                return len(data), b""
            self._resume()
            if self.halted and len(data) == 3 and data[:2] == _REAL_TIME_STATUS:
                self._real_time(data)  # even with a full buffer, even inside a raster (Epson, DLE EOT, notes)
                return len(data), self._due(now)
            alone = len(data) == 3 and data[:2] == _REAL_TIME_STATUS
            room = len(data) if alone and not self.unplugged and self.stall_after != 0 else self._room(data, now)
            taken = data[:room]
            self.bytes_taken += len(taken)
            if not alone:  # switches count what is to be printed
                self.count(len(taken))
            for item in self._stream.push(taken):
                self._receive(item, now)
            if len(self._stream) and self._stream.unfinished[0] != DLE:
                self._started(now)
            self._tell_changes()
            return len(taken), self._due(now)

    def _say(self, answer: bytes) -> None:
        self._answers.append((time.monotonic() + self.late if self.late else 0.0, answer))

    def _due(self, now: float) -> bytes:
        """What it has to say by now; a silent printer forgets it."""
        said = b""
        while self._answers and self._answers[0][0] <= now:
            said += self._answers.popleft()[1]
        return b"" if self.silent else said

    @property
    def powered(self) -> bool:
        """Whether it is switched on; off, it loses what it had received and all settings, and hears nothing."""
        return self._powered

    @powered.setter
    def powered(self, on: bool) -> None:
        with self._lock:
            self._powered = on
            self._stream = CommandStream()
            self._held.clear()
            self._held_bytes = 0
            self._answers.clear()
            self._automatic = None
            self._head.reset()

    def load_roll(self, dots: int | None = None) -> None:
        """Put in a new roll; what had come out of the old one is torn off."""
        with self._lock:
            self.cut()
            self.roll, self.paper_out, self.paper_low = dots, False, False

    def reset_timer(self) -> None:
        """Forget `first_byte_at`, the monotonic time of the first byte that was not part of a real-time command."""
        self.first_byte_at = None

    def cut(self) -> None:
        """End the strip as the cutter does; nothing happens when no paper has come out."""
        with self._lock:
            strip = self._head.take_strip()
            if not strip.height:
                return
            self.strips.append(strip)
            self.strips_finished += 1
            if self.directory is not None:
                strip.save_png(self._next_file(self.directory))
            if self.finished is not None:
                self.finished(strip)

    def _next_file(self, directory: Path) -> Path:
        """A new file: another process, such as a technician's test, may print into the same folder."""
        while True:
            self._file_number += 1
            file = directory / f"{self._file_number:04d}.png"
            if not file.exists():
                return file

    # -- receiving -----------------------------------------------------------------------------------------------

    def _room(self, data: bytes, now: float) -> int:
        """How many bytes of `data` it takes: real-time status requests pass even a full buffer."""
        limit = self.passes(len(data), now)
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
            self._head.characters(item)
        elif first == ESC:
            self._esc(item)
        elif first == GS:
            self._gs(item)
        elif first == 0x0A:
            self._head.end_line(self._head.line_spacing)
        elif first == 0x09:
            self._head.tabulate()
        elif (first == FS and item[1] not in _ACCEPTED_FS) or (first != FS and first not in _IGNORED_BYTES):
            self._not_known(item)
        self._use_paper()
        if self._head.strip.height >= MAX_STRIP:
            self.cut()

    def _use_paper(self) -> None:
        strip = self._head.strip
        used, strip.counted = strip.height - strip.counted, strip.height
        if self.roll is not None:
            self.roll -= used
            self.paper_low = self.paper_low or self.roll < NEAR_END
            self.paper_out = self.paper_out or self.roll <= 0

    def _esc(self, item: bytes) -> None:
        name, parameters, head = chr(item[1]), item[2:], self._head
        if name == "@":
            head.reset()
        elif name == "a" and parameters[0] in b"\x00\x01\x02012":
            head.align = parameters[0] & 3
        elif name == "J":
            head.end_line(parameters[0])
        elif name == "d":
            head.end_line(parameters[0] * head.line_spacing)
        elif name == "2":
            head.line_spacing = LINE_SPACING
        elif name == "3":
            head.line_spacing = parameters[0]
        elif name == "$":
            head.position = word(parameters)
        elif name == "p" and parameters[0] in b"\x00\x0101":
            self.drawer_pulses += 1
        elif item[1] not in _ACCEPTED_ESC:
            self._not_known(item)

    def _gs(self, item: bytes) -> None:
        name, parameters, head = chr(item[1]), item[2:], self._head
        if name == "v" and _is_raster(item):
            head.raster(item)
        elif name == "V" and item[2] in b"\x00\x0101ABabgh":
            head.end_line(item[3] if len(item) > 3 else 0)
            self.cut()
        elif name == "L":
            head.margin = word(parameters)
        elif name == "r" and parameters[0] in b"\x01\x0212":
            self._say(bytes([self.sensor_byte() if parameters[0] & 1 else 0]))
        elif name == "I":
            self._identify(item)
        elif name == "(" and item[2:7] == b"H\x06\x00\x30\x30" and self.process_id:
            self._say(b"\x37\x22" + item[7:11] + b"\x00")
        elif name == "a":
            self._automatic = b"" if parameters[0] else None
        elif name in "hw":
            head.bar[name] = parameters[0]
        elif not self._draws(item) and item[1] not in _ACCEPTED_GS:
            self._not_known(item)

    def _draws(self, item: bytes) -> bool:
        """Whether it is a symbol that this printer draws itself."""
        if item[1:2] == b"k":
            return self._head.bar_code(item)
        return item[1:3] == b"(k" and item[5:6] == b"1" and self._head.qr_code(item)

    def _real_time(self, item: bytes) -> None:
        if item[:2] == _REAL_TIME_STATUS and item[2] in (1, 2, 3, 4):
            self._say(bytes([self.status_byte(item[2])]))
        elif item[:3] == b"\x10\x14\x01":
            self.drawer_pulses += 1
        else:
            self._not_known(item)

    def _tell_changes(self) -> None:
        """The automatic status of GS a: four bytes whenever something has changed."""
        if self._automatic is not None and self.automatic_status() != self._automatic:
            self._automatic = self.automatic_status()
            self._say(self._automatic)

    def _identify(self, item: bytes) -> None:
        which = item[2]
        if which in _GS_I_TEXT:
            self._say(b"_" + _GS_I_TEXT[which] + b"\x00")
        elif which in b"\x01\x02\x03123":
            self._say(bytes([{1: 0x20, 2: 0x02, 3: 0x01}[which & 3]]))
        else:
            self._not_known(item)

    def _not_known(self, item: bytes) -> None:
        if len(self.unknown) < MAX_UNKNOWN:
            self.unknown.append(item)


def _is_raster(item: bytes) -> bool:
    """Whether this is a GS v 0 with all the data that it promised; a promise too big is cut off after the head."""
    whole = len(item) == 8 + word(item[4:6]) * word(item[6:8])
    return whole and item[2] == ord("0") and item[3] in b"\x00\x01\x02\x030123"


def _last_number(directory: Path | None) -> int:
    """The number of the last strip that an earlier run left in the folder, which is made if it is not there."""
    if directory is None:
        return 0
    directory.mkdir(parents=True, exist_ok=True)
    return max(_numbers(directory), default=0)


def _numbers(directory: Path) -> Iterator[int]:
    return (int(path.stem) for path in directory.glob("*.png") if path.stem.isdecimal())
