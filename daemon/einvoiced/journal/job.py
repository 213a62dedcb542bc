"""What waits for a commit: an action, and who is told what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from einvoiced.journal.transaction import Action

T = TypeVar("T")

log = logging.getLogger(__name__)


class Job(Generic[T]):
    """An action that waits for its group's commit. Await it once, or have `then` called back, in the journal's loop."""

    __slots__ = ("_callback", "action", "afterwards", "delivered", "error", "parked", "result")

    def __init__(self, action: Action[T], callback: Callable[[Job[T]], None] | None = None) -> None:
        self.action, self._callback = action, callback
        self.parked = self.delivered = False
        self.afterwards: list[Callable[[], None]] = []
        self.result: T | None = None
        self.error: BaseException | None = None

    def then(self, callback: Callable[[Job[T]], None]) -> None:
        """Call back once `result` or `error` stands, straight after the commit, or at once when it is over."""
        self._callback = callback
        if self.delivered:
            self.deliver()

    def __await__(self) -> Generator[Any, None, T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.then(lambda job: job.settle(future))
        return future.__await__()

    def settle(self, future: Any) -> None:
        """Hand the outcome to a future that still waits for it."""
        if future.done():
            return
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(self.result)

    def deliver(self) -> None:
        """Call back (journal only); a fault of the receiver's harms nobody else."""
        self.delivered = True
        try:
            if self._callback is not None:
                self._callback(self)
        except Exception:
            log.exception("an answer could not be delivered")
