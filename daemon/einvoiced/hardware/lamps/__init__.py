"""The seam of the three lamps, and the one table of what they show.

Staff who cannot tell red from green read the rhythm: no two states share one, whatever the colours. Nothing blinks
faster than 2.5 times a second (WCAG 2.3.1 draws the line at three).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class LampState(enum.Enum):
    """What the box has to say without words."""

    OFF = "off"
    READY = "ready"
    BUSY = "busy"
    TAKEN = "taken"
    ATTENTION = "attention"
    STOP = "stop"


@dataclass(frozen=True)
class Light:
    """One lamp's rhythm in seconds; no `on_seconds` is dark, no `off_seconds` is steady light."""

    on_seconds: float
    off_seconds: float

    @property
    def lit(self) -> bool:
        return self.on_seconds > 0

    @property
    def blinking(self) -> bool:
        return self.on_seconds > 0 and self.off_seconds > 0


DARK = Light(0, 0)
STEADY = Light(1, 0)


@dataclass(frozen=True)
class Pattern:
    """What each lamp does in one state."""

    green: Light = DARK
    amber: Light = DARK
    red: Light = DARK

    def lights(self) -> tuple[tuple[str, Light], ...]:
        """The lamps' names and rhythms, in the order in which they stand on the box."""
        return (("green", self.green), ("amber", self.amber), ("red", self.red))


PATTERNS: Mapping[LampState, Pattern] = {
    LampState.OFF: Pattern(),
    LampState.READY: Pattern(green=STEADY),
    LampState.BUSY: Pattern(amber=Light(0.5, 0.5)),
    LampState.TAKEN: Pattern(green=Light(2.0, 0.5)),
    LampState.ATTENTION: Pattern(amber=Light(0.2, 1.8)),
    LampState.STOP: Pattern(red=Light(0.2, 0.2)),
}


class Lamps(Protocol):
    """Three lamps. One thread at a time; neither method blocks for long."""

    def show(self, state: LampState) -> None:
        """Show a state's pattern from now on; showing the same state again changes nothing, not even the rhythm."""

    def close(self) -> None:
        """Turn all lamps off and give the pins back; harmless when closed."""
