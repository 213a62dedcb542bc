"""The box that is looked at. Nothing here changes it: no lock is taken, the journal is opened to be read only."""

from __future__ import annotations

import functools
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from einvoiced import config, parts
from einvoiced.actions.box import Box, Shop
from einvoiced.client import BoxError, BoxUnreachable, Client
from einvoiced.errors import ConfigError, JournalBroken
from einvoiced.journal import reading, store
from einvoiced.journal.transaction import Action, Transaction
from einvoiced.rules.invoice import Seller
from einvoiced.rules.sale import Policy
from einvoiced.rules.share import Share

T = TypeVar("T")
STANDARD_STATE = Path("/var/lib/einvoiced")
ANSWER_SECONDS = 5.0
SYSTEMCTL_SECONDS = 10.0


@dataclass(frozen=True)
class Site:
    """Where the box's files and sockets are. Everything else is found out once, when it is asked for."""

    config_file: Path
    state: Path
    run: Path

    @property
    def installed(self) -> bool:
        """Whether this is the machine's own box, and not a trial in some folder."""
        return self.state == STANDARD_STATE

    @property
    def has_systemd(self) -> bool:
        """Whether systemd runs this machine (sd_booted(3))."""
        return Path("/run/systemd/system").is_dir()

    # -- the configuration

    @functools.cached_property
    def loaded(self) -> config.Config | ConfigError:
        """The configuration, or what is wrong with it."""
        try:
            return config.load(self.config_file)
        except ConfigError as error:
            return error

    @property
    def config(self) -> config.Config:
        """The configuration; what a box without one runs on where it is not valid."""
        return config.UNCONFIGURED if isinstance(self.loaded, ConfigError) else self.loaded

    # -- the daemon

    @functools.cached_property
    def unit(self) -> dict[str, str]:
        """What systemd says of einvoiced.service; empty where it does not run this box."""
        if not self.installed or not self.has_systemd:
            return {}
        return show_unit("einvoiced.service")

    @property
    def asleep(self) -> bool:
        """Whether systemd has stopped the service: whoever connects to a socket would start it."""
        return bool(self.unit) and self.unit.get("ActiveState") not in ("active", "activating", "reloading")

    @functools.cached_property
    def status(self) -> dict[str, Any] | str:
        """`box.status`, or why there is none. A service that systemd has stopped is not woken by asking."""
        if self.asleep:
            return f"einvoiced.service is {self.unit.get('ActiveState', 'unknown')}"
        return self.ask("box.status")

    @functools.cached_property
    def info(self) -> dict[str, Any]:
        """`box.info`, {} when nobody answers."""
        answer = self.ask("box.info") if isinstance(self.status, dict) else ""
        return answer if isinstance(answer, dict) else {}

    def ask(self, method: str) -> dict[str, Any] | str:
        """One question over the admin's socket, else the till's; or why there is no answer."""
        why = ""
        for name in ("admin", "till"):
            try:
                with Client(str(self.run / f"{name}.sock"), timeout=ANSWER_SECONDS) as box:
                    answer: dict[str, Any] = box.call(method)
                    return answer
            except (BoxUnreachable, BoxError) as error:
                why = why or str(error)
        return why

    # -- the journal, read only

    @property
    def journal_file(self) -> Path:
        """The journal's database."""
        return self.state / "journal" / store.FILE

    @contextmanager
    def journal(self) -> Iterator[sqlite3.Connection]:
        """The journal to be read, for a moment. JournalMissing, PermissionError or sqlite3.Error."""
        self.journal_file.stat()
        with closing(reading.open_read_only(self.journal_file)) as db:
            yield db

    def read(self, question: Action[T]) -> T:
        """Put one of the daemon's own questions to the journal. As `journal`; JournalBroken: torn or empty."""
        with self.journal() as db:
            head = store.prove_tail(db)
            if not head.sequence:
                raise JournalBroken(detail="it has no entry")
            return question(Transaction(db, head, self.box.clock))

    @functools.cached_property
    def box(self) -> Box:
        """What the actions know of this box: clock and shop, without the key of the QR code."""
        box = Box(parts.clock(self.config.clock), self.state / "journal")
        box.rtc_agrees = box.clock.rtc_agrees(parts.RTC_TOLERANCE)
        settings = self.config
        box.id = settings.box.id
        if settings is not config.UNCONFIGURED:
            s = settings.seller
            box.shop = Shop(
                Seller(s.identifier, s.name, s.address, s.telephone),
                Policy(settings.sales.mixed_tax, frozenset(settings.sales.carriers)),
                lambda _text: "",
                Share.parse(settings.tracks.share),
                frozenset(settings.tracks.branches),
                lead=settings.tracks.lead,
            )
        return box


def show_unit(name: str) -> dict[str, str]:
    """The properties of a unit as systemd shows them; {} when it cannot be asked."""
    command = ["systemctl", "show", name, "--no-pager"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SYSTEMCTL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.partition("=")[::2] for line in done.stdout.splitlines() if "=" in line)
