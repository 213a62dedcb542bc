"""The doctor: every check of a box that needs no hands, with the cure beside each finding.

    site        the box that is looked at: its files, its journal (read only), what its daemon answers
    findings    what a check says
    installation service storage timekeeping devices business uploads
                the checks, one part of the box each
    selfcheck   the eleven items of the official self-check form, with the evidence of this very box
    bundle      what a technician sends to whoever wrote the software

It works on a live box and on a dead one, changes nothing, and never takes a device or the journal's lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from einvoiced.doctor.findings import Finding
from einvoiced.doctor.site import Site

Check = Callable[[Site], Iterator[Finding]]

log = logging.getLogger(__name__)


def checks() -> list[tuple[str, Check]]:
    """All checks by their name, in the order in which a technician would look."""
    from einvoiced.doctor import business, devices, installation, service, storage, timekeeping, uploads

    return [
        ("package", installation.check_package),
        ("config", installation.check_config),
        ("key", installation.check_key),
        ("accounts", installation.check_accounts),
        ("files", installation.check_files),
        ("units", installation.check_units),
        ("service", service.check_service),
        ("socket", service.check_sockets),
        ("box", service.check_box),
        ("clock", timekeeping.check_clock),
        ("power", timekeeping.check_power),
        ("disk", storage.check_disk),
        ("journal", storage.check_journal),
        ("mirror", storage.check_mirror),
        ("printer", devices.check_printer),
        ("fonts", devices.check_fonts),
        ("lamps", devices.check_lamps),
        ("stick", devices.check_stick),
        ("stock", business.check_stock),
        ("uploads", uploads.check_uploads),
        ("deadlines", business.check_deadlines),
    ]


def examine(site: Site) -> list[Finding]:
    """Run every check; one that fails itself is a finding too."""
    found: list[Finding] = []
    for name, check in checks():
        try:
            found += [finding.of(name) for finding in check(site)]
        except Exception as error:
            log.debug("the check %s failed", name, exc_info=True)
            en, zh = f"This check failed: {type(error).__name__}: {error}", "這項檢查無法完成。"
            found.append(Finding("unknown", en, zh, name))
    return found
