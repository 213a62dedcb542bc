"""Waiting for an event with a limit, without `asyncio.wait_for`: in Python 3.11 that one can swallow a cancellation
that comes in the same turn as the event (cpython #86296), and a daemon then never stops."""

from __future__ import annotations

import asyncio


async def happened(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, `seconds` at most; whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
