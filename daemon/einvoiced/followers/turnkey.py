"""einvoiced-turnkey: puts messages for the tax platform into Turnkey's folder and reads its answers.

A process and unit of its own, a client of the admin socket: a network folder that hangs, fills up or goes away can
never stop the till. It may be killed at any step and nothing is lost or leaves twice (`followers.drop`). Whatever fails
is said and tried again, for ever.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import sys
import time
from pathlib import Path

from einvoiced import config, systemd
from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.errors import EinvoicedError
from einvoiced.followers.answer_memory import Memory
from einvoiced.followers.drop import Drop, Layout
from einvoiced.followers.platform_answers import AnswerReader
from einvoiced.followers.process import Status, begin, options_parser

ANSWER_FOLDERS = ("ProcessResult", "SummaryResult")
MEMORY = "read-answers.db"
CALL_SECONDS = 60.0
BUSY = 10.0
"""A look at a long outbox is followed by a pause so many times as long: the till goes first."""

logger = logging.getLogger("einvoiced-turnkey")


class Turnkey:
    """The follower at work. `retry` is the pause after a failure, in seconds."""

    def __init__(self, config_file: Path, run: Path, state: Path, retry: float) -> None:
        self._config_file, self._run, self._state, self._retry = config_file, run, state, retry
        self._status = Status(logger)
        self._poll = retry
        self._reader: AnswerReader | None = None
        self._bad: set[tuple[int, str, str]] = set()

    def run(self) -> None:
        """For ever."""
        with Client(str(self._run / "admin.sock"), timeout=CALL_SECONDS) as box:
            while True:
                begun = time.monotonic()
                pause = self._retry
                try:
                    self.work(box)
                    pause = max(self._poll, BUSY * (time.monotonic() - begun))
                except BoxUnreachable:
                    self._status.say("waiting for the box 等待主機服務")
                    pause = min(pause, 0.5)
                except BoxError as error:
                    self._status.say(f"the box refuses: {error}", logging.WARNING)
                except EinvoicedError as error:
                    self._status.say(f"{error} {error.message_zh}", logging.WARNING)
                except OSError as error:
                    self._status.say(f"waiting 等待上傳資料夾: {error}", logging.WARNING)
                time.sleep(pause)

    def work(self, box: Client) -> None:
        """One look: finish what a crash left, send what may leave, read what the platform says."""
        turnkey = config.load(self._config_file).turnkey
        self._poll = turnkey.poll_seconds
        if not turnkey.spool:
            raise FileNotFoundError(2, "no turnkey.spool in the configuration", str(self._config_file))
        spool = Path(turnkey.spool)
        drop = Drop(box, Layout(spool, turnkey.storage, turnkey.tracks), "folder", self._bad)
        finished = drop.recover()
        sent = drop.send() + finished
        accepted, refused = self._answers(box, spool).read_new()
        if sent or accepted or refused:
            self._status.say(
                f"sent {sent}, accepted {accepted}, refused {refused} 已送出{sent}筆、接受{accepted}筆、退回{refused}筆"
            )
        else:
            self._status.say("nothing to send 沒有待上傳資料")

    def _answers(self, box: Client, spool: Path) -> AnswerReader:
        if self._reader is None:
            folders = [spool / "Unpack" / "BAK" / name for name in ANSWER_FOLDERS]
            self._reader = AnswerReader(box, folders, Memory(self._state / MEMORY))
        return self._reader


def main() -> int:
    """The entry point `einvoiced-turnkey`. Exit codes of `--once`: 0 done, 1 failed."""
    options = _options()
    begin(options)
    try:
        alone = only_one(options.state)
    except OSError as error:
        logger.error("another einvoiced-turnkey is at work, or %s cannot be written: %s", options.state, error)
        return 1
    turnkey = Turnkey(options.config, options.run, options.state, options.retry)
    systemd.notify(READY=1)
    if not options.once:
        turnkey.run()
    try:
        with Client(str(options.run / "admin.sock"), timeout=CALL_SECONDS) as box:
            turnkey.work(box)
    except (EinvoicedError, BoxError, OSError) as error:
        logger.error("%s", error)
        return 1
    finally:
        os.close(alone)
    return 0


def only_one(state: Path) -> int:
    """Keep others from the same box's files until the descriptor is closed: two would throw away what the other has
    aside. BlockingIOError when one is at work.
    """
    state.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _options() -> argparse.Namespace:
    parser = options_parser("einvoiced-turnkey", "Put messages into Turnkey's folder.", "one look, then end")
    state = Path(systemd.directory("STATE_DIRECTORY", "/var/lib/einvoiced-turnkey"))
    parser.add_argument("--state", type=Path, default=state, help="where it keeps which answers it has read")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
