"""From the power switch to the first invoice, on the installed package."""

from __future__ import annotations

import time
from datetime import datetime

from einvoiced.rules.period import TAIPEI
from tests.box.counter import CARRIER, CONFIG, UNIT, Counter
from tests.box.line import numbers_on
from tests.box.stages import Stages


def _with_numbers(counter: Counter, stages: Stages) -> None:
    """A configured box with numbers, whose plug was pulled."""
    counter.thaw(stages.configured(), printer=False)
    counter.take_tracks()
    counter.power_cut()


def _now() -> str:
    return datetime.now(TAIPEI).isoformat(timespec="seconds")


def test_a_fresh_installation_says_that_it_is_not_configured(off: Counter, stages: Stages) -> None:
    """After `apt install` the box runs, enabled for the next boot, and says that it has no configuration."""
    off.thaw(stages.installed(), printer=False)
    status = off.status()
    assert [lock["name"] for lock in status["locks"]] == ["config_error"], status
    assert not status["can_issue"]
    assert status["lamps"] == "stop"
    shown = off.show("ActiveState", "UnitFileState", "User")
    assert shown == {"ActiveState": "active", "UnitFileState": "enabled", "User": "einvoiced"}
    told = off.machine.run("einvoicectl status", 60)
    assert "config" in (told.out + told.err).lower()


def test_lamps_that_are_all_of_a_configuration(off: Counter, stages: Stages) -> None:
    """A maker's file with `[lamps]` alone: the box that nobody has configured says stop on its pins."""
    off.thaw(stages.installed(), printer=False)
    off.machine.put(CONFIG, '[lamps]\nkind = "gpio"\n')
    off.machine.sh(f"systemctl restart {UNIT}", 120)
    off.until_status(lambda status: status["lamps"] == "stop")
    time.sleep(2)  # the keeper looks once a second
    looks = off.lamps(2)
    assert {look.red for look in looks} == {0, 1}
    assert not any(look.green or look.amber for look in looks)


def test_boot_to_the_first_invoice(off: Counter, stages: Stages, figures: dict[str, float]) -> None:
    """A box that lost its power boots by itself, proves its journal, and answers the till; its paper comes out."""
    _with_numbers(off, stages)
    off.machine.power_on(printer=True)
    off.started()
    invoice = off.issue(till_time=_now(), timeout=90)
    figures["boot_to_first_invoice_seconds"] = round(time.monotonic() - off.machine.started_at, 1)
    off.until_strips(1)
    figures["boot_to_first_paper_seconds"] = round(off.printer.finished[0][0] - off.machine.started_at, 1)
    assert numbers_on(off.printer.finished[0][1]) == {invoice["invoice_number"]}
    shown = off.show("ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic", "NRestarts", unit=UNIT)
    assert shown["NRestarts"] == "0"
    microseconds = int(shown["ActiveEnterTimestampMonotonic"]) - int(shown["ExecMainStartTimestampMonotonic"])
    figures["daemon_start_seconds"] = round(microseconds / 1e6, 1)


def test_boot_without_the_printer(off: Counter, stages: Stages) -> None:
    """A box whose printer is missing at boot sells; what needs paper waits, and comes out once it is plugged in."""
    _with_numbers(off, stages)
    off.machine.power_on()
    off.started(printer=False)
    off.issue(till_time=_now(), timeout=90, **CARRIER)
    waiting = off.issue(till_time=_now())
    status = off.status()
    assert (status["printer"], status["counts"]["proofs_waiting"], status["lamps"]) == ("absent", 1, "attention")
    off.plug_printer()
    off.until_strips(1)
    assert numbers_on(off.printer.finished[0][1]) == {waiting["invoice_number"]}
    off.until_status(lambda status: status["can_print"] and not status["counts"]["proofs_waiting"])
