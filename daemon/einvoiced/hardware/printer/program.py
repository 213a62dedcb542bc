"""`einvoiced-printer`: a receipt printer to play with, behind a pty or on a TCP port; its paper comes out as pictures.

Its switches are lines on its standard input (`orders`): `paper out`, `cover open`, `stall 100`, `unplug`, …
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .emulator import Emulator
from .strip import Strip
from .switches import MM_PER_INCH, Order, order
from .virtual import BAUDRATES, serve_pty, serve_tcp


def main() -> int:
    """The entry point: serve until the standard input ends."""
    options = _options()
    emulator = Emulator(options.width, options.paper, options.process_id, dpi=options.dpi, finished=_say)
    if options.roll_mm:
        order(emulator, f"roll {options.roll_mm}")
    if options.baudrate:
        emulator.bytes_per_second = options.baudrate / 10
    where, stop = _serve(emulator, options)
    sys.stdout.write(f"printer at {where}; paper in {options.paper}; type help\n")
    sys.stdout.flush()
    try:
        for line in sys.stdin:
            sys.stdout.write(_obey(emulator, line.strip()) + "\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    finally:
        stop()
    return 0


def _serve(emulator: Emulator, options: argparse.Namespace) -> tuple[str, Callable[[], None]]:
    if options.tcp is not None:
        port, stop = serve_tcp(emulator, port=options.tcp)
        return f"127.0.0.1:{port}", stop
    return serve_pty(emulator, options.pty, options.baudrate)


def _obey(emulator: Emulator, line: str) -> str:
    try:
        return order(emulator, line)
    except Order as wrong:
        return str(wrong)


def _say(strip: Strip) -> None:
    sys.stdout.write(f"strip of {strip.height * MM_PER_INCH / strip.dpi:.1f} mm\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="einvoiced-printer", description=__doc__.partition("\n")[0])
    parser.add_argument("--pty", type=Path, metavar="LINK", help="a link to the pty (default: /dev/pts/N alone)")
    parser.add_argument("--tcp", type=int, metavar="PORT", help="a TCP port of this machine instead; 0: any")
    parser.add_argument("--paper", type=Path, metavar="DIR", default=Path("paper"), help="where strips go, as PNG")
    parser.add_argument("--width", type=int, default=384, help="dots of the head: 384, 576, 360 …")
    parser.add_argument("--dpi", type=float, default=203.2, help="203.2 or 180: the size of the pictures")
    parser.add_argument("--baudrate", type=int, choices=BAUDRATES, help="as slow as a serial line of this speed")
    parser.add_argument("--process-id", action="store_true", help="answers GS ( H when all before it is printed")
    parser.add_argument("--roll-mm", type=int, metavar="N", help="millimetres of paper (default: without end)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
