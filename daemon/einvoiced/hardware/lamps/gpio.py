"""Lamps on GPIO pins, through gpiozero.

lgpio makes a FIFO in the working directory when it is imported: the daemon's must be writable. No process may fork
after that. A blinking lamp is a thread of gpiozero's, so it is told to blink on changes only.
"""

from __future__ import annotations

import contextlib
from typing import Any

from . import PATTERNS, LampState, Light


class GpioLamps:
    """Three LEDs on pins by Broadcom number; `pin_factory` None is the board's lgpio. OSError when there is none."""

    def __init__(self, green: int, amber: int, red: int, *, active_high: bool = True, pin_factory: Any = None) -> None:
        self._own_factory = _lgpio_factory() if pin_factory is None else None
        factory = self._own_factory if pin_factory is None else pin_factory
        self._state: LampState | None = None
        self._leds: dict[str, Any] = {}
        try:
            for name, pin in (("green", green), ("amber", amber), ("red", red)):
                self._leds[name] = _led(pin, active_high, factory)
        except Exception:
            self.close()
            raise

    def show(self, state: LampState) -> None:
        if state is self._state or not self._leds:
            return
        for name, light in PATTERNS[state].lights():
            _drive(self._leds[name], light)
        self._state = state

    def close(self) -> None:
        leds, self._leds = self._leds, {}
        for led in leds.values():
            # A lamp left alone stays lit after the process has gone: off first, whatever becomes of the pin.
            with contextlib.suppress(Exception):
                led.off()
            with contextlib.suppress(Exception):
                led.close()
        factory, self._own_factory = self._own_factory, None
        if factory is not None:
            with contextlib.suppress(Exception):
                factory.close()


def _lgpio_factory() -> Any:
    try:
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except Exception as error:  # gpiozero, lgpio and the kernel each have their own
        raise OSError(f"no GPIO here: {error}") from error


def _led(pin: int, active_high: bool, factory: Any) -> Any:
    from gpiozero import LED
    from gpiozero.exc import GPIOZeroError

    try:
        return LED(pin, active_high=active_high, initial_value=False, pin_factory=factory)
    except GPIOZeroError as error:
        raise OSError(f"GPIO {pin}: {error}") from error


def _drive(led: Any, light: Light) -> None:
    if light.blinking:
        led.blink(on_time=light.on_seconds, off_time=light.off_seconds, background=True)
    elif light.lit:
        led.on()
    else:
        led.off()
