"""The cash drawer on the printer's plug: opened now, between two strips, or not at all."""

from __future__ import annotations

import concurrent.futures
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from einvoiced.actions.paper_notices import Reason
from einvoiced.errors import DrawerNotOpened
from einvoiced.hardware.printer import WriteInterrupted

DRAWER_SECONDS = 0.9
"""A drawer opens within a second, or not at all."""


@dataclass(slots=True)
class _Pulse:
    begun_by: float
    done: concurrent.futures.Future[None] = field(default_factory=concurrent.futures.Future)


class Drawer:
    """Those who wait for the drawer. `open` may be called from any thread, the rest from the printer's."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake`: tell the printer's thread that somebody waits."""
        self._wake = wake
        self._pulses: deque[_Pulse] = deque()

    def open(self, trouble: Reason | None) -> None:
        """Open it now; blocks for at most a second. DrawerNotOpened when the printer is busy or in `trouble`."""
        if trouble is not None:
            raise DrawerNotOpened(detail=trouble.en, detail_zh=trouble.zh)
        pulse = _Pulse(time.monotonic() + DRAWER_SECONDS / 2)
        self._pulses.append(pulse)
        self._wake()
        try:
            pulse.done.result(DRAWER_SECONDS)
        except concurrent.futures.TimeoutError:
            pulse.done.cancel()
            raise DrawerNotOpened(detail="the printer is busy", detail_zh="印表機列印中") from None

    def serve(self, pulse: Callable[[], None]) -> None:
        """Open it for everybody who still waits; `pulse` raises WriteInterrupted, or ValueError for no drawer."""
        while self._pulses:
            waiting = self._pulses.popleft()
            if time.monotonic() > waiting.begun_by or not waiting.done.set_running_or_notify_cancel():
                continue
            try:
                pulse()
            except (WriteInterrupted, ValueError) as error:
                waiting.done.set_exception(DrawerNotOpened(detail=str(error), detail_zh="印表機未接受指令"))
            else:
                waiting.done.set_result(None)

    def refuse(self, trouble: Reason | None) -> None:
        """Tell all who wait why it stays shut."""
        detail, detail_zh = (trouble.en, trouble.zh) if trouble is not None else ("not ready", "尚未就緒")
        while self._pulses:
            waiting = self._pulses.popleft()
            if waiting.done.set_running_or_notify_cancel():
                waiting.done.set_exception(DrawerNotOpened(detail=detail, detail_zh=detail_zh))
