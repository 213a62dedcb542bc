"""einvoiced-mirror: keeps a second copy of the journal on another disk, and witnesses how far it got.

A process and unit of its own: a disk that is slow, full or gone can never stop the till. It may be killed at any step;
at its start it cuts what was torn, tells the box what it holds (`witness.report`) and obeys: only a copy that agrees
with the journal is written on. Whatever fails is said and tried again, for ever.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any

from einvoiced import config, systemd
from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.errors import EinvoicedError
from einvoiced.followers.mirror_copy import MirrorCopy, MirrorDiffers
from einvoiced.followers.process import Status, begin, options_parser

WAIT_SECONDS = 20.0
"""How long the box may hold a question for new entries."""

BATCH_SECONDS = 0.05
"""Pause between pages: entries that come together are synced together, and the till goes first."""

LIMIT = 250
DISAGREES = 3
"""The exit code of `--once` when the box does not agree with the copy."""

logger = logging.getLogger("einvoiced-mirror")


class Disagreement(Exception):
    """The box says that this copy is of another history than its journal."""


class Mirror:
    """One mirror at work. `retry` is the pause after a failure, in seconds; a disagreement waits six times as long."""

    def __init__(self, config_file: Path, run: Path, retry: float) -> None:
        self._config_file, self._run, self._retry = config_file, run, retry
        self._status = Status(logger)

    def run(self) -> None:
        """For ever."""
        while True:
            pause = self._retry
            try:
                self.follow()
            except BoxUnreachable:
                self._status.say("waiting for the box 等待主機服務")
                pause = min(pause, 0.5)
            except BoxError as error:
                self._status.say(f"the box refuses: {error}", logging.WARNING)
            except Disagreement as error:
                self._status.say(f"STOPPED 已停止備份: {error}", logging.ERROR)
                pause *= 6
            except (EinvoicedError, MirrorDiffers, OSError) as error:
                self._status.say(f"waiting 等待備份磁碟: {error}", logging.WARNING)
            time.sleep(pause)

    def follow(self, *, once: bool = False) -> None:
        """Open the copy, agree with the box, and copy; `once`: until all is copied."""
        directory = config.load(self._config_file).mirror.directory
        if not directory:
            raise FileNotFoundError(2, "no mirror.directory in the configuration", str(self._config_file))
        with Client(str(self._run / "admin.sock"), timeout=WAIT_SECONDS + 20) as box:
            box.call("box.status")  # no disk is touched while the box is away
            copy = MirrorCopy(Path(directory))
            head = self._report(box, copy)
            while not once or copy.sequence < head:
                page = box.call("journal.read", after=copy.sequence, limit=LIMIT, wait=0 if once else WAIT_SECONDS)
                if page["entries"]:
                    copy.append(body.encode() for body in page["entries"])
                    head = self._report(box, copy)
                    time.sleep(BATCH_SECONDS)

    def _report(self, box: Client, copy: MirrorCopy) -> int:
        """Tell how far the copy is; gives the journal's head. Disagreement unless the box agrees."""
        held = {"epoch": copy.epoch, "sequence": copy.sequence, "hash": copy.hash}
        judged: Any = box.call("witness.report", witness="mirror", journal=copy.marker.journal, **held)
        verdict, journal = judged["verdict"], judged["journal"]
        if verdict == "agrees" and journal != copy.marker.journal:
            verdict = "other_journal"
        if verdict != "agrees":
            raise Disagreement(
                f"{verdict}: this copy holds entry {copy.sequence} of journal {copy.marker.journal}, the box "
                f"{judged['sequence']} of {journal}; 請執行 run einvoicectl journal reconcile"
            )
        self._status.say(f"copied up to entry {copy.sequence} 已備份至第 {copy.sequence} 筆")
        return int(judged["sequence"])


def main() -> int:
    """The entry point `einvoiced-mirror`. Exit codes of `--once`: 0 copied, 1 failed, 3 the box does not agree."""
    what, once = "Keep a second copy of the journal.", "copy what there is, then end"
    options = options_parser("einvoiced-mirror", what, once).parse_args()
    begin(options)
    mirror = Mirror(options.config, options.run, options.retry)
    systemd.notify(READY=1)
    if not options.once:
        mirror.run()
    try:
        mirror.follow(once=True)
    except Disagreement as error:
        logger.error("%s", error)
        return DISAGREES
    except (EinvoicedError, MirrorDiffers, BoxError, OSError) as error:
        logger.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
