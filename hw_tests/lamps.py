"""The three lamps: every pattern in turn, with a drawing of what must be seen.

A running box is asked to show them (`lamps.show`) and goes on by itself; of a stopped one the pins are taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.config import LampsSection
from einvoiced.hardware.lamps import PATTERNS, Lamps, LampState
from hw_tests import pictures
from hw_tests.bench import Bench, Figure, Outcome, Skip

HOLD_SECONDS = 60.0
"""How long a running box shows a pattern when nobody says that it was seen."""

Show = Callable[[LampState], None]


def run(bench: Bench) -> Outcome:
    """Show each pattern; a person says whether it is right, else it stands for a while and nobody has looked."""
    section = bench.need_config().lamps
    if section.kind == "none":
        raise Skip("no lamps are configured")
    try:
        with _shower(bench, section) as show:
            seen = {state.value: _show(bench, show, state) for state in LampState}
    except OSError as error:
        return Outcome("fail", f"the pins cannot be used: {error}")
    figures: dict[str, Figure] = {"patterns": len(seen), **seen}
    wrong = [name for name, answer in seen.items() if answer is False]
    if wrong:
        return Outcome("fail", f"not as they should be: {', '.join(wrong)}; check wires and pins", figures)
    looked = all(answer is True for answer in seen.values())
    return Outcome("pass", "all patterns seen" if looked else "all patterns shown, nobody looked", figures)


@contextmanager
def _shower(bench: Bench, section: LampsSection) -> Iterator[Show]:
    """What shows a pattern: the running box, or the pins themselves."""
    try:
        holder = bench.daemon()
    except PermissionError:
        raise Skip("whether einvoiced runs can only be seen by root; run hw-tests with sudo") from None
    if holder is not None:
        with _by_the_box(bench, holder) as show:
            yield show
        return
    lamps = _open(section)
    try:
        yield lamps.show
    finally:
        lamps.close()


@contextmanager
def _by_the_box(bench: Bench, holder: int) -> Iterator[Show]:
    with Client(str(bench.run / "admin.sock")) as box:

        def show(state: LampState) -> None:
            try:
                box.call("lamps.show", state=state.value, seconds=HOLD_SECONDS)
            except (BoxUnreachable, BoxError) as error:
                raise Skip(f"einvoiced (pid {holder}) holds the lamps and does not show them: {error}") from None

        try:
            yield show
        finally:
            try:
                box.call("lamps.show", state="off", seconds=0)
            except (BoxUnreachable, BoxError):
                bench.say("the box goes on with its own pattern within a minute")


def _open(section: LampsSection) -> Lamps:
    if section.kind == "gpio":
        from einvoiced.hardware.lamps.gpio import GpioLamps

        return GpioLamps(section.green, section.amber, section.red)
    from einvoiced.hardware.lamps.virtual import VirtualLamps

    return VirtualLamps(Path(section.file) if section.file else None)


def _show(bench: Bench, show: Show, state: LampState) -> bool | None:
    bench.say(f"{state.value}: {picture_of(state)}\n{pictures.lamps(state)}")
    show(state)
    answer = bench.ask(f"Do the lamps look like this? {picture_of(state)}", "燈號是否如圖所示？")
    if answer is None:
        time.sleep(bench.pause)
    return answer


def picture_of(state: LampState) -> str:
    """A pattern in words: `green steady, amber dark, red dark`."""
    return ", ".join(f"{name} {pictures.words(light)}" for name, light in PATTERNS[state].lights())
