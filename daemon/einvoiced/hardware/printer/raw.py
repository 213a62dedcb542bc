"""Whether a stranger's ESC/POS bytes may stand between two strips: whole commands, and none that outlives them.

ESC @ before the next strip takes back every setting but those below; a command that was cut off would swallow it. An
answer outlives its slip too: the printer gives it when it comes to it, and it would confirm the strip behind.
"""

from __future__ import annotations

from .escpos_stream import DLE, ESC, GS, MAX_ITEM, CommandStream

_FOREVER = {
    bytes((ESC, ord("="))): "ESC = switches the printer deaf",
    b"\x1cq": "FS q writes the printer's memory",
    b"\x1cg": "FS g writes the printer's memory",
    bytes((DLE, 0x05)): "DLE ENQ ends an error or throws away what waits",
    bytes((DLE, 0x04)): "DLE EOT asks the printer, only the box may",
    b"\x1bu": "ESC u asks the printer, only the box may",
    b"\x1bv": "ESC v asks the printer, only the box may",
    b"\x1dr": "GS r asks the printer, only the box may",
    b"\x1dI": "GS I asks the printer, only the box may",
    b"\x1dg": "GS g asks the printer or clears its counters",
}
_FOREVER_GS = {
    b"A": "GS ( A prints a test",
    b"C": "GS ( C writes the printer's memory",
    b"E": "GS ( E changes the printer's settings",
    b"H": "GS ( H asks the printer, only the box may",
    b"M": "GS ( M changes the printer's settings",
}


def objection(data: bytes) -> str | None:
    """Why these bytes are not sent, in English; None when nothing speaks against them."""
    stream = CommandStream()
    for item in stream.push(data):
        reason = _FOREVER.get(item[:2])
        if item[:2] == bytes((GS, ord("("))):
            reason = _FOREVER_GS.get(item[2:3])
        if item[:2] == b"\x1da" and item[2:] != b"\0":
            reason = "GS a makes the printer talk unasked"
        if item[:2] == bytes((DLE, 0x14)) and item[2:3] != b"\x01":
            reason = "DLE DC4 may switch the printer off"
        if item[:2] == b"\x1dv" and len(item) == 8 and 0 not in _size(item):
            reason = f"a raster above {MAX_ITEM} bytes"
        if reason is not None:
            return reason
    return "the last command is cut off" if len(stream) else None


def _size(item: bytes) -> tuple[int, int]:
    return item[4] + 256 * item[5], item[6] + 256 * item[7]
