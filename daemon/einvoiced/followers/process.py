"""What the followers that are processes of their own share: their options, the status they tell, how they end."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path

from einvoiced import config, log, systemd


class Status:
    """How the work stands, told to systemd and a log, once until it changes."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger, self._said = logger, ""

    def say(self, text: str, level: int = logging.INFO) -> None:
        """It stands so now."""
        if text != self._said:
            self._logger.log(level, "%s", text)
            systemd.notify(STATUS=text)
        self._said = text


def options_parser(program: str, description: str, once: str) -> argparse.ArgumentParser:
    """The options of all: where the box is, how patient it is; `once` says what `--once` does."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--config", type=Path, default=config.FILE, help="the TOML file")
    parser.add_argument("--run", type=Path, default=Path("/run/einvoice"), help="where the box's sockets are")
    parser.add_argument("--retry", type=float, default=5.0, metavar="SECONDS", help="pause after a failure")
    parser.add_argument("--once", action="store_true", help=once)
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser


def begin(options: argparse.Namespace) -> None:
    """Log as asked; SIGTERM ends the process in order, with code 0."""
    log.set_up(options.verbose)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
