"""Lamps show state: the keeper turns the status, and what a stick is doing, into one of the lamps' patterns."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from einvoiced.actions.status import Status
from einvoiced.hardware.lamps import Lamps, LampState
from einvoiced.waiting import happened

SECONDS = 1.0
VERDICT_SECONDS = 10.0
"""How long the verdict on a stick stays on the lamps."""

log = logging.getLogger(__name__)


class LampKeeper:
    """Runs in the loop. A stick at work goes before a verdict, a verdict before the state of the box."""

    def __init__(self, lamps: Lamps, status: Callable[[], Awaitable[Status]]) -> None:
        self._lamps, self._status = lamps, status
        self._busy = False
        self._test: tuple[LampState, float] = (LampState.OFF, 0.0)
        self._verdict: tuple[LampState, float] = (LampState.OFF, 0.0)
        self._look = asyncio.Event()

    def busy(self, busy: bool) -> None:
        """A batch is being worked on, or no longer."""
        self._busy = busy
        self._look.set()

    def verdict(self, refused: bool) -> None:
        """Show for a while that a file was taken or refused."""
        state = LampState.ATTENTION if refused else LampState.TAKEN
        self._verdict = (state, time.monotonic() + VERDICT_SECONDS)
        self._look.set()

    def stick_seen(self) -> None:
        """A stick came or went: show that it was noticed."""
        self._verdict = (LampState.BUSY, time.monotonic() + 1.0)
        self._look.set()

    def test(self, state: str, seconds: float) -> None:
        """Show a pattern for a technician, before everything else: the lamps show it when this returns."""
        self._test = (LampState(state), time.monotonic() + seconds)
        if seconds > 0:
            self._show(LampState(state))
        self._look.set()

    async def run(self) -> None:
        """Keep the lamps right until cancelled."""
        while True:
            self._look.clear()
            state = await self._state()
            if self._look.is_set():  # what came while the status was asked for is newer than it
                continue
            self._show(state)
            await happened(self._look, SECONDS)

    def _show(self, state: LampState) -> None:
        try:
            self._lamps.show(state)
        except OSError as error:
            log.warning("the lamps cannot be set: %s", error)

    async def close(self) -> None:
        """All off."""
        self._lamps.close()

    async def _state(self) -> LampState:
        tested, tested_until = self._test
        if time.monotonic() < tested_until:
            return tested
        if self._busy:
            return LampState.BUSY
        state, until = self._verdict
        if time.monotonic() < until:
            return state
        return LampState((await self._status()).lamps)
