"""The slip after a start: once in the life of a box, or once after every boot of the machine, or never.

It waits until the printer is there: what it says is then true. Which boot it was printed for stands in a file of the
state: a daemon that is started again and again by systemd does not spill paper.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import einvoiced
from einvoiced.actions.status import Status
from einvoiced.followers.status_slip import Machine, status_slip
from einvoiced.hardware.addresses import addresses

if TYPE_CHECKING:
    from einvoiced.config import PrinterSection
    from einvoiced.proof.document import Document

FILE = "boot-slip"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LOOK_SECONDS = 0.5

log = logging.getLogger(__name__)


Mode = Literal["never", "first", "always"]


class StatusPrinter:
    """Puts the status on paper. `status` asks the box, `print_slip` gives a document to the printer."""

    def __init__(
        self, status: Callable[[], Awaitable[Status]], print_slip: Callable[[Document], None], section: PrinterSection
    ) -> None:
        self._status, self._print, self._section = status, print_slip, section

    async def print(self, status: Status, shop_name: str, *, booted: bool = False) -> None:
        """Queue the slip of a status."""
        self._print(status_slip(status, await asyncio.to_thread(self._machine), shop_name, booted=booted))

    async def after_start(self, mode: Mode, state: Path, printer: Callable[[], str], shop: Callable[[], str]) -> None:
        """Wait until the printer is ready, then print once, as `mode` says."""
        boot = await asyncio.to_thread(BOOT_ID.read_text, "ascii")
        if not await asyncio.to_thread(wanted, mode, state, boot):
            return
        while True:
            if printer() == "ready":
                break
            await asyncio.sleep(LOOK_SECONDS)
        try:
            await asyncio.to_thread((state / FILE).write_text, boot)
        except OSError as error:
            log.warning("no boot slip, its mark cannot be written: %s", error)
            return
        await self.print(await self._status(), shop(), booted=True)

    def _machine(self) -> Machine:
        way = f"{self._section.transport} {self._section.device}".strip()
        return Machine(einvoiced.__version__, socket.gethostname(), addresses(), way)


def wanted(mode: Mode, state: Path, boot: str) -> bool:
    """Whether this start prints: its mark says for which boot the last one was."""
    try:
        last = (state / FILE).read_text(encoding="ascii")
    except OSError:
        last = ""
    return (mode == "first" and not last) or (mode == "always" and last != boot)
