"""The three lamps: every pattern in turn, with words for what must be seen."""

from __future__ import annotations

import time
from pathlib import Path

from einvoiced.config import LampsSection
from einvoiced.hardware.lamps import PATTERNS, Lamps, LampState, Light
from hw_tests.bench import Bench, Outcome, Skip


def run(bench: Bench) -> Outcome:
    """Show each pattern; a person says whether it is right, else it stands for a while and nobody has looked."""
    section = bench.need_config().lamps
    if section.kind == "none":
        raise Skip("no lamps are configured")
    bench.need_idle_daemon("the lamps")
    try:
        lamps = _open(section)
    except OSError as error:
        return Outcome("fail", f"the pins cannot be used: {error}")
    try:
        seen = {state.value: _show(bench, lamps, state) for state in LampState}
    finally:
        lamps.close()
    wrong = [name for name, answer in seen.items() if answer is False]
    if wrong:
        return Outcome("fail", f"not as they should be: {', '.join(wrong)}; check wires and pins", dict(seen))
    looked = all(answer is True for answer in seen.values())
    return Outcome("pass", "all patterns seen" if looked else "all patterns shown, nobody looked", dict(seen))


def _open(section: LampsSection) -> Lamps:
    if section.kind == "gpio":
        from einvoiced.hardware.lamps.gpio import GpioLamps

        return GpioLamps(section.green, section.amber, section.red)
    from einvoiced.hardware.lamps.virtual import VirtualLamps

    return VirtualLamps(Path(section.file) if section.file else None)


def _show(bench: Bench, lamps: Lamps, state: LampState) -> bool | None:
    picture = picture_of(state)
    bench.say(f"{state.value}: {picture}")
    lamps.show(state)
    answer = bench.ask(f"Do the lamps look like this? {picture}", "燈號是否如上所述？")
    if answer is None:
        time.sleep(bench.pause)
    return answer


def picture_of(state: LampState) -> str:
    """A pattern in words: `green steady, amber dark, red dark`."""
    return ", ".join(f"{name} {words(light)}" for name, light in PATTERNS[state].lights())


def words(light: Light) -> str:
    """One lamp's rhythm in words, as docs/lamps.md writes it."""
    if light.blinking:
        return f"{light.on_seconds:g} s on, {light.off_seconds:g} s off"
    return "steady" if light.lit else "dark"
