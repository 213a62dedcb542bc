"""What the sender of strips says of a printer that does not answer."""

from __future__ import annotations

import msgspec
import pytest

from einvoiced.followers.strip_sender import Look, StripSender
from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.virtual import VirtualTransport
from einvoiced.proof.profile import GENERIC_58


class Port(VirtualTransport):
    """A way that knows of the paper by itself, as USB's printer class does."""

    out: bool | None = None

    def paper_out(self) -> bool | None:
        return self.out


@pytest.mark.parametrize(("out", "trouble"), [(None, "silent"), (False, "silent"), (True, "paper_out")])
def test_the_ports_status_tells_why_a_printer_is_silent(out: bool | None, trouble: str) -> None:
    """Its "paper out" is believed; its "paper there" proves nothing, many printers never set the bit."""
    emulator = Emulator()
    emulator.silent = True
    port = Port(emulator)
    port.out = out
    assert StripSender(port, GENERIC_58).look() == Look(trouble)


@pytest.mark.parametrize(("out", "trouble"), [(None, None), (True, "paper_out")])
def test_a_printer_that_never_answers_is_asked_through_its_port(out: bool | None, trouble: str | None) -> None:
    """Without a return wire the port's status is all there is."""
    port = Port(Emulator())
    port.out = out
    profile = msgspec.structs.replace(GENERIC_58, confirmation="none")
    assert StripSender(port, profile).look() == Look(trouble)


def test_a_printer_that_answers_knows_better_than_its_port() -> None:
    """What it says itself counts."""
    port = Port(Emulator())
    port.out = True
    assert StripSender(port, GENERIC_58).look() == Look(None)
