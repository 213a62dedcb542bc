"""The configuration of a running box: read at its start and when asked; the old one stays when the new is wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from einvoiced import config
from einvoiced.actions.box import Box, Shop
from einvoiced.actions.change_company import change_company
from einvoiced.config import Config, edit
from einvoiced.errors import ConfigError, EinvoicedError
from einvoiced.rpc.config_methods import Reloaded
from einvoiced.rules.barcodes import aes_sealer
from einvoiced.rules.invoice import Seller
from einvoiced.rules.sale import Policy
from einvoiced.rules.share import Share

if TYPE_CHECKING:
    from einvoiced.journal.entries import Peer
    from einvoiced.journal.writer import Journal

log = logging.getLogger(__name__)


class ConfigKeeper:
    """Runs in the main loop. `running` is what the box works by, which may lag behind the file until a restart.

    `on_change(settings)` is told what a running box took of a changed file.
    """

    _box: Box

    def __init__(self, file: Path, journal: Callable[[], Journal]) -> None:
        """Read the file for the first time."""
        self.file, self._journal = file, journal
        self.on_change: Callable[[Config], None] = lambda _settings: None
        self._one = asyncio.Lock()
        self._problem: ConfigError | None = None
        try:
            self.running = config.load(file)
        except ConfigError as error:
            self.running, self._problem = config.unconfigured(file), error

    def start(self, box: Box) -> None:
        """Give the box its shop; without a valid configuration and key it is locked and says what is wrong."""
        self._box = box
        box.id = self.running.box.id if self._problem is None else ""
        try:
            if self._problem is not None:
                raise self._problem
            box.shop = self._shop(self.running)
        except ConfigError as error:
            log.error("locked: %s", error)
            box.lock("config_error", error.message, error.message_zh)

    async def reload(self, person: str, peer: Peer | None) -> Reloaded:
        """Read the file again and take what can change at run time; requests under way keep what they began with.

        ConfigError, SellerChanged or what is wrong with the journal: then nothing changes, and the status says so.
        """
        async with self._one:
            try:
                return await self._reload(person, peer)
            except EinvoicedError as error:
                log.error("the old configuration stays: %s", error)
                en = f"The changed configuration was not taken: {error.message}"
                self._box.note("config_not_taken", en, f"新的設定沒有生效：{error.message_zh}")
                raise

    async def _reload(self, person: str, peer: Peer | None) -> Reloaded:
        new = await asyncio.to_thread(config.load, self.file)
        wanted = edit.changed(self.running, new)
        if self._box.shop is None:  # the parts of such a box were never built
            self._shop(new)
            return self._done([], wanted or ["qr.key_file"])
        settings = edit.merged(self.running, new)
        shop = self._shop(settings)
        await self._journal().submit(change_company(shop, person, peer))
        live = [option for option in wanted if option in edit.LIVE]
        self.running, self._box.shop = settings, shop
        self.on_change(settings)
        return self._done(live, [option for option in wanted if option not in edit.LIVE])

    def _done(self, changed: list[str], restart: list[str]) -> Reloaded:
        self._box.forget("config_not_taken")
        self._box.forget("restart_needed")
        if restart:
            names = ", ".join(restart)
            en = f"The configuration was changed; a restart is needed for {names}."
            self._box.note("restart_needed", en, f"設定已變更，重新啟動後才會生效：{names}。")
        log.info("configuration read again; changed: %s; after a restart: %s", changed, restart)
        return Reloaded(changed, restart)

    def _shop(self, settings: Config) -> Shop:
        """The shop of a valid configuration; ConfigError where its key cannot be had."""
        s = settings.seller
        return Shop(
            Seller(s.identifier, s.name, s.address, s.telephone),
            Policy(settings.sales.mixed_tax, frozenset(settings.sales.carriers)),
            aes_sealer(config.qr_key(self.file, settings)),
            Share.parse(settings.tracks.share),
            frozenset(settings.tracks.branches),
            s.tax_registration,
            settings.tracks.lead,
        )
