"""What can go wrong with the emulated printer, as switches, and what it says of them.

(Epson, ESC/POS command reference: DLE EOT, GS r, GS a.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

NEAR_END = 8000
"""Dots (1 m) from which on a roll is said to be near its end."""

_STATUS = 0x12


class Switches:
    """`paper_out`, `paper_low`, `cover_open`, `offline`, `broken`, `cutter_jammed`, `hot`: the printer's troubles.

    After `stall_after` bytes it takes no more; after `unplug_after` its cable is pulled (`unplugged`); `trigger` is
    something else that happens after so many bytes. `silent` never answers, `late` answers so many seconds late.
    `bytes_per_second` is its line; None: as fast as it goes. `roll` counts down the dots that are left of the paper;
    None: without end.
    """

    def __init__(self) -> None:
        self.paper_out = False
        self.paper_low = False
        self.cover_open = False
        self.offline = False
        self.broken = False
        self.cutter_jammed = False
        self.hot = False
        self.stall_after: int | None = None
        self.unplugged = False
        self.unplug_after: int | None = None
        self.trigger: tuple[int, Callable[[], None]] | None = None
        self.silent = False
        self.late = 0.0
        self.bytes_per_second: float | None = None
        self.roll: int | None = None
        self._line_time, self._line_room = time.monotonic(), 0.0

    @property
    def halted(self) -> bool:
        """Whether it would print nothing now."""
        return self.paper_out or self.cover_open or self.offline or self.failing

    @property
    def failing(self) -> bool:
        """Whether it reports an error."""
        return self.broken or self.cutter_jammed or self.hot

    def status_byte(self, question: int) -> int:
        """The answer to DLE EOT `question` (1 to 4)."""
        if question == 1:
            return _STATUS | (0x08 if self.halted else 0)
        if question == 2:
            cover, paper = (0x04 if self.cover_open else 0), (0x20 if self.paper_out else 0)
            return _STATUS | cover | paper | (0x40 if self.failing else 0)
        if question == 3:
            return _STATUS | self._error_bits()
        return _STATUS | (0x60 if self.paper_out else 0) | (0x0C if self.paper_low or self.paper_out else 0)

    def sensor_byte(self) -> int:
        """The answer to GS r 1."""
        return (0x0C if self.paper_out else 0) | (0x03 if self.paper_low or self.paper_out else 0)

    def automatic_status(self) -> bytes:
        """The four bytes of GS a."""
        first = 0x10 | (0x08 if self.halted else 0) | (0x20 if self.cover_open else 0)
        return bytes((first, self._error_bits(), self.sensor_byte(), 0))

    def _error_bits(self) -> int:
        return (0x20 if self.broken else 0) | (0x08 if self.cutter_jammed else 0) | (0x40 if self.hot else 0)

    # -- the line

    def passes(self, size: int, now: float) -> int:
        """How many of so many bytes get through cable and line at this moment."""
        trigger = None if self.trigger is None else self.trigger[0]
        bounds = (self.stall_after, self.unplug_after, 0 if self.unplugged else None, trigger, self._line_takes(now))
        return min([size, *(max(0, bound) for bound in bounds if bound is not None)])

    def count(self, taken: int) -> None:
        """So many bytes got through."""
        self._line_room -= taken
        if self.stall_after is not None:
            self.stall_after -= taken
        if self.unplug_after is not None:
            self.unplug_after -= taken
            if self.unplug_after <= 0:
                self.unplugged, self.unplug_after = True, None
        if self.trigger is not None:
            left, happens = self.trigger
            self.trigger = (left - taken, happens) if left > taken else None
            if self.trigger is None:
                happens()

    def _line_takes(self, now: float) -> int | None:
        """The bytes that the line has had time for; it saves up no more than a fiftieth of a second of silence."""
        rate = self.bytes_per_second
        if rate is None:
            return None
        self._line_room = min(self._line_room + (now - self._line_time) * rate, max(1.0, rate / 50))
        self._line_time = now
        return int(self._line_room)


# -- orders

MM_PER_INCH = 25.4


class Order(ValueError):
    """A line that is no order of this printer."""


def order(printer: Any, line: str) -> str:
    """Turn a switch as a line says it; returns what was done. `Order` for a line that is not understood.

    `printer` is an `Emulator`: this is the language of `einvoiced-printer` and of recorded sessions.
    """
    word, _, rest = line.partition(" ")
    if word == "after":
        return _later(printer, rest)
    exact = f"{word} {rest}" in _ORDERS
    act = _ORDERS.get(f"{word} {rest}" if exact else f"{word} N")
    if word == "help":
        return "\n".join([*sorted(_ORDERS), "after N ORDER"])
    if act is None:
        raise Order(f"{line!r} is not understood; type help")
    try:
        act(printer, 0.0 if exact else float(rest))
    except ValueError:
        raise Order(f"{rest!r} is no number") from None
    return f"{line}: done"


def _later(printer: Any, line: str) -> str:
    """`after N ORDER`: once the printer has taken so many more bytes."""
    count, _, rest = line.partition(" ")
    if not count.isdecimal() or int(count) < 1:
        raise Order(f"after how many bytes? not {count!r}")
    printer.trigger = (int(count), lambda: order(printer, rest))
    return f"after {line}: waits"


def _set(**values: object) -> Callable[[Any, float], None]:
    def act(printer: Any, _number: float) -> None:
        for name, value in values.items():
            setattr(printer, name, value)

    return act


def _set_number(name: str, scale: Callable[[float], Any]) -> Callable[[Any, float], None]:
    return lambda printer, number: setattr(printer, name, scale(number))


_ORDERS: dict[str, Callable[[Any, float], None]] = {
    "paper out": _set(paper_out=True),
    "paper low": _set(paper_low=True),
    "paper in": _set(paper_out=False, paper_low=False),
    "roll N": lambda printer, mm: printer.load_roll(round(mm * printer.dpi / MM_PER_INCH)),
    "cover open": _set(cover_open=True),
    "cover closed": _set(cover_open=False),
    "offline ": _set(offline=True),
    "online ": _set(offline=False),
    "cutter jammed": _set(cutter_jammed=True),
    "cutter free": _set(cutter_jammed=False),
    "head hot": _set(hot=True),
    "head cool": _set(hot=False),
    "broken ": _set(broken=True),
    "mended ": _set(broken=False),
    "stall N": _set_number("stall_after", int),
    "stall over": _set(stall_after=None),
    "unplug ": _set(unplugged=True),
    "unplug N": _set_number("unplug_after", int),
    "plug ": _set(unplugged=False, unplug_after=None),
    "power off": _set(powered=False),
    "power on": _set(powered=True),
    "answers never": _set(silent=True),
    "answers N": _set_number("late", float),
    "answers now": _set(silent=False, late=0.0),
    "line N": _set_number("bytes_per_second", lambda baud: baud / 10),
    "line fast": _set(bytes_per_second=None),
    "cut ": lambda printer, _number: printer.cut(),
}
