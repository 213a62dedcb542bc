"""The printer at the other end of the box's USB serial line: the project's emulator, fed with what the box sends."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from einvoiced.hardware.printer.emulator import Emulator
from einvoiced.hardware.printer.strip import Strip

_TICK = 0.02


class Printer:
    """It stays on the counter while boxes come and go; `connect` plugs the line of a box into it. Any thread."""

    def __init__(self) -> None:
        self.emulator = Emulator(384, process_id=True, keep=100_000)
        self.finished: list[tuple[float, Strip]] = []
        self.emulator.finished = lambda strip: self.finished.append((time.monotonic(), strip))
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def connect(self, path: Path, timeout: float = 20.0) -> None:
        """Take the line that a machine listens on; TimeoutError when it does not."""
        self.disconnect()
        deadline = time.monotonic() + timeout
        while True:
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(str(path))
                break
            except OSError as error:
                line.close()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nobody listens on {path}") from error
                time.sleep(_TICK)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, args=(line, self._stop), daemon=True)
        self._thread.start()

    def disconnect(self) -> None:
        """Leave the line; what arrived is printed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def strips_since(self, count: int) -> list[Strip]:
        """What came out after the first `count` strips."""
        return [strip for _, strip in self.finished[count:]]

    def _carry(self, line: socket.socket, stop: threading.Event) -> None:
        """Bytes there and answers back, until either end hangs up; no more is read than the printer takes."""
        backlog = b""
        with line, suppress(OSError):
            while not stop.is_set():
                if not backlog and select.select([line], [], [], _TICK)[0]:
                    backlog = line.recv(4096)
                    if not backlog:
                        return
                taken, answers = self.emulator.accept(backlog)
                backlog = backlog[taken:]
                if answers:
                    line.sendall(answers)
                if backlog:
                    stop.wait(_TICK)


def numbers_on(strip: Strip) -> set[str]:
    """The invoice numbers in a strip's QR codes: the left one begins with the number (格式說明: its first ten)."""
    import zxingcpp
    from PIL import Image, ImageOps

    picture = ImageOps.expand(strip.image.convert("L"), border=24, fill=255)
    picture = picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.NEAREST)
    found = zxingcpp.read_barcodes(picture)
    return {code.text[:10] for code in found if code.format == zxingcpp.BarcodeFormat.QRCode and len(code.text) >= 77}
