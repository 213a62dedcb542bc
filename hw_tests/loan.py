"""The printer, borrowed from a running box: asked for, held by an open connection, given back whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from einvoiced.client import BoxError, BoxUnreachable, Client
from hw_tests.bench import Skip, user_name

if TYPE_CHECKING:
    from hw_tests.bench import Bench

SECONDS = 300.0


class Loan:
    """A printer that is ours for a while."""

    def __init__(self, box: Client | None) -> None:
        self._box = box
        self.clean = True
        """Whether every strip was sent to its end; set to False by who was interrupted."""

    def extend(self) -> None:
        """Hold it for longer: a person takes their time."""
        if self._box is not None:
            self._box.call("printer.lend", borrower=_name(), seconds=SECONDS)

    def give_back(self) -> None:
        """The box prints again. Should it be away, the end of the connection says the same."""
        if self._box is not None:
            with suppress(BoxError, BoxUnreachable):
                self._box.call("printer.return", clean=self.clean)


@contextmanager
def borrowed(bench: Bench) -> Iterator[Loan]:
    """The printer: nobody's when the box is stopped, else lent by it. Skip with the reason when it is not."""
    try:
        holder = bench.daemon()
    except PermissionError:
        raise Skip("whether einvoiced runs can only be seen by root; run hw-tests with sudo") from None
    if holder is None:
        yield Loan(None)
        return
    with Client(str(bench.run / "admin.sock"), timeout=40) as box:
        loan = Loan(box)
        try:
            loan.extend()
        except BoxUnreachable:
            raise Skip(f"einvoiced (pid {holder}) holds the printer and this user may not ask it to lend it") from None
        except BoxError as error:
            raise Skip(f"einvoiced (pid {holder}) does not lend the printer: {error}") from None
        try:
            yield loan
        finally:
            loan.give_back()


def _name() -> str:
    return f"hw-tests ({user_name()})"[:40]
