"""At which speed does a serial printer answer? For technicians: a wrong speed may print a few odd characters."""

from __future__ import annotations

from collections.abc import Sequence

from . import FlowControl, PrinterUnavailable
from .serial import SerialTransport
from .status import Answer, query

BAUDRATES = (115200, 9600, 38400, 19200, 57600)
"""The speeds that receipt printers have, the likeliest first."""

ANSWER_SECONDS = 0.25
SLOW = 9600
"""At this speed and below a proof takes longer than a customer waits; the printer's own switch raises it."""


def find_baudrate(device: str, flow_control: FlowControl, rates: Sequence[int] = BAUDRATES) -> int | None:
    """The first speed at which the printer answers DLE EOT; None when it never does. PrinterUnavailable: not there."""
    for rate in rates:
        transport = SerialTransport(device, baudrate=rate, flow_control=flow_control)
        try:
            transport.open()
            if query(transport, ANSWER_SECONDS).online is not Answer.UNKNOWN:
                return rate
        except PrinterUnavailable:
            if rate == rates[0]:
                raise
        finally:
            transport.close()
    return None
