"""Did it come out? Epson's process id: GS ( H function 48, answered when everything before it is on paper.

TM-T88IV and later, TM-T82III and TM-T20 have it; others stay silent, which proves nothing.
(Epson, ESC/POS command reference, GS ( H: answer 37h 22h, the four characters, 00h.)
"""

from __future__ import annotations

import time

from . import PrinterUnavailable, Transport
from .status import Answer

_KEPT = 256


def process_id_command(token: bytes) -> bytes:
    """The command that asks for an answer carrying `token`, four printable ASCII characters; else ValueError."""
    if len(token) != 4 or not all(0x20 <= byte <= 0x7E for byte in token):
        raise ValueError("a process id is four printable ASCII characters")
    return b"\x1d(H\x06\x00\x30\x30" + token


def process_id_answer(token: bytes) -> bytes:
    """What a printer says when all before the command with `token` is printed."""
    return b"\x37\x22" + token + b"\x00"


def wait_for_process_id(transport: Transport, token: bytes, timeout: float) -> Answer:
    """YES when the answer to `token` arrived within `timeout` seconds, else UNKNOWN; there is no NO.

    Other answers that arrive meanwhile are read away. Never raises for the device.
    """
    wanted = process_id_answer(token)
    heard = b""
    deadline = time.monotonic() + timeout
    while True:
        try:
            heard += transport.read(max(0.0, deadline - time.monotonic()))
        except PrinterUnavailable:
            return Answer.UNKNOWN
        if wanted in heard:
            return Answer.YES
        heard = heard[-_KEPT:]
        if time.monotonic() >= deadline:
            return Answer.UNKNOWN
