"""The process that answers questions from the read model: `python -m einvoiced.readmodel.child STATE`.

One JSON object a line on standard input, one on standard output: `{"id", "ask", "question"}` gets `{"id", "result"}` or
`{"id", "error"}`; while entries are taken in, `{"progress": [done, of]}` comes in between. It ends when its input ends,
when nobody has asked for a while, and when the journal has another owner.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from einvoiced.actions.ask_report import ReportQuestion
from einvoiced.actions.find_invoices import Question
from einvoiced.errors import EinvoicedError
from einvoiced.journal import reading, store
from einvoiced.journal.reading import OwnerChanged
from einvoiced.readmodel import questions, totals
from einvoiced.readmodel.follow import ReadModel, discard

FILE = "find.db"
IDLE_SECONDS = 300.0
_PR_SET_PDEATHSIG = 1

_encode = msgspec.json.Encoder().encode


class Asked(Struct, frozen=True):
    """One question; `ask` names its kind."""

    id: int
    ask: str
    question: Raw


def _find(db: sqlite3.Connection, question: Raw) -> Any:
    return questions.find(db, msgspec.json.decode(question, type=Question))


def _report(db: sqlite3.Connection, question: Raw) -> Any:
    return totals.report(db, msgspec.json.decode(question, type=ReportQuestion))


KINDS: dict[str, Callable[[sqlite3.Connection, Raw], Any]] = {"find": _find, "report": _report}


def _say(**what: Any) -> None:
    sys.stdout.buffer.write(_encode(what) + b"\n")
    sys.stdout.buffer.flush()


class Answers:
    """The model, opened when it is first needed and again after it was thrown away."""

    def __init__(self, state: Path) -> None:
        self._file, self._journal = state / FILE, state / "journal" / store.FILE
        self._model: ReadModel | None = None

    def answer(self, asked: Asked) -> None:
        """Catch up, then answer; a damaged model is built anew, once."""
        for last in (False, True):
            try:
                _say(id=asked.id, result=self._ask(asked))
                return
            except sqlite3.DatabaseError as error:
                self._throw_away()
                if last:
                    _say(id=asked.id, error=f"{type(error).__name__}: {error}")
            except (EinvoicedError, KeyError, msgspec.MsgspecError, ValueError) as error:
                _say(id=asked.id, error=f"{type(error).__name__}: {error}")
                return

    def _ask(self, asked: Asked) -> Any:
        if self._model is None:
            self._model = ReadModel(self._file, self._journal)
        self._model.catch_up(lambda done, of: _say(progress=[done, of]))
        return KINDS[asked.ask](self._model.db, asked.question)

    def _throw_away(self) -> None:
        if self._model is not None:
            with contextlib.suppress(sqlite3.Error):
                self._model.close()
            self._model = None
        discard(self._file)

    def close(self) -> None:
        """Let go of everything."""
        if self._model is not None:
            self._model.close()


def give_way() -> None:
    """Die with the daemon, stay out of everybody's way; a sandbox may forbid the second."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the daemon's to handle
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")  # rather this one than the daemon
        reading.be_gentle()


def main() -> int:
    """Answer until the input ends."""
    give_way()
    os.umask(0o077)
    answers = Answers(Path(sys.argv[1]))
    decoder = msgspec.json.Decoder(Asked)
    buffer = b""
    try:
        while True:
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                answers.answer(decoder.decode(line))
            if not select.select([0], [], [], IDLE_SECONDS)[0]:
                return 0
            part = os.read(0, 65536)
            if not part:
                return 0
            buffer += part
    except (OwnerChanged, BrokenPipeError):
        return 0
    finally:
        answers.close()


if __name__ == "__main__":
    sys.exit(main())
